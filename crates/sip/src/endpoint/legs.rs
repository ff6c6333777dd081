//! The table of legs: found by number, by the dialog's tag of ours, and by the time they want to be ticked.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use base::{LegId, Time};

use super::Origin;
use crate::Flow;
use crate::dialog::Dialog;
use crate::digest::Credentials;
use crate::invite::{DialogId, Input, Output, Proofs, TransactionId, Usage};
use crate::timers::{Armed, Timers};

/// All legs.
#[derive(Debug, Default)]
pub struct Legs {
    last: u64,
    all: HashMap<LegId, Seat>,
    by_tag: HashMap<Box<str>, LegId>,
    due: Timers<LegId>,
}

/// A usage, and what the endpoint must know of it.
#[derive(Debug)]
pub struct Seat {
    /// The INVITE usage.
    pub usage: Usage,
    /// Our tag in its dialog.
    pub tag: Box<str>,
    /// Where its first message came from or went.
    pub flow: Flow,
    /// Where the phone is, if a proxy of ours stands between.
    pub behind: Option<SocketAddr>,
    /// Who called, if they did.
    pub origin: Option<Origin>,
    /// Our INVITE's transaction, if we did: what CANCEL and ACK are about.
    pub invite: Option<TransactionId>,
    /// For a party that may ask who we are.
    pub proofs: Option<Box<Proofs>>,
    armed: Armed,
}

impl Seat {
    /// For a usage just begun.
    pub fn new(usage: Usage, tag: &str, flow: Flow, origin: Option<Origin>) -> Seat {
        Seat { usage, tag: tag.into(), flow, behind: None, origin, invite: None, proofs: None, armed: Armed::default() }
    }

    /// Whose other end may ask who we are.
    pub fn proving(self, credentials: Option<Credentials>, cnonce: impl FnOnce() -> String) -> Seat {
        let proofs = credentials.map(|credentials| Box::new(Proofs::new(credentials, cnonce())));
        Seat { proofs, ..self }
    }
}

impl Legs {
    /// The next number.
    pub fn next_id(&mut self) -> LegId {
        self.last += 1;
        LegId(self.last)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The streams by which dialogs are held.
    pub fn connections(&mut self) -> HashSet<u64> {
        let last = |seat: &mut Seat| seat.usage.dialog().map_or(seat.flow, |dialog| dialog.flow).connection;
        self.all.values_mut().map(last).collect()
    }

    /// When to call [`Legs::due`].
    pub fn deadline(&self) -> Option<Time> {
        self.due.deadline()
    }

    /// Seats a leg.
    pub fn insert(&mut self, id: LegId, seat: Seat) {
        self.by_tag.insert(seat.tag.clone(), id);
        self.all.insert(id, seat);
    }

    /// The seat of a leg.
    pub fn get(&mut self, id: LegId) -> Option<&mut Seat> {
        self.all.get_mut(&id)
    }

    /// What a leg is about.
    pub fn usage(&self, id: LegId) -> Option<&Usage> {
        self.all.get(&id).map(|seat| &seat.usage)
    }

    /// The dialog of a leg, once both ends have named it.
    pub fn dialog_of(&self, id: LegId) -> Option<DialogId> {
        let Seat { usage, tag, .. } = self.all.get(&id)?;
        let from_tag = usage.remote_tag().filter(|tag| !tag.is_empty())?.to_owned();
        Some(DialogId { call_id: usage.call_id()?.to_owned(), to_tag: tag.to_string(), from_tag })
    }

    /// The leg of a dialog: by our tag, if Call-ID and their tag agree (RFC 3261 §12).
    pub fn find(&self, local_tag: &str, call_id: &str, remote_tag: &str) -> Option<LegId> {
        let id = *self.by_tag.get(local_tag)?;
        self.all.get(&id).filter(|seat| seat.usage.holds(call_id, remote_tag)).map(|_| id)
    }

    /// Is this a tag of ours in an INVITE that is not answered, as far as we have heard?
    pub fn awaits(&self, local_tag: &str, call_id: &str) -> bool {
        let leg = self.by_tag.get(local_tag).and_then(|id| self.usage(*id));
        leg.is_some_and(|usage| matches!(usage, Usage::Uac(_)) && usage.call_id() == Some(call_id))
    }

    /// Tells a leg something; it leaves when it is over.
    pub fn tell(&mut self, id: LegId, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        let Some(proofs) = &mut seat.proofs else {
            seat.usage.handle(input, now, out);
            return self.settle(id);
        };
        if !proofs.answer(&input, &mut seat.usage, out) {
            let from = out.len();
            seat.usage.handle(input, now, out);
            proofs.keep(&out[from..]);
        }
        self.settle(id);
    }

    /// A phone has another flow: what is still to be said in its dialogs goes by that.
    pub fn moved(&mut self, from: Flow, to: Flow) {
        for seat in self.all.values_mut() {
            seat.usage.moved(from, to);
            if seat.flow == from {
                seat.flow = to;
            }
        }
    }

    /// A connection is gone: dialogs that were held by it go on by another, where that can be.
    pub fn cut(&mut self, connection: u64, way_back: impl Fn(&Dialog) -> Option<Flow>) {
        let held = |dialog: &&mut Dialog| dialog.flow.connection == connection;
        for dialog in self.all.values_mut().filter_map(|seat| seat.usage.dialog()).filter(held) {
            dialog.flow = way_back(dialog).unwrap_or(dialog.flow);
        }
    }

    /// Takes away a leg that is over, or arms its timer.
    pub fn settle(&mut self, id: LegId) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        if !matches!(seat.usage, Usage::Over) {
            return self.due.arm(&mut seat.armed, seat.usage.deadline(), || id);
        }
        if let Some(seat) = self.all.remove(&id) {
            self.by_tag.remove(&seat.tag);
        }
    }

    /// A leg that may be due. It is if the second is true.
    pub fn due(&mut self, now: Time) -> Option<(LegId, bool)> {
        let (at, id) = self.due.due(now)?;
        Some((id, self.all.get_mut(&id).is_some_and(|seat| seat.armed.rings(at))))
    }
}
