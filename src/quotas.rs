//! What each person may use: calls at once and a second, calls to the outside at once, an hour and a day, their minutes, and
//! where they may go. A stolen password is worth no more than that, and who is refused too often is let out no more.
//!
//! Where it stands: the switch asks before it takes a person's call, and before a call goes out by a trunk on a person's
//! account, be it dialled or by transfer. Pure, like the port pool; emergency numbers are never counted.

mod kept;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Time};
use route::When;

use crate::conf::{Conf, PersonLimits};
pub use kept::Used;

/// The use people make of the switch, as far as it is limited.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    usual: Arc<PersonLimits>,
    own: HashMap<String, Arc<PersonLimits>>,
    emergency: Vec<String>,
    used: HashMap<String, Use>,
    shares: HashMap<CallId, Vec<Share>>,
    /// When the minutes of calls under way are added up next; none while there is no such call.
    look_at: Option<Time>,
}

/// One person's.
#[derive(Debug, Default)]
struct Use {
    calls: u32,
    outside: u32,
    second: Bucket,
    hour: Bucket,
    day: Bucket,
    minutes: Minutes,
    refusals: Bucket,
    /// Nothing goes outside on this account until somebody says otherwise.
    blocked: bool,
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
    /// From now on nothing goes outside on this account.
    pub(crate) blocks: bool,
}

/// One line for the operator about one person in this time.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// How often the minutes of calls under way are added up.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl Quotas {
    /// By this conf; nobody has used anything.
    pub(crate) fn new(conf: &Conf) -> Quotas {
        let mut quotas = Quotas::default();
        quotas.reload(conf);
        quotas
    }

    /// By another conf; what was used stays used.
    pub(crate) fn reload(&mut self, conf: &Conf) {
        self.usual = Arc::new(conf.switch.limits.clone());
        let limits = |person: &crate::conf::Person| {
            Some((person.account.to_string(), Arc::new(person.limits.as_deref()?.clone())))
        };
        self.own = conf.people.values().filter_map(limits).collect();
        self.emergency = conf.switch.emergency.clone();
    }

    /// A person calls that number.
    pub(crate) fn begin(&mut self, call: CallId, account: &str, number: &str, now: Time) -> Result<(), Over> {
        let limits = self.limits(account);
        if *limits == PersonLimits::default() || self.is_emergency(number) {
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

    /// A call goes out to that number on a person's account; `holds` tells whether it is the time of certain limits.
    pub(crate) fn outside(
        &mut self,
        call: CallId,
        account: &str,
        number: &str,
        holds: impl Fn(&When) -> bool,
        now: Time,
    ) -> Result<(), Over> {
        let limits = self.limits(account);
        if *limits == PersonLimits::default() || self.is_emergency(number) {
            return Ok(());
        }
        let before = self.share(call, account).outside.clone();
        if before.as_deref() == Some(number) {
            return Ok(());
        }
        let night = limits.night.as_deref().filter(|night| night.when().is_some_and(|when| holds(&when)));
        let outside = night.and_then(|night| night.outside).unwrap_or(limits.outside);
        let per_hour = night.and_then(|night| night.outside_per_hour).unwrap_or(limits.outside_per_hour);
        let used = self.used.entry(account.to_owned()).or_default();
        used.minutes.add_up(used.outside, limits.outside_minutes_per_day, now);
        let (hour, day) =
            (used.hour.with_one_more(per_hour, HOUR, now), used.day.with_one_more(limits.outside_per_day, DAY, now));
        let over = match (hour, day) {
            _ if used.blocked => "block_after",
            _ if !limits.lead_to(number, night) => "outside_only, outside_never",
            _ if before.is_none() && outside != 0 && used.outside >= outside => "outside",
            _ if used.minutes.are_used_up(limits.outside_minutes_per_day) => "outside_minutes_per_day",
            (None, _) => "outside_per_hour",
            (_, None) => "outside_per_day",
            (Some(hour), Some(day)) => {
                (used.hour, used.day) = (hour, day);
                used.outside += u32::from(before.is_none());
                self.share(call, account).outside = Some(number.to_owned());
                if limits.outside_minutes_per_day != 0 {
                    self.look_at.get_or_insert(now + LOOK_EVERY);
                }
                return Ok(());
            }
        };
        Err(used.refused_outside(over, limits.block_after, now))
    }

    /// When [`Quotas::minutes_used_up`] is to be asked.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.look_at
    }

    /// Those whose minutes are used up while they talk outside.
    pub(crate) fn minutes_used_up(&mut self, now: Time) -> Vec<String> {
        let Quotas { usual, own, used, .. } = self;
        let (mut talk, mut over) = (false, Vec::new());
        for (account, used) in used.iter_mut().filter(|(_, used)| used.outside > 0) {
            let minutes = own.get(account).unwrap_or(usual).outside_minutes_per_day;
            used.minutes.add_up(used.outside, minutes, now);
            talk |= minutes != 0;
            over.extend(used.minutes.are_used_up(minutes).then(|| account.clone()));
        }
        self.look_at = talk.then_some(now + LOOK_EVERY);
        over.sort();
        over
    }

    /// The calls that are outside on a person's account.
    pub(crate) fn outside_of(&self, account: &str) -> Vec<CallId> {
        let is_it = |share: &Share| share.account == account && share.outside.is_some();
        let mut calls: Vec<CallId> =
            self.shares.iter().filter(|(_, shares)| shares.iter().any(is_it)).map(|(call, _)| *call).collect();
        calls.sort();
        calls
    }

    /// Those whose calls go outside no more.
    pub(crate) fn blocked(&self) -> Vec<&str> {
        let blocked = self.used.iter().filter(|(_, used)| used.blocked);
        let mut accounts: Vec<&str> = blocked.map(|(account, _)| account.as_str()).collect();
        accounts.sort_unstable();
        accounts
    }

    /// They do again. False: they did.
    pub(crate) fn unblock(&mut self, account: &str) -> bool {
        let Some(used) = self.used.get_mut(account) else { return false };
        used.refusals = Bucket::default();
        std::mem::take(&mut used.blocked)
    }

    /// A call is over.
    pub(crate) fn end(&mut self, call: CallId, now: Time) {
        for Share { account, began, outside } in self.shares.remove(&call).unwrap_or_default() {
            let minutes = self.limits(&account).outside_minutes_per_day;
            let Some(used) = self.used.get_mut(&account) else { continue };
            used.minutes.add_up(used.outside, minutes, now);
            used.calls -= u32::from(began).min(used.calls);
            used.outside -= u32::from(outside.is_some()).min(used.outside);
            if used.is_forgotten(now) {
                self.used.remove(&account);
            }
        }
    }

    fn limits(&self, account: &str) -> Arc<PersonLimits> {
        self.own.get(account).unwrap_or(&self.usual).clone()
    }

    /// Is it a number that is never refused?
    pub(crate) fn is_emergency(&self, number: &str) -> bool {
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
        Over { limit, is_news, blocks: false }
    }

    /// Nothing goes outside: who is refused too often is blocked.
    fn refused_outside(&mut self, limit: &'static str, block_after: u32, now: Time) -> Over {
        let over = self.over(limit, now);
        match self.refusals.with_one_more(block_after, HOUR, now) {
            Some(refusals) => {
                self.refusals = refusals;
                over
            }
            None => Over { blocks: !std::mem::replace(&mut self.blocked, true), ..over },
        }
    }

    fn is_forgotten(&self, now: Time) -> bool {
        let buckets = [self.second, self.hour, self.day, self.refusals];
        self.calls + self.outside == 0
            && !self.blocked
            && self.said_at.is_none_or(|said| now >= said + SAID_EVERY)
            && self.minutes.secs <= 0.0
            && buckets.iter().all(|bucket| bucket.full_at <= now)
    }
}

