//! The ports of one media thread and the wires between them.
//!
//! Where it stands: the door of this crate. The shell brings datagrams, ticks and the switch's commands; everything
//! that leaves goes through [`Exit`]. A datagram goes from port to port by dense index: no look-up, no lock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use audio::Codec;
use base::{LegId, Random, Time};

use crate::beep::{Beep, Beeps};
use crate::mix::Recipe;
use crate::mixes::Mixes;
use crate::player::Player;
use crate::port::{Heard, Kind, Line, Port};
use crate::talkers::Talkers;
use crate::tap::Tap;
use crate::timers::Timers;
use crate::voice::Voice;
use crate::wheel::Wheel;
use crate::{Command, Component, Event, Exit, Identity, LegStats, MediaLimits, Place};

/// Everything one media thread knows.
pub struct Patchbay {
    limits: MediaLimits,
    random: Random,
    identity: Option<Arc<Identity>>,
    cname: String,
    ports: Vec<Option<Box<Port>>>,
    free: Vec<u32>,
    places: HashMap<LegId, u32>,
    wheel: Wheel,
    timers: Timers,
    mixes: Mixes,
    talkers: Talkers,
    beeps: Beeps,
}

impl Patchbay {
    /// An empty one.
    pub fn new(limits: MediaLimits, mut random: Random) -> Patchbay {
        Patchbay {
            limits,
            identity: None,
            cname: random.token(16), // RFC 7022 §4.2: unique, and says nothing of us
            random,
            ports: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            wheel: Wheel::new(),
            timers: Timers::default(),
            mixes: Mixes::default(),
            talkers: Talkers::default(),
            beeps: Beeps::default(),
        }
    }

    /// The same, which shows this certificate to browsers; without one they are sent nothing.
    pub fn with_identity(self, identity: Arc<Identity>) -> Patchbay {
        Patchbay { identity: Some(identity), ..self }
    }

