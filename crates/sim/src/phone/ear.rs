//! What a phone hears: decoded samples, put where their RTP timestamps say.

use std::collections::VecDeque;

use audio::{Codec, Decoder, Resampler};
use base::Time;
use rtp::event::Detector;
use rtp::srtp::Opener;
use rtp::{Packet, Sequence};

/// The sound of one call, as it arrived. It keeps the last half minute.
#[derive(Debug)]
pub struct Ear {
    decoder: Decoder,
    /// To 8 kHz, where the codec has more.
    narrow: Option<Resampler>,
    payload_type: u8,
    telephone_event: Option<u8>,
    stream: Option<Stream>,
    streams: u32,
    frames: VecDeque<Frame>,
    end: u64,
    packets: u64,
    missing: u64,
    detector: Detector,
    keys: String,
    opener: Option<Opener>,
    refused: u64,
}

/// One synchronisation source (RFC 3550 §3).
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    sequence: Sequence,
    first: u32,
    base: u64,
}

#[derive(Debug)]
struct Frame {
    at: Time,
    place: u64,
    samples: Vec<i16>,
}

impl Ear {
    pub(super) fn new(codec: Codec, payload_type: u8, telephone_event: Option<u8>) -> Ear {
        let (decoder, narrow) = listening(codec);
        Ear {
            decoder,
            narrow,
            payload_type,
            telephone_event,
            stream: None,
            streams: 0,
            frames: VecDeque::new(),
            end: 0,
            packets: 0,
            missing: 0,
            detector: Detector::new(),
            keys: String::new(),
            opener: None,
            refused: 0,
        }
    }

    /// The same ear after a new agreement.
    pub(super) fn tune(&mut self, codec: Codec, payload_type: u8, telephone_event: Option<u8>) {
        if self.decoder.codec() != codec {
            (self.decoder, self.narrow) = listening(codec);
        }
        (self.payload_type, self.telephone_event) = (payload_type, telephone_event);
    }

    /// The other side has told of another address: what comes from there is another source by right (RFC 3550 §8.2).
    pub(super) fn turn(&mut self) {
        (self.stream, self.streams) = (None, 0);
    }

    /// From now on it hears what is sealed with the key alone; or anything.
    pub(super) fn open(&mut self, opener: Option<Opener>) {
        self.opener = opener;
    }

    /// Takes a packet; returns the key it tells of, once a press.
    pub(super) fn hear(&mut self, datagram: &[u8], now: Time) -> Option<char> {
        let Some(opener) = &mut self.opener else { return self.hear_plain(datagram, now) };
        let mut opened = datagram.to_vec();
        match opener.open(&mut opened) {
            Ok(length) => self.hear_plain(&opened[..length], now),
            Err(_) => {
                self.refused += 1;
                None
            }
        }
    }

    fn hear_plain(&mut self, datagram: &[u8], now: Time) -> Option<char> {
        let packet = Packet::read(datagram).ok()?;
        let payload = &datagram[packet.payload.clone()];
        let place = self.place(&packet);
        self.packets += 1;
        if Some(packet.payload_type) == self.telephone_event {
            let key = self.detector.receive(&packet, payload)?;
            self.keys.push(key);
            return Some(key);
        }
        if packet.payload_type == self.payload_type
            && let Some(place) = place
        {
            let samples = self.decoded(payload);
            self.end = self.end.max(place + samples.len() as u64);
            self.frames.push_back(Frame { at: now, place, samples });
            if self.frames.len() > FRAMES_MAX {
                self.frames.pop_front();
            }
        }
        None
    }

    /// Where a packet's first sample belongs, counted from the first one heard. A new source goes on at the end.
    fn place(&mut self, packet: &Packet) -> Option<u64> {
        if self.stream.as_ref().is_none_or(|stream| stream.ssrc != packet.ssrc) {
            self.streams += 1;
            let sequence = Sequence::new(packet.sequence);
            self.stream = Some(Stream { ssrc: packet.ssrc, sequence, first: packet.timestamp, base: self.end });
        }
        let stream = self.stream.as_mut()?;
        let before = stream.sequence.highest();
        let extended = stream.sequence.extend(packet.sequence);
        self.missing += extended.saturating_sub(before).saturating_sub(1);
        let ahead = packet.timestamp.wrapping_sub(stream.first).cast_signed(); // a late packet lies before the first
        let per_sample = self.decoder.codec().clock_rate() / audio::SAMPLE_RATE;
        stream.base.checked_add_signed((ahead / per_sample.cast_signed()).into())
    }

