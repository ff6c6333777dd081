//! Token buckets: how many requests a source may send before it has shown who it is.
//!
//! Where it stands: the endpoint asks before it reads a message; what is one too many costs nothing more, and hears
//! nothing. A token comes back when a request turns out to be an account's or a dialog's, so those who belong here pay
//! nothing however many sit behind one address; and a phone that has proven itself has a bucket of its own, so a flood
//! from beside it does not drown it. The table is made once and never grows.

use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;

use base::Time;

use crate::Flow;
use crate::network::of_network;

/// How fast is too fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloodConf {
    /// Requests a second of one source that has proven nothing; 0 lets everything in.
    pub source: u32,
    /// Requests a second of one phone that has.
    pub phone: u32,
    /// Requests a second of all sources that have proven nothing, together.
    pub all: u32,
    /// So many seconds' worth may come at once.
    pub burst_secs: u32,
}

impl Default for FloodConf {
    fn default() -> FloodConf {
        FloodConf { source: 100, phone: 200, all: 3000, burst_secs: 10 }
    }
}

/// The buckets.
pub struct Floods {
    slots: Box<[Bucket]>,
    all: Bucket,
    secret: u64,
    /// Where the last token was taken, and whether from everybody's bucket too.
    last: Option<(usize, bool)>,
    /// Requests dropped since the beginning.
    pub dropped: u64,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    key: u64,
    /// Thousandths of a token.
    spent: u64,
    at: Time,
    told: bool,
}

/// What a request meets.
#[derive(Debug, PartialEq, Eq)]
pub enum Tide {
    /// It comes in.
    In,
    /// It is one too many.
    Out,
    /// It is the first one too many in a while: an operator should know.
    Turned,
}

/// 16,384 buckets of 32 bytes: half a megabyte.
const SLOTS: usize = 1 << 14;
/// A key may be in any of so many neighbouring slots.
const WAYS: usize = 4;
const TOKEN: u64 = 1000;

impl Floods {
    /// All buckets are full. `secret` keeps strangers from choosing their slot.
    pub fn new(secret: u64) -> Floods {
        let slots = vec![Bucket::default(); SLOTS].into_boxed_slice();
        Floods { slots, all: Bucket::default(), secret, last: None, dropped: 0 }
    }

    /// Another message: what was taken for the one before it is spent.
    pub fn next(&mut self) {
        self.last = None;
    }

    /// May this request come in?
    pub fn take(&mut self, conf: &FloodConf, flow: Flow, now: Time) -> Tide {
        self.last = None;
        if conf.source == 0 {
            return Tide::In;
        }
        let (phone, source) = (self.phone_key(flow), self.source_key(flow.remote.ip()));
        let (at, rate, stranger) = match self.find(phone) {
            Some(at) => (at, conf.phone, false),
            None => (self.find_or_make(source, conf, now), conf.source, true),
        };
        let burst = u64::from(conf.burst_secs.max(1));
        let own = self.slots[at].take(rate, burst, now);
        let tide = if own == Tide::In && stranger { self.all.take(conf.all, burst, now) } else { own };
        match tide {
            Tide::In => self.last = Some((at, stranger)),
            _ => self.dropped += 1,
        }
        tide
    }

    /// The last request taken is one of those that belong here: it costs nothing.
    pub fn give_back(&mut self) {
        if let Some((at, stranger)) = self.last.take() {
            self.refund(at, stranger, TOKEN);
        }
    }

    /// The last request taken proved who sent it: it costs nothing, nor does the challenge before it. From now on the
    /// phone has a bucket of its own.
    pub fn proven(&mut self, conf: &FloodConf, flow: Flow, now: Time) {
        if let Some((at, stranger)) = self.last.take() {
            self.refund(at, stranger, 2 * TOKEN);
            let key = self.phone_key(flow);
            self.find_or_make(key, conf, now);
        }
    }

    fn refund(&mut self, at: usize, stranger: bool, tokens: u64) {
        self.slots[at].spent = self.slots[at].spent.saturating_sub(tokens);
        if stranger {
            self.all.spent = self.all.spent.saturating_sub(tokens);
        }
    }

    fn find(&self, key: u64) -> Option<usize> {
        self.ways(key).find(|at| self.slots[*at].key == key)
    }

    /// Its bucket, or a new one in place of the fullest: one that is empty is remembered longest.
    fn find_or_make(&mut self, key: u64, conf: &FloodConf, now: Time) -> usize {
        if let Some(at) = self.find(key) {
            return at;
        }
        let spent = |at: &usize| self.slots[*at].spent_by(conf.source, now);
        let at = self.ways(key).min_by_key(spent).unwrap_or_default();
        self.slots[at] = Bucket { key, spent: 0, at: now, told: false };
        at
    }

    fn ways(&self, key: u64) -> impl Iterator<Item = usize> + use<> {
        let first = key as usize & (SLOTS - 1) & !(WAYS - 1);
        first..first + WAYS
    }

    fn source_key(&self, source: IpAddr) -> u64 {
        self.key(source, 0, 0)
    }

    fn phone_key(&self, flow: Flow) -> u64 {
        // A stream proves itself anew: its number is never used again.
        self.key(flow.remote.ip(), flow.remote.port(), flow.connection + 1)
    }

    fn key(&self, source: IpAddr, port: u16, connection: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.secret);
        match of_network(source) {
            IpAddr::V4(v4) => hasher.write_u32(v4.to_bits()),
            IpAddr::V6(v6) => hasher.write_u128(v6.to_bits()),
        }
        hasher.write_u16(port);
        hasher.write_u64(connection);
        hasher.finish().max(1) // 0 is nobody's
    }
}