    /// Do what the switch says.
    pub fn command(&mut self, command: Command, now: Time, exit: &mut impl Exit) {
        match command {
            Command::Open { leg, local } => self.open(leg, local, now, exit),
            Command::Connect { leg, stream } => {
                let report_at = now + self.report_interval();
                self.change(leg, |port| {
                    port.connect(*stream, now, report_at);
                    exit.hears_only(port.place, port.line.as_ref().and_then(Line::only_source));
                });
                self.settle_all_about(leg, now);
                self.start_wheel(leg, now);
            }
            Command::Wire { from, to } => self.wire(from, to, now),
            Command::Unwire { from, to } => self.unwire(from, to, now),
            Command::Play { leg, player, sound, repeat } => {
                self.change(leg, |port| {
                    port.player = Some(Box::new(Player::new(player, sound, repeat)));
                    port.out.cut();
                });
                self.start_wheel(leg, now);
            }
            Command::Press { leg, digit } => {
                self.change(leg, |port| port.press(digit));
                self.start_wheel(leg, now);
            }
            Command::Stop { leg } => self.change(leg, |port| {
                if port.player.take().is_some() {
                    port.out.cut();
                }
            }),
            Command::Keys { leg, heard } => self.change(leg, |port| port.keys_heard = heard),
            Command::Tap { leg, recording, channel, began, rate, beep } => {
                self.change(leg, |port| {
                    port.flush(exit);
                    let beep = beep.map(|every| Beep::new(every, now));
                    port.tap = Some(Box::new(Tap::new(recording, channel, began, rate, beep)));
                });
                self.resettle_leg(leg, now);
            }
            Command::Deafen { leg, deaf } => self.change(leg, |port| {
                port.flush(exit);
                if let Some(tap) = &mut port.tap {
                    tap.deaf = deaf;
                }
            }),
            Command::Untap { leg } => {
                self.change(leg, |port| {
                    port.flush(exit);
                    port.tap = None;
                });
                self.resettle_leg(leg, now);
            }
            Command::Move { leg, .. } => self.change(leg, |port| {
                exit.hears_only(port.place, port.line.as_ref().and_then(Line::only_source));
            }),
            Command::Close { leg } => self.close(leg, now, exit),
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
        if port.is_about_web(bytes) {
            port.receive_web(from, bytes, self.identity.as_ref(), now, exit);
            let due = port.due(&self.limits);
            if due < port.timer {
                port.timer = due;
                self.timers.set(due, place.index);
            }
            return;
        }
        let heard = port.receive(from, bytes, now, &self.limits, exit);
        // A clip was begun: see that it is given up should the leg fall silent.
        if let Some(due) = port.tap.as_deref().and_then(Tap::due)
            && due < port.timer
        {
            port.timer = due;
            self.timers.set(due, place.index);
        }
        let Some(heard) = heard else { return };
        if matches!(heard.kind, Kind::Key { .. }) && !port.listeners.is_empty() {
            self.relay_key_to_listeners(place.index, &heard, bytes, now, exit);
        }
        if let Some(digit) = heard.pressed {
            self.sound_key(place.index, digit, now);
        }
        let Some(port) = self.ports[place.index as usize].as_deref() else { return };
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
        let Patchbay { ports, wheel, mixes, talkers, beeps, .. } = self;
        wheel.turn(now, |place, frame| {
            let port = ports.get_mut(place.index as usize)?.as_deref_mut().filter(|port| port.place == place)?;
            if port.is_playing() || port.mixer.is_none() {
                let again = port.play(now, exit);
                if again.is_some() || port.mixer.is_none() {
                    return again;
                }
                port.on_wheel = true; // the sound is over, the mix goes on
                return Some(FRAME_MS);
            }
            mix(ports, mixes, talkers, beeps, place.index, frame, now, exit)
        });
        while let Some((due, index)) = self.timers.due(now) {
            let again = self.report_interval();
            let Some(port) = self.ports[index as usize].as_deref_mut().filter(|port| port.timer == due) else {
                continue;
            };
            port.look(now, &self.cname, self.identity.as_ref(), &self.limits, again, exit);
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

    /// Where all of them stand.
    pub fn places(&self) -> Vec<Place> {
        self.ports.iter().flatten().map(|port| port.place).collect()
    }

    /// How many legs are open.
    pub fn legs(&self) -> usize {
        self.places.len()
    }

    /// How many mixes are made: one for all who hear the same in the same codec.
    pub fn mixes(&self) -> usize {
        self.mixes.len()
    }

    /// A leg's counts so far.
    pub fn stats(&self, leg: LegId) -> Option<LegStats> {
        let index = *self.places.get(&leg)?;
        self.ports[index as usize].as_deref().map(Port::stats)
    }

    /// Close every leg: the thread ends.
    pub fn close_all(&mut self, exit: &mut impl Exit) {
        let legs: Vec<LegId> = self.ports.iter().flatten().map(|port| port.place.leg).collect();
        legs.into_iter().for_each(|leg| self.close(leg, Time::ZERO, exit));
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

    fn close(&mut self, leg: LegId, now: Time, exit: &mut impl Exit) {
        let Some(index) = self.places.remove(&leg) else { return };
        let hearers = self.hearers(index);
        let Some(mut port) = self.ports[index as usize].take() else { return };
        self.free.push(index);
        port.flush(exit);
        if let Some(mixer) = &port.mixer {
            self.mixes.leave(mixer);
        }
        for source in &port.sources {
            self.forget_sink(*source, index);
        }
        for sink in hearers.into_iter().filter(|sink| *sink != index) {
            if let Some(sink) = self.ports[sink as usize].as_deref_mut() {
                sink.sources.retain(|source| *source != index);
            }
            self.resettle(sink, now);
        }
        for source in port.sources.iter().filter(|source| **source != index) {
            self.settle_voice(*source);
        }
        exit.event(Event::Closed { leg, stats: Box::new(port.stats()) });
    }

    fn wire(&mut self, from: LegId, to: LegId, now: Time) {
        let (Some(from), Some(to)) = (self.place(from), self.place(to)) else { return };
        let Some(sink) = self.ports[to.index as usize].as_deref_mut() else { return };
        if let Err(at) = sink.sources.binary_search(&from.index)
            && sink.sources.len() < SOURCES_MAX
        {
            sink.sources.insert(at, from.index);
            if sink.mixer.is_none() {
                sink.out.cut();
            }
            if !self.is_settled(to.index) {
                self.settle(to.index, now);
            } else if let Some(source) = self.ports[from.index as usize].as_deref_mut() {
                source.listeners.push(to.index);
                self.settle_voice(from.index);
            }
        }
    }

    fn unwire(&mut self, from: LegId, to: LegId, now: Time) {
        let (Some(from), Some(to)) = (self.place(from), self.place(to)) else { return };
        let Some(sink) = self.ports[to.index as usize].as_deref_mut() else { return };
        let before = sink.sources.len();
        sink.sources.retain(|source| *source != from.index);
        if sink.sources.len() < before {
            if sink.mixer.is_none() {
                sink.out.cut();
            }
            self.forget_sink(from.index, to.index);
            self.resettle(to.index, now);
            self.settle_voice(from.index);
        }
    }

    fn forget_sink(&mut self, source: u32, sink: u32) {
        if let Some(source) = self.ports[source as usize].as_deref_mut() {
            source.sinks.retain(|other| *other != sink);
            source.listeners.retain(|other| *other != sink);
        }
    }

    /// Who hears a leg, in whichever way.
    fn hearers(&self, index: u32) -> Vec<u32> {
        let port = self.ports[index as usize].as_deref();
        port.map_or(Vec::new(), |port| port.sinks.iter().chain(&port.listeners).copied().collect())
    }

    /// A leg has agreed on something, perhaps anew: how it hears and is heard may have changed.
    fn settle_all_about(&mut self, leg: LegId, now: Time) {
        let Some(place) = self.place(leg) else { return };
        self.settle(place.index, now);
        for sink in self.hearers(place.index) {
            self.resettle(sink, now);
        }
        self.settle_voice(place.index);
    }

    /// Settle a leg anew, if who came or went makes a difference to how it hears the others. In a mix it mostly does not.
    fn resettle(&mut self, index: u32, now: Time) {
        if !self.is_settled(index) {
            self.settle(index, now);
        }
    }

    fn resettle_leg(&mut self, leg: LegId, now: Time) {
        if let Some(place) = self.place(leg) {
            self.resettle(place.index, now);
        }
    }

    /// The leg hears a mix, and it is made as it should be.
    fn is_settled(&self, index: u32) -> bool {
        let mixer = self.ports[index as usize].as_deref().and_then(|port| port.mixer.as_deref());
        mixer.is_some_and(|mixer| self.way(index) == Some(mixer.recipe))
    }

    /// How a mix for a leg is to be made; none where it hears what is relayed, or has not agreed on anything. One that speaks
    /// its codec (or the other law of G.711) is relayed.
    fn way(&self, index: u32) -> Option<Recipe> {
        let port = self.ports[index as usize].as_deref()?;
        let line = port.line.as_ref()?;
        let own = line.conf.codec;
        let codec_of = |index: u32| Some(self.ports[index as usize].as_deref()?.line.as_ref()?.conf.codec);
        let beeps = port.tap.as_ref().is_some_and(|tap| tap.beep.is_some());
        let relayed = match port.sources[..] {
            [] => true,
            [one] => codec_of(one)
                .is_none_or(|one| !beeps && (own == one || (own.encoding().is_some() && one.encoding().is_some()))),
            _ => false,
        };
        let rate = port.sources.iter().filter_map(|source| Some(codec_of(*source)?.sample_rate())).max();
        (!relayed).then(|| Recipe::new(own, rate.unwrap_or(audio::SAMPLE_RATE), line.ptime_ms()))
    }

    /// Decide how a leg hears its sources: as they come, or decoded and made anew.
    fn settle(&mut self, index: u32, now: Time) {
        let Some(port) = self.ports[index as usize].as_deref() else { return };
        let sources = port.sources.clone();
        let recipe = self.way(index);
        let relayed = recipe.is_none();
        for source in &sources {
            let Some(source) = self.ports[*source as usize].as_deref_mut() else { continue };
            let (there, elsewhere) = match relayed {
                true => (&mut source.sinks, &mut source.listeners),
                false => (&mut source.listeners, &mut source.sinks),
            };
            elsewhere.retain(|other| *other != index);
            if !there.contains(&index) {
                there.push(index);
            }
        }
        let Some(port) = self.ports[index as usize].as_deref_mut() else { return };
        if port.mixer.as_ref().map(|mixer| mixer.recipe) != recipe {
            if let Some(mixer) = &port.mixer {
                self.mixes.leave(mixer);
            }
            port.mixer = recipe.map(|recipe| Box::new(self.mixes.join(recipe)));
            port.out.cut();
        }
        for source in sources {
            self.settle_voice(source);
        }
        let leg = self.ports[index as usize].as_deref().map(|port| port.place.leg);
        leg.into_iter().for_each(|leg| self.start_wheel(leg, now));
    }

    /// A leg is decoded while somebody needs it so, at the highest rate anybody wants.
    fn settle_voice(&mut self, index: u32) {
        let Some(port) = self.ports[index as usize].as_deref() else { return };
        let rate_of = |index: &u32| Some(self.ports[*index as usize].as_deref()?.mixer.as_ref()?.recipe.rate);
        let rate = port.listeners.iter().filter_map(rate_of).max();
        let wanted = rate.and_then(|rate| Some((port.line.as_ref()?.conf.codec, rate)));
        let Some(port) = self.ports[index as usize].as_deref_mut() else { return };
        match wanted {
            None => port.voice = None,
            Some((codec, rate)) if port.voice.as_ref().is_some_and(|voice| voice.is(codec, rate)) => {}
            Some((codec, rate)) => port.voice = Some(Box::new(Voice::new(codec, rate))),
        }
    }

    /// Keys are passed to who hears this leg alone; in a mix they have no place.
    #[cold]
    fn relay_key_to_listeners(&mut self, source: u32, heard: &Heard, bytes: &[u8], now: Time, exit: &mut impl Exit) {
        let mut nth = 0;
        while let Some(sink) = self.ports[source as usize].as_deref().and_then(|port| port.listeners.get(nth).copied())
        {
            nth += 1;
            if let Some(sink) = self.ports[sink as usize].as_deref_mut().filter(|sink| sink.sources.len() == 1) {
                sink.relay_key(heard, &bytes[heard.packet.payload.clone()], now, exit);
            }
        }
    }

    /// Who hears the talker and knows no telephone-events hears the key as sound.
    #[cold]
    fn sound_key(&mut self, source: u32, digit: char, now: Time) {
        let Some(port) = self.ports[source as usize].as_deref() else { return };
        let hearers: Vec<u32> = port.sinks.iter().chain(&port.listeners).copied().collect();
        for hearer in hearers {
            let Some(port) = self.ports[hearer as usize].as_deref_mut() else { continue };
            if port.line.as_ref().is_some_and(|line| line.conf.telephone_event.is_none()) {
                port.press(digit);
                let leg = port.place.leg;
                self.start_wheel(leg, now);
            }
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

    /// A player plays, and a mixer mixes, once there is someone to hear it.
    fn start_wheel(&mut self, leg: LegId, now: Time) {
        let Some(place) = self.place(leg) else { return };
        let Some(port) = self.ports[place.index as usize].as_deref_mut() else { return };
        if (port.is_playing() || port.mixer.is_some()) && port.line.is_some() && !port.on_wheel {
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

#[allow(clippy::too_many_arguments, reason = "the parts of a patchbay, without the wheel that turns")]
/// The frame of each source of a leg is made, and the leg hears the mix of those who speak.
fn mix(
    ports: &mut [Option<Box<Port>>],
    mixes: &mut Mixes,
    talkers: &mut Talkers,
    beeps: &mut Beeps,
    index: u32,
    frame: u64,
    now: Time,
    exit: &mut impl Exit,
) -> Option<u16> {
    let port = ports[index as usize].as_deref_mut()?;
    let (mut mixer, sources) = (port.mixer.take()?, std::mem::take(&mut port.sources));
    let rate = mixer.recipe.rate;
    talkers.clear(sources.len());
    for source in &sources {
        let voice = ports[*source as usize].as_deref_mut().and_then(|source| source.voice.as_deref_mut());
        if let Some(voice) = voice
            && voice.frame(frame, rate, now).is_some()
        {
            talkers.consider(*source, voice.gate());
        }
    }
    let port = ports[index as usize].as_deref_mut()?;
    let leg = port.place.leg;
    let beep = port.tap.as_deref_mut().and_then(|tap| tap.beep(leg, frame, now, exit));
    if let Some(beep) = beep {
        beeps.make(rate);
        talkers.add_last(beep.talker);
    }
    let pcm_of = |source: u32| match beep {
        Some(beep) if beep.talker == source => beeps.pcm(beep, rate),
        _ => ports[source as usize].as_deref()?.voice.as_deref()?.made(frame, rate),
    };
    let mix = mixes.serve(&mut mixer, talkers.chosen(), frame, pcm_of);
    let port = ports[index as usize].as_deref_mut()?;
    if let Some(mix) = mix {
        port.say(&mut mixer, mix, now, exit);
    }
    (port.mixer, port.sources) = (Some(mixer), sources);
    Some(FRAME_MS)
}

/// One mixes at most so many.
const SOURCES_MAX: usize = 1000;
const FRAME_MS: u16 = 20;

impl Heard {
    /// What its payload is encoded in; of no meaning for a key.
    fn codec(&self) -> Codec {
        match self.kind {
            Kind::Audio(codec) => codec,
            Kind::Key { .. } => Codec::Pcmu,
        }
    }
}
