//! Texts on their way from one party to another: MESSAGE (RFC 3428), and what else a call's parties say to each other in
//! its dialog that is theirs to understand.
//!
//! Where it stands: the endpoint has seen who sends, the rooms above say to whom; a text goes to all phones of that person
//! and the first that takes it speaks for all. Nothing is kept for later: who cannot be reached is said to be so.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use base::Time;

use crate::invite::TransactionId;
use crate::pace::{Pace, Rhythm};
use crate::{Headers, Method, Name, Request, Response};

/// A text under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TextId(pub u64);

/// What of a text goes on: nothing that says who the sender is, which is ours to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Passing {
    /// MESSAGE or INFO.
    pub method: Method,
    /// Headers that tell what the body is.
    pub headers: Vec<(Name, String)>,
    /// The body, byte for byte.
    pub body: bytes::Bytes,
}

impl Passing {
    /// What of this request may go on.
    pub fn of(request: &Request) -> Passing {
        let kept = |name: &Name| request.headers.first(name).map(|value| (name.clone(), value.to_owned()));
        Passing {
            method: request.method,
            headers: PASSED_ON.iter().filter_map(kept).collect(),
            body: request.body.clone(),
        }
    }
}

/// Headers about the body, and no others.
const PASSED_ON: [Name; 7] = [
    Name::ContentType,
    Name::ContentDisposition,
    Name::ContentEncoding,
    Name::ContentLanguage,
    Name::Subject,
    Name::Date,
    Name::Priority,
];

/// All texts under way.
#[derive(Debug, Default)]
pub struct Texts {
    last: u64,
    all: HashMap<TextId, Text>,
    until: BTreeSet<(Time, TextId)>,
    /// How much accounts have sent lately.
    paces: HashMap<Box<str>, Pace>,
}

#[derive(Debug)]
struct Text {
    transaction: TransactionId,
    /// Of the request: what an answer repeats.
    headers: Headers,
    passing: Passing,
    until: Time,
    /// Phones that have not answered.
    waiting: usize,
    /// The most telling refusal so far.
    refusal: Option<u16>,
}

impl Texts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// When to call [`Texts::due`].
    pub fn deadline(&self) -> Option<Time> {
        self.until.first().map(|(at, _)| *at)
    }

    /// May this account send one more? If not, until when it is to wait.
    pub fn may_send(&mut self, account: &str, now: Time) -> Result<(), Time> {
        if !self.paces.contains_key(account) {
            // Who has been silent for a while is forgotten; it costs a little each time somebody begins.
            self.paces.retain(|_, pace| !pace.is_rested(now));
            self.paces.insert(account.into(), Pace::default());
        }
        let Some(pace) = self.paces.get_mut(account) else { return Ok(()) };
        match pace.wait(RHYTHM, now) {
            Some(at) => Err(at),
            None => {
                pace.step(RHYTHM, now);
                Ok(())
            }
        }
    }

    /// One more text, which came by that transaction.
    pub fn insert(&mut self, transaction: TransactionId, request: &Request, now: Time) -> TextId {
        self.last += 1;
        let (id, until) = (TextId(self.last), now + PATIENCE);
        let (headers, passing) = (Response::to(request, 200).headers, Passing::of(request));
        self.all.insert(id, Text { transaction, headers, passing, until, waiting: 0, refusal: None });
        self.until.insert((until, id));
        id
    }

    /// It is sent to one more phone: what goes there.
    pub fn sent(&mut self, id: TextId) -> Option<Passing> {
        let text = self.all.get_mut(&id)?;
        text.waiting += 1;
        Some(text.passing.clone())
    }

    /// A phone has answered. If that decides it, this is what its sender is told.
    pub fn answered(&mut self, id: TextId, status: u16) -> Option<(TransactionId, Response)> {
        let text = self.all.get_mut(&id)?;
        text.waiting = text.waiting.saturating_sub(1);
        if (200..300).contains(&status) {
            return self.over(id, status);
        }
        // That nobody answered is no answer to give (RFC 4320 §4.2), nor is what is between that phone and us.
        let status = if matches!(status, 401 | 407 | 408 | 481 | 503 | ..=399) { 480 } else { status };
        let refusal = text.refusal.map_or(status, |before| more_telling(before, status));
        text.refusal = Some(refusal);
        if text.waiting == 0 { self.over(id, refusal) } else { None }
    }

    /// It is decided.
    pub fn over(&mut self, id: TextId, status: u16) -> Option<(TransactionId, Response)> {
        let text = self.all.remove(&id)?;
        self.until.remove(&(text.until, id));
        Some((text.transaction, Response::copying(&text.headers, status)))
    }

    /// One that has taken too long.
    pub fn due(&mut self, now: Time) -> Option<TextId> {
        self.until.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }
}

/// Of two refusals the one that says more: a decline speaks for the person, "not there" for one phone alone.
fn more_telling(one: u16, other: u16) -> u16 {
    let rank = |status: u16| match status {
        600.. => 0,
        480 => 2,
        _ => 1,
    };
    if rank(other) < rank(one) { other } else { one }
}

/// Its sender waits 32 s at most (RFC 3261 §17.1.2.2).
const PATIENCE: Duration = Duration::from_secs(24);
/// How much one account may send.
const RHYTHM: Rhythm = Rhythm { spacing: Duration::from_millis(200), at_once: 25 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_phone_that_takes_it_speaks_for_all_and_refusals_are_weighed() {
        for (answers, told) in [
            (&[200][..], Some(200)),
            (&[486, 202], Some(202)),
            (&[486], None),
            (&[408, 503], Some(480)),
            (&[408, 415], Some(415)),
            (&[603, 415], Some(603)),
            (&[404, 600], Some(600)),
            (&[407, 302], Some(480)),
        ] {
            let mut texts = Texts::default();
            let request = Request::new(Method::Message, "sip:x").with(Name::CallId, "c");
            let id = texts.insert(TransactionId(1), &request, Time::ZERO);
            let phones = if answers.len() == 1 && told.is_none() { 2 } else { answers.len() };
            (0..phones).for_each(|_| drop(texts.sent(id)));
            let said = answers.iter().find_map(|status| texts.answered(id, *status));
            assert_eq!(said.map(|(_, response)| response.status), told, "{answers:?}");
            assert_eq!((texts.len(), texts.deadline().is_some()), (usize::from(told.is_none()), told.is_none()));
        }
    }

    #[test]
    fn identities_do_not_pass() {
        let mut request = Request::new(Method::Message, "sip:x");
        for name in ["Content-Type", "P-Asserted-Identity", "Remote-Party-ID", "Subject", "P-Preferred-Identity", "Via"]
        {
            request.headers.push(Name::from(name), "x");
        }
        let names: Vec<_> = Passing::of(&request).headers.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [Name::ContentType, Name::Subject]);
    }

    #[test]
    fn an_account_sends_so_many_and_is_forgotten_when_it_is_silent() {
        let mut texts = Texts::default();
        let sent = (0..40).filter(|_| texts.may_send("ann", Time::ZERO).is_ok()).count();
        assert_eq!(sent, 25);
        assert!(texts.may_send("bob", Time::from_millis(60_000)).is_ok());
        assert_eq!(texts.paces.len(), 1);
    }
}