impl Bucket {
    fn spent_by(&self, rate: u32, now: Time) -> u64 {
        let refilled = now.since(self.at).as_millis().min(1 << 40) as u64 * u64::from(rate);
        self.spent.saturating_sub(refilled)
    }

    fn take(&mut self, rate: u32, burst_secs: u64, now: Time) -> Tide {
        let size = u64::from(rate) * burst_secs * TOKEN;
        let since_ms = now.as_millis() - self.at.as_millis().min(now.as_millis());
        if since_ms > 0 {
            self.spent = self.spent.saturating_sub(since_ms.saturating_mul(rate.into()));
            self.at = now;
            self.told &= self.spent > size / 2;
        }
        if self.spent + TOKEN <= size {
            self.spent += TOKEN;
            return Tide::In;
        }
        if std::mem::replace(&mut self.told, true) { Tide::Out } else { Tide::Turned }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Transport;

    fn from(remote: &str) -> Flow {
        let local = "203.0.113.5:5060".parse().expect("an address");
        Flow { transport: Transport::Udp, local, remote: remote.parse().expect("an address"), connection: 0 }
    }

    /// How many of so many a second, for so many seconds, come in.
    fn come_in(floods: &mut Floods, flow: Flow, a_second: u32, secs: u32, began: Time) -> u32 {
        let step = Duration::from_secs(1) / a_second;
        let let_in = |n: &u32| floods.take(&FloodConf::default(), flow, began + step * *n) == Tide::In;
        (0..a_second * secs).filter(let_in).count() as u32
    }

    #[test]
    fn a_source_gets_its_burst_and_then_its_rate() {
        for (a_second, secs, least, most) in [(50, 60, 3000, 3000), (1000, 10, 1990, 2001), (15_000, 10, 1990, 2001)] {
            let mut floods = Floods::new(1);
            let taken = come_in(&mut floods, from("192.0.2.7:5060"), a_second, secs, Time::ZERO);
            assert!((least..=most).contains(&taken), "{a_second}/s for {secs} s: {taken}");
        }
    }

    #[test]
    fn a_flood_leaves_other_sources_and_proven_phones_alone() {
        let (mut floods, conf) = (Floods::new(2), FloodConf::default());
        let (phone, flood) = (from("192.0.2.7:5062"), from("192.0.2.7:9999"));
        floods.take(&conf, phone, Time::ZERO);
        floods.proven(&conf, phone, Time::ZERO);
        come_in(&mut floods, flood, 15_000, 2, Time::ZERO);
        let later = Time::from_millis(2000);
        let tide = |floods: &mut Floods, flow| floods.take(&conf, flow, later);
        tide(&mut floods, flood); // perhaps there was a token again
        assert_eq!(tide(&mut floods, flood), Tide::Out);
        assert_eq!(tide(&mut floods, phone), Tide::In);
        assert_eq!(tide(&mut floods, from("192.0.2.8:5060")), Tide::In);
        assert_eq!(tide(&mut floods, Flow { connection: 3, ..phone }), Tide::Out, "another stream is not proven");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        // 20,000 addresses of one /64 get what one address gets; the /64 beside it is another.
        let mut floods = Floods::new(6);
        let mut let_in = |address: String| {
            floods.take(&FloodConf::default(), from(&format!("[{address}]:5060")), Time::ZERO) == Tide::In
        };
        let taken = (0..20_000).filter(|n| let_in(format!("2001:db8::{n:x}"))).count();
        assert_eq!(taken, 1000);
        assert!(let_in("2001:db8:0:1::1".to_owned()));
    }

    #[test]
    fn who_belongs_here_pays_nothing() {
        let (mut floods, conf) = (Floods::new(3), FloodConf::default());
        for n in 0..20_000 {
            let office = from(&format!("192.0.2.7:{}", 1024 + n));
            assert_eq!(floods.take(&conf, office, Time::ZERO), Tide::In, "challenged, {n}");
            assert_eq!(floods.take(&conf, office, Time::ZERO), Tide::In, "proven, {n}");
            floods.proven(&conf, office, Time::ZERO);
            assert_eq!(floods.take(&conf, office, Time::ZERO), Tide::In, "in a dialog, {n}");
            floods.give_back();
        }
        assert_eq!(floods.dropped, 0);
    }

    #[test]
    fn a_turn_is_told_once_until_it_is_over() {
        let (mut floods, conf, flow) = (Floods::new(4), FloodConf::default(), from("192.0.2.7:5060"));
        let mut turned = |began: u64| {
            let mut tide = |n: u64| floods.take(&conf, flow, Time::from_millis(began + n / 15));
            (0..150_000).filter(|n| tide(*n) == Tide::Turned).count()
        };
        assert_eq!([turned(0), turned(10_000), turned(60_000)], [1, 0, 1]);
    }

    #[test]
    fn invented_sources_share_what_is_left_to_strangers_and_hide_nobody() {
        let (mut floods, conf, loud) = (Floods::new(5), FloodConf::default(), from("192.0.2.7:5060"));
        come_in(&mut floods, loud, 2000, 1, Time::ZERO);
        let mut taken = 0;
        for n in 0..200_000_u32 {
            let remote = (std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), 5060).into();
            let flow = Flow { remote, ..loud };
            taken += u32::from(floods.take(&conf, flow, Time::from_millis(1000)) == Tide::In);
        }
        assert!((29_000..=31_000).contains(&taken), "{taken}");
        let again = come_in(&mut floods, loud, 1000, 1, Time::from_millis(1000));
        assert!(again <= 101, "its bucket was forgotten: {again}");
    }
}
