//! One leg's media: what it says, what it hears, and what we know of both.
//!
//! Where it stands: `patchbay` holds the ports and carries packets from one to the others; a port knows no other port,
//! only their indices. [`Port::receive`] is the way in, [`Port::relay`] and [`Port::play`] are the ways out.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use audio::{Codec, DtmfDetector, transcode_in_place};
use base::{Random, Time};
use rtp::event::{Detector, Event as KeyEvent};
use rtp::rtcp::Compound;
use rtp::srtp::{MasterKey, Refusal};
use rtp::{HEADER_BYTES, Packet, Reception};

use crate::cover::Cover;
use crate::guard::{Guard, Heading, Verdict};
use crate::keying::{KEY_PLAYER, Keying, STEP_MS, Step};
use crate::latch::{Claim, Latch};
use crate::mixer::{Made, Mixer};
use crate::out_stream::{OutStream, Talker};
use crate::player::{OPUS_UNITS, Player};
use crate::reports::{self, Reports};
use crate::tap::{Speech, Tap};
use crate::voice::Voice;
use crate::web::Web;
use crate::{Component, Event, Exit, Identity, KeysHeard, LegStats, MediaLimits, Place, Security, StreamConf};

/// The media of one leg.
pub(crate) struct Port {
    pub place: Place,
    pub line: Option<Line>,
    /// Who hears this leg as it comes, and who hears it decoded.
    pub sinks: Vec<u32>,
    pub listeners: Vec<u32>,
    /// Whom this leg hears.
    pub sources: Vec<u32>,
    /// There while somebody hears this leg decoded.
    pub voice: Option<Box<Voice>>,
    /// There while this leg hears something made for it.
    pub mixer: Option<Box<Mixer>>,
    pub out: OutStream,
    pub player: Option<Player>,
    /// The wheel will serve this port.
    pub on_wheel: bool,
    pub tap: Option<Tap>,
    /// Which of its keys others hear, and the timestamp of the last.
    pub keys_heard: KeysHeard,
    last_key: Option<u32>,
    /// The one entry of `Timers` that is valid.
    pub timer: Time,
    guard: Guard,
    reception: Reception,
    detector: Detector,
    /// Hears keys in the sound of a leg that knows no telephone-events.
    ear: Option<Box<DtmfDetector>>,
    /// Keys that go into the leg.
    keying: Option<Keying>,
    reports: Reports,
    stats: LegStats,
    opened: Time,
}

/// What was negotiated, and what we have learned since.
pub(crate) struct Line {
    pub conf: StreamConf,
    latch: Latch,
    cover: Cover,
    /// There where the other end is a browser.
    web: Option<Box<Web>>,
    /// A browser that wants no more of it is sent nothing (RFC 7675).
    muted: bool,
    /// Where the RTCP of a learned source comes from.
    rtcp_source: Option<SocketAddr>,
    /// Anything of the leg's own.
    heard_at: Time,
    timed_out: bool,
    /// It was told that the leg is not heard.
    one_way: bool,
    report_at: Time,
}

/// A packet that others may hear.
pub(crate) struct Heard {
    pub talker: Talker,
    pub packet: Packet,
    pub kind: Kind,
    /// The key that was just pressed.
    pub pressed: Option<char>,
}

/// What a payload type means on a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Sound.
    Audio(Codec),
    /// A telephone-event (RFC 4733), its durations counted at this rate.
    Key {
        /// Units a second.
        rate: u32,
    },
}

impl Port {
    pub fn new(place: Place, now: Time, random: &mut Random) -> Port {
        Port {
            place,
            line: None,
            sinks: Vec::new(),
            listeners: Vec::new(),
            sources: Vec::new(),
            voice: None,
            mixer: None,
            out: OutStream::new(random),
            player: None,
            on_wheel: false,
            tap: None,
            keys_heard: KeysHeard::default(),
            last_key: None,
            timer: Time::NEVER,
            guard: Guard::default(),
            reception: Reception::new(audio::SAMPLE_RATE),
            detector: Detector::new(),
            ear: None,
            keying: None,
            reports: Reports::default(),
            stats: LegStats::default(),
            opened: now,
        }
    }

