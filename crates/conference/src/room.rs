//! One room: its members, each with a role, and what follows when one comes, goes or is told to be quiet.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::{CallId, Time};
use call::{Role, Wire, wires};

use crate::{Guest, News, Order, Output, RoomConf, Standing};

/// A room with somebody in it.
#[derive(Debug)]
pub struct Room {
    /// What it began with it keeps, whatever is read later.
    rules: Arc<RoomConf>,
    members: Vec<Member>,
    /// How many came since it began.
    came: u32,
    /// A moderator was there, or none is needed.
    begun: bool,
    /// Nobody but moderators may come in.
    pub locked: bool,
    /// All are recorded.
    pub recorded: bool,
    /// Who comes, and is no moderator, may not speak.
    others_muted: bool,
    wired: BTreeSet<Wire>,
    gone: Vec<CallId>,
}

/// One who is there.
#[derive(Debug)]
pub struct Member {
    /// Who.
    pub guest: Guest,
    /// His number.
    pub number: u32,
    /// Since when.
    pub since: Time,
    /// Who does not want him to be heard, if somebody does not.
    pub muted: Option<MutedBy>,
    holds: bool,
    told: Option<Standing>,
}

/// Who does not want a member to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutedBy {
    /// He himself.
    Own,
    /// A moderator, or the operator: he cannot change it.
    Moderator,
}

impl Room {
    pub(crate) fn new(rules: Arc<RoomConf>) -> Room {
        let (begun, recorded, others_muted) = (!rules.waits_for_moderator, rules.record, rules.muted);
        let (members, wired, gone) = (Vec::new(), BTreeSet::new(), Vec::new());
        Room { rules, members, came: 0, begun, locked: false, recorded, others_muted, wired, gone }
    }

    /// Who is there, in the order in which they came.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// Do they hear each other yet?
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Why somebody would not be let in.
    pub(crate) fn refusal(&self, moderator: bool) -> Option<News> {
        match () {
            () if self.locked && !moderator => Some(News::Locked),
            () if self.members.len() >= self.rules.members_max => Some(News::Full),
            () => None,
        }
    }

    /// False: he is not let in.
    pub(crate) fn joins(&mut self, guest: Guest, now: Time, out: &mut Vec<Output>) -> bool {
        let call = guest.call;
        if let Some(news) = self.refusal(guest.moderator) {
            out.push(Output::Tell { call, news });
            return false;
        }
        self.came += 1;
        self.begun |= guest.moderator;
        out.push(Output::Tell { call, news: News::Joined });
        if self.recorded {
            out.push(Output::Tell { call, news: News::Recorded(true) });
        }
        let muted = (self.others_muted && !guest.moderator).then_some(MutedBy::Moderator);
        if muted.is_some() {
            out.push(Output::Tell { call, news: News::Muted(true) });
        }
        self.members.push(Member { guest, number: self.came, since: now, muted, holds: false, told: None });
        self.settle(out);
        self.tell_others(call, &News::Came, out);
        true
    }

    pub(crate) fn leaves(&mut self, call: CallId, out: &mut Vec<Output>) {
        let Some(at) = self.members.iter().position(|member| member.guest.call == call) else { return };
        let moderator = self.members.remove(at).guest.moderator;
        let last = moderator && !self.members.iter().any(|member| member.guest.moderator);
        if last && self.rules.ends_with_moderator {
            return self.ends(out);
        }
        self.settle(out);
        self.tell_others(call, &News::Went, out);
    }

    pub(crate) fn holds(&mut self, call: CallId, holds: bool, _out: &mut Vec<Output>) {
        self.members.iter_mut().filter(|member| member.guest.call == call).for_each(|member| member.holds = holds);
    }

