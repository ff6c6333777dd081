//! Supervisors who follow an agent over calls: whose leg is at home, and whose is in which call of the agent's.
//!
//! Where it stands: beside the calls. After each step of a call it is asked whether somebody waits for that agent to talk, and
//! whether somebody who was there has gone for good.

use std::collections::HashMap;
use std::net::SocketAddr;

use base::{CallId, LegId, Time};
use call::{Leg, NewLeg, Party, Supervision};
use route::{Destination, Ear, Found};

use super::originate::{Then, Wanted};
use super::{Output, Switch};

/// Who follows somebody, by the call he began.
pub(super) type Followers = HashMap<CallId, Follower>;

/// One who does so.
#[derive(Debug)]
pub(super) struct Follower {
    supervisor: String,
    /// Whom.
    agent: String,
    how: Supervision,
    /// The call where his leg is, and the leg; none: it is at home.
    lent: Option<(CallId, LegId)>,
}

impl Switch {
    /// A supervisor wants to follow whoever has this number. The error is the SIP status that says why not.
    pub(super) fn begins_to_follow(
        &mut self,
        call: CallId,
        supervisor: &str,
        number: &str,
        ear: Ear,
    ) -> Result<(), u16> {
        let agent = self.routes.people.get(number).ok_or(404_u16)?;
        if !self.directory.supervises(supervisor, agent) {
            return Err(403);
        }
        if self.followers.len() >= FOLLOWERS_MAX {
            return Err(503);
        }
        let (supervisor, agent) = (supervisor.to_owned(), agent.to_string());
        self.followers.insert(call, Follower { supervisor, agent, how: supervision(ear), lent: None });
        Ok(())
    }

