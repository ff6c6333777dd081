//! What people say of themselves (PUBLISH, RFC 3903): soft state that its publisher keeps fresh, known by an entity-tag.
//!
//! Where it stands: the endpoint has seen who publishes; how this fits with what else is known of somebody is decided
//! above. Of a person's devices the last word counts.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use base::Time;

use crate::package::Presence;

/// All that is published.
#[derive(Debug, Default)]
pub struct Publications {
    by_account: HashMap<Box<str>, Vec<Publication>>,
    until: BTreeSet<(Time, Box<str>)>,
}

#[derive(Debug)]
struct Publication {
    etag: Box<str>,
    expires: Time,
    said: Presence,
}

/// A PUBLISH, read.
#[derive(Debug)]
pub struct Publish<'a> {
    /// Whose, proven.
    pub account: &'a str,
    /// SIP-If-Match: which of his it is about; none is a new one.
    pub etag: Option<&'a str>,
    /// What he says; nothing goes on with what he said.
    pub said: Option<Presence>,
    /// For how long; 0 takes it back.
    pub secs: u32,
}

/// Why it may not be: the status that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// 400: nothing is said, where something should be.
    Empty,
    /// 403: more than a person may publish.
    TooMany,
    /// 412: there is no such publication any more.
    Gone,
}

impl Refused {
    /// RFC 3903 §6.
    pub fn status(self) -> u16 {
        match self {
            Refused::Empty => 400,
            Refused::TooMany => 403,
            Refused::Gone => 412,
        }
    }
}

impl Publications {
    /// Takes a PUBLISH; it is known by `etag` from now on (RFC 3903 §6 steps 3 to 6).
    pub fn take(&mut self, publish: Publish<'_>, etag: &str, now: Time) -> Result<(), Refused> {
        let Publish { account, etag: before, said, secs } = publish;
        let all = self.by_account.entry(account.into()).or_default();
        let at = match before {
            Some(before) => match all.iter().position(|one| *one.etag == *before && one.expires > now) {
                Some(at) => Some(at),
                None => {
                    self.settle(account, now);
                    return Err(Refused::Gone);
                }
            },
            None => None,
        };
        let expires = now + Duration::from_secs(secs.into());
        let result = match (at, said, secs) {
            (Some(at), _, 0) => {
                all.remove(at);
                Ok(())
            }
            (Some(at), said, _) => {
                let mut one = all.remove(at);
                one.said = said.unwrap_or(one.said);
                all.push(Publication { etag: etag.into(), expires, said: one.said }); // the last word
                Ok(())
            }
            (None, None, _) => Err(Refused::Empty),
            (None, Some(_), 0) => Ok(()),
            (None, Some(_), _) if all.len() >= EACH_MAX => Err(Refused::TooMany),
            (None, Some(said), _) => {
                all.push(Publication { etag: etag.into(), expires, said });
                Ok(())
            }
        };
        self.settle(account, now);
        result
    }

    /// What somebody says of himself.
    pub fn of(&self, account: &str, now: Time) -> Option<&Presence> {
        self.by_account.get(account)?.iter().rev().find(|one| one.expires > now).map(|one| &one.said)
    }

    /// When to call [`Publications::due`].
    pub fn deadline(&self) -> Option<Time> {
        self.until.first().map(|(at, _)| *at)
    }

    /// Somebody of whom something has expired.
    pub fn due(&mut self, now: Time) -> Option<Box<str>> {
        if self.until.first()?.0 > now {
            return None;
        }
        let (_, account) = self.until.pop_first()?;
        self.settle(&account, now);
        Some(account)
    }

    /// Forgets what people say who are gone.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.by_account.retain(|account, _| is_there(account));
        self.until.retain(|(_, account)| is_there(account));
    }

    /// Lets go what has expired, and knows when the rest will.
    fn settle(&mut self, account: &str, now: Time) {
        let Some(all) = self.by_account.get_mut(account) else { return };
        all.retain(|one| one.expires > now);
        self.until.extend(all.iter().map(|one| (one.expires, Box::from(account))));
        if all.is_empty() {
            self.by_account.remove(account);
        }
    }
}

/// Publications of one person: one for each device.
const EACH_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Activity;

    #[test]
    fn a_publication_is_kept_while_it_is_fresh_and_known_by_its_last_tag() {
        let away = || Some(Presence { open: true, activity: Some(Activity::Away), note: None });
        let here = || Some(Presence { open: true, ..Presence::default() });
        let mut publications = Publications::default();
        let mut at = |secs: u64, etag: Option<&str>, said: Option<Presence>, for_secs: u32, new: &str| {
            let now = Time::from_millis(secs * 1000);
            while publications.due(now).is_some() {}
            let publish = Publish { account: "ann", etag, said, secs: for_secs };
            let status = publications.take(publish, new, now).map_or_else(Refused::status, |()| 200);
            (status, publications.of("ann", now).map(|said| said.activity.is_some()))
        };
        for (secs, etag, said, for_secs, new, want) in [
            (0, None, away(), 60, "a", (200, Some(true))),
            (10, Some("x"), away(), 60, "b", (412, Some(true))),
            (30, Some("a"), None, 60, "c", (200, Some(true))), // refreshed
            (31, Some("a"), None, 60, "d", (412, Some(true))), // known by "c" now
            (80, Some("c"), here(), 60, "e", (200, Some(false))), // changed
            (81, None, away(), 20, "f", (200, Some(true))),    // another device
            (101, None, None, 60, "g", (400, Some(false))),    // that one has expired
            (102, Some("e"), None, 0, "h", (200, None)),       // taken back
            (103, Some("e"), None, 60, "i", (412, None)),
            (104, None, away(), 0, "j", (200, None)),
        ] {
            assert_eq!(at(secs, etag, said, for_secs, new), want, "{secs}");
        }
        let many = (0..20).map(|n| at(200, None, here(), 60, &n.to_string()).0).filter(|status| *status == 200).count();
        assert_eq!(many, EACH_MAX);
        while publications.due(Time::from_millis(300_000)).is_some() {}
        assert!(publications.by_account.is_empty() && publications.until.is_empty());
    }
}
