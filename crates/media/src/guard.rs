//! Which packets of a believed source belong to the stream we hear, and when another stream takes its place.
//!
//! Where it stands: asked by `patchbay` after `latch`, before anything is relayed, recorded or heard as a key. A packet
//! slipped in with a forged source address must still guess SSRC and sequence (RFC 3550 §A.1, made narrower: the window
//! grows only with the silence before it). What is lost or repeated, `rtp::Reception` counts.

use std::time::Duration;

use base::Time;

/// The stream a leg speaks with.
#[derive(Default)]
pub(crate) struct Guard {
    stream: Option<Stream>,
    candidate: Option<Candidate>,
    epoch: u32,
}

struct Stream {
    ssrc: u32,
    /// The furthest sequence number heard.
    highest: u16,
    heard_at: Time,
    /// The latest audio: events keep the timestamp of their start and say nothing of the clock.
    timestamp: u32,
    timestamp_at: Time,
}

#[derive(Clone, Copy)]
struct Candidate {
    ssrc: u32,
    next: u16,
    run: u8,
}

/// One packet, as far as the guard cares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heading {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    /// How many units of its clock it lasts; 0 if it is no audio.
    pub samples: u32,
    /// Units of its clock a millisecond.
    pub khz: u32,
}

/// What a packet is to the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The next, or one further on.
    Follows,
    /// After a later one, or again.
    Late,
    /// The first of a stream: the leg's first, or one that has proven itself.
    Begins,
    /// The same SSRC and sequence go on, but the timestamp leapt: a new stretch of time.
    Leaps,
    /// Not of our stream.
    Refused,
}

impl Guard {
    /// Counts the streams (and stretches of time) heard: equal numbers mean one unbroken run of timestamps.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The SSRC the leg speaks with.
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// Another source speaks for the leg now: its first packet begins a stream.
    pub fn forget(&mut self) {
        self.stream = None;
        self.candidate = None;
    }

    /// Judge one packet.
    #[inline]
    pub fn judge(&mut self, packet: Heading, now: Time) -> Verdict {
        let Some(stream) = &mut self.stream else { return self.begin(packet, now) };
        if packet.ssrc != stream.ssrc {
            return self.probe(packet, now);
        }
        let ahead = packet.sequence.wrapping_sub(stream.highest) as i16; // the nearer way round
        if ahead > 0 && i32::from(ahead) <= reach(now.since(stream.heard_at)) {
            self.candidate = None;
            let leaps = packet.samples > 0 && stream.leaps(packet, ahead, now);
            stream.advance(packet, now);
            if leaps {
                self.epoch = self.epoch.wrapping_add(1);
                return Verdict::Leaps;
            }
            return Verdict::Follows;
        }
        if ahead <= 0 && ahead > -MISORDER {
            self.candidate = None; // our stream is alive
            return Verdict::Late;
        }
        self.probe(packet, now)
    }

    fn begin(&mut self, packet: Heading, now: Time) -> Verdict {
        self.epoch = self.epoch.wrapping_add(1);
        self.candidate = None;
        self.stream = Some(Stream {
            ssrc: packet.ssrc,
            highest: packet.sequence,
            heard_at: now,
            timestamp: packet.timestamp,
            timestamp_at: now,
        });
        Verdict::Begins
    }

    /// A new SSRC, or a leap of the sequence: believed after a run in exact order, while our stream is silent.
    /// Beside a stream that goes on, an intruder never gets there.
    #[cold]
    fn probe(&mut self, packet: Heading, now: Time) -> Verdict {
        let run = match self.candidate {
            Some(c) if (c.ssrc, c.next) == (packet.ssrc, packet.sequence) => c.run.saturating_add(1),
            _ => 1,
        };
        let silent = self.stream.as_ref().is_none_or(|stream| now.since(stream.heard_at) >= SILENCE);
        if run >= PROOF && silent {
            return self.begin(packet, now);
        }
        self.candidate = Some(Candidate { ssrc: packet.ssrc, next: packet.sequence.wrapping_add(1), run });
        Verdict::Refused
    }
}

impl Stream {
    fn advance(&mut self, packet: Heading, now: Time) {
        self.highest = packet.sequence;
        self.heard_at = now;
        if packet.samples > 0 {
            self.timestamp = packet.timestamp;
            self.timestamp_at = now;
        }
    }

    /// A step of the timestamp that neither the clock nor the sequence explains, as phones make after a hold.
    /// (A burst after a stall is explained by its sequence; silence suppression by the clock.)
    fn leaps(&self, packet: Heading, ahead: i16, now: Time) -> bool {
        let step = i64::from(packet.timestamp.wrapping_sub(self.timestamp) as i32);
        let by_clock = now.since(self.timestamp_at).as_millis() as i64 * i64::from(packet.khz);
        let by_sequence = i64::from(ahead) * i64::from(packet.samples);
        let leap = LEAP_MS * i64::from(packet.khz);
        (step - by_clock).abs() > leap && (step - by_sequence).abs() > leap
    }
}