    /// Negotiated, or negotiated anew.
    pub fn connect(&mut self, mut conf: StreamConf, now: Time, report_at: Time) {
        self.stats.uses(conf.codec, &conf.security);
        let deaf = conf.telephone_event.is_some() || conf.codec.encoding().is_none();
        self.ear = if deaf { None } else { self.ear.take().or_else(|| Some(Box::default())) };
        self.reception.set_clock_rate(conf.codec.clock_rate());
        self.out.set_clock(conf.codec.clock_rate());
        // RFC 3264 §8.4: 0.0.0.0 is an old spelling of hold and no address. The phone is still where it was.
        if conf.remote.ip().is_unspecified() && !matches!(conf.security, Security::Dtls(_)) {
            conf.sends = false;
            if let Some(line) = &self.line {
                (conf.remote, conf.remote_rtcp) = (line.conf.remote, line.conf.remote_rtcp);
            }
        }
        match &mut self.line {
            None => {
                let latch = Latch::new(conf.remote, conf.learn);
                let cover = Cover::new(&conf.security);
                let web = Web::of(&conf.security);
                let line = Line {
                    latch,
                    cover,
                    web,
                    muted: false,
                    conf,
                    rtcp_source: None,
                    heard_at: now,
                    timed_out: false,
                    one_way: false,
                    report_at,
                };
                self.line = Some(line);
            }
            Some(line) => {
                if line.conf.remote != conf.remote {
                    self.guard.forget(); // another source, another stream
                    line.rtcp_source = None;
                }
                line.latch.renew(conf.remote, conf.learn);
                match (&mut line.web, &conf.security) {
                    (Some(web), Security::Dtls(dtls)) => {
                        if web.renew(dtls) {
                            line.cover = Cover::Shut;
                        }
                    }
                    (web, security) => {
                        *web = Web::of(security);
                        line.cover.renew(security);
                    }
                }
                line.conf = conf;
                (line.heard_at, line.timed_out, line.one_way) = (now, false, false);
            }
        }
    }

    /// An RTP datagram came to this leg's port: whose is it, is it of its stream, what is in it?
    /// Only what others may hear is returned. HOT: no allocation, no look-up.
    #[inline]
    pub fn receive(
        &mut self,
        from: SocketAddr,
        bytes: &mut [u8],
        now: Time,
        limits: &MediaLimits,
        exit: &mut impl Exit,
    ) -> Option<Heard> {
        let plain = self.line.as_mut().and_then(|line| line.uncover(from, bytes, &mut self.stats));
        let bytes = &bytes[..plain.unwrap_or(0)];
        let (Some(line), Ok(packet)) = (&mut self.line, Packet::read(bytes)) else {
            self.stats.strangers += 1;
            return None;
        };
        let kind = line.kind_of(packet.payload_type);
        if !line.latch.is_ours(from) {
            let before = line.latch.remote();
            let claim = match kind {
                Some(_) => line.latch.claim(from, packet.ssrc, packet.sequence, now, limits),
                None => Claim::Stranger, // an unknown format proves nothing
            };
            if claim == Claim::Stranger {
                self.stats.strangers += 1;
                return None;
            }
            self.guard.forget();
            line.rtcp_source = None;
            if line.latch.remote() != before {
                exit.event(Event::Latched { leg: self.place.leg, source: from });
            }
        }
        let samples = match kind {
            Some(Kind::Audio(codec)) => codec.duration(&bytes[packet.payload.clone()]),
            _ => 0,
        };
        if !self.belongs(&packet, kind, samples, now) {
            self.stats.strangers += 1;
            return None;
        }
        self.count(&packet, now);
        let line = self.line.as_mut()?;
        (line.heard_at, line.timed_out) = (now, false);
        let Some(kind) = kind else {
            self.stats.unknown_payloads += 1;
            if let Some(voice) = &mut self.voice {
                voice.skip(packet.sequence, packet.timestamp, self.guard.epoch(), false, now);
            }
            return None;
        };
        // On hold the phone has nothing to say; an empty packet only keeps a NAT open (RFC 6263 §4.1).
        if !line.conf.receives || packet.payload.is_empty() {
            return None;
        }
        let pressed = self.listen(&packet, kind, bytes, now, exit);
        if matches!(kind, Kind::Key { .. }) && !self.is_key_heard(packet.timestamp) {
            return None;
        }
        Some(Heard { talker: Talker::Leg(self.place.index, self.guard.epoch()), packet, kind, pressed })
    }

