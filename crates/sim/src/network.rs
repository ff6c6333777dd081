//! A network of datagrams that treats them as badly as it is told, the same way every time for the same seed.
//!
//! Where it stands: tests put what phones and switch send in, and hand what arrives to whoever has that address. It
//! reads no packet and knows nobody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Random, Time};
use bytes::Bytes;

/// What happens to a datagram on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkConf {
    /// The shortest way.
    pub delay: Duration,
    /// Up to so much longer; beyond the distance of two datagrams it reorders them.
    pub jitter: Duration,
    /// So many of a thousand never arrive: there a loss begins.
    pub lost_permille: u16,
    /// Where a loss begins, up to so many get lost in a row.
    pub lost_in_a_row: u16,
    /// So many of a thousand arrive twice.
    pub doubled_permille: u16,
}

impl Default for NetworkConf {
    /// A quiet local network.
    fn default() -> NetworkConf {
        NetworkConf {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            lost_permille: 0,
            lost_in_a_row: 1,
            doubled_permille: 0,
        }
    }
}

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// What.
    pub bytes: Bytes,
}

/// What a network is told.
#[derive(Debug)]
pub enum Input {
    /// Somebody sends.
    Sent(Datagram),
    /// Time has passed.
    Tick,
}

/// The datagrams on their way.
#[derive(Debug)]
pub struct Network {
    conf: NetworkConf,
    random: Random,
    on_the_way: BinaryHeap<Reverse<(Time, u64)>>,
    datagrams: std::collections::HashMap<u64, Datagram>,
    sent: u64,
    /// So many more get lost now.
    losing: u64,
}

impl Network {
    /// An empty network.
    pub fn new(conf: NetworkConf, random: Random) -> Network {
        Network {
            conf,
            random,
            on_the_way: BinaryHeap::new(),
            datagrams: std::collections::HashMap::new(),
            sent: 0,
            losing: 0,
        }
    }

    /// From now on it behaves so.
    pub fn becomes(&mut self, conf: NetworkConf) {
        self.conf = conf;
    }

    /// Takes what is sent; what arrives by now is added to `out`.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Datagram>) {
        if let Input::Sent(datagram) = input {
            if self.losing == 0 && self.random.below(1000) < self.conf.lost_permille.into() {
                self.losing = 1 + self.random.below(u64::from(self.conf.lost_in_a_row.max(1)));
            }
            if self.losing > 0 {
                self.losing -= 1;
                return;
            }
            if self.random.below(1000) < self.conf.doubled_permille.into() {
                self.carry(datagram.clone(), now);
            }
            self.carry(datagram, now);
        }
        while let Some(Reverse((_, number))) = self.on_the_way.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.on_the_way.pop();
            out.extend(self.datagrams.remove(&number));
        }
    }

    /// When the next one arrives.
    pub fn deadline(&self) -> Option<Time> {
        self.on_the_way.peek().map(|Reverse((at, _))| *at)
    }

    fn carry(&mut self, datagram: Datagram, now: Time) {
        let jitter = Duration::from_nanos(self.random.below(self.conf.jitter.as_nanos() as u64));
        self.on_the_way.push(Reverse((now + self.conf.delay + jitter, self.sent)));
        self.datagrams.insert(self.sent, datagram);
        self.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(conf: NetworkConf, seed: u64) -> Vec<u8> {
        let mut network = Network::new(conf, Random::numbered(seed));
        let mut out = Vec::new();
        for n in 0..200 {
            let address = SocketAddr::from(([192, 0, 2, 1], 5060));
            let datagram = Datagram { from: address, to: address, bytes: Bytes::from(vec![n]) };
            network.handle(Input::Sent(datagram), Time::from_millis(n.into()), &mut out);
        }
        while let Some(at) = network.deadline() {
            network.handle(Input::Tick, at, &mut out);
        }
        out.iter().map(|datagram| datagram.bytes[0]).collect()
    }

    #[test]
    fn a_quiet_network_changes_nothing() {
        assert_eq!(arrivals(NetworkConf::default(), 1), (0..200).collect::<Vec<u8>>());
    }

    #[test]
    fn a_bad_network_loses_doubles_and_reorders_by_its_seed() {
        let bad = NetworkConf {
            jitter: Duration::from_millis(5),
            lost_permille: 100,
            doubled_permille: 100,
            ..NetworkConf::default()
        };
        let arrived = arrivals(bad, 1);
        assert_eq!(arrived, arrivals(bad, 1));
        assert_ne!(arrived, arrivals(bad, 2));
        assert!(!arrived.is_sorted());
        let mut once = arrived.clone();
        once.sort();
        once.dedup();
        assert!(
            once.len() < 195 && once.len() > 160 && arrived.len() > once.len() + 5,
            "{} {}",
            once.len(),
            arrived.len()
        );
    }

    #[test]
    fn losses_come_in_rows() {
        let arrived = arrivals(NetworkConf { lost_permille: 50, lost_in_a_row: 5, ..NetworkConf::default() }, 3);
        let lost: Vec<u8> = arrived.windows(2).map(|pair| pair[1] - pair[0] - 1).filter(|row| *row > 0).collect();
        assert!(lost.len() > 3 && lost.iter().all(|row| *row <= 10) && lost.iter().any(|row| *row > 1), "{lost:?}");
    }
}