/// How far the sequence may move on after so long a silence: 100 packets, and one for each 5 ms.
fn reach(silence: Duration) -> i32 {
    100 + (silence.as_millis() / 5).min(2900) as i32
}

/// How far back a late packet may lie (RFC 3550 §A.1, MAX_MISORDER).
const MISORDER: i16 = 100;
/// So many packets in exact order prove a stream.
const PROOF: u8 = 3;
/// Our stream must have been silent for so long before another takes its place.
const SILENCE: Duration = Duration::from_millis(100);
const LEAP_MS: i64 = 1000;

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Heading {
        Heading { ssrc, sequence, timestamp, samples: 160, khz: 8 }
    }

    /// Judges (ssrc, sequence, timestamp, ms) one after the other.
    fn judged(packets: &[(u32, u16, u32, u64)]) -> Vec<Verdict> {
        let mut guard = Guard::default();
        packets.iter().map(|&(s, q, t, ms)| guard.judge(packet(s, q, t), Time::from_millis(ms))).collect()
    }

    #[test]
    fn a_stream_goes_on_and_others_must_prove_themselves_while_it_is_silent() {
        for (what, packets, verdicts) in [
            (
                "order",
                vec![
                    (1, 65535, 0, 0),
                    (1, 0, 160, 20),
                    (1, 2, 480, 60),
                    (1, 1, 320, 61),
                    (1, 1, 320, 62),
                    (1, 0, 160, 63),
                ],
                vec![Begins, Follows, Follows, Late, Late, Late],
            ),
            (
                "an intruder's SSRC beside it",
                vec![
                    (1, 1, 0, 0),
                    (6, 1, 0, 1),
                    (6, 2, 0, 2),
                    (6, 3, 0, 3),
                    (6, 4, 0, 4),
                    (1, 2, 160, 20),
                    (6, 5, 0, 140),
                    (1, 3, 320, 145),
                ],
                vec![Begins, Refused, Refused, Refused, Refused, Follows, Refused, Follows],
            ),
            (
                "an intruder's sequence beside it",
                vec![(1, 1, 0, 0), (1, 30000, 0, 1), (1, 30001, 0, 2), (1, 30002, 0, 3), (1, 2, 160, 20)],
                vec![Begins, Refused, Refused, Refused, Follows],
            ),
            (
                "a new SSRC after it",
                vec![(1, 1, 0, 0), (2, 50, 9, 60), (2, 51, 169, 80), (2, 52, 329, 100), (2, 53, 489, 120)],
                vec![Begins, Refused, Refused, Begins, Follows],
            ),
            (
                "a new sequence after it",
                vec![(1, 1, 0, 0), (1, 40000, 9, 60), (1, 40001, 169, 80), (1, 40002, 329, 100)],
                vec![Begins, Refused, Refused, Begins],
            ),
            (
                "the window grows with silence",
                vec![(1, 1, 0, 0), (1, 1001, 160_000, 20_000), (1, 1200, 200_000, 20_020)],
                vec![Begins, Follows, Refused],
            ),
            ("too old", vec![(1, 200, 32000, 0), (1, 99, 3200, 1)], vec![Begins, Refused]),
        ] {
            assert_eq!(judged(&packets), verdicts, "{what}");
        }
    }

    #[test]
    fn a_timestamp_leaps_only_where_neither_clock_nor_sequence_explain_it() {
        for (what, packets, last) in [
            ("a phone's clock began anew", vec![(1, 1, 800_000, 0), (1, 2, 5, 20)], Leaps),
            ("forward too", vec![(1, 1, 5, 0), (1, 2, 800_000, 20)], Leaps),
            ("silence suppressed", vec![(1, 1, 0, 0), (1, 2, 80_000, 10_000)], Follows),
            ("a burst after a stall", vec![(1, 1, 0, 0), (1, 2, 160, 5000)], Follows),
            ("a burst with loss", vec![(1, 1, 0, 0), (1, 101, 16000, 5000)], Follows),
            ("the wrap of 32 bits", vec![(1, 1, u32::MAX - 79, 0), (1, 2, 80, 20)], Follows),
        ] {
            assert_eq!(judged(&packets).last(), Some(&last), "{what}");
        }
    }

    #[test]
    fn every_new_stretch_of_time_has_its_number() {
        let mut guard = Guard::default();
        let epochs: Vec<u32> =
            [(1, 1, 0, 0), (1, 2, 160, 20), (1, 3, 900_000, 40), (2, 7, 0, 200), (2, 8, 160, 220), (2, 9, 320, 240)]
                .into_iter()
                .map(|(s, q, t, ms)| {
                    guard.judge(packet(s, q, t), Time::from_millis(ms));
                    guard.epoch()
                })
                .collect();
        assert_eq!(epochs, [1, 1, 2, 2, 2, 3]);
        assert_eq!(guard.ssrc(), Some(2));
    }
}