    /// Relay to this leg what another said. The header is written before the payload where it lies, so whatever the
    /// talker put in between (sources, extension: numbers of its own negotiation) stays behind.
    /// `codec` is what the payload in `bytes` is encoded in by now. HOT.
    #[inline]
    pub fn relay(&mut self, heard: &Heard, codec: &mut Codec, bytes: &mut [u8], now: Time, exit: &mut impl Exit) {
        let Some(line) = &mut self.line else { return };
        if !line.conf.sends || self.player.is_some() || self.keying.is_some() {
            return;
        }
        let Packet { marker, sequence, timestamp, .. } = heard.packet;
        let Range { start, end } = heard.packet.payload;
        let (payload_type, samples) = match heard.kind {
            Kind::Audio(codec) => (line.conf.payload_type, codec.duration(&bytes[start..end])),
            Kind::Key { .. } => return self.relay_key(heard, &bytes[start..end], now, exit),
        };
        let Some(placed) = self.out.place(heard.talker, sequence, timestamp, samples, now) else { return };
        if let Kind::Audio(_) = heard.kind
            && *codec != line.conf.codec
        {
            if !transcode_in_place(*codec, line.conf.codec, &mut bytes[start..end]) {
                return;
            }
            *codec = line.conf.codec;
        }
        let packet = &mut bytes[start - HEADER_BYTES..end];
        rtp::write_header(
            packet,
            payload_type,
            placed.sequence,
            placed.timestamp,
            self.out.ssrc(),
            marker || placed.begins,
        );
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += (end - start) as u64;
        line.send(self.place, packet, exit);
    }

    /// Relay a packet of a key, its duration counted as this leg counts.
    pub fn relay_key(&mut self, heard: &Heard, payload: &[u8], now: Time, exit: &mut impl Exit) {
        let silenced = self.player.is_some() || self.keying.is_some();
        let Some(line) = self.line.as_mut().filter(|line| line.conf.sends && !silenced) else { return };
        let (Some(payload_type), Kind::Key { rate }) = (line.conf.telephone_event, heard.kind) else { return };
        let Packet { marker, sequence, timestamp, .. } = heard.packet;
        let begins = match &mut self.mixer {
            // The talker's sound has other numbers here than its keys; each press stands by itself.
            Some(mixer) => mixer.pass_key(timestamp, now),
            // The rest of a key whose start this leg did not hear would stop its clock.
            None if !marker && !self.out.hears(heard.talker) => return,
            None => false,
        };
        if begins {
            self.out.cut();
        }
        let mut packet = [0; HEADER_BYTES + KEY_MAX];
        let packet = &mut packet[..HEADER_BYTES + payload.len().min(KEY_MAX)];
        packet[HEADER_BYTES..].copy_from_slice(&payload[..payload.len().min(KEY_MAX)]);
        if rate != line.conf.telephone_event_rate
            && let Some(event) = KeyEvent::read(payload)
        {
            let counted =
                u64::from(event.duration) * u64::from(line.conf.telephone_event_rate) / u64::from(rate.max(1));
            let duration = u16::try_from(counted).unwrap_or(u16::MAX);
            packet[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&KeyEvent { duration, ..event }.to_bytes());
        }
        let Some(placed) = self.out.place(heard.talker, sequence, timestamp, 0, now) else { return };
        let marker = marker || placed.begins;
        rtp::write_header(packet, payload_type, placed.sequence, placed.timestamp, self.out.ssrc(), marker);
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += payload.len() as u64;
        line.send(self.place, packet, exit);
    }

