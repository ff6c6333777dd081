//! What a leg says to us: whose datagram it is, what is in it, and what we ourselves want of it.

use std::net::SocketAddr;
use std::sync::Arc;

use audio::Codec;
use base::Time;
use rtp::Packet;

use super::{Heard, Kind, Port};
use crate::guard::{Heading, Verdict};
use crate::latch::Claim;
use crate::out_stream::Talker;
use crate::reports;
use crate::tap::Speech;
use crate::{Component, Event, Exit, Identity, KeysHeard, MediaLimits};

impl Port {
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
            exit.hears_only(self.place, line.only_source());
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
                let (sequence, timestamp, epoch) = (packet.sequence, packet.timestamp, self.guard.epoch());
                match packet.payload_type {
                    COMFORT_NOISE => voice.hear_noise(sequence, timestamp, epoch, &bytes[packet.payload], now),
                    _ => voice.skip(sequence, timestamp, epoch, false, now),
                }
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
            Some(compound) => {
                self.reported |= reports::read(&compound, &self.out, &mut self.reception, &mut self.stats, now);
            }
            None => self.stats.strangers += 1,
        }
    }

    /// Whether this datagram on the RTP port is RTCP (RFC 5761 §4).
    #[inline]
    pub fn is_muxed_rtcp(&self, bytes: &[u8]) -> bool {
        self.line.as_ref().is_some_and(|line| line.conf.rtcp_mux) && rtp::is_rtcp(bytes)
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
                        Some(encoding) => {
                            let clock_rate = codec.clock_rate();
                            tap.hear(
                                &Speech { epoch, clock_rate, timestamp, marker, encoding, wide: 1, payload },
                                now,
                                out,
                            )
                        }
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
        if let Some(digit) = ear.hear_encoded(encoding, payload) {
            self.stats.digits += 1;
            exit.event(Event::Digit { leg: self.place.leg, digit });
        }
    }
}

/// RFC 3389 §4: its static payload type. We never ask for it, as who sends it sends less; some carriers do all the same.
const COMFORT_NOISE: u8 = 13;
