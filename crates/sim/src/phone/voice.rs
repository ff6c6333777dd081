//! What a phone says: a sound over and over, 20 ms a packet, and keys in between (RFC 4733).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use audio::{Codec, Sound};
use base::{Random, Time};
use bytes::Bytes;
use rtp::event::Event;
use rtp::srtp::Sealer;

/// The sending side of one call.
#[derive(Debug)]
pub(super) struct Voice {
    to: SocketAddr,
    codec: Codec,
    payload_type: u8,
    telephone_event: Option<u8>,
    speaks: bool,
    sound: Sound,
    place: usize,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    next: Time,
    begins: bool,
    keys: VecDeque<char>,
    pressing: Option<Press>,
    sealer: Option<Sealer>,
}

/// A key held down: its packets share the timestamp of its beginning.
#[derive(Debug)]
struct Press {
    timestamp: u32,
    left: VecDeque<(bool, Event)>,
}

/// What was agreed about the way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) to: SocketAddr,
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    pub(super) telephone_event: Option<u8>,
    pub(super) speaks: bool,
}

impl Voice {
    pub(super) fn new(way: Way, sound: Sound, now: Time, random: &mut Random) -> Voice {
        Voice {
            to: way.to,
            codec: way.codec,
            payload_type: way.payload_type,
            telephone_event: way.telephone_event,
            speaks: way.speaks,
            sound,
            place: 0,
            ssrc: random.bits() as u32,
            sequence: random.bits() as u16,
            timestamp: random.bits() as u32,
            next: now,
            begins: true,
            keys: VecDeque::new(),
            pressing: None,
            sealer: None,
        }
    }

    /// The same voice after a new agreement.
    pub(super) fn turn(&mut self, way: Way) {
        self.begins |= way.speaks && !self.speaks;
        (self.to, self.codec, self.payload_type) = (way.to, way.codec, way.payload_type);
        (self.telephone_event, self.speaks) = (way.telephone_event, way.speaks);
    }

    /// Is this where it sends to? Only from there is anybody heard.
    pub(super) fn is_to(&self, address: SocketAddr) -> bool {
        self.to == address
    }

    /// From now on what is said can be heard by who has the key alone; or by anybody.
    pub(super) fn seal(&mut self, sealer: Option<Sealer>) {
        self.sealer = sealer;
    }

    pub(super) fn say(&mut self, sound: Sound) {
        (self.sound, self.place) = (sound, 0);
    }

    /// Queues a key; false if the other side knows no telephone-events.
    pub(super) fn press(&mut self, key: char) -> bool {
        let can = self.telephone_event.is_some() && self.keys.len() < KEYS_MAX;
        if can {
            self.keys.push_back(key);
        }
        can
    }

    /// When the next packet is due; the clock runs on while nothing is to be said.
    pub(super) fn deadline(&self) -> Time {
        self.next
    }

    /// The packet that is due, if there is one.
    pub(super) fn packet(&mut self, now: Time) -> Option<(SocketAddr, Bytes)> {
        if now < self.next {
            return None;
        }
        let timestamp = self.timestamp;
        let per_sample = self.codec.clock_rate() / audio::SAMPLE_RATE;
        self.timestamp = timestamp.wrapping_add(FRAME as u32 * per_sample);
        self.next += FRAME_TIME;
        if self.next + Duration::from_secs(1) < now {
            self.next = now; // the machine slept: no burst
        }
        if self.pressing.is_none()
            && let (Some(key), Some(_)) = (self.keys.pop_front(), self.telephone_event)
        {
            self.pressing = Some(Press {
                timestamp,
                left: Event::press(key, 800 * per_sample as u16, (FRAME as u32 * per_sample) as u16).collect(),
            });
        }
        if let (Some(press), Some(payload_type)) = (&mut self.pressing, self.telephone_event) {
            let (began, said) = (press.timestamp, press.left.pop_front());
            if press.left.is_empty() {
                self.pressing = None;
                self.begins = true; // the sound after a key is a new talk spurt
            }
            let (marker, event) = said?;
            return Some(self.datagram(payload_type, began, marker, &event.to_bytes()));
        }
        if !self.speaks || self.sound.is_empty() {
            return None;
        }
        let payload: Vec<u8> = match self.codec {
            Codec::Opus => self.sound.opus_packet(self.place / FRAME).unwrap_or_default().to_vec(),
            codec => self.sound.payload(codec).iter().cycle().skip(self.place).take(FRAME).copied().collect(),
        };
        self.place = (self.place + FRAME) % self.sound.samples();
        let marker = std::mem::take(&mut self.begins);
        Some(self.datagram(self.payload_type, timestamp, marker, &payload))
    }

