//! Two endpoints call each other over a network that loses, doubles and reorders, and those above them do whatever
//! they may at any moment. From a seed; a failure names it.
//!
//! The laws: one `Ended` for each leg, and nothing after it; no call stands at one end only; nothing is left over in the
//! end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Random, Time};
use bytes::Bytes;
use sip::{Command, End, Endpoint, Event, Flow, Input, NameAddr, Outgoing, Output, Peer, SipConf, Transport};

const CALLS: usize = 40;

/// What one leg has been through.
#[derive(Debug, Default)]
struct Life {
    answered: bool,
    ends: Vec<End>,
}

struct Side {
    endpoint: Endpoint,
    address: SocketAddr,
    legs: BTreeMap<LegId, Life>,
    /// What those above will do, and when.
    plans: Vec<(Time, Command)>,
}

struct World {
    seed: u64,
    random: Random,
    now: Time,
    sides: [Side; 2],
    /// Datagrams on the way: when they arrive, to whom.
    wire: Vec<(Time, usize, Bytes)>,
    loss_percent: u64,
    double_percent: u64,
    reliable: bool,
    patience: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::numbered(seed);
        let addresses: [SocketAddr; 2] = ["192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap()];
        let side = |at: usize, random: &mut Random| {
            let peer = Peer {
                name: "peer".into(),
                addresses: vec![addresses[1 - at].ip().into()],
                by_certificate: false,
                port: None,
                line: None,
                credentials: None,
            };
            let conf = SipConf { trunks: vec![peer], ..SipConf::default() };
            let endpoint = Endpoint::new(conf, random.fork());
            Side { endpoint, address: addresses[at], legs: BTreeMap::new(), plans: Vec::new() }
        };
        let sides = [side(0, &mut random), side(1, &mut random)];
        let reliable = random.one_in(5);
        let (loss_percent, double_percent) = if reliable { (0, 0) } else { (random.below(35), random.below(20)) };
        let patience = 1 + random.below(9000);
        World {
            seed,
            random,
            now: Time::ZERO,
            sides,
            wire: Vec::new(),
            loss_percent,
            double_percent,
            reliable,
            patience,
        }
    }

    fn flow(&self, from: usize) -> Flow {
        let (transport, connection) = if self.reliable { (Transport::Tcp, 1) } else { (Transport::Udp, 0) };
        Flow { transport, local: self.sides[from].address, remote: self.sides[1 - from].address, connection }
    }

    fn call(&mut self) {
        let at = self.random.below(2) as usize;
        let leg = self.sides[at].endpoint.new_leg();
        self.sides[at].legs.insert(leg, Life::default());
        let flow = self.flow(at);
        let invite = Outgoing {
            uri: format!("sip:x@{}", flow.remote),
            flow,
            from: NameAddr::new("sip:a@centrala"),
            to: NameAddr::new("sip:b@centrala"),
            sdp: "v=0 offer".into(),
            credentials: None,
            headers: vec![],
            remove: vec![],
            patience: None,
            others: vec![],
        };
        self.tell(at, Input::Command(Command::Invite { leg, invite: Box::new(invite) }));
        if self.random.one_in(2) {
            self.plan(at, Command::HangUp { leg, status: None });
        }
    }

    fn tell(&mut self, at: usize, input: Input) {
        let mut out = Vec::new();
        self.sides[at].endpoint.handle(input, self.now, &mut out);
        for output in out {
            match output {
                Output::Send { bytes, .. } => self.send(1 - at, bytes),
                Output::Event(event) => self.hear(at, event),
                Output::Close { .. } | Output::Reuse { .. } => {}
            }
        }
    }

    fn send(&mut self, to: usize, bytes: Bytes) {
        if self.random.below(100) < self.loss_percent {
            return;
        }
        let copies = 1 + u64::from(self.random.below(100) < self.double_percent);
        for _ in 0..copies {
            // A stream keeps its order.
            let delay = if self.reliable { 20 } else { 1 + self.random.below(300) };
            self.wire.push((self.now + Duration::from_millis(delay), to, bytes.clone()));
        }
    }

    fn plan(&mut self, at: usize, command: Command) {
        let when = self.now + Duration::from_millis(self.random.below(self.patience));
        self.sides[at].plans.push((when, command));
    }

