//! A copy of what one leg says, laid where it was said: the recorder's ear.
//!
//! Where it stands: a tapped port hands every audio packet it believes to its tap; the tap hands clips of up to half a
//! second to the recorder. A packet costs one copy into a buffer; a buffer is made once a clip.
//!
//! Place: a packet lies where its timestamp says, counted from an anchor that tied one timestamp to the clock. So loss,
//! jitter and silence suppression do not move anything. The anchor is laid anew where a stream begins, and pulled after
//! the clock where the two have drifted apart. What was never said is not written: silence is the recorder's.

use std::time::Duration;

use audio::{Clip, Codec, Decoder, Encoding};
use base::{LegId, RecordingId, Time};
use rtp::Packet;

use crate::beep::{Beep, Sounding};
use crate::{Channel, Event, Exit};

/// The tap of one leg.
pub(crate) struct Tap {
    pub recording: RecordingId,
    pub channel: Channel,
    /// It keeps nothing, but knows where what comes would lie.
    pub deaf: bool,
    /// The leg hears that it is recorded.
    pub beep: Option<Beep>,
    /// Samples a second of the recording: no more are wanted.
    rate: u32,
    began: Time,
    anchor: Option<Anchor>,
    gathered: Option<Gathered>,
    /// For a leg whose codec needs memory.
    ear: Option<Box<Ear>>,
}

/// Decodes what is said, packet by packet as it comes, at the rate of the recording if its codec has that, and counts its
/// time in samples of 8 kHz.
struct Ear {
    decoder: Decoder,
    epoch: u32,
    sequence: u16,
    /// The latest timestamp, and what it is at 8 kHz.
    timestamp: u32,
    at_8k: u32,
    pcm: Vec<i16>,
    bytes: Vec<u8>,
}

/// Which sample of the recording a timestamp means.
struct Anchor {
    epoch: u32,
    clock_rate: u32,
    timestamp: u32,
    at: i64,
    /// How late, by the clock, the most punctual packet was of those since `since`.
    least_late: i64,
    since: Time,
}

struct Gathered {
    clip: Clip,
    since: Time,
}

/// One packet of speech.
pub(crate) struct Speech<'a> {
    /// Timestamps of one epoch count from the same zero, if they are of the same clock.
    pub epoch: u32,
    pub clock_rate: u32,
    pub timestamp: u32,
    /// A talkspurt begins (RFC 3551 §4.1).
    pub marker: bool,
    pub encoding: Encoding,
    /// Samples for each of 8 kHz.
    pub wide: u8,
    pub payload: &'a [u8],
}

impl Tap {
    pub fn new(recording: RecordingId, channel: Channel, began: Time, rate: u32, beep: Option<Beep>) -> Tap {
        Tap { recording, channel, deaf: false, beep, rate, began, anchor: None, gathered: None, ear: None }
    }

    /// What the leg hears of the beep in this frame of the wheel; one that begins is told to the recorder.
    pub fn beep(&mut self, leg: LegId, frame: u64, now: Time, exit: &mut impl Exit) -> Option<Sounding> {
        let sounding = self.beep.as_mut()?.frame(frame, now)?;
        if sounding.is_first() {
            let at = now.since(self.began);
            exit.event(Event::Beeped { leg, recording: self.recording, channel: self.channel, at });
        }
        Some(sounding)
    }

    /// Keep what was said; a clip that is full goes to `out`.
    pub fn hear(&mut self, speech: &Speech, now: Time, out: impl FnMut(Clip)) {
        let at = self.place(speech, now);
        if self.deaf {
            return;
        }
        // Said before the recording began: only what reaches into it.
        let width = speech.encoding.width() * usize::from(speech.wide);
        let early = usize::try_from(-at).unwrap_or(0).saturating_mul(width).min(speech.payload.len());
        let payload = &speech.payload[early..];
        if !payload.is_empty() {
            self.put(at.max(0) as u64, speech, payload, now, out);
        }
    }

    /// The same for a codec that needs memory. What comes too late to be decoded in its turn is left out; a single lost
    /// packet is concealed, more are silence.
    pub fn hear_coded(
        &mut self,
        codec: Codec,
        packet: &Packet,
        epoch: u32,
        payload: &[u8],
        now: Time,
        out: impl FnMut(Clip),
    ) {
        let mut ear = match self.ear.take() {
            Some(ear) if ear.epoch == epoch && ear.decoder.codec() == codec => ear,
            _ => Box::new(Ear::new(codec, self.rate, epoch, packet)),
        };
        if let Some(timestamp) = ear.decode(packet, payload) {
            ear.bytes.resize(ear.pcm.len() * 2, 0);
            Encoding::L16.encode_into(&ear.pcm, &mut ear.bytes);
            let (marker, encoding, wide, clock_rate) = (packet.marker, Encoding::L16, ear.wide(), codec.clock_rate());
            let payload = &ear.bytes;
            self.hear(&Speech { epoch, clock_rate, timestamp, marker, encoding, wide, payload }, now, out);
        }
        self.ear = Some(ear);
    }

