//! Who is kept out for a while, after too many wrong passwords.
//!
//! Where it stands: the gate asks it before it judges a password, and tells it how that went. Failures count for a source
//! and an account together, so one wrong phone in an office shuts out itself alone; only a source that fails at many
//! accounts is shut out as a whole, and even then not from an account that has a phone there. A failure takes a nonce made
//! for its source, so nobody gets another banned. Names that do not exist count like those that do. It sends nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Time;

use crate::network::of_network;

/// When somebody is banned, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanConf {
    /// Wrong passwords of one source for one account; 0 bans nobody.
    pub failures_max: u32,
    /// Wrong passwords of one source for all accounts together.
    pub source_failures_max: u32,
    /// How long the first ban lasts; each one that follows, twice as long.
    pub ban: Duration,
    /// No ban lasts longer.
    pub ban_max: Duration,
}

impl Default for BanConf {
    fn default() -> BanConf {
        BanConf {
            failures_max: 10,
            source_failures_max: 50,
            ban: Duration::from_secs(60),
            ban_max: Duration::from_secs(24 * 3600),
        }
    }
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    /// From where: an address, of IPv6 a whole /64.
    pub source: IpAddr,
    /// For which account; none means for all that have no phone there.
    pub account: Option<String>,
    /// For how long, from now.
    pub left: Duration,
}

/// The failures and the bans.
#[derive(Debug, Default)]
pub struct Bans {
    pairs: HashMap<(IpAddr, Box<str>), Record>,
    sources: HashMap<IpAddr, Record>,
    swept: Time,
}

#[derive(Debug)]
struct Record {
    failures: u32,
    /// How often it was banned.
    bans: u32,
    until: Time,
    last: Time,
}

/// Failures are forgotten after so long without another.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// Bans are, after so long without another failure: the next one is a first one again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(6 * 3600);
/// Who was banned before has so many tries.
const TRIES_AFTER_BAN: u32 = 3;
/// Pairs and sources remembered. A nonce had to reach each, so no storm of invented addresses fills the tables.
const RECORDS_MAX: usize = 20_000;
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Longer names are counted by their beginning.
const NAME_BYTES_MAX: usize = 64;

impl Bans {
    /// How much longer this source is kept from this account. `at_home` tells whether the account has a phone there.
    pub fn left(&self, source: IpAddr, account: &str, at_home: impl FnOnce() -> bool, now: Time) -> Option<Duration> {
        if self.pairs.is_empty() {
            return None;
        }
        let source = of_network(source);
        let left = |record: &Record| Some(record.until.since(now)).filter(|left| !left.is_zero());
        let pair = self.pairs.get(&(source, name(account))).and_then(left);
        pair.or_else(|| self.sources.get(&source).and_then(left).filter(|_| !at_home()))
    }

    /// A wrong password. Returns the ban that follows, if one does.
    pub fn failed(&mut self, conf: &BanConf, source: IpAddr, account: &str, now: Time) -> Option<Ban> {
        if conf.failures_max == 0 {
            return None;
        }
        self.make_room(now);
        let source = of_network(source);
        let account = name(account);
        if self.pairs.len() < RECORDS_MAX || self.pairs.contains_key(&(source, account.clone())) {
            let record = self.pairs.entry((source, account.clone())).or_insert_with(|| Record::new(now));
            if let Some(left) = record.failed(conf.failures_max, conf, now) {
                return Some(Ban { source, account: Some(account.into()), left });
            }
        }
        if self.sources.len() < RECORDS_MAX || self.sources.contains_key(&source) {
            let record = self.sources.entry(source).or_insert_with(|| Record::new(now));
            let left = record.failed(conf.source_failures_max.max(1), conf, now)?;
            return Some(Ban { source, account: None, left });
        }
        None
    }

    /// A right password: what that account failed from there is forgiven; not what others did.
    pub fn proven(&mut self, source: IpAddr, account: &str) {
        if !self.pairs.is_empty() {
            self.pairs.remove(&(of_network(source), name(account)));
        }
    }

    /// The bans in force, the longest first.
    pub fn list(&self, now: Time) -> Vec<Ban> {
        let pairs = self.pairs.iter().map(|((source, account), record)| (source, Some(account), record));
        let sources = self.sources.iter().map(|(source, record)| (source, None, record));
        let mut bans: Vec<Ban> = pairs
            .chain(sources)
            .filter(|(_, _, record)| record.until > now)
            .map(|(source, account, record)| Ban {
                source: *source,
                account: account.map(|account| account.to_string()),
                left: record.until.since(now),
            })
            .collect();
        bans.sort_by(|one, other| other.left.cmp(&one.left).then_with(|| one.cmp(other)));
        bans
    }

    /// Forgets everything about an account or an address. Returns how many bans that ended.
    pub fn lift(&mut self, who: &str, now: Time) -> usize {
        let before = self.list(now).len();
        let source = who.parse().ok().map(of_network);
        self.pairs.retain(|(from, account), _| Some(*from) != source && **account != *who);
        self.sources.retain(|from, _| Some(*from) != source);
        before - self.list(now).len()
    }

    /// Forgets what is old, when there is much; not each time somebody knocks.
    fn make_room(&mut self, now: Time) {
        let full = self.pairs.len() >= RECORDS_MAX || self.sources.len() >= RECORDS_MAX;
        if full && now.since(self.swept) >= SWEEP_EVERY {
            self.swept = now;
            self.pairs.retain(|_, record| !record.is_old(now));
            self.sources.retain(|_, record| !record.is_old(now));
        }
    }
}

impl Record {
    fn new(now: Time) -> Record {
        Record { failures: 0, bans: 0, until: now, last: now }
    }

