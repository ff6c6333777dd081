//! The choices of RFC 3263 against made-up name servers, on a made-up clock.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Random, Time};
use locate::{Input, Kind, LocateConf, Locator, Output, Target};
use proptest::prelude::*;
use sim::Zone;
use sip::Place;

const ZONE: &str = "
    # By NAPTR: TLS before UDP, and something nobody here speaks.
    whole.example                 300  NAPTR  10 50 s SIP+D2S  _sip._sctp.whole.example
    whole.example                 300  NAPTR  20 50 s SIPS+D2T _sips._tcp.whole.example
    whole.example                 300  NAPTR  30 50 s SIP+D2U  _sip._udp.whole.example
    _sips._tcp.whole.example      300  SRV    1 0 5061 a.whole.example
    _sip._udp.whole.example       300  SRV    1 0 5060 a.whole.example
    _sip._udp.whole.example       300  SRV    2 0 5070 b.whole.example
    a.whole.example               300  A      192.0.2.1
    a.whole.example               300  AAAA   2001:db8::1
    b.whole.example               300  A      192.0.2.2
    # SRV records alone.
    srv.example                   300  A      192.0.2.99
    _sip._tcp.srv.example         300  SRV    1 0 5080 a.whole.example
    # Nothing but addresses.
    plain.example                 60   A      192.0.2.3
    # Decidedly nobody.
    none.example                  60   A      192.0.2.4
    _sip._udp.none.example        60   SRV    0 0 0 .
";

/// A locator whose questions are answered at once.
struct World {
    locator: Locator,
    zone: Zone,
    now: Time,
    located: Vec<Place>,
    asked: usize,
}

impl World {
    fn new(conf: LocateConf) -> World {
        let (locator, zone) = (Locator::new(conf, Random::numbered(7)), ZONE.parse().expect("a zone"));
        World { locator, zone, now: Time::ZERO, located: Vec::new(), asked: 0 }
    }

    fn answer(&mut self, mut out: Vec<Output>) {
        while !out.is_empty() {
            for output in std::mem::take(&mut out) {
                match output {
                    Output::Ask(question) => {
                        self.asked += 1;
                        let answer = self.zone.answer(&question);
                        self.locator.handle(Input::Answered { question, answer }, self.now, &mut out);
                    }
                    Output::Located(place) => self.located.push(place),
                }
            }
        }
    }

    fn keep(&mut self, place: &Place) {
        self.locator.keep([place.clone()], self.now);
        self.pass(Duration::ZERO);
    }

    fn targets(&mut self, place: &Place) -> Vec<Target> {
        let mut out = Vec::new();
        let targets = self.locator.targets(place, self.now, &mut out);
        self.answer(out);
        targets
    }

    /// Lets time pass, ticking as it asks for.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.locator.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let mut out = Vec::new();
            self.locator.handle(Input::Tick, self.now, &mut out);
            self.answer(out);
        }
        self.now = end;
    }
}

fn place(uri: &str) -> Place {
    Place::of(&uri.parse().expect("a URI")).expect("a place")
}

fn print(targets: &[Target]) -> String {
    let print = |target: &Target| format!("{} {}", target.transport.as_param(), target.address);
    targets.iter().map(print).collect::<Vec<_>>().join(", ")
}

