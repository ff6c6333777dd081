//! The ports of one media thread and the wires between them.
//!
//! Where it stands: the door of this crate. The shell brings datagrams, ticks and the switch's commands; everything
//! that leaves goes through [`Exit`]. A datagram goes from port to port by dense index: no look-up, no lock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use audio::Codec;
use base::{LegId, Random, Time};

use crate::player::Player;
use crate::port::{Heard, Kind, Port};
use crate::tap::Tap;
use crate::timers::Timers;
use crate::wheel::Wheel;
use crate::{Command, Component, Event, Exit, LegStats, MediaLimits, Place};

/// Everything one media thread knows.
pub struct Patchbay {
    limits: MediaLimits,
    random: Random,
    cname: String,
    ports: Vec<Option<Box<Port>>>,
    free: Vec<u32>,
    places: HashMap<LegId, u32>,
    wheel: Wheel,
    timers: Timers,
}

impl Patchbay {
    /// An empty one.
    pub fn new(limits: MediaLimits, mut random: Random) -> Patchbay {
        Patchbay {
            limits,
            cname: random.token(16), // RFC 7022 §4.2: unique, and says nothing of us
            random,
            ports: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            wheel: Wheel::new(),
            timers: Timers::default(),
        }
    }

    /// Do what the switch says.
    pub fn command(&mut self, command: Command, now: Time, exit: &mut impl Exit) {
        match command {
            Command::Open { leg, local } => self.open(leg, local, now, exit),
            Command::Connect { leg, stream } => {
                let report_at = now + self.report_interval();
                self.change(leg, |port| port.connect(*stream, now, report_at));
                self.start_player(leg, now);
            }
            Command::Wire { from, to } => self.wire(from, to),
            Command::Unwire { from, to } => self.unwire(from, to),
            Command::Play { leg, player, sound, repeat } => {
                self.change(leg, |port| {
                    port.player = Some(Player::new(player, sound, repeat));
                    port.out.cut();
                });
                self.start_player(leg, now);
            }
            Command::Stop { leg } => self.change(leg, |port| {
                if port.player.take().is_some() {
                    port.out.cut();
                }
            }),
            Command::Tap { leg, recording, channel, began } => self.change(leg, |port| {
                port.flush(exit);
                port.tap = Some(Tap::new(recording, channel, began));
            }),
            Command::Untap { leg } => self.change(leg, |port| {
                port.flush(exit);
                port.tap = None;
            }),
            Command::Close { leg } => self.close(leg, exit),
        }
    }

    /// A datagram came to a leg's port; it is rewritten where it lies.
    pub fn packet(
        &mut self,
        leg: LegId,
        component: Component,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Time,
        exit: &mut impl Exit,
    ) {
        if let Some(place) = self.place(leg) {
            self.packet_at(place, component, from, bytes, now, exit);
        }
    }

    /// The same, for who has kept the leg's place. HOT: no allocation, no hashing.
    #[inline]
    pub fn packet_at(
        &mut self,
        place: Place,
        component: Component,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Time,
        exit: &mut impl Exit,
    ) {
        let Some(port) = self.ports.get_mut(place.index as usize).and_then(Option::as_deref_mut) else { return };
        if port.place.leg != place.leg {
            return; // the leg has closed, another stands there
        }
        if component == Component::Rtcp || port.is_muxed_rtcp(bytes) {
            return port.receive_rtcp(from, bytes, now);
        }
        let heard = port.receive(from, bytes, now, &self.limits, exit);
        // A clip was begun: see that it is given up should the leg fall silent.
        if let Some(due) = port.tap.as_ref().and_then(Tap::due)
            && due < port.timer
        {
            port.timer = due;
            self.timers.set(due, place.index);
        }
        let Some(heard) = heard else { return };
        match port.sinks[..] {
            [] => {}
            [sink] => {
                let mut codec = heard.codec();
                if let Some(sink) = self.ports[sink as usize].as_deref_mut() {
                    sink.relay(&heard, &mut codec, bytes, now, exit);
                }
            }
            _ => self.relay_to_many(place.index, &heard, bytes, now, exit),
        }
    }

    /// Time has passed: frames to play, reports to send, silences to notice.
    pub fn tick(&mut self, now: Time, exit: &mut impl Exit) {
        let Patchbay { ports, wheel, .. } = self;
        wheel.turn(now, |place| {
            let port = ports.get_mut(place.index as usize)?.as_deref_mut().filter(|port| port.place == place)?;
            port.play(now, exit)
        });
        while let Some((due, index)) = self.timers.due(now) {
            let again = self.report_interval();
            let Some(port) = self.ports[index as usize].as_deref_mut().filter(|port| port.timer == due) else {
                continue;
            };
            port.look(now, &self.cname, &self.limits, again, exit);
            port.timer = port.due(&self.limits);
            if port.timer != Time::NEVER {
                self.timers.set(port.timer, index);
            }
        }
    }

    /// When the next tick is wanted, if nothing else happens.
    pub fn deadline(&self) -> Option<Time> {
        [self.wheel.deadline(), self.timers.deadline()].into_iter().flatten().min()
    }