    fn datagram(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8]) -> (SocketAddr, Bytes) {
        let mut bytes = vec![0; rtp::HEADER_BYTES];
        rtp::write_header(&mut bytes, payload_type, self.sequence, timestamp, self.ssrc, marker);
        bytes.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        let sealed = self.sealer.as_mut().and_then(|sealer| sealer.seal(&bytes)).map(Bytes::copy_from_slice);
        (self.to, sealed.unwrap_or_else(|| bytes.into()))
    }
}

/// Samples in 20 ms.
const FRAME: usize = 160;
const FRAME_TIME: Duration = Duration::from_millis(20);
const KEYS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use rtp::Packet;

    fn voice() -> Voice {
        let to = SocketAddr::from(([192, 0, 2, 1], 4000));
        let way = Way { to, codec: Codec::Pcma, payload_type: 8, telephone_event: Some(101), speaks: true };
        Voice::new(way, Sound::from_pcm(audio::tone(&[(440.0, -10.0)], 50)), Time::ZERO, &mut Random::numbered(1))
    }

    fn packets(voice: &mut Voice, from_ms: u64, count: u64) -> Vec<Packet> {
        let due = (0..count).filter_map(|n| voice.packet(Time::from_millis(from_ms + 20 * n)));
        due.map(|(_, bytes)| Packet::read(&bytes).expect("ours can be read")).collect()
    }

    #[test]
    fn a_voice_repeats_its_sound_at_its_pace() {
        let mut voice = voice();
        let said = packets(&mut voice, 0, 10);
        assert_eq!(said.len(), 10);
        assert!(voice.packet(Time::from_millis(199)).is_none());
        for (one, next) in said.iter().zip(&said[1..]) {
            assert_eq!(next.timestamp.wrapping_sub(one.timestamp), 160);
            assert_eq!(next.sequence.wrapping_sub(one.sequence), 1);
        }
        assert!(said[0].marker && !said[1].marker);
    }

    #[test]
    fn a_key_interrupts_the_sound_for_its_length() {
        let mut voice = voice();
        packets(&mut voice, 0, 1);
        assert!(voice.press('5'));
        let said = packets(&mut voice, 20, 9);
        let events: Vec<&Packet> = said.iter().filter(|packet| packet.payload_type == 101).collect();
        assert_eq!(events.len(), 7); // four updates and the end three times
        assert!(events.iter().all(|packet| packet.timestamp == events[0].timestamp));
        assert_eq!(said[8].timestamp.wrapping_sub(events[0].timestamp), 8 * 160);
    }

    #[test]
    fn who_holds_says_nothing_but_time_goes_on() {
        let mut voice = voice();
        let before = packets(&mut voice, 0, 1);
        let way = Way { to: voice.to, codec: Codec::Pcma, payload_type: 8, telephone_event: None, speaks: false };
        voice.turn(way);
        assert!(packets(&mut voice, 20, 10).is_empty() && !voice.press('1'));
        voice.turn(Way { speaks: true, ..way });
        let after = packets(&mut voice, 220, 1);
        assert_eq!(after[0].timestamp.wrapping_sub(before[0].timestamp), 11 * 160);
        assert!(after[0].marker);
    }
}
