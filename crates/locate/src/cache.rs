//! What name servers have said, for as long as it holds: and longer where they say nothing any more.
//!
//! Where it stands: [`walk`](crate::walk) reads it. A record past its time is still used while the name servers are
//! silent (RFC 8767); that there is none is remembered too (RFC 2308).

use std::collections::HashMap;
use std::time::Duration;

use base::Time;

use crate::record::{Answer, Question, Record};

/// All that was said.
#[derive(Debug, Default)]
pub(crate) struct Cache(HashMap<Question, Entry>);

#[derive(Debug)]
struct Entry {
    said: Option<Said>,
    /// Not to be asked before that.
    again: Time,
    asked: bool,
    failures: u32,
}

#[derive(Debug)]
struct Said {
    records: Vec<Record>,
    until: Time,
}

/// What is known about a question.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Known<'a> {
    /// This; nothing is an answer too.
    Said(&'a [Record]),
    /// The name servers were asked and could not tell.
    Failed,
    /// Nobody has asked yet, or the answer is on its way.
    Unknown,
}

/// So much is remembered; what was not asked for by a kept place goes first.
const ENTRIES_MAX: usize = 8_192;
/// No answer holds for a shorter time: one may say 0 and be asked for each call.
const TTL_MIN: Duration = Duration::from_secs(5);
/// Nor for longer.
const TTL_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long what was said is used when nothing newer can be had (RFC 8767 §5 has one to three days).
const STALE_MAX: Duration = Duration::from_secs(24 * 3600);
/// After a failure the next question waits; each further one doubles that.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// The shell answers every question; should one be lost, it is asked again.
const ANSWER_TIME: Duration = Duration::from_secs(30);

impl Cache {
    /// What is known.
    pub(crate) fn known(&self, question: &Question, now: Time) -> Known<'_> {
        match self.0.get(question) {
            Some(Entry { said: Some(said), .. }) if now < said.until + STALE_MAX => Known::Said(&said.records),
            Some(Entry { failures: 1.., .. }) => Known::Failed,
            _ => Known::Unknown,
        }
    }

    /// When it is to be asked again; now, if it was never asked.
    pub(crate) fn due(&self, question: &Question, now: Time) -> Time {
        self.0.get(question).map_or(now, |entry| entry.again)
    }

    /// Marks a question as asked, if it is due. False: it is not.
    pub(crate) fn ask(&mut self, question: &Question, now: Time) -> bool {
        if self.due(question, now) > now {
            return false;
        }
        self.make_room(now);
        let fresh = || Entry { said: None, again: now, asked: false, failures: 0 };
        let entry = self.0.entry(question.clone()).or_insert_with(fresh);
        entry.again = now + ANSWER_TIME;
        entry.asked = true;
        true
    }

    /// Takes an answer to a question that was asked.
    pub(crate) fn answered(&mut self, question: &Question, answer: Answer, now: Time) {
        let Some(entry) = self.0.get_mut(question).filter(|entry| entry.asked) else { return };
        entry.asked = false;
        let (records, ttl) = match answer {
            Answer::Records { records, ttl } => (records, ttl),
            Answer::Nothing { ttl } => (Vec::new(), ttl),
            Answer::Failed => {
                let wait = PATIENCE * 2_u32.pow(entry.failures.min(4));
                entry.failures = entry.failures.saturating_add(1);
                entry.again = now + wait.min(PATIENCE_MAX);
                return;
            }
        };
        entry.failures = 0;
        entry.again = now + ttl.clamp(TTL_MIN, TTL_MAX);
        entry.said = Some(Said { records, until: entry.again });
    }

    fn make_room(&mut self, now: Time) {
        if self.0.len() < ENTRIES_MAX {
            return;
        }
        self.0.retain(|_, entry| entry.asked || entry.again > now);
        if self.0.len() >= ENTRIES_MAX {
            self.0.clear(); // nobody has so many names; those that are needed are asked for anew
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    fn address(last: u8) -> Record {
        Record::Address([192, 0, 2, last].into())
    }

    #[test]
    fn what_was_said_holds_for_its_time_and_is_used_beyond_it_while_nothing_else_is_said() {
        let (mut cache, question) = (Cache::default(), Question::new("H.Example.", Kind::A));
        assert_eq!(cache.known(&question, at(0)), Known::Unknown);
        assert!(cache.ask(&question, at(0)));
        assert!(!cache.ask(&question, at(1)), "one question at a time");
        let hour = Duration::from_secs(3600);
        cache.answered(&question, Answer::Records { records: vec![address(1)], ttl: hour }, at(1));
        assert!(!cache.ask(&question, at(3600)), "it still holds");
        assert!(cache.ask(&question, at(3601)));
        cache.answered(&question, Answer::Failed, at(3602));
        assert_eq!(cache.known(&question, at(3602)), Known::Said(&[address(1)]));
        assert!(!cache.ask(&question, at(3606)));
        assert!(cache.ask(&question, at(3607)), "asked again after a while");
        cache.answered(&question, Answer::Failed, at(3608));
        assert!(!cache.ask(&question, at(3617)) && cache.ask(&question, at(3618)), "a longer while");
        cache.answered(&question, Answer::Failed, at(3619));
        assert_eq!(cache.known(&question, at(3600 + 24 * 3600)), Known::Said(&[address(1)]));
        assert_eq!(cache.known(&question, at(3601 + 24 * 3600)), Known::Failed, "a day is long enough");
    }

    #[test]
    fn that_there_is_nothing_is_remembered_and_overwrites_what_was() {
        let (mut cache, question) = (Cache::default(), Question::new("h.example", Kind::Srv));
        cache.ask(&question, at(0));
        cache.answered(&question, Answer::Records { records: vec![address(1)], ttl: Duration::ZERO }, at(0));
        assert!(!cache.ask(&question, at(4)), "a TTL of 0 is 5 s here");
        assert!(cache.ask(&question, at(5)));
        cache.answered(&question, Answer::Nothing { ttl: Duration::from_secs(60) }, at(5));
        assert_eq!(cache.known(&question, at(5)), Known::Said(&[]));
        assert!(!cache.ask(&question, at(64)) && cache.ask(&question, at(65)));
    }

    #[test]
    fn an_answer_nobody_asked_for_is_not_believed() {
        let (mut cache, question) = (Cache::default(), Question::new("h.example", Kind::A));
        cache.answered(&question, Answer::Records { records: vec![address(1)], ttl: STALE_MAX }, at(0));
        assert_eq!(cache.known(&question, at(0)), Known::Unknown);
        for name in 0..2 * ENTRIES_MAX {
            cache.ask(&Question::new(&format!("{name}.example"), Kind::A), at(0));
        }
        assert!(cache.0.len() <= ENTRIES_MAX);
    }
}