    /// Where a leg stands; nothing if it is not open.
    pub fn place(&self, leg: LegId) -> Option<Place> {
        self.places.get(&leg).map(|index| Place { leg, index: *index })
    }

    /// How many legs are open.
    pub fn legs(&self) -> usize {
        self.places.len()
    }

    /// A leg's counts so far.
    pub fn stats(&self, leg: LegId) -> Option<LegStats> {
        let index = *self.places.get(&leg)?;
        self.ports[index as usize].as_deref().map(Port::stats)
    }

    /// Close every leg: the thread ends.
    pub fn close_all(&mut self, exit: &mut impl Exit) {
        let legs: Vec<LegId> = self.ports.iter().flatten().map(|port| port.place.leg).collect();
        legs.into_iter().for_each(|leg| self.close(leg, exit));
    }

    fn open(&mut self, leg: LegId, local: SocketAddr, now: Time, exit: &mut impl Exit) {
        if self.places.contains_key(&leg) {
            return;
        }
        if self.places.len() >= self.limits.legs_max as usize {
            return exit.event(Event::PortTaken { leg, local });
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.ports.push(None);
            (self.ports.len() - 1) as u32
        });
        self.ports[index as usize] = Some(Box::new(Port::new(Place { leg, index }, now, &mut self.random)));
        self.places.insert(leg, index);
    }

    fn close(&mut self, leg: LegId, exit: &mut impl Exit) {
        let Some(index) = self.places.remove(&leg) else { return };
        let Some(mut port) = self.ports[index as usize].take() else { return };
        self.free.push(index);
        port.flush(exit);
        for sink in port.sinks.iter().filter(|sink| **sink != index) {
            if let Some(sink) = self.ports[*sink as usize].as_deref_mut() {
                sink.source = None;
            }
        }
        if let Some(source) = port.source.filter(|source| *source != index) {
            self.forget_sink(source, index);
        }
        exit.event(Event::Closed { leg, stats: Box::new(port.stats()) });
    }

    fn wire(&mut self, from: LegId, to: LegId) {
        let (Some(from), Some(to)) = (self.place(from), self.place(to)) else { return };
        let Some(sink) = self.ports[to.index as usize].as_deref_mut() else { return };
        let before = sink.source.replace(from.index);
        if before == Some(from.index) {
            return;
        }
        sink.out.cut();
        if let Some(before) = before {
            self.forget_sink(before, to.index);
        }
        if let Some(source) = self.ports[from.index as usize].as_deref_mut() {
            source.sinks.push(to.index);
        }
    }

    fn unwire(&mut self, from: LegId, to: LegId) {
        let (Some(from), Some(to)) = (self.place(from), self.place(to)) else { return };
        let Some(sink) = self.ports[to.index as usize].as_deref_mut() else { return };
        if sink.source != Some(from.index) {
            return;
        }
        sink.source = None;
        sink.out.cut();
        self.forget_sink(from.index, to.index);
    }

    fn forget_sink(&mut self, source: u32, sink: u32) {
        if let Some(source) = self.ports[source as usize].as_deref_mut() {
            source.sinks.retain(|other| *other != sink);
        }
    }

    /// Sinks of the talker's own codec first: the others change the payload.
    #[cold]
    fn relay_to_many(&mut self, source: u32, heard: &Heard, bytes: &mut [u8], now: Time, exit: &mut impl Exit) {
        let mut codec = heard.codec();
        for same in [true, false] {
            let mut nth = 0;
            while let Some(sink) = self.ports[source as usize].as_deref().and_then(|port| port.sinks.get(nth).copied())
            {
                nth += 1;
                let Some(sink) = self.ports[sink as usize].as_deref_mut() else { continue };
                if sink.line.as_ref().is_some_and(|line| (line.conf.codec == heard.codec()) == same) {
                    sink.relay(heard, &mut codec, bytes, now, exit);
                }
            }
        }
    }

    /// Change a port, and see to its slow deadline.
    fn change(&mut self, leg: LegId, change: impl FnOnce(&mut Port)) {
        let Some(place) = self.place(leg) else { return };
        let Some(port) = self.ports[place.index as usize].as_deref_mut() else { return };
        change(port);
        let due = port.due(&self.limits);
        if due < port.timer {
            port.timer = due;
            self.timers.set(due, place.index);
        }
    }

    /// A player plays once there is someone to play to.
    fn start_player(&mut self, leg: LegId, now: Time) {
        let Some(place) = self.place(leg) else { return };
        let Some(port) = self.ports[place.index as usize].as_deref_mut() else { return };
        if port.player.is_some() && port.line.is_some() && !port.on_wheel {
            port.on_wheel = true;
            self.wheel.start(place, now);
        }
    }

    /// RFC 3550 §6.2: between half and one and a half of the interval, so that reports do not march in step.
    fn report_interval(&mut self) -> Duration {
        let interval_ms = u64::from(self.limits.report_secs.max(1)) * 1000;
        Duration::from_millis(interval_ms / 2 + self.random.below(interval_ms))
    }
}

impl Heard {
    /// What its payload is encoded in; of no meaning for a key.
    fn codec(&self) -> Codec {
        match self.kind {
            Kind::Audio(codec) => codec,
            Kind::Key => Codec::Pcmu,
        }
    }
}