    /// All talkers of the leg's mixer have been added: what they make together goes out.
    pub fn say(&mut self, mixer: &mut Mixer, now: Time, exit: &mut impl Exit) {
        let Some(line) = &mut self.line else { return };
        let (place, payload_type) = (self.place, line.conf.payload_type);
        let (out, stats) = (&mut self.out, &mut self.stats);
        mixer.finish(now, line.conf.sends, |Made { packet, sequence, timestamp, samples, begins }| {
            let Some(placed) = out.place(Talker::Mixer, sequence, timestamp, samples, now) else { return };
            let marker = begins || placed.begins;
            rtp::write_header(packet, payload_type, placed.sequence, placed.timestamp, out.ssrc(), marker);
            stats.packets_sent += 1;
            stats.bytes_sent += (packet.len() - HEADER_BYTES) as u64;
            line.send(place, packet, exit);
        });
    }

    /// A key goes into this leg.
    pub fn press(&mut self, digit: char) {
        match &mut self.keying {
            Some(keying) => keying.add(digit),
            None if self.player.is_none() && rtp::event::Event::code_of(digit).is_some() => {
                self.keying = Some(Keying::new(digit));
                self.out.cut();
            }
            None => {}
        }
    }

    /// Does the leg hear something of ours, and nobody else?
    pub fn is_playing(&self) -> bool {
        self.player.is_some() || self.keying.is_some()
    }

    /// The next step of the keys that go into this leg; says when it comes round again. Where they are sound, a player
    /// takes over.
    fn press_on(&mut self, now: Time, exit: &mut impl Exit) -> Option<u16> {
        let (Some(line), Some(keying)) = (&mut self.line, &mut self.keying) else { return None };
        let Some(payload_type) = line.conf.telephone_event else {
            self.player = keying.sound().map(|sound| Player::new(KEY_PLAYER, sound, false));
            if self.player.is_none() {
                self.keying = None;
            }
            return None;
        };
        match keying.step(line.conf.telephone_event_rate) {
            None => {
                self.keying = None;
                self.out.cut();
                return None;
            }
            Some(Step::Pause) => self.out.cut(), // the next key has a timestamp of its own
            Some(Step::Say { n, marker, payload }) => {
                let placed = self.out.place(Talker::Player, n, 0, 0, now).filter(|_| line.conf.sends);
                if let Some(placed) = placed {
                    let mut packet = [0; HEADER_BYTES + 4];
                    packet[HEADER_BYTES..].copy_from_slice(&payload);
                    let ssrc = self.out.ssrc();
                    rtp::write_header(&mut packet, payload_type, placed.sequence, placed.timestamp, ssrc, marker);
                    self.stats.packets_sent += 1;
                    self.stats.bytes_sent += payload.len() as u64;
                    line.send(self.place, &packet, exit);
                }
            }
        }
        Some(STEP_MS)
    }