#[test]
fn names_lead_where_rfc_3263_says() {
    for (uri, want) in [
        // §4.2: an address is an address.
        ("sip:192.0.2.9", "udp 192.0.2.9:5060"),
        ("sips:192.0.2.9", "tls 192.0.2.9:5061"),
        ("sip:[2001:db8::9]:5070;transport=tcp", "tcp [2001:db8::9]:5070"),
        ("sip:x.example;maddr=192.0.2.9", "udp 192.0.2.9:5060"),
        // A port said: addresses alone.
        ("sip:a.whole.example:5099", "udp [2001:db8::1]:5099, udp 192.0.2.1:5099"),
        ("sips:b.whole.example:5099", "tls 192.0.2.2:5099"),
        // §4.1: NAPTR decides, in its order.
        (
            "sip:whole.example",
            "tls [2001:db8::1]:5061, tls 192.0.2.1:5061, udp [2001:db8::1]:5060, udp 192.0.2.1:5060, udp 192.0.2.2:5070",
        ),
        ("sips:whole.example", "tls [2001:db8::1]:5061, tls 192.0.2.1:5061"),
        // A transport said: its SRV records.
        ("sip:whole.example;transport=udp", "udp [2001:db8::1]:5060, udp 192.0.2.1:5060, udp 192.0.2.2:5070"),
        // No NAPTR: which SRV records there are.
        ("sip:srv.example", "tcp [2001:db8::1]:5080, tcp 192.0.2.1:5080"),
        // A transport without SRV records: the domain's own addresses.
        ("sip:srv.example;transport=udp", "udp 192.0.2.99:5060"),
        ("sip:plain.example", "udp 192.0.2.3:5060"),
        ("sips:plain.example", "tls 192.0.2.3:5061"),
        ("sip:plain.example;transport=tcp", "tcp 192.0.2.3:5060"),
        // RFC 2782: a target of "." is nobody.
        ("sip:none.example", ""),
        ("sip:nowhere.example", ""),
    ] {
        let mut world = World::new(LocateConf::default());
        let place = place(uri);
        world.targets(&place);
        assert_eq!(print(&world.targets(&place)), want, "{uri}");
    }
}

#[test]
fn only_families_we_speak_are_asked_for() {
    let mut world = World::new(LocateConf { ipv4: true, ipv6: false });
    let place = place("sip:a.whole.example:5060");
    world.targets(&place);
    assert_eq!(print(&world.targets(&place)), "udp 192.0.2.1:5060");
    assert_eq!(world.asked, 1);
}

#[test]
fn a_kept_name_is_asked_for_anew_before_a_call_needs_it() {
    let mut world = World::new(LocateConf::default());
    let plain = place("sip:plain.example;transport=udp");
    world.keep(&plain);
    assert_eq!(world.located.len(), 1);
    world.zone = "plain.example 60 A 192.0.2.33".parse().expect("a zone");
    world.pass(Duration::from_secs(59));
    assert_eq!(print(&world.targets(&plain)), "udp 192.0.2.3:5060", "it still holds");
    world.pass(Duration::from_secs(1));
    assert_eq!(print(&world.targets(&plain)), "udp 192.0.2.33:5060");
    assert_eq!(world.located, [plain.clone(), plain.clone()], "and that is said");
    assert_eq!(world.locator.addresses(&plain, world.now), ["192.0.2.33".parse::<std::net::IpAddr>().expect("an IP")]);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.located.len(), 2, "the same again is no news");
}

#[test]
fn while_the_name_servers_are_silent_the_last_word_counts() {
    let mut world = World::new(LocateConf::default());
    let plain = place("sip:plain.example;transport=udp");
    world.keep(&plain);
    world.zone.silent = true;
    world.pass(Duration::from_secs(12 * 3600));
    assert_eq!(print(&world.targets(&plain)), "udp 192.0.2.3:5060");
    let asked = world.asked;
    world.pass(Duration::from_secs(3600));
    assert!((60..=200).contains(&(world.asked - asked)), "asked {} times in an hour", world.asked - asked);
    world.zone = "plain.example 60 A 192.0.2.34".parse().expect("a zone");
    world.pass(Duration::from_secs(60));
    assert_eq!(print(&world.targets(&plain)), "udp 192.0.2.34:5060", "they are back");
}

#[test]
fn a_server_that_never_heard_of_naptr_does_not_keep_us_from_srv() {
    let mut world = World::new(LocateConf::default());
    let (place, now) = (place("sip:srv.example"), world.now);
    let mut out = Vec::new();
    assert!(world.locator.targets(&place, now, &mut out).is_empty());
    let answer = |world: &World, question: &locate::Question| match question.kind {
        Kind::Naptr => locate::Answer::Failed,
        _ => world.zone.answer(question),
    };
    while let Some(output) = out.pop() {
        if let Output::Ask(question) = output {
            let answer = answer(&world, &question);
            world.locator.handle(Input::Answered { question, answer }, now, &mut out);
        }
    }
    assert_eq!(print(&world.targets(&place)), "tcp [2001:db8::1]:5080, tcp 192.0.2.1:5080");
}

