//! What a leg hears from us: what others said, what is made of it, a player's sound, and keys.

use std::ops::Range;

use audio::{Codec, transcode_in_place};
use base::Time;
use rtp::event::Event as KeyEvent;
use rtp::{HEADER_BYTES, Packet};

use super::{Heard, Kind, Port};
use crate::keying::{KEY_PLAYER, Keying, STEP_MS, Step};
use crate::mix::Mix;
use crate::mixer::{Made, Mixer};
use crate::out_stream::Talker;
use crate::player::{OPUS_UNITS, Player};
use crate::{Event, Exit};

/// 60 ms.
const FRAME_MAX: usize = 480;
/// The longest payload of a key we pass on: an event, and what a later RFC may put behind it.
const KEY_MAX: usize = 16;
const OPUS_MS: u16 = 20;
/// 20 ms at the highest rate of Opus.
const OPUS_MAX: usize = 1275;
/// The longest payload of a mix.
const MADE_MAX: usize = OPUS_MAX;

impl Port {
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

    /// What was made for the leg in this frame goes out.
    pub fn say(&mut self, mixer: &mut Mixer, mix: &Mix, now: Time, exit: &mut impl Exit) {
        let Some(line) = &mut self.line else { return };
        let (place, payload_type) = (self.place, line.conf.payload_type);
        let (out, stats) = (&mut self.out, &mut self.stats);
        let mut packet = [0; HEADER_BYTES + MADE_MAX];
        mixer.take(mix, now, line.conf.sends, |Made { payload, sequence, timestamp, samples, begins }| {
            let Some(placed) = out.place(Talker::Mixer, sequence, timestamp, samples, now) else { return };
            let Some(packet) = packet.get_mut(..HEADER_BYTES + payload.len()) else { return };
            packet[HEADER_BYTES..].copy_from_slice(payload);
            let marker = begins || placed.begins;
            rtp::write_header(packet, payload_type, placed.sequence, placed.timestamp, out.ssrc(), marker);
            stats.packets_sent += 1;
            stats.bytes_sent += payload.len() as u64;
            line.send(place, packet, exit);
        });
    }

    /// A key goes into this leg.
    pub fn press(&mut self, digit: char) {
        match &mut self.keying {
            Some(keying) => keying.add(digit),
            None if self.player.is_none() && rtp::event::Event::code_of(digit).is_some() => {
                self.keying = Some(Box::new(Keying::new(digit)));
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
            self.player = keying.sound().map(|sound| Box::new(Player::new(KEY_PLAYER, sound.into(), false)));
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

    fn leave_wheel(&mut self) -> Option<u16> {
        self.on_wheel = false;
        None
    }
}