    /// The wheel has come round: the next frame of the player. Says when it comes round again; `None`: no more.
    pub fn play(&mut self, now: Time, exit: &mut impl Exit) -> Option<u16> {
        if self.player.is_none()
            && let Some(again) = self.press_on(now, exit)
        {
            return Some(again);
        }
        let (Some(line), Some(player)) = (&mut self.line, &mut self.player) else { return self.leave_wheel() };
        if player.is_over() {
            let id = player.id;
            self.player = None;
            self.out.cut();
            if id == KEY_PLAYER {
                return self.play(now, exit); // the next key, or the end of them
            }
            exit.event(Event::Played { leg: self.place.leg, player: id });
            return self.leave_wheel();
        }
        if line.conf.codec == Codec::Opus {
            return self.play_opus(now, exit);
        }
        let ptime_ms = line.ptime_ms();
        let samples = usize::from(ptime_ms) * 8;
        let mut frame = [0; HEADER_BYTES + FRAME_MAX];
        let packet = &mut frame[..HEADER_BYTES + samples];
        let (sequence, timestamp) = player.next(line.conf.codec, &mut packet[HEADER_BYTES..]);
        if !line.conf.sends {
            self.out.cut(); // time goes by unheard
            return Some(ptime_ms);
        }
        if let Some(placed) = self.out.place(Talker::Player, sequence, timestamp, samples as u32, now) {
            let payload_type = line.conf.payload_type;
            rtp::write_header(packet, payload_type, placed.sequence, placed.timestamp, self.out.ssrc(), placed.begins);
            self.stats.packets_sent += 1;
            self.stats.bytes_sent += samples as u64;
            line.send(self.place, packet, exit);
        }
        Some(ptime_ms)
    }

    /// The same in Opus, whose packets are ready as they are.
    fn play_opus(&mut self, now: Time, exit: &mut impl Exit) -> Option<u16> {
        let (Some(line), Some(player)) = (&mut self.line, &mut self.player) else { return self.leave_wheel() };
        let (payload, sequence, timestamp) = player.next_opus();
        let Some(payload) = payload.filter(|payload| line.conf.sends && payload.len() <= OPUS_MAX) else {
            self.out.cut(); // time goes by unheard
            return Some(OPUS_MS);
        };
        if let Some(placed) = self.out.place(Talker::Player, sequence, timestamp, OPUS_UNITS, now) {
            let mut packet = [0; HEADER_BYTES + OPUS_MAX];
            let packet = &mut packet[..HEADER_BYTES + payload.len()];
            packet[HEADER_BYTES..].copy_from_slice(payload);
            let payload_type = line.conf.payload_type;
            rtp::write_header(packet, payload_type, placed.sequence, placed.timestamp, self.out.ssrc(), placed.begins);
            self.stats.packets_sent += 1;
            self.stats.bytes_sent += payload.len() as u64;
            line.send(self.place, packet, exit);
        }
        Some(OPUS_MS)
    }

