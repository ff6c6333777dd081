//! What each person may use: calls at once and a second, calls to the outside at once, an hour and a day. A stolen password
//! is worth no more than that.
//!
//! Where it stands: the switch asks before it takes a person's call, and before a call goes out by a trunk on a person's
//! account, be it dialled or by transfer. Pure, like the port pool; emergency numbers are never counted.

use std::collections::HashMap;
use std::time::Duration;

use base::{CallId, Time};

use crate::conf::{Conf, PersonLimits};

/// The use people make of the switch, as far as it is limited.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    usual: PersonLimits,
    own: HashMap<String, PersonLimits>,
    emergency: Vec<String>,
    used: HashMap<String, Use>,
    shares: HashMap<CallId, Vec<Share>>,
}

/// One person's.
#[derive(Debug, Default)]
struct Use {
    calls: u32,
    outside: u32,
    second: Bucket,
    hour: Bucket,
    day: Bucket,
    said_at: Option<Time>,
}

/// What a call costs a person.
#[derive(Debug)]
struct Share {
    account: String,
    /// It is the person's call, and not one that was only sent on.
    began: bool,
    /// The number outside it went to last: another trunk for that costs nothing.
    outside: Option<String>,
}

/// Why there is no call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Over {
    /// The limit, in the words of the conf.
    pub(crate) limit: &'static str,
    /// It is time to tell the operator.
    pub(crate) is_news: bool,
}

/// One line for the operator about one person in this time.
const SAID_EVERY: Duration = Duration::from_secs(60);

impl Quotas {
    /// By this conf; nobody has used anything.
    pub(crate) fn new(conf: &Conf) -> Quotas {
        let mut quotas = Quotas::default();
        quotas.reload(conf);
        quotas
    }

    /// By another conf; what was used stays used.
    pub(crate) fn reload(&mut self, conf: &Conf) {
        self.usual = conf.switch.limits;
        let limits = |person: &crate::conf::Person| Some((person.account.to_string(), *person.limits.as_deref()?));
        self.own = conf.people.values().filter_map(limits).collect();
        self.emergency = conf.switch.emergency.clone();
    }

    /// A person calls that number.
    pub(crate) fn begin(&mut self, call: CallId, account: &str, number: &str, now: Time) -> Result<(), Over> {
        let limits = self.limits(account);
        if limits == PersonLimits::default() || self.is_emergency(number) {
            return Ok(());
        }
        let used = self.used.entry(account.to_owned()).or_default();
        if limits.calls != 0 && used.calls >= limits.calls {
            return Err(used.over("calls", now));
        }
        let Some(second) = used.second.with_one_more(limits.calls_per_sec, SECOND, now) else {
            return Err(used.over("calls_per_sec", now));
        };
        used.second = second;
        used.calls += 1;
        self.share(call, account).began = true;
        Ok(())
    }

    /// A call goes out to that number on a person's account.
    pub(crate) fn outside(&mut self, call: CallId, account: &str, number: &str, now: Time) -> Result<(), Over> {
        let limits = self.limits(account);
        if limits == PersonLimits::default() || self.is_emergency(number) {
            return Ok(());
        }
        let before = self.share(call, account).outside.clone();
        if before.as_deref() == Some(number) {
            return Ok(());
        }
        let used = self.used.entry(account.to_owned()).or_default();
        if before.is_none() && limits.outside != 0 && used.outside >= limits.outside {
            return Err(used.over("outside", now));
        }
        let Some(hour) = used.hour.with_one_more(limits.outside_per_hour, HOUR, now) else {
            return Err(used.over("outside_per_hour", now));
        };
        let Some(day) = used.day.with_one_more(limits.outside_per_day, DAY, now) else {
            return Err(used.over("outside_per_day", now));
        };
        (used.hour, used.day) = (hour, day);
        used.outside += u32::from(before.is_none());
        self.share(call, account).outside = Some(number.to_owned());
        Ok(())
    }

    /// A call is over.
    pub(crate) fn end(&mut self, call: CallId, now: Time) {
        for Share { account, began, outside } in self.shares.remove(&call).unwrap_or_default() {
            let Some(used) = self.used.get_mut(&account) else { continue };
            used.calls -= u32::from(began).min(used.calls);
            used.outside -= u32::from(outside.is_some()).min(used.outside);
            if used.is_forgotten(now) {
                self.used.remove(&account);
            }
        }
    }

    fn limits(&self, account: &str) -> PersonLimits {
        self.own.get(account).copied().unwrap_or(self.usual)
    }

    fn is_emergency(&self, number: &str) -> bool {
        self.emergency.iter().any(|emergency| emergency == number)
    }

    fn share(&mut self, call: CallId, account: &str) -> &mut Share {
        let shares = self.shares.entry(call).or_default();
        let at = shares.iter().position(|share| share.account == account).unwrap_or_else(|| {
            shares.push(Share { account: account.to_owned(), began: false, outside: None });
            shares.len() - 1
        });
        &mut shares[at]
    }
}

impl Use {
    fn over(&mut self, limit: &'static str, now: Time) -> Over {
        let is_news = self.said_at.is_none_or(|said| now >= said + SAID_EVERY);
        if is_news {
            self.said_at = Some(now);
        }
        Over { limit, is_news }
    }

