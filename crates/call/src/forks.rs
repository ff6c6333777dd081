//! Those who ring behind one dialled leg: a carrier's proxy may ring several, and each has a description of its own for the one
//! offer of ours (RFC 3261 §13.2.2.4, RFC 3960 §3).
//!
//! Where it stands: a leg has one and stands with one of them at a time, with that one's description, keys and all. Whom the
//! caller hears is decided in `early.rs`, who has the call by who answers first.

use std::collections::BTreeMap;

use bytes::Bytes;
use sdp::{Local, Stream};

use crate::Leg;
use crate::leg::Unacceptable;

/// What was agreed with those the leg does not stand with; with nobody, our offer as it went out.
#[derive(Debug, Default)]
pub(crate) struct Forks {
    /// With whom it stands.
    with: Option<u32>,
    others: BTreeMap<Option<u32>, (Local, Option<Stream>)>,
}

impl Leg {
    /// One of those who ring lets something be heard, and that is heard from now on.
    pub(crate) fn accept_early(&mut self, fork: u32, answer: &[u8]) -> Result<(), Unacceptable> {
        let before = self.turns_to(Some(fork));
        let accepted = self.accept(answer);
        if accepted.is_err() {
            self.turns_to(before);
        }
        accepted
    }

    /// One of those who ring wants another session with us (RFC 3311). Who is heard does not change by that. The answer,
    /// and whether it is the one who is heard.
    pub(crate) fn answer_early(&mut self, fork: u32, offer: &[u8]) -> Result<(Bytes, bool), Unacceptable> {
        let before = self.turns_to(Some(fork));
        let codec = self.codec();
        let answered = self.answer(offer, codec);
        if before.is_some() {
            self.turns_to(before);
        }
        answered.map(|answer| (answer, self.forks.with == Some(fork)))
    }

    /// This one has picked up, with this answer or with what was agreed before. The others are forgotten.
    pub(crate) fn picked_up_by(&mut self, fork: u32, answer: Option<&[u8]>) -> Result<(), Unacceptable> {
        self.turns_to(Some(fork));
        self.forks = Forks::default();
        match answer {
            Some(answer) => self.accept(answer),
            None if self.codec().is_some() => Ok(()),
            None => Err(488),
        }
    }

    /// This one rings no more. Tells whether the leg stood with it.
    pub(crate) fn forget(&mut self, fork: u32) -> bool {
        let stood = self.forks.with == Some(fork);
        if stood {
            self.turns_to(None);
        }
        self.forks.others.remove(&Some(fork));
        stood
    }

    /// Stands with this one from now on. Returns with whom it stood.
    fn turns_to(&mut self, fork: Option<u32>) -> Option<u32> {
        let before = self.forks.with;
        if before == fork {
            return before;
        }
        let others = &mut self.forks.others;
        others.insert(before, (self.local.clone(), self.stream.take()));
        let new = match fork {
            None => others.remove(&None),
            Some(_) => others.remove(&fork).or_else(|| others.get(&None).map(|(offer, _)| (offer.clone(), None))),
        };
        if let Some((local, stream)) = new {
            (self.local, self.stream, self.forks.with) = (local, stream, fork);
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use audio::Codec;

    use crate::leg::tests::offering;

    fn answer(port: u16) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
            .into_bytes()
    }

    #[test]
    fn each_of_a_fork_keeps_what_was_agreed_with_it() {
        let mut leg = offering(&[Codec::Pcma]);
        let port = |leg: &crate::Leg| leg.stream_conf().map(|stream| stream.remote.port());
        assert_eq!(leg.accept_early(0, &answer(4000)), Ok(()));
        assert_eq!(leg.accept_early(1, &answer(5000)), Ok(()));
        assert_eq!(port(&leg), Some(5000));
        // What cannot be understood changes nothing, and a change of one not heard changes nothing that is heard.
        assert!(leg.accept_early(2, b"v=0").is_err());
        assert_eq!(port(&leg), Some(5000));
        assert!(leg.answer_early(0, &answer(4002)).is_ok_and(|(_, heard)| !heard));
        assert_eq!(port(&leg), Some(5000));
        assert!(leg.answer_early(1, &answer(5002)).is_ok_and(|(_, heard)| heard));
        assert_eq!(port(&leg), Some(5002));
        // The first answers, and says nothing new.
        assert_eq!(leg.picked_up_by(0, None), Ok(()));
        assert_eq!(port(&leg), Some(4002));
    }

    #[test]
    fn who_was_never_heard_may_answer_too_but_must_say_how() {
        for (said, want) in [(Some(answer(6000)), Ok(())), (None, Err(488))] {
            let mut leg = offering(&[Codec::Pcma]);
            leg.accept_early(0, &answer(4000)).expect("a codec of ours");
            assert_eq!(leg.picked_up_by(1, said.as_deref()), want);
        }
    }
}