    /// Is this datagram about the way to a browser, and no media (RFC 7983 §7)?
    #[inline]
    pub fn is_about_web(&self, bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| *first < 128) && self.line.as_ref().is_some_and(|line| line.web.is_some())
    }

    /// A check or a handshake's datagram came.
    pub fn receive_web(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        identity: Option<&Arc<Identity>>,
        now: Time,
        exit: &mut impl Exit,
    ) {
        let (Some(line), Some(identity)) = (&mut self.line, identity) else { return };
        let Some(web) = &mut line.web else { return };
        let (place, is_ours) = (self.place, line.latch.is_ours(from));
        let send = |packet: &[u8]| exit.send(place, Component::Rtp, from, packet);
        let meant = web.receive(from, is_ours, bytes, identity, now, send);
        if meant.is_stranger {
            self.stats.strangers += 1;
            return;
        }
        if meant.nominates && !is_ours {
            line.latch.nominate(from);
            exit.event(Event::Latched { leg: place.leg, source: from });
        }
        if let Some(answer) = &meant.answer {
            line.muted = false;
            exit.send(place, Component::Rtp, from, answer);
        }
        if let Some(keys) = meant.keys {
            line.secure(keys, &mut self.stats);
        }
    }

    /// An RTCP datagram came. Believed only from the leg's own source; never answered.
    pub fn receive_rtcp(&mut self, from: SocketAddr, bytes: &mut [u8], now: Time) {
        let speaks_as = self.guard.ssrc();
        let compound = self.line.as_mut().and_then(|line| line.believe_rtcp(from, bytes, speaks_as, now));
        match compound {
            Some(compound) => reports::read(&compound, &self.out, &mut self.reception, &mut self.stats, now),
            None => self.stats.strangers += 1,
        }
    }

    /// A slow deadline may have come: time-out, report, forgotten clip.
    pub fn look(
        &mut self,
        now: Time,
        cname: &str,
        identity: Option<&Arc<Identity>>,
        limits: &MediaLimits,
        report_again: Duration,
        exit: &mut impl Exit,
    ) {
        if self.tap.as_ref().and_then(Tap::due).is_some_and(|due| due <= now) {
            self.flush(exit);
        }
        let Some(line) = &mut self.line else { return };
        if let (Some(web), Some(identity)) = (&mut line.web, identity) {
            let (place, remote) = (self.place, line.latch.remote());
            line.muted = !web.consents(now);
            if let Some(keys) = web.look(identity, now, |packet| exit.send(place, Component::Rtp, remote, packet)) {
                line.secure(keys, &mut self.stats);
            }
        }
        if line.timeout_at(limits).is_some_and(|at| at <= now) {
            line.timed_out = true;
            exit.event(Event::Timeout { leg: self.place.leg });
        }
        if line.one_way_at(limits).is_some_and(|at| at <= now) {
            (line.one_way, self.stats.one_way) = (true, true);
            exit.event(Event::OneWay { leg: self.place.leg });
        }
        if line.report_at <= now {
            line.report_at = now + report_again;
            if let Some(to) = line.rtcp_remote() {
                let report = self.reports.write(&self.out, &mut self.reception, &self.stats, cname, now);
                let component = if line.conf.rtcp_mux { Component::Rtp } else { Component::Rtcp };
                if let Some(report) = line.cover.seal_rtcp(&report) {
                    exit.send(self.place, component, to, report);
                }
            }
        }
    }

    /// When to look next.
    pub fn due(&self, limits: &MediaLimits) -> Time {
        let line = self.line.as_ref();
        let deadlines = [
            line.map(|line| line.report_at),
            line.and_then(|line| line.timeout_at(limits)),
            line.and_then(|line| line.one_way_at(limits)),
            line.and_then(|line| line.web.as_ref()).map(|web| web.due()),
            self.tap.as_ref().and_then(Tap::due),
        ];
        deadlines.into_iter().flatten().min().unwrap_or(Time::NEVER)
    }

    /// Whether this datagram on the RTP port is RTCP (RFC 5761 §4).
    #[inline]
    pub fn is_muxed_rtcp(&self, bytes: &[u8]) -> bool {
        self.line.as_ref().is_some_and(|line| line.conf.rtcp_mux) && rtp::is_rtcp(bytes)
    }

    /// Give the recorder what the tap has gathered.
    pub fn flush(&mut self, exit: &mut impl Exit) {
        if let Some(tap) = &mut self.tap
            && let Some(clip) = tap.flush()
        {
            exit.tapped(tap.recording, tap.channel, clip);
        }
    }

    /// The counts so far.
    pub fn stats(&self) -> LegStats {
        let reception = &self.reception;
        let mut stats = LegStats {
            lost: reception.lost(),
            late: reception.late(),
            duplicated: reception.duplicates() + self.stats.duplicated,
            jitter_ms: reception.jitter_ms(),
            ..self.stats.clone()
        };
        stats.score(self.line.as_ref().map_or(20, |line| line.conf.ptime_ms));
        stats
    }

    /// Do others hear this packet of a key? A press is known by its timestamp (RFC 4733 §2.5.1.2).
    fn is_key_heard(&mut self, timestamp: u32) -> bool {
        let is_new = self.last_key.replace(timestamp) != Some(timestamp);
        if self.keys_heard == KeysHeard::FromNext && is_new {
            self.keys_heard = KeysHeard::All;
        }
        self.keys_heard == KeysHeard::All
    }

    /// Ask the guard. What has a format of no meaning to us counts only within the stream we know (comfort noise does,
    /// as it takes sequence numbers); it never begins one.
    #[inline]
    fn belongs(&mut self, packet: &Packet, kind: Option<Kind>, samples: u32, now: Time) -> bool {
        if kind.is_none() && self.guard.ssrc() != Some(packet.ssrc) {
            return false;
        }
        let &Packet { ssrc, sequence, timestamp, .. } = packet;
        let khz = self.out.khz();
        self.guard.judge(Heading { ssrc, sequence, timestamp, samples, khz }, now) != Verdict::Refused
    }

    #[inline]
    fn count(&mut self, packet: &Packet, now: Time) {
        self.reception.receive(packet, now);
        if self.stats.packets_received == 0 {
            self.stats.first_packet_ms = Some(now.since(self.opened).as_millis() as u64);
        }
        self.stats.packets_received += 1;
        self.stats.bytes_received += packet.payload.len() as u64;
    }

    /// What we ourselves want of a packet: the key, or a copy of the sound.
    #[inline]
    fn listen(&mut self, packet: &Packet, kind: Kind, bytes: &[u8], now: Time, exit: &mut impl Exit) -> Option<char> {
        let payload = &bytes[packet.payload.clone()];
        match kind {
            Kind::Key { .. } => {
                if let Some(voice) = &mut self.voice {
                    voice.skip(packet.sequence, packet.timestamp, self.guard.epoch(), true, now);
                }
                let pressed = self.detector.receive(packet, payload);
                if let Some(digit) = pressed {
                    self.stats.digits += 1;
                    exit.event(Event::Digit { leg: self.place.leg, digit });
                }
                pressed
            }
            Kind::Audio(codec) => {
                let Packet { sequence, timestamp, marker, .. } = *packet;
                let epoch = self.guard.epoch();
                if let Some(voice) = &mut self.voice {
                    voice.hear(sequence, timestamp, epoch, payload, now);
                }
                if let Some(tap) = &mut self.tap {
                    let (recording, channel) = (tap.recording, tap.channel);
                    let out = |clip| exit.tapped(recording, channel, clip);
                    match codec.encoding() {
                        Some(encoding) => tap.hear(&Speech { epoch, timestamp, marker, encoding, payload }, now, out),
                        None => tap.hear_coded(codec, packet, epoch, payload, now, out),
                    }
                }
                self.hear_keys(codec, payload, exit);
                None
            }
        }
    }

    /// A leg without telephone-events may press keys by sound, where its codec keeps sines what they are.
    #[inline]
    fn hear_keys(&mut self, codec: Codec, payload: &[u8], exit: &mut impl Exit) {
        let (Some(ear), Some(encoding)) = (&mut self.ear, codec.encoding()) else { return };
        for piece in payload.chunks(PIECE) {
            let mut samples = [0; PIECE];
            encoding.decode_into(piece, &mut samples[..piece.len()]);
            if let Some(digit) = ear.hear(&samples[..piece.len()]) {
                self.stats.digits += 1;
                exit.event(Event::Digit { leg: self.place.leg, digit });
            }
        }
    }

    fn leave_wheel(&mut self) -> Option<u16> {
        self.on_wheel = false;
        None
    }
}