    fn decoded(&mut self, payload: &[u8]) -> Vec<i16> {
        let mut samples = Vec::new();
        self.decoder.decode(payload, &mut samples);
        let Some(narrow) = &mut self.narrow else { return samples };
        let mut narrowed = Vec::new();
        narrow.resample(&samples, &mut narrowed);
        narrowed
    }

    /// What arrived since then, in the order of its timestamps; holes of up to a second are silence, longer ones are
    /// left out.
    pub fn since(&self, from: Time) -> Vec<i16> {
        let mut frames: Vec<&Frame> = self.frames.iter().filter(|frame| frame.at >= from).collect();
        frames.sort_by_key(|frame| frame.place);
        frames.dedup_by_key(|frame| frame.place);
        let mut samples = Vec::new();
        let mut end = frames.first().map_or(0, |frame| frame.place);
        for frame in frames {
            let hole = frame.place.saturating_sub(end);
            samples.resize(samples.len() + if hole <= SECOND { hole as usize } else { 0 }, 0);
            let known = end.saturating_sub(frame.place) as usize;
            samples.extend(frame.samples.iter().skip(known));
            end = end.max(frame.place + frame.samples.len() as u64);
        }
        samples
    }

    /// When the last sound arrived.
    pub fn last_heard(&self) -> Option<Time> {
        self.frames.back().map(|frame| frame.at)
    }

    /// The keys heard (RFC 4733), oldest first.
    pub fn keys(&self) -> &str {
        &self.keys
    }

    /// How many sources there were. A switch that keeps its word has one a leg, whoever speaks.
    pub fn streams(&self) -> u32 {
        self.streams
    }

    /// How many packets came.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// How many packets were not sealed with the key agreed on.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// How many sequence numbers were skipped when they were due; some may have come later.
    pub fn missing(&self) -> u64 {
        self.missing
    }
}

/// What it takes to hear a codec at 8 kHz.
fn listening(codec: Codec) -> (Decoder, Option<Resampler>) {
    let decoder = Decoder::new(codec, audio::SAMPLE_RATE);
    let narrow = Resampler::new(decoder.rate(), audio::SAMPLE_RATE);
    (decoder, narrow)
}

const SECOND: u64 = 8_000;
/// Half a minute of 20 ms each.
const FRAMES_MAX: usize = 1_500;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32, ssrc: u32, samples: &[i16]) -> Vec<u8> {
        let mut bytes = vec![0; rtp::HEADER_BYTES];
        rtp::write_header(&mut bytes, 0, sequence, timestamp, ssrc, false);
        bytes.extend(audio::Encoding::Pcmu.encoded(samples));
        bytes
    }

    #[test]
    fn sound_lies_where_its_timestamps_say() {
        let mut ear = Ear::new(Codec::Pcmu, 0, Some(101));
        let loud = [8_000; 160];
        for (ms, sequence, timestamp) in [(0, 65_535, u32::MAX - 159), (40, 1, 160), (45, 0, 0), (46, 0, 0)] {
            ear.hear(&packet(sequence, timestamp, 7, &loud), Time::from_millis(ms));
        }
        assert_eq!(ear.since(Time::ZERO).len(), 480);
        assert_eq!((ear.missing(), ear.packets(), ear.streams()), (1, 4, 1));
        ear.hear(&packet(9, 99, 8, &loud), Time::from_millis(60));
        assert_eq!((ear.since(Time::ZERO).len(), ear.streams()), (640, 2));
        assert_eq!(ear.since(Time::from_millis(60)).len(), 160);
    }

    #[test]
    fn short_holes_are_silence_and_long_ones_are_left_out() {
        let mut ear = Ear::new(Codec::Pcmu, 0, None);
        for (sequence, timestamp) in [(0, 0), (2, 320), (3, 80_000)] {
            ear.hear(&packet(sequence, timestamp, 7, &[8_000; 160]), Time::ZERO);
        }
        let heard = ear.since(Time::ZERO);
        assert_eq!(heard.len(), 640);
        assert!(heard[160..320].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut ear = Ear::new(Codec::Pcmu, 0, None);
        for n in 0..2_000_u16 {
            ear.hear(&packet(n, u32::from(n) * 160, 7, &[0; 160]), Time::from_millis(u64::from(n) * 20));
        }
        assert_eq!(ear.frames.len(), FRAMES_MAX);
    }
}