    /// Rings a supervisor; who answers there follows this agent. The error is the SIP status that says why not.
    pub fn supervise(
        &mut self,
        supervisor: &str,
        agent: &str,
        ear: Ear,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<CallId, u16> {
        if !self.is_person(supervisor) || !self.is_person(agent) {
            return Err(404);
        }
        if !self.directory.supervises(supervisor, agent) {
            return Err(403);
        }
        let rung = Found::only(Destination::Person(supervisor.to_owned()));
        let first = self.dials(&rung).ok_or(404_u16)?;
        let then = Found { number: agent.to_owned(), ..Found::only(Destination::Follow(ear)) };
        let call = CallId::new(self.clock.unix_ms(now), &mut self.random);
        let person = self.directory.person(supervisor);
        let wanted = Wanted {
            call,
            first,
            shown: self.directory.person(agent),
            caller: self.trunks.person(supervisor, person.number, person.name, &sip::Headers::default()),
            by: Some(supervisor.to_owned()),
            direction: call::Direction::Internal,
            then: Then::Found(then),
            called: agent.to_owned(),
        };
        self.originate(wanted, now, out)?;
        self.hear_out(now, out);
        Ok(call)
    }

    /// This call has taken a step: somebody may hear its agent from now, and who has gone from it follows no more.
    pub(super) fn see_followers(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        if self.followers.is_empty() {
            return;
        }
        let gone = |follower: &Follower| {
            let (call, leg) = follower.lent.filter(|(call, _)| *call == id)?;
            let running = self.journeys.get(&call)?;
            (!running.journey.call().is_supervisor(leg)).then_some(())
        };
        let over: Vec<CallId> =
            self.followers.iter().filter(|(_, one)| gone(one).is_some()).map(|(home, _)| *home).collect();
        for home in over {
            self.followers.remove(&home);
            self.step(home, now, out, |journey| journey.follows_no_more(now));
        }
        let mut waiting: Vec<CallId> = self
            .followers
            .iter()
            .filter(|(home, one)| one.lent.is_none() && (**home == id || self.talks_in(&one.agent, id).is_some()))
            .map(|(home, _)| *home)
            .collect();
        waiting.sort_unstable();
        for home in waiting {
            self.goes_along(home, now, out);
        }
    }

    /// A call is over: nobody follows from it any more.
    pub(super) fn follower_is_over(&mut self, home: CallId, now: Time, out: &mut Vec<Output>) {
        if let Some(Follower { lent: Some((call, leg)), .. }) = self.followers.remove(&home) {
            self.step(call, now, out, |journey| journey.lets_go(leg, now));
        }
    }

    /// A leg that was lent to a call is not needed there any more. The call it began goes on where its media is.
    pub(super) fn comes_home(&mut self, from: CallId, leg: Leg, how: Supervision, now: Time, out: &mut Vec<Output>) {
        let found = self.followers.iter_mut().find(|(_, one)| one.lent == Some((from, leg.id)));
        let thread = self.journeys.get(&from).map_or(0, |running| running.thread);
        let home = found.map(|(home, follower)| {
            (follower.how, follower.lent) = (how, None);
            *home
        });
        match home.and_then(|home| Some((home, self.journeys.get_mut(&home)?))) {
            Some((home, running)) => {
                running.thread = thread;
                self.legs.insert(leg.id, home);
                self.step(home, now, out, |journey| journey.has_back(leg, now));
            }
            None => self.step(from, now, out, |journey| journey.is_homeless(leg, now)),
        }
    }

    /// Where this agent talks, other than in the supervisor's own call.
    fn talks_in(&self, agent: &str, call: CallId) -> Option<LegId> {
        let call = self.journeys.get(&call)?.journey.call();
        let theirs = |leg: &&call::Leg| leg.party.account.as_deref() == Some(agent) && call.may_be_followed(leg.id);
        call.legs().iter().find(theirs).map(|leg| leg.id)
    }

    /// A follower's leg goes to a call of his agent's, if there is one.
    fn goes_along(&mut self, home: CallId, now: Time, out: &mut Vec<Output>) {
        let Some(Follower { supervisor, agent, how, .. }) = self.followers.get(&home) else { return };
        let (how, is_at_home) = (*how, self.journeys.get(&home).is_some_and(|home| home.journey.call().is_at_home()));
        if !is_at_home || !self.directory.supervises(supervisor, agent) {
            return;
        }
        let calls = self.journeys.keys().filter(|call| **call != home);
        let Some((call, of)) = calls.filter_map(|call| Some((*call, self.talks_in(agent, *call)?))).min() else {
            return;
        };
        let threads = [home, call].map(|call| self.journeys.get(&call).map(|running| running.thread));
        let port = if threads[0] == threads[1] { None } else { self.ports.take() };
        if threads[0] != threads[1] && port.is_none() {
            return; // the next call may find one
        }
        let nobody = self.nobody(Party::default());
        let mut lent = None;
        self.step(home, now, out, |journey| {
            lent = journey.lend(nobody, now);
            if let (Some(leg), Some(port)) = (&mut lent, port) {
                let local = SocketAddr::new(leg.local().ip(), port);
                journey.move_media(leg, local);
            }
        });
        let Some(leg) = lent else {
            port.into_iter().for_each(|port| self.ports.give_back(port));
            return;
        };
        self.legs.insert(leg.id, call);
        if let Some(follower) = self.followers.get_mut(&home) {
            follower.lent = Some((call, leg.id));
        }
        self.step(call, now, out, |journey| journey.is_followed(leg, of, how, now));
    }

    /// A leg that is nobody's, and has no port.
    pub(super) fn nobody(&mut self, party: Party) -> NewLeg {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        NewLeg {
            leg: self.endpoint.new_leg(),
            local: nowhere,
            session_id: 0,
            party,
            signalling: nowhere.ip(),
            media: call::MediaRules::default(),
            is_browser: false,
            random: self.random.fork(),
            hides_keys: false,
        }
    }
}

/// How somebody takes part who dialled so.
pub(super) fn supervision(ear: Ear) -> Supervision {
    match ear {
        Ear::Listen => Supervision::Listen,
        Ear::Whisper => Supervision::Whisper,
        Ear::Barge => Supervision::Barge,
    }
}

/// More do not follow anybody at once.
const FOLLOWERS_MAX: usize = 1_000;