    fn is_forgotten(&self, now: Time) -> bool {
        self.calls + self.outside == 0 && [self.second, self.hour, self.day].iter().all(|bucket| bucket.full_at <= now)
    }
}

/// So many in a time, evenly or at once: a leaky bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// When it would be empty again.
    full_at: Time,
}

impl Bucket {
    /// With one more of so many, if it has room; 0 is no limit.
    fn with_one_more(self, max: u32, window: Duration, now: Time) -> Option<Bucket> {
        if max == 0 {
            return Some(self);
        }
        let full_at = self.full_at.max(now) + window / max;
        (full_at <= now + window).then_some(Bucket { full_at })
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;

    fn quotas(usual: PersonLimits) -> Quotas {
        let own = [("boss".to_owned(), PersonLimits { calls_per_sec: 100, ..PersonLimits::default() })];
        Quotas { usual, own: own.into(), emergency: vec!["112".to_owned()], ..Quotas::default() }
    }

    fn calls(count: i64) -> Vec<CallId> {
        let mut random = Random::numbered(1);
        (0..count).map(|ms| CallId::new(ms, &mut random)).collect()
    }

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    /// The limit that was reached, `+` if the operator is to hear of it.
    fn said(result: Result<(), Over>) -> String {
        match result {
            Ok(()) => "ok".to_owned(),
            Err(Over { limit, is_news }) => format!("{limit}{}", if is_news { "+" } else { "" }),
        }
    }

    #[test]
    fn a_person_has_so_many_calls_at_once_and_others_have_their_own() {
        let mut quotas = quotas(PersonLimits { calls: 2, calls_per_sec: 3, ..PersonLimits::default() });
        let ids = calls(20);
        let mut next = 0;
        let mut one = |quotas: &mut Quotas, who: &str| {
            next += 1;
            said(quotas.begin(ids[next], who, "202", at(0)))
        };
        assert_eq!([(); 4].map(|()| one(&mut quotas, "ann")), ["ok", "ok", "calls+", "calls"]);
        assert_eq!(one(&mut quotas, "bob"), "ok");
        assert!((0..9).all(|_| one(&mut quotas, "boss") == "ok"), "the conf gives her more");
        quotas.end(ids[1], at(0));
        assert_eq!(one(&mut quotas, "ann"), "ok");
        quotas.end(ids[2], at(0));
        assert_eq!(one(&mut quotas, "ann"), "calls_per_sec", "a fourth in this second");
        assert_eq!(said(quotas.begin(ids[18], "ann", "112", at(0))), "ok", "help is never refused");
    }

    #[test]
    fn a_stolen_password_reaches_the_outside_no_more_often_than_that() {
        let limits = PersonLimits { outside: 2, outside_per_hour: 4, outside_per_day: 6, ..PersonLimits::default() };
        let mut quotas = quotas(limits);
        let ids = calls(20);
        let mut next = 0;
        let mut one = |quotas: &mut Quotas, secs: u64, ends: bool| {
            next += 1;
            let result = said(quotas.outside(ids[next], "ann", "0900", at(secs)));
            if ends {
                quotas.end(ids[next], at(secs));
            }
            result
        };
        assert_eq!((0..3).map(|_| one(&mut quotas, 0, false)).collect::<Vec<_>>(), ["ok", "ok", "outside+"]);
        (1..3).for_each(|id| quotas.end(ids[id], at(1)));
        assert_eq!(
            (0..4).map(|_| one(&mut quotas, 70, true)).collect::<Vec<_>>(),
            ["ok", "ok", "outside_per_hour+", "outside_per_hour"]
        );
        // An hour later there are four more an hour, and the day ends it.
        let later: Vec<_> = (0..5).map(|_| one(&mut quotas, 3_700, true)).collect();
        assert_eq!(later, ["ok", "ok", "outside_per_day+", "outside_per_day", "outside_per_day"]);
        assert_eq!(said(quotas.outside(ids[19], "ann", "112", at(3_700))), "ok", "help is never refused");
    }

    #[test]
    fn the_same_number_by_another_trunk_is_the_same_call_and_another_number_is_not() {
        let mut quotas = quotas(PersonLimits { outside: 1, outside_per_hour: 2, ..PersonLimits::default() });
        let ids = calls(2);
        let mut ask = |call: usize, number| said(quotas.outside(ids[call], "ann", number, at(0)));
        assert_eq!(
            [ask(0, "1"), ask(0, "1"), ask(0, "2"), ask(0, "3"), ask(1, "1")],
            ["ok", "ok", "ok", "outside_per_hour+", "outside"]
        );
    }

    #[test]
    fn nothing_is_kept_of_who_has_no_limits_and_of_calls_that_are_over() {
        let mut unlimited = quotas(PersonLimits::default());
        let ids = calls(1_000);
        for id in &ids {
            assert_eq!(said(unlimited.begin(*id, "ann", "202", at(0))), "ok");
        }
        assert!(unlimited.used.is_empty() && unlimited.shares.is_empty());
        let mut quotas = quotas(PersonLimits { calls: 5, calls_per_sec: 50, ..PersonLimits::default() });
        for (secs, id) in (0..).zip(&ids) {
            assert_eq!(said(quotas.begin(*id, &format!("p{secs}"), "202", at(secs))), "ok");
            quotas.end(*id, at(secs + 1));
        }
        assert!(quotas.used.is_empty() && quotas.shares.is_empty());
    }
}