/// What was talked outside: it is forgotten as evenly as a day passes.
#[derive(Clone, Copy, Debug, Default)]
struct Minutes {
    secs: f64,
    at: Time,
}

impl Minutes {
    /// So many calls went on since this was last asked.
    fn add_up(&mut self, calls: u32, minutes_per_day: u32, now: Time) {
        let forgotten = f64::from(minutes_per_day) * 60.0 / DAY.as_secs_f64();
        let passed = now.since(self.at).as_secs_f64();
        self.secs =
            if minutes_per_day == 0 { 0.0 } else { (self.secs + passed * (f64::from(calls) - forgotten)).max(0.0) };
        self.at = now;
    }

    fn are_used_up(&self, minutes_per_day: u32) -> bool {
        minutes_per_day != 0 && self.secs >= f64::from(minutes_per_day) * 60.0
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

    pub(super) fn quotas(usual: PersonLimits) -> Quotas {
        let own = [("boss".to_owned(), Arc::new(PersonLimits { calls_per_sec: 100, ..PersonLimits::default() }))];
        Quotas { usual: Arc::new(usual), own: own.into(), emergency: vec!["112".to_owned()], ..Quotas::default() }
    }

    pub(super) fn calls(count: i64) -> Vec<CallId> {
        let mut random = Random::numbered(1);
        (0..count).map(|ms| CallId::new(ms, &mut random)).collect()
    }

    pub(super) fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    /// The limit that was reached, `+` if the operator is to hear of it.
    pub(super) fn said(result: Result<(), Over>) -> String {
        match result {
            Ok(()) => "ok".to_owned(),
            Err(Over { limit, is_news, blocks }) => {
                format!("{limit}{}{}", if is_news { "+" } else { "" }, if blocks { "!" } else { "" })
            }
        }
    }

    pub(super) fn by_day(_: &When) -> bool {
        false
    }

    #[test]
    fn numbers_outside_are_where_the_conf_says_and_at_night_elsewhere() {
        let text = "outside_never = ['+882', '00882']\noutside_per_hour = 9\n\
            night = { when = 'not office', outside_only = ['+385'], outside_per_hour = 1 }";
        let mut quotas = quotas(toml::from_str(text).expect("limits"));
        let ids = calls(20);
        let mut next = 0;
        let mut one = |number: &str, open: bool| {
            next += 1;
            let holds = |when: &When| when.hours == "office" && when.open == open;
            let result = said(quotas.outside(ids[next], "ann", number, holds, at(0)));
            quotas.end(ids[next], at(0));
            result
        };
        let never = "outside_only, outside_never";
        assert_eq!(one("+8821", true), format!("{never}+"));
        assert_eq!([one("008821", true), one("+44", true)], [never, "ok"]);
        // The one of that hour was had by day.
        assert_eq!([one("+44", false), one("+385", false)], [never, "outside_per_hour"]);
    }

    #[test]
    fn minutes_outside_are_used_up_while_they_are_talked() {
        let mut quotas = quotas(PersonLimits { outside_minutes_per_day: 10, ..PersonLimits::default() });
        let ids = calls(4);
        let ask =
            |quotas: &mut Quotas, call: usize, secs| said(quotas.outside(ids[call], "ann", "1", by_day, at(secs)));
        assert_eq!([ask(&mut quotas, 0, 0), ask(&mut quotas, 1, 0)], ["ok", "ok"]);
        assert_eq!(quotas.deadline(), Some(at(10)));
        assert!(quotas.minutes_used_up(at(290)).is_empty());
        assert_eq!(quotas.minutes_used_up(at(310)), ["ann"]);
        assert_eq!(quotas.outside_of("ann").len(), 2);
        quotas.end(ids[0], at(310));
        quotas.end(ids[1], at(310));
        assert!(quotas.minutes_used_up(at(320)).is_empty() && quotas.deadline().is_none());
        assert_eq!(ask(&mut quotas, 2, 320), "outside_minutes_per_day+");
        assert_eq!(ask(&mut quotas, 3, 24 * 3_600), "ok", "a day later there is more");
    }

    #[test]
    fn who_is_refused_too_often_goes_outside_no_more_until_somebody_says_so() {
        let limits =
            PersonLimits { outside: 1, outside_never: vec!["0900".into()], block_after: 2, ..PersonLimits::default() };
        let mut quotas = quotas(limits);
        let ids = calls(20);
        let mut next = 0;
        let mut one = |quotas: &mut Quotas, number: &str, secs: u64| {
            next += 1;
            let result = said(quotas.outside(ids[next], "ann", number, by_day, at(secs)));
            quotas.end(ids[next], at(secs));
            result
        };
        let never = "outside_only, outside_never";
        assert_eq!(one(&mut quotas, "1", 0), "ok");
        assert_eq!(one(&mut quotas, "0900", 0), format!("{never}+"));
        assert_eq!([one(&mut quotas, "0900", 1), one(&mut quotas, "0900", 2)], [never.to_owned(), format!("{never}!")]);
        assert_eq!([one(&mut quotas, "1", 90), one(&mut quotas, "1", 100_000)], ["block_after+", "block_after+"]);
        assert_eq!(one(&mut quotas, "112", 100_001), "ok", "help is never refused");
        assert_eq!(quotas.blocked(), ["ann"]);
        assert!(!quotas.unblock("bob") && quotas.unblock("ann") && !quotas.unblock("ann"));
        assert_eq!(one(&mut quotas, "1", 100_002), "ok");
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
            let result = said(quotas.outside(ids[next], "ann", "0900", by_day, at(secs)));
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
        assert_eq!(said(quotas.outside(ids[19], "ann", "112", by_day, at(3_700))), "ok", "help is never refused");
    }

    #[test]
    fn the_same_number_by_another_trunk_is_the_same_call_and_another_number_is_not() {
        let mut quotas = quotas(PersonLimits { outside: 1, outside_per_hour: 2, ..PersonLimits::default() });
        let ids = calls(2);
        let mut ask = |call: usize, number| said(quotas.outside(ids[call], "ann", number, by_day, at(0)));
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
