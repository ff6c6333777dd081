//! A patchbay, its clock, and a book of all it did.

use std::net::SocketAddr;
use std::time::Duration;

use audio::{Clip, Codec, Sound};
use base::{CallId, LegId, Random, RecordingId, Time};
use media::{Channel, Command, Component, Event, Exit, MediaLimits, Patchbay, Place, Security, StreamConf};
use rtp::Packet;

pub const A: LegId = LegId(1);
pub const B: LegId = LegId(2);
pub const C: LegId = LegId(3);

pub struct Room {
    pub bay: Patchbay,
    pub now: Time,
    pub book: Book,
}

/// What left the patchbay.
#[derive(Default)]
pub struct Book {
    pub sent: Vec<Sent>,
    pub events: Vec<Event>,
    pub clips: Vec<(Channel, Clip)>,
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub leg: LegId,
    pub component: Component,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Exit for Book {
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]) {
        self.sent.push(Sent { leg: from.leg, component, to, bytes: bytes.to_vec() });
    }
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
    fn tapped(&mut self, _recording: RecordingId, channel: Channel, clip: Clip) {
        self.clips.push((channel, clip));
    }
}

impl Sent {
    pub fn packet(&self) -> Packet {
        Packet::read(&self.bytes).expect("we send what can be read")
    }
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.packet().payload]
    }
}

impl Room {
    pub fn new() -> Room {
        let bay = Patchbay::new(MediaLimits::default(), Random::numbered(7));
        Room { bay, now: Time::from_millis(1000), book: Book::default() }
    }

    pub fn with_identity(identity: std::sync::Arc<media::Identity>) -> Room {
        let room = Room::new();
        Room { bay: room.bay.with_identity(identity), ..room }
    }

    /// A and B, connected and wired both ways.
    pub fn talking() -> Room {
        let mut room = Room::new();
        room.connected(&[A, B]);
        room.tell(Command::Wire { from: A, to: B });
        room.tell(Command::Wire { from: B, to: A });
        room
    }

    pub fn connected(&mut self, legs: &[LegId]) {
        for leg in legs {
            self.open(*leg);
            self.connect(*leg, |_| {});
        }
    }

    pub fn open(&mut self, leg: LegId) {
        self.tell(Command::Open { leg, local: SocketAddr::from(([192, 0, 2, 1], 20_000 + leg.0 as u16 * 2)) });
    }

    pub fn connect(&mut self, leg: LegId, change: impl FnOnce(&mut StreamConf)) {
        let mut stream = Box::new(stream(leg));
        change(&mut stream);
        self.tell(Command::Connect { leg, stream });
    }

    pub fn play(&mut self, leg: LegId, player: u32, sound: &Sound, repeat: bool) {
        self.tell(Command::Play { leg, player, sound: sound.clone().into(), repeat });
    }

    pub fn tap(&mut self, leg: LegId) {
        let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        self.tell(Command::Tap {
            leg,
            recording,
            channel: Channel::Left,
            began: self.now,
            rate: audio::SAMPLE_RATE,
            beep: None,
        });
    }

    pub fn tell(&mut self, command: Command) {
        self.bay.command(command, self.now, &mut self.book);
    }

    pub fn datagram(&mut self, leg: LegId, component: Component, from: SocketAddr, mut bytes: Vec<u8>) {
        self.bay.packet(leg, component, from, &mut bytes, self.now, &mut self.book);
    }

    /// Time passes, with a tick at every deadline.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(due) = self.bay.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.bay.tick(self.now, &mut self.book);
        }
        self.now = end;
    }

    /// What a leg was sent, RTP only, since last asked; what others were sent is kept.
    pub fn heard(&mut self, leg: LegId) -> Vec<Sent> {
        self.take(|sent| sent.leg == leg && sent.component == Component::Rtp)
    }

    pub fn reports(&mut self, leg: LegId) -> Vec<Sent> {
        self.take(|sent| sent.leg == leg && rtp::is_rtcp(&sent.bytes))
    }

    fn take(&mut self, which: impl Fn(&Sent) -> bool) -> Vec<Sent> {
        let (taken, left) = self.book.sent.drain(..).partition(which);
        self.book.sent = left;
        taken
    }
}

/// The address of a leg's phone.
pub fn phone(leg: LegId) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, leg.0 as u8], 4000))
}

/// Its RTCP.
pub fn phone_rtcp(leg: LegId) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, leg.0 as u8], 4001))
}

pub fn stream(leg: LegId) -> StreamConf {
    StreamConf {
        remote: phone(leg),
        remote_rtcp: phone_rtcp(leg),
        rtcp_mux: false,
        codec: Codec::Pcmu,
        payload_type: 0,
        telephone_event: Some(101),
        telephone_event_rate: 8000,
        ptime_ms: 20,
        sends: true,
        receives: true,
        learn: None,
        security: Security::Open,
    }
}

/// The talking half of a phone.
#[derive(Clone)]
pub struct Mouth {
    pub leg: LegId,
    pub from: SocketAddr,
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
}

impl Mouth {
    pub fn of(leg: LegId) -> Mouth {
        let ssrc = 1000 + leg.0 as u32;
        Mouth { leg, from: phone(leg), ssrc, payload_type: 0, sequence: 65_530, timestamp: u32::MAX - 500 }
    }

    /// The next packet, as bytes.
    pub fn next(&mut self, payload: &[u8]) -> Vec<u8> {
        let bytes = self.packet(self.payload_type, payload);
        self.timestamp = self.timestamp.wrapping_add(payload.len() as u32);
        bytes
    }

    /// A packet that takes a number and no time.
    pub fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend_from_slice(payload);
        rtp::write_header(&mut bytes, payload_type, self.sequence, self.timestamp, self.ssrc, false);
        self.sequence = self.sequence.wrapping_add(1);
        bytes
    }

    /// Say one packet now.
    pub fn say(&mut self, room: &mut Room, payload: &[u8]) {
        let bytes = self.next(payload);
        room.datagram(self.leg, Component::Rtp, self.from, bytes);
    }

    /// Say `packets` packets of 20 ms in their time; each is filled with its number, from `first` on.
    pub fn speak(&mut self, room: &mut Room, first: u8, packets: u8) {
        for n in first..first + packets {
            self.say(room, &[n; 160]);
            room.pass(20);
        }
    }

    /// One packet of a pressed key.
    pub fn key(&mut self, room: &mut Room, digit: char, duration: u16, end: bool, marker: bool) {
        let code = rtp::event::Event::code_of(digit).unwrap();
        let event = rtp::event::Event { code, end, volume: 10, duration };
        let mut bytes = self.packet(101, &event.to_bytes());
        bytes[1] |= u8::from(marker) << 7;
        room.datagram(self.leg, Component::Rtp, self.from, bytes);
    }
}