    /// When an unfilled clip should be given up: the leg may have fallen silent.
    pub fn due(&self) -> Option<Time> {
        self.gathered.as_ref().map(|gathered| gathered.since + PATIENCE)
    }

    /// Give up what was gathered.
    pub fn flush(&mut self) -> Option<Clip> {
        self.gathered.take().map(|gathered| gathered.clip)
    }

    fn place(&mut self, speech: &Speech, now: Time) -> i64 {
        let clock = (now.since(self.began).as_nanos() / 125_000) as i64;
        let Some(anchor) = self.anchor.as_mut().filter(|anchor| anchor.goes_on(speech)) else {
            self.anchor = Some(Anchor::new(speech, clock, now));
            return clock;
        };
        let ahead = speech.timestamp.wrapping_sub(anchor.timestamp) as i32;
        let at = anchor.at + i64::from(ahead);
        let late = clock - at;
        // Nothing is heard before it is said; and a talkspurt whose timestamp ignored the pause before it, was said now.
        if late < -FAR || (speech.marker && ahead > 0 && late > FAR) {
            *anchor = Anchor::new(speech, clock, now);
            return clock;
        }
        if ahead > 0 {
            (anchor.timestamp, anchor.at) = (speech.timestamp, at); // so that 32 bits always reach
        }
        anchor.least_late = anchor.least_late.min(late);
        if now.since(anchor.since) >= WINDOW {
            // Lateness that all packets share is no jitter: the phone's clock runs differently, or the way has changed.
            let drift = if anchor.least_late.abs() > NEAR { anchor.least_late } else { 0 };
            anchor.at += drift;
            anchor.least_late = i64::MAX;
            anchor.since = now;
            return at + drift;
        }
        at
    }

    fn put(&mut self, at: u64, speech: &Speech, payload: &[u8], now: Time, mut out: impl FnMut(Clip)) {
        let Speech { encoding, wide, .. } = *speech;
        let width = encoding.width() * usize::from(wide);
        if let Some(Gathered { clip, .. }) = &mut self.gathered {
            let is_alike = encoding == clip.encoding && wide == clip.wide;
            if is_alike && at < clip.at {
                out(Clip { at, encoding, wide, payload: payload.to_vec() }); // late by more than a clip: rare
                return;
            }
            let offset = (at.saturating_sub(clip.at) as usize).saturating_mul(width);
            let end = offset.saturating_add(payload.len());
            if is_alike && end <= CLIP_SAMPLES * width {
                if offset == clip.payload.len() {
                    clip.payload.extend_from_slice(payload);
                } else {
                    if end > clip.payload.len() {
                        clip.payload.resize(end, encoding.silence()); // what is lost may still come late
                    }
                    clip.payload[offset..end].copy_from_slice(payload);
                }
                if clip.payload.len() == CLIP_SAMPLES * width {
                    self.flush().into_iter().for_each(out);
                }
                return;
            }
            self.flush().into_iter().for_each(&mut out);
        }
        let mut gathered = Vec::with_capacity((CLIP_SAMPLES * width).max(payload.len()));
        gathered.extend_from_slice(payload);
        self.gathered = Some(Gathered { clip: Clip { at, encoding, wide, payload: gathered }, since: now });
    }
}

