//! What we want of a session that stands: that it stands on (RFC 4028 §7.4), or another description of it (RFC 3261 §14).
//!
//! Where it stands: [`super::Session`] asks in its name and tells it the answers. It sees to it that we ask once at a time,
//! in our turn, and with a method the other side knows; what the answer agrees to is told above.

use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

use super::super::session_timer::{Grant, SessionTimer};
use super::super::{ALLOW, Output, SUPPORTED, chance, contact, sdp_of};
use crate::dialog::Dialog;
use crate::endpoint::Event;
use crate::recording::{Feature, SIPREC};
use crate::{Headers, Name, Response, multipart};

/// What we want.
#[derive(Debug)]
pub enum Change {
    /// That it stands a while longer.
    Refresh,
    /// Another description.
    Offer { sdp: Bytes },
    /// One that those above have to make, as the one that waited is out of date.
    OfferAnew,
}

/// A re-INVITE or UPDATE of ours that waits for its answer.
#[derive(Debug)]
pub struct Asking {
    change: Change,
    pub(super) method: Method,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The session stands.
    Stands,
    /// The other side knows nothing of a session.
    Gone,
}

/// What we want, have said and must know for it.
#[derive(Debug)]
pub struct Changes {
    /// What waits for its turn: the other side was changing the session (RFC 3261 §14.1).
    later: Option<(Time, Change)>,
    /// What we last said the session is, to say it again where nothing but time has passed.
    said: Bytes,
    /// The Call-ID is ours: after a glare we wait longer than they (RFC 3261 §14.1).
    ours: bool,
    /// The other side takes UPDATE (RFC 3311).
    updates: bool,
    /// A re-INVITE of ours has no final answer, whatever became of the session meanwhile.
    reinvited: bool,
}

impl Changes {
    /// Of a session just agreed, which we said to be `said`. `ours`: we called.
    pub fn new(said: Bytes, ours: bool, updates: bool) -> Changes {
        Changes { later: None, said, ours, updates, reinvited: false }
    }

    /// We answered a change of theirs. An offer that waits for its turn was made before it.
    pub fn said(&mut self, sdp: Bytes) {
        self.said = sdp;
        if let Some((_, change @ Change::Offer { .. })) = &mut self.later {
            *change = Change::OfferAnew;
        }
    }

    /// The other side said that it takes UPDATE.
    pub fn may_update(&mut self, updates: bool) {
        self.updates |= updates;
    }

    /// When what waits has its turn.
    pub fn deadline(&self) -> Option<Time> {
        self.later.as_ref().map(|(at, _)| *at)
    }

    /// This shall be asked as soon as it may.
    pub fn wait(&mut self, at: Time, change: Change) {
        self.later = Some((at, change));
    }

    /// What has its turn by now.
    pub fn due(&mut self, now: Time) -> Option<Change> {
        self.later.take_if(|(at, _)| *at <= now).map(|(_, change)| change)
    }

    /// Does a re-INVITE of ours have no final answer?
    pub fn is_open(&self) -> bool {
        self.reinvited
    }

    /// Asks: an UPDATE keeps a session alive where the other side takes it, a re-INVITE does everything.
    pub fn ask(
        &mut self,
        change: Change,
        dialog: &mut Dialog,
        timer: Option<&mut SessionTimer>,
        out: &mut Vec<Output>,
    ) -> Asking {
        let method = match &change {
            Change::Refresh if self.updates => Method::Update,
            _ => Method::Invite,
        };
        let mut request = dialog.request(method);
        let headers = &mut request.headers;
        headers.push(Name::Contact, contact(dialog.flow) + dialog.feature.param());
        headers.push(Name::Supported, SUPPORTED);
        if let Some(timer) = timer {
            timer.write(headers);
            timer.refreshing();
        }
        let to = dialog.flow;
        if method == Method::Update {
            out.push(Output::Request { request, to });
        } else {
            headers.push(Name::Allow, ALLOW);
            if dialog.feature == Feature::Src {
                headers.push(Name::Require, SIPREC);
            }
            request.body = match &change {
                Change::Offer { sdp } => sdp.clone(),
                Change::Refresh | Change::OfferAnew => self.said.clone(), // the same version: nothing has changed (RFC 3264 §8)
            };
            headers.push(Name::ContentType, multipart::kind_of(&request.body));
            self.reinvited = true;
            out.push(Output::Reinvite { request, to });
        }
        Asking { change, method }
    }