    fn hear(&mut self, at: usize, event: Event) {
        let seed = self.seed;
        let life = |world: &mut World, leg: LegId| {
            let life = world.sides[at].legs.get_mut(&leg).unwrap_or_else(|| panic!("seed {seed}: unknown {leg:?}"));
            assert!(life.ends.is_empty(), "seed {seed}: {leg:?} hears something after its end");
        };
        match event {
            Event::Incoming(incoming) => {
                let leg = incoming.leg;
                assert!(self.sides[at].legs.insert(leg, Life::default()).is_none(), "seed {seed}: {leg:?} twice");
                let sdp = Bytes::from_static(b"v=0 answer");
                if self.random.one_in(2) {
                    let early = self.random.one_in(2);
                    let (status, sdp) = if early { (183, Some(sdp.clone())) } else { (180, None) };
                    self.plan(at, Command::Ring { leg, status, sdp });
                }
                match self.random.below(6) {
                    0 => self.plan(at, Command::Reject { leg, status: 486 }),
                    1 => self.plan(at, Command::HangUp { leg, status: None }),
                    _ => self.plan(at, Command::Answer { leg, sdp }),
                }
                if self.random.one_in(2) {
                    self.plan(at, Command::HangUp { leg, status: None });
                }
            }
            Event::Ringing { leg, .. } => life(self, leg),
            Event::Answered { leg, .. } | Event::Confirmed { leg, .. } => {
                life(self, leg);
                self.sides[at].legs.get_mut(&leg).unwrap().answered = true;
                if self.random.one_in(2) {
                    self.plan(at, Command::HangUp { leg, status: Some(200) });
                }
                if self.random.one_in(3) {
                    self.plan(at, Command::Offer { leg, sdp: Bytes::from_static(b"v=0 another") });
                }
            }
            Event::Offered { leg, .. } => {
                life(self, leg);
                match self.random.below(4) {
                    0 => self.plan(at, Command::Reject { leg, status: 488 }),
                    _ => self.plan(at, Command::Answer { leg, sdp: Bytes::from_static(b"v=0 answer") }),
                }
            }
            Event::Refer { leg, .. }
            | Event::UserToUser { leg, .. }
            | Event::Metadata { leg, .. }
            | Event::Agreed { leg, .. }
            | Event::Declined { leg, .. }
            | Event::OfferDue { leg }
            | Event::Digit { leg, .. } => life(self, leg),
            Event::Ended { leg, end } => {
                life(self, leg);
                self.sides[at].legs.get_mut(&leg).unwrap().ends.push(end);
            }
            Event::Unreached { .. } | Event::Registered { .. } | Event::Unregistered { .. } | Event::Refused { .. } => {
            }
            Event::Banned(_) | Event::Flooded { .. } | Event::RequestDone { .. } => {}
            Event::Unavailable { .. }
            | Event::Subscribes(_)
            | Event::Named { .. }
            | Event::Published { .. }
            | Event::Text { .. }
            | Event::Said { .. } => {}
        }
    }

    /// The next moment something happens at, and that it happens.
    fn step(&mut self) -> bool {
        let arrivals = self.wire.iter().map(|(at, ..)| *at);
        let plans = self.sides.iter().flat_map(|side| side.plans.iter().map(|(at, _)| *at));
        let ticks = self.sides.iter().filter_map(|side| side.endpoint.deadline());
        let Some(next) = arrivals.chain(plans).chain(ticks).min() else { return false };
        self.now = self.now.max(next);
        if let Some(index) = self.wire.iter().position(|(at, ..)| *at <= self.now) {
            // The first of a stream, any of the datagrams.
            let (_, to, bytes) = if self.reliable { self.wire.remove(index) } else { self.wire.swap_remove(index) };
            let flow = self.flow(to);
            self.tell(to, Input::Received { flow, bytes });
            return true;
        }
        for at in 0..2 {
            if let Some(index) = self.sides[at].plans.iter().position(|(when, _)| *when <= self.now) {
                let (_, command) = self.sides[at].plans.swap_remove(index);
                self.tell(at, Input::Command(command));
            }
            if self.sides[at].endpoint.deadline().is_some_and(|due| due <= self.now) {
                self.tell(at, Input::Tick);
            }
        }
        true
    }

    fn run(&mut self) {
        for _ in 0..CALLS {
            self.call();
            let end = self.now + Duration::from_millis(self.random.below(2000));
            while self.now < end && self.step() {}
            self.now = self.now.max(end);
        }
        // Everybody has done what they planned; what still stands is hung up, from one side only.
        let settle = self.now + Duration::from_secs(240);
        while self.now < settle && self.step() {}
        let seed = self.seed;
        let standing = |side: &Side| side.legs.values().filter(|life| life.ends.is_empty()).count();
        let counts = [standing(&self.sides[0]), standing(&self.sides[1])];
        assert_eq!(counts[0], counts[1], "seed {seed}: a call stands at one end only");
        let legs: Vec<_> =
            self.sides[0].legs.iter().filter(|(_, life)| life.ends.is_empty()).map(|(leg, _)| *leg).collect();
        for leg in legs {
            assert!(self.sides[0].legs[&leg].answered, "seed {seed}: {leg:?} has no final answer");
            self.tell(0, Input::Command(Command::HangUp { leg, status: None }));
        }
        (self.loss_percent, self.double_percent) = (0, 0);
        while self.step() {}
        for side in &self.sides {
            for (leg, life) in &side.legs {
                assert_eq!(life.ends.len(), 1, "seed {seed}: {leg:?} {life:?}");
            }
            assert_eq!(side.endpoint.legs(), 0, "seed {seed}: legs left");
            assert_eq!(side.endpoint.transactions(), 0, "seed {seed}: transactions left");
        }
    }
}

#[test]
fn every_call_has_one_end_at_both_ends_whatever_the_network_does() {
    let seeds = std::env::var("STORM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60);
    let mut ends = Vec::new();
    for seed in 0..seeds {
        let mut world = World::new(seed);
        world.run();
        ends.extend(world.sides.iter().flat_map(|side| side.legs.values().map(|life| life.ends[0])));
    }
    // The storm reaches every corner.
    for end in [End::Refused(486), End::Refused(480), End::Cancelled, End::Bye, End::HungUp] {
        assert!(ends.contains(&end), "{end:?} never happened");
    }
}

#[test]
fn a_seed_replays_its_storm() {
    let ends = |seed| {
        let mut world = World::new(seed);
        world.run();
        let ends: Vec<_> = world.sides[0].legs.values().map(|life| life.ends.clone()).collect();
        (world.now, ends)
    };
    assert_eq!(ends(5), ends(5));
}