    /// Does what is wanted: on, or off. None: it is not for who wants it, or there is nobody of that number.
    pub(crate) fn does(&mut self, by: Option<CallId>, order: Order, out: &mut Vec<Output>) -> Option<bool> {
        let moderates = |member: &Member| Some(member.guest.call) == by && member.guest.moderator;
        let may = by.is_none() || self.members.iter().any(moderates);
        match order {
            Order::MuteOwn => {
                let member = self.members.iter_mut().find(|member| Some(member.guest.call) == by)?;
                if member.muted == Some(MutedBy::Moderator) && !member.guest.moderator {
                    return None;
                }
                member.muted = if member.muted.is_some() { None } else { Some(MutedBy::Own) };
                Some(member.muted.is_some())
            }
            _ if !may => None,
            Order::Turn { member } => {
                let at = self.find(by, member)?;
                let muted = self.members[at].muted.is_none();
                self.mute(at, muted, out);
                Some(muted)
            }
            Order::Mute { member, muted } => {
                let at = self.find(by, Some(member))?;
                self.mute(at, muted, out);
                Some(muted)
            }
            Order::MuteOthers { muted } => {
                self.others_muted = muted.unwrap_or(!self.others_muted);
                for at in 0..self.members.len() {
                    if !self.members[at].guest.moderator {
                        self.mute(at, self.others_muted, out);
                    }
                }
                Some(self.others_muted)
            }
            Order::Kick { member } => {
                let at = self.find(by, member)?;
                let call = self.members.remove(at).guest.call;
                self.gone.push(call);
                out.push(Output::Tell { call, news: News::Kicked });
                self.settle(out);
                self.tell_others(call, &News::Went, out);
                Some(true)
            }
            Order::Lock { locked } => {
                self.locked = locked.unwrap_or(!self.locked);
                Some(self.locked)
            }
            Order::Record { recorded } => {
                let before = self.recorded;
                self.recorded = recorded.unwrap_or(!before);
                let calls = self.members.iter().filter(|_| before != self.recorded).map(|member| member.guest.call);
                let news = News::Recorded(self.recorded);
                out.extend(calls.map(|call| Output::Tell { call, news: news.clone() }));
                Some(self.recorded)
            }
            Order::End => {
                self.ends(out);
                Some(true)
            }
        }
    }

    /// Tells media who hears whom, and each member how it is with him, where that has changed.
    pub(crate) fn settle(&mut self, out: &mut Vec<Output>) {
        let role = |member: &Member| match member {
            _ if !self.begun => Role::Hold,
            Member { holds: true, .. } => Role::Hold,
            Member { muted: Some(_), .. } => Role::Listen,
            _ => Role::Talk,
        };
        let present: Vec<call::Member> =
            self.members.iter().map(|member| call::Member { leg: member.guest.leg, role: role(member) }).collect();
        let wanted = wires(&present);
        let gone = self.wired.difference(&wanted).map(|wire| (wire, false));
        let new = wanted.difference(&self.wired).map(|wire| (wire, true));
        let call = self.members.first().map(|member| member.guest.call).or(self.gone.first().copied());
        for (Wire { from, to }, hears) in gone.chain(new) {
            out.extend(call.map(|call| Output::Wire { from: *from, to: *to, call, hears }));
        }
        let alone = self.members.len() == 1;
        for member in &mut self.members {
            let standing = match () {
                () if !self.begun => Standing::Waits,
                () if alone => Standing::Alone,
                () if wanted.iter().any(|wire| wire.to == member.guest.leg) => Standing::Hears,
                () => Standing::Quiet,
            };
            if member.told.replace(standing) != Some(standing) {
                out.push(Output::Tell { call: member.guest.call, news: News::Stands(standing) });
            }
        }
        self.wired = wanted;
    }

    pub(crate) fn take_gone(&mut self) -> Vec<CallId> {
        std::mem::take(&mut self.gone)
    }

    fn ends(&mut self, out: &mut Vec<Output>) {
        for member in std::mem::take(&mut self.members) {
            self.gone.push(member.guest.call);
            out.push(Output::Tell { call: member.guest.call, news: News::Over });
        }
    }

    /// The one of this number; else who came last, who is not the one that asks.
    fn find(&self, by: Option<CallId>, number: Option<u32>) -> Option<usize> {
        match number {
            Some(number) => self.members.iter().position(|member| member.number == number),
            None => self.members.iter().rposition(|member| Some(member.guest.call) != by),
        }
    }

    fn mute(&mut self, at: usize, muted: bool, out: &mut Vec<Output>) {
        let member = &mut self.members[at];
        let before = member.muted.is_some();
        member.muted = muted.then_some(MutedBy::Moderator);
        if before != muted {
            out.push(Output::Tell { call: member.guest.call, news: News::Muted(muted) });
        }
    }

    fn tell_others(&self, call: CallId, news: &News, out: &mut Vec<Output>) {
        if self.begun {
            let others = self.members.iter().map(|member| member.guest.call).filter(|other| *other != call);
            out.extend(others.map(|call| Output::Tell { call, news: news.clone() }));
        }
    }
}