impl Ear {
    fn new(codec: Codec, rate: u32, epoch: u32, first: &Packet) -> Ear {
        Ear {
            decoder: Decoder::new(codec, rate),
            epoch,
            sequence: first.sequence.wrapping_sub(1),
            timestamp: first.timestamp,
            at_8k: first.timestamp, // any beginning will do; where the clock is of 8 kHz this one goes on
            pcm: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Samples for each of 8 kHz.
    fn wide(&self) -> u8 {
        (self.decoder.rate() / audio::SAMPLE_RATE) as u8
    }

    /// Leaves in `pcm` what a packet says (and the one before it, if that alone was lost); gives its timestamp.
    fn decode(&mut self, packet: &Packet, payload: &[u8]) -> Option<u32> {
        let ahead = packet.sequence.wrapping_sub(self.sequence) as i16;
        if ahead <= 0 {
            return None;
        }
        self.sequence = packet.sequence;
        let per_sample = (self.decoder.codec().clock_rate() / audio::SAMPLE_RATE).cast_signed();
        let step = packet.timestamp.wrapping_sub(self.timestamp).cast_signed() / per_sample;
        self.at_8k = self.at_8k.wrapping_add_signed(step);
        self.timestamp = self.timestamp.wrapping_add_signed(step * per_sample);
        self.pcm.clear();
        let samples = (self.decoder.codec().duration(payload) / per_sample.cast_unsigned()) as usize;
        let mut timestamp = self.at_8k;
        if ahead == 2 && samples > 0 && step == 2 * samples as i32 {
            self.decoder.conceal(samples * usize::from(self.wide()), Some(payload), &mut self.pcm);
            timestamp = timestamp.wrapping_sub(samples as u32);
        }
        self.decoder.decode(payload, &mut self.pcm);
        Some(timestamp)
    }
}

impl Anchor {
    fn new(speech: &Speech, clock: i64, now: Time) -> Anchor {
        let Speech { epoch, clock_rate, timestamp, .. } = *speech;
        Anchor { epoch, clock_rate, timestamp, at: clock, least_late: 0, since: now }
    }

    /// A phone may change from G.711 to G.722 within a stream; Opus has another clock, whatever its stream says.
    fn goes_on(&self, speech: &Speech) -> bool {
        self.epoch == speech.epoch && self.clock_rate == speech.clock_rate
    }
}

/// Half a second.
const CLIP_SAMPLES: usize = 4000;
/// A clip that fills without a pause is full before.
const PATIENCE: Duration = Duration::from_millis(600);
/// How long all packets must be late before that is the truth.
const WINDOW: Duration = Duration::from_secs(1);
/// 100 ms: no jitter explains that.
const FAR: i64 = 800;
/// 20 ms: as exact as a recording is.
const NEAR: i64 = 160;

#[cfg(test)]
mod tests {
    use base::{CallId, Random};
    use proptest::prelude::*;

    use super::*;

    fn tap(began_ms: u64) -> Tap {
        let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        Tap::new(recording, Channel::Left, Time::from_millis(began_ms), audio::SAMPLE_RATE, None)
    }

    /// (arrives at ms, epoch, timestamp, marker)
    type Said = (u64, u32, u32, bool);

    /// Where each packet (of 160 samples of its own ordinal) lies after all was heard; the clips as they came.
    fn places(tap: &mut Tap, said: &[Said]) -> (Vec<u64>, Vec<Clip>) {
        let mut clips = Vec::new();
        for (ordinal, &(ms, epoch, timestamp, marker)) in said.iter().enumerate() {
            let speech = Speech {
                epoch,
                clock_rate: 8000,
                timestamp,
                marker,
                encoding: Encoding::Pcmu,
                wide: 1,
                payload: &[ordinal as u8; 160],
            };
            tap.hear(&speech, Time::from_millis(ms), |clip| clips.push(clip));
        }
        clips.extend(tap.flush());
        let place = |ordinal: usize| {
            let found = clips
                .iter()
                .find_map(|clip| Some(clip.at + clip.payload.iter().position(|b| *b == ordinal as u8)? as u64));
            found.unwrap_or(u64::MAX)
        };
        ((0..said.len()).map(place).collect(), clips)
    }

    #[test]
    fn speech_lies_where_its_timestamp_says() {
        for (what, said, expected) in [
            ("even", vec![(100, 1, 5000, true), (120, 1, 5160, false)], vec![0, 160]),
            ("jitter", vec![(100, 1, 0, true), (139, 1, 160, false), (140, 1, 320, false)], vec![0, 160, 320]),
            ("reordered", vec![(100, 1, 0, true), (140, 1, 320, false), (141, 1, 160, false)], vec![0, 320, 160]),
            ("lost", vec![(100, 1, 0, true), (160, 1, 480, false)], vec![0, 480]),
            ("a pause by the timestamp", vec![(100, 1, 0, true), (5100, 1, 40_000, true)], vec![0, 40_000]),
            ("a pause the timestamp ignores", vec![(100, 1, 0, true), (5100, 1, 160, true)], vec![0, 40_000]),
            (
                "a burst after a stall",
                vec![(100, 1, 0, true), (2100, 1, 160, false), (2101, 1, 320, false)],
                vec![0, 160, 320],
            ),
            ("the timestamp wraps", vec![(100, 1, u32::MAX - 79, true), (120, 1, 80, false)], vec![0, 160]),
            ("another stream", vec![(100, 1, 7, true), (200, 2, 999_999, true)], vec![0, 800]),
        ] {
            assert_eq!(places(&mut tap(100), &said).0, expected, "{what}");
        }
    }

    #[test]
    fn nothing_is_heard_before_it_is_said() {
        // The first packet was 300 ms late, those after it were not.
        let (places, _) = places(&mut tap(100), &[(400, 1, 0, true), (401, 1, 2560, false), (420, 1, 2720, false)]);
        assert_eq!(places[1..], [2408, 2568]);
    }

    #[test]
    fn clips_are_half_a_second_at_most_and_one_after_the_other() {
        let said: Vec<Said> = (0..100).map(|i| (i * 20, 1, i as u32 * 160, i == 0)).collect();
        let (_, clips) = places(&mut tap(0), &said);
        assert_eq!(
            clips.iter().map(|clip| (clip.at, clip.payload.len())).collect::<Vec<_>>(),
            [(0, 4000), (4000, 4000), (8000, 4000), (12000, 4000)]
        );
    }

    #[test]
    fn a_leg_that_falls_silent_does_not_keep_its_last_words() {
        let mut tap = tap(0);
        let speech = Speech {
            epoch: 1,
            clock_rate: 8000,
            timestamp: 0,
            marker: true,
            encoding: Encoding::Pcma,
            wide: 1,
            payload: &[1; 160],
        };
        assert_eq!(tap.due(), None);
        tap.hear(&speech, Time::from_millis(30), |_| panic!("not full"));
        assert_eq!(tap.due(), Some(Time::from_millis(630)));
        assert_eq!(
            tap.flush().map(|clip| (clip.at, clip.encoding, clip.payload.len())),
            Some((240, Encoding::Pcma, 160))
        );
        assert_eq!(tap.due(), None);
    }

    #[test]
    fn a_change_of_codec_begins_another_clip() {
        let mut tap = tap(0);
        let mut clips = Vec::new();
        for (i, encoding) in [Encoding::Pcmu, Encoding::Pcma].into_iter().enumerate() {
            let speech = Speech {
                epoch: 1,
                clock_rate: 8000,
                timestamp: i as u32 * 160,
                marker: false,
                encoding,
                wide: 1,
                payload: &[1; 160],
            };
            tap.hear(&speech, Time::from_millis(i as u64 * 20), |clip| clips.push(clip));
        }
        clips.extend(tap.flush());
        assert_eq!(
            clips.iter().map(|clip| (clip.at, clip.encoding)).collect::<Vec<_>>(),
            [(0, Encoding::Pcmu), (160, Encoding::Pcma)]
        );
    }

    #[test]
    fn a_clock_that_runs_differently_is_followed() {
        for parts_per_million in [-300_i64, 300] {
            let mut tap = tap(0);
            for i in 0..30_000_i64 {
                let ms = (i * 20 + i * 20 * parts_per_million / 1_000_000) as u64; // ten minutes
                let speech = Speech {
                    epoch: 1,
                    clock_rate: 8000,
                    timestamp: i as u32 * 160,
                    marker: false,
                    encoding: Encoding::Pcmu,
                    wide: 1,
                    payload: &[1; 160],
                };
                tap.hear(&speech, Time::from_millis(ms), |clip| {
                    let end = clip.at + clip.payload.len() as u64;
                    let heard = ms * 8 + 160;
                    assert!(end.abs_diff(heard) <= 200, "at {ms} ms: {end} is not {heard}"); // 25 ms
                });
            }
        }
    }

    proptest! {
        /// Whatever the network does within 90 ms, and were it to all packets of a second: nothing moves by more. Where a
        /// clock is followed back, what is said after lies over as much of what was said before.
        #[test]
        fn the_network_moves_nothing(delays in proptest::collection::vec(0..90_u64, 1..200), lost in any::<u128>()) {
            let mut arrivals: Vec<(u64, usize)> = delays.iter().enumerate()
                .filter(|(i, _)| *i == 0 || lost >> (i % 128) & 1 == 0)
                .map(|(i, delay)| (1000 + i as u64 * 20 + if i == 0 { 0 } else { *delay }, i))
                .collect();
            arrivals.sort();
            let mut tap = tap(1000);
            let mut clips = Vec::new();
            for &(ms, i) in &arrivals {
                let (timestamp, payload) = (i as u32 * 160, &[i as u8; 160]);
                let speech = Speech { epoch: 1, clock_rate: 8000, timestamp, marker: i == 0, encoding: Encoding::Pcmu, wide: 1, payload };
                tap.hear(&speech, Time::from_millis(ms), |clip| clips.push(clip));
            }
            clips.extend(tap.flush());
            let mut covered = 0;
            for (_, i) in arrivals {
                let within = |clip: &Clip| Some(clip.at + clip.payload.iter().position(|b| *b == i as u8)? as u64);
                let place = clips.iter().find_map(within);
                covered += usize::from(place.is_none());
                prop_assert!(place.is_none_or(|place| place.abs_diff(i as u64 * 160) <= 720), "{i} at {place:?}");
            }
            prop_assert!(covered <= 5, "{covered} packets of 20 ms lie under others");
            prop_assert!(clips.iter().all(|clip| clip.payload.len() <= 4000));
        }
    }
}