impl Line {
    /// What of a datagram is a plain packet, if it may be one of ours at all: a stranger's is not worth the opening.
    #[inline]
    fn uncover(&mut self, from: SocketAddr, bytes: &mut [u8], stats: &mut LegStats) -> Option<usize> {
        if !self.cover.is_secure() {
            return Some(bytes.len());
        }
        if !self.latch.is_ours(from) && !self.latch.may_claim(from) {
            return None;
        }
        match self.cover.open(bytes) {
            Ok(plain) => Some(plain),
            Err(Refusal::Replayed) => {
                stats.duplicated += 1;
                None
            }
            Err(Refusal::Malformed | Refusal::NotAuthentic) => {
                stats.not_authentic += 1;
                None
            }
        }
    }

    /// A handshake has brought keys.
    fn secure(&mut self, (ours, theirs): (MasterKey, MasterKey), stats: &mut LegStats) {
        stats.srtp = Some(ours.suite().name());
        self.cover.renew(&Security::Keys { ours, theirs });
    }

    #[inline]
    fn send(&mut self, place: Place, packet: &[u8], exit: &mut impl Exit) {
        if self.muted {
            return;
        }
        if let Some(packet) = self.cover.seal(packet) {
            exit.send(place, Component::Rtp, self.latch.remote(), packet);
        }
    }