    /// The final answer to what we asked.
    pub fn heard(
        &mut self,
        leg: LegId,
        Asking { change, method }: Asking,
        response: &Response,
        (dialog, timer): (&mut Dialog, &mut Option<SessionTimer>),
        now: Time,
        out: &mut Vec<Output>,
    ) -> Outcome {
        match response.status {
            200..=299 => {
                dialog.refresh(&response.headers);
                *timer = Grant::of(&response.headers).map(|grant| SessionTimer::new(grant, now));
                if let Change::Offer { sdp } = change {
                    self.said = sdp;
                }
                let sdp = sdp_of(&response.headers, &response.body);
                out.extend(sdp.map(|sdp| Output::Event(Event::Agreed { leg, sdp })));
            }
            408 | 481 => return Outcome::Gone, // RFC 3261 §12.2.1.2
            491 => self.wait(now + self.glare_wait(dialog), change),
            422 if timer.as_mut().is_some_and(|timer| timer.lengthen(&response.headers, now)) => {
                self.wait(now, change); // RFC 4028 §7.3
            }
            // RFC 3261 §14.2, §21.5.4: not now, but then. A session that is over by then is asked for sooner.
            500 | 503 if let Some(at) = retry_at(&response.headers, now, timer.as_ref()) => self.wait(at, change),
            405 | 501 if method == Method::Update => {
                self.updates = false;
                self.wait(now, change);
            }
            status => {
                timer.iter_mut().for_each(|timer| timer.failed(now));
                if let Change::Offer { .. } = change {
                    out.push(Output::Event(Event::Declined { leg, status }));
                }
            }
        }
        Outcome::Stands
    }

    /// A re-INVITE of ours has its final answer, which says ACK where it is a 2xx; whatever became of the session.
    pub fn answered(&mut self, response: &Response, dialog: &Dialog, out: &mut Vec<Output>) {
        self.reinvited = false;
        if response.is_success() {
            let (cseq, _) = response.cseq().unwrap_or_default();
            let (ack, tag) = (dialog.ack(cseq), dialog.remote_tag.clone());
            out.push(Output::Acknowledge { ack, tag, to: dialog.flow });
        }
    }

    /// A re-INVITE of ours will have none.
    pub fn unanswered(&mut self) {
        self.reinvited = false;
    }

    /// RFC 3261 §14.1: both asked at once. Who owns the Call-ID waits longer.
    fn glare_wait(&self, dialog: &Dialog) -> Duration {
        let chance = chance(&dialog.local_tag, dialog.local_cseq());
        let tens_of_ms = if self.ours { 210 + chance % 191 } else { chance % 201 };
        Duration::from_millis(u64::from(tens_of_ms) * 10)
    }
}

/// When the other side may be asked again, if it says so.
fn retry_at(headers: &Headers, now: Time, timer: Option<&SessionTimer>) -> Option<Time> {
    let secs = headers.first(&Name::RetryAfter)?.trim_start();
    let digits = secs.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(secs.len()); // a comment may follow
    let secs: u64 = secs[..digits].parse().ok()?;
    let at = now + Duration::from_secs(secs.clamp(1, RETRY_SECS_MAX));
    timer.is_none_or(|timer| at < timer.end()).then_some(at)
}

/// What waits longer has lost its sense.
const RETRY_SECS_MAX: u64 = 600;