    fn failed(&mut self, failures_max: u32, conf: &BanConf, now: Time) -> Option<Duration> {
        let quiet = now.since(self.last.max(self.until));
        if quiet > FORGIVEN_AFTER {
            self.failures = 0;
        }
        if quiet > FORGOTTEN_AFTER {
            self.bans = 0;
        }
        self.last = now;
        self.failures += 1;
        let tries = if self.bans == 0 { failures_max } else { failures_max.min(TRIES_AFTER_BAN) };
        if self.failures < tries {
            return None;
        }
        let ban = conf.ban.saturating_mul(1 << self.bans.min(20)).min(conf.ban_max);
        (self.failures, self.bans, self.until) = (0, self.bans + 1, now + ban);
        Some(ban)
    }

    fn is_old(&self, now: Time) -> bool {
        let quiet = now.since(self.last.max(self.until));
        quiet > if self.bans == 0 { FORGIVEN_AFTER } else { FORGOTTEN_AFTER }
    }
}

fn name(account: &str) -> Box<str> {
    account[..account.floor_char_boundary(NAME_BYTES_MAX)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::from_millis(secs * 1000)
    }

    fn from(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_wrong_phone_shuts_out_itself_alone() {
        let (mut bans, conf, office) = (Bans::default(), BanConf::default(), from("192.0.2.7"));
        let told: Vec<bool> = (0..10).map(|n| bans.failed(&conf, office, "ann", at(n)).is_some()).collect();
        assert_eq!(told, [&[false; 9][..], &[true]].concat());
        for (source, account, banned) in [
            ("192.0.2.7", "ann", true),
            ("::ffff:192.0.2.7", "ann", true),
            ("192.0.2.7", "bob", false),
            ("192.0.2.8", "ann", false),
        ] {
            assert_eq!(bans.left(from(source), account, || false, at(10)).is_some(), banned, "{source} {account}");
        }
        assert_eq!(bans.left(office, "ann", || true, at(70)), None);
    }

    #[test]
    fn each_ban_is_twice_as_long_and_comes_sooner() {
        let (mut bans, conf, source) = (Bans::default(), BanConf::default(), from("192.0.2.7"));
        let (mut now, mut lengths, mut tries) = (at(0), Vec::new(), 0);
        while lengths.len() < 14 {
            tries += 1;
            if let Some(ban) = bans.failed(&conf, source, "ann", now) {
                lengths.push((tries, ban.left.as_secs()));
                (now, tries) = (now + ban.left, 0);
            }
        }
        assert_eq!(lengths[..4], [(10, 60), (3, 120), (3, 240), (3, 480)]);
        assert_eq!(lengths[13], (3, 24 * 3600));
    }

    #[test]
    fn a_source_that_tries_everybody_is_shut_out_but_for_who_lives_there() {
        let (mut bans, conf, source) = (Bans::default(), BanConf::default(), from("2001:db8::1"));
        let banned: Vec<Ban> = (0..50).filter_map(|n| bans.failed(&conf, source, &format!("user{n}"), at(n))).collect();
        assert_eq!(banned.len(), 1);
        assert_eq!((banned[0].source, &banned[0].account), (from("2001:db8::"), &None));
        for (source, at_home, kept_out) in [
            ("2001:db8::1", false, true),
            ("2001:db8::ffff", false, true),
            ("2001:db8::1", true, false),
            ("2001:db8:0:1::1", false, false),
        ] {
            assert_eq!(bans.left(from(source), "ann", || at_home, at(51)).is_some(), kept_out, "{source} {at_home}");
        }
    }

    #[test]
    fn a_right_password_and_patience_forgive() {
        let (mut bans, conf, source) = (Bans::default(), BanConf::default(), from("192.0.2.7"));
        for n in 0..100 {
            assert_eq!(bans.failed(&conf, source, "ann", at(n)).filter(|ban| ban.account.is_some()), None, "{n}");
            bans.proven(source, "ann");
        }
        let other = from("192.0.2.8");
        for n in 0..100 {
            assert_eq!(bans.failed(&conf, other, "ann", at(n * 601)), None, "{n}");
        }
    }

    #[test]
    fn bans_are_listed_and_lifted() {
        let (mut bans, conf) = (Bans::default(), BanConf::default());
        let ban = |bans: &mut Bans| {
            for (source, account) in [("192.0.2.7", "ann"), ("192.0.2.7", "bob"), ("192.0.2.8", "ann")] {
                (0..10).for_each(|_| drop(bans.failed(&conf, from(source), account, at(0))));
            }
        };
        for (who, lifted) in [("ann", 2), ("192.0.2.7", 2), ("192.0.2.8", 1), ("nobody", 0)] {
            let mut bans_now = Bans::default();
            ban(&mut bans_now);
            assert_eq!(bans_now.list(at(1)).len(), 3);
            assert_eq!(bans_now.lift(who, at(1)), lifted, "{who}");
            assert_eq!(bans_now.list(at(1)).len(), 3 - lifted, "{who}");
        }
        ban(&mut bans);
        assert_eq!(
            bans.list(at(1))[0],
            Ban { source: from("192.0.2.7"), account: Some("ann".into()), left: Duration::from_secs(59) }
        );
        assert_eq!(bans.list(at(61)), []);
    }

    #[test]
    fn the_tables_are_bounded() {
        let (mut bans, conf) = (Bans::default(), BanConf::default());
        for n in 0..50_000_u32 {
            bans.failed(&conf, IpAddr::from((n | 0x0a00_0000).to_be_bytes()), "ann", at(1));
        }
        assert_eq!((bans.pairs.len(), bans.sources.len()), (RECORDS_MAX, RECORDS_MAX));
        bans.failed(&conf, from("192.0.2.7"), "ann", at(700));
        assert_eq!((bans.pairs.len(), bans.sources.len()), (1, 1));
    }
}