#[test]
fn what_failed_comes_last_for_a_while() {
    let mut world = World::new(LocateConf { ipv4: true, ipv6: false });
    let place = place("sip:whole.example;transport=udp");
    world.keep(&place);
    let (first, second) = ("udp 192.0.2.1:5060", "udp 192.0.2.2:5070");
    assert_eq!(print(&world.targets(&place)), format!("{first}, {second}"));
    let failed = world.targets(&place)[0];
    let rest = Duration::from_secs(30);
    world.locator.handle(Input::Failed { target: failed, rest }, world.now, &mut Vec::new());
    assert_eq!(print(&world.targets(&place)), format!("{second}, {first}"));
    world.pass(rest);
    assert_eq!(print(&world.targets(&place)), format!("{first}, {second}"));
    world.locator.handle(Input::Failed { target: failed, rest }, world.now, &mut Vec::new());
    world.locator.handle(Input::Works(failed), world.now, &mut Vec::new());
    assert_eq!(print(&world.targets(&place)), format!("{first}, {second}"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    /// Calls are spread over servers of one priority as their weights say, whatever the seed; the backup gets none.
    #[test]
    fn calls_are_spread_by_weight(weights in prop::collection::vec(1_u16..100, 2..5), seed: u64) {
        let lines = weights.iter().enumerate().map(|(at, weight)| format!(
            "_sip._udp.c.example 60 SRV 1 {weight} 5060 s{at}.c.example\ns{at}.c.example 60 A 192.0.2.{at}\n"));
        let backup = "_sip._udp.c.example 60 SRV 2 100 5060 backup.example\nbackup.example 60 A 192.0.2.100".to_owned();
        let zone: Zone = lines.chain([backup]).collect::<String>().parse().expect("a zone");
        let mut world = World { zone, locator: Locator::new(LocateConf::default(), Random::numbered(seed)), ..World::new(LocateConf::default()) };
        let place = place("sip:c.example;transport=udp");
        world.keep(&place);
        let mut calls: BTreeMap<u8, usize> = BTreeMap::new();
        for _ in 0..2_000 {
            let targets = world.targets(&place);
            prop_assert_eq!(targets.len(), weights.len() + 1);
            prop_assert_eq!(print(&targets[weights.len()..]), "udp 192.0.2.100:5060");
            let std::net::IpAddr::V4(first) = targets[0].address.ip() else { panic!("no IPv4") };
            *calls.entry(first.octets()[3]).or_default() += 1;
        }
        let sum: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        for (at, weight) in weights.iter().enumerate() {
            let (got, want) = (calls.get(&(at as u8)).copied().unwrap_or(0), 2_000 * usize::from(*weight) / sum);
            prop_assert!(got.abs_diff(want) < 200, "server {} of {:?} got {} calls, not about {}", at, weights, got, want);
        }
    }

    /// Whatever is asked and said in whatever order: what it is told about nothing it keeps nothing of, and it ends.
    #[test]
    fn a_name_that_leads_to_itself_ends(target in "(a|b|_sip[.]_udp[.]a|c)[.]example", seed: u64) {
        let zone = format!("a.example 0 NAPTR 1 1 s SIP+D2U {target}\n{target} 0 SRV 1 1 1 {target}");
        let mut world = World { zone: zone.parse().expect("a zone"), locator: Locator::new(LocateConf::default(), Random::numbered(seed)), ..World::new(LocateConf::default()) };
        let place = place("sip:a.example");
        world.keep(&place);
        world.pass(Duration::from_secs(60));
        prop_assert!(world.targets(&place).is_empty());
    }
}