    #[inline]
    fn kind_of(&self, payload_type: u8) -> Option<Kind> {
        if payload_type == self.conf.payload_type {
            Some(Kind::Audio(self.conf.codec))
        } else if Some(payload_type) == self.conf.telephone_event {
            Some(Kind::Key { rate: self.conf.telephone_event_rate })
        } else {
            None
        }
    }

    /// A frame length the wheel can keep.
    pub fn ptime_ms(&self) -> u16 {
        match self.conf.ptime_ms {
            ms @ (10 | 20 | 30 | 40 | 50 | 60) => ms,
            _ => 20,
        }
    }

    /// When a leg that is spoken to and may speak should be told of as not heard.
    fn one_way_at(&self, limits: &MediaLimits) -> Option<Time> {
        let waits = self.conf.receives && self.conf.sends && !self.one_way && limits.one_way_secs > 0;
        waits.then(|| self.heard_at + Duration::from_secs(limits.one_way_secs.into()))
    }

    fn timeout_at(&self, limits: &MediaLimits) -> Option<Time> {
        let waits = self.conf.receives && !self.timed_out && limits.media_timeout_secs > 0;
        waits.then(|| self.heard_at + Duration::from_secs(limits.media_timeout_secs.into()))
    }

    /// Where our reports go. A phone behind NAT gets none until its own have come: the port beside the learned one may
    /// be somebody else's.
    fn rtcp_remote(&self) -> Option<SocketAddr> {
        let remote = match (self.conf.rtcp_mux, self.latch.learned()) {
            (true, _) => Some(self.latch.remote()),
            (false, None) => Some(self.conf.remote_rtcp),
            (false, Some(_)) => self.rtcp_source,
        };
        remote.filter(|remote| !remote.ip().is_unspecified() && remote.port() != 0)
    }

    /// The source first, as reading costs more: the address reports go to; or, as long as a learned phone has none, its
    /// learned host, if the report is of the stream that is heard.
    fn believe_rtcp(
        &mut self,
        from: SocketAddr,
        bytes: &mut [u8],
        speaks_as: Option<u32>,
        now: Time,
    ) -> Option<Compound> {
        let expected = self.rtcp_remote();
        let known = match expected {
            Some(expected) => expected == from,
            None => self.latch.learned().is_some_and(|rtp| rtp.ip() == from.ip()),
        };
        let plain = known.then(|| self.cover.open_rtcp(bytes).ok())??;
        let compound = Compound::read(&bytes[..plain]).ok()?;
        if expected.is_none() {
            speaks_as.filter(|ssrc| *ssrc == compound.ssrc)?;
            self.rtcp_source = Some(from);
        }
        (self.heard_at, self.timed_out) = (now, false);
        Some(compound)
    }
}

/// 60 ms.
const FRAME_MAX: usize = 480;
/// So much sound is looked at for keys together: 20 ms.
const PIECE: usize = 160;
/// The longest payload of a key we pass on: an event, and what a later RFC may put behind it.
const KEY_MAX: usize = 16;
const OPUS_MS: u16 = 20;
/// 20 ms at the highest rate of Opus.
const OPUS_MAX: usize = 1275;
