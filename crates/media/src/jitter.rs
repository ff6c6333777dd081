//! The jitter buffer of a leg that is decoded: packets come as the network likes, and leave in order, one when due.
//!
//! Where it stands: in [`Voice`](crate::voice::Voice), and nowhere else: what is relayed never waits. It holds a packet
//! as long as the latest ones of the last seconds were late, 20 ms at least and 200 ms at most.

use std::time::Duration;

use base::Time;
use rtp::Sequence;

/// Packets waiting for their turn.
pub(crate) struct Jitter {
    ring: Vec<Slot>,
    sequence: Option<Sequence>,
    /// The number to leave next, once playing.
    next: u64,
    /// What lies before has had its turn.
    floor: u64,
    phase: Phase,
    lateness: Lateness,
    /// How long the latest packet lasted.
    packet: Duration,
    /// The least that was waiting after each packet left, and how often it was looked at.
    least: (u32, u32),
}

#[derive(Default)]
struct Slot {
    number: u64,
    kind: SlotKind,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum SlotKind {
    #[default]
    Empty,
    Audio,
    /// A number that carries no sound: a key, or a format we do not know.
    Skip,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The first packet waits since then.
    Filling(Time),
    /// So many times there was nothing to leave, one after another.
    Playing {
        dry: u8,
    },
}

/// What leaves.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Pulled<'a> {
    /// The next payload.
    Audio(&'a [u8]),
    /// It was lost; here is the one after it, if that is there.
    Lost(Option<&'a [u8]>),
    /// Nothing has come lately, though more is expected.
    Dry,
    /// Nobody speaks.
    Idle,
}

impl Jitter {
    pub fn new() -> Jitter {
        Jitter {
            ring: Vec::new(),
            sequence: None,
            next: 0,
            floor: 0,
            phase: Phase::Idle,
            lateness: Lateness::default(),
            packet: MIN,
            least: (u32::MAX, 0),
        }
    }

    /// Another stream begins: nothing of this one is left.
    pub fn clear(&mut self) {
        self.sequence = None;
        self.floor = 0;
        self.phase = Phase::Idle;
        self.ring.iter_mut().for_each(|slot| slot.kind = SlotKind::Empty);
        self.lateness = Lateness::default();
        self.least = (u32::MAX, 0);
    }

    /// A packet came. `lasts` is zero, and the payload empty, for one that carries no sound.
    pub fn put(&mut self, sequence: u16, sent: Sent, lasts: Duration, payload: &[u8], now: Time) {
        let highest = self.sequence.map(|sequence| sequence.highest());
        let number = self.sequence.get_or_insert_with(|| Sequence::new(sequence)).extend(sequence);
        if highest.is_some_and(|highest| number > highest + RING as u64 / 2) {
            self.restart(number); // a hole wider than we wait for
        }
        if number < self.floor {
            return self.lateness.heard(sent, now); // too late, or again
        }
        match self.phase {
            Phase::Idle if payload.is_empty() => return,
            Phase::Idle => {
                self.next = number;
                self.phase = Phase::Filling(now);
            }
            // Overtaken on its way at the very start: it still has its turn.
            Phase::Filling(_) if number < self.next && number + (RING as u64) / 2 > self.next => self.next = number,
            _ => {}
        }
        if self.ring.is_empty() {
            self.ring.resize_with(RING, Slot::default);
        }
        if number >= self.next + RING as u64 {
            self.next = number + 1 - RING as u64; // nobody pulled for long
            self.floor = self.next;
        }
        let slot = &mut self.ring[number as usize % RING];
        slot.number = number;
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        slot.kind = if payload.is_empty() { SlotKind::Skip } else { SlotKind::Audio };
        if !payload.is_empty() {
            self.packet = lasts.max(Duration::from_millis(1));
            self.lateness.heard(sent, now);
        }
        if self.waiting() > MAX + 2 * self.packet {
            // A stall, or nobody pulled: what is that old is not heard any more.
            let keep = u64::from((self.target().as_millis() / self.packet.as_millis()) as u32).max(1);
            let highest = self.sequence.map_or(0, |sequence| sequence.highest());
            self.next = self.next.max((highest + 1).saturating_sub(keep));
            self.floor = self.floor.max(self.next);
        }
    }

    /// What is due.
    pub fn pull(&mut self, now: Time) -> Pulled<'_> {
        match self.phase {
            Phase::Idle => return Pulled::Idle,
            Phase::Filling(since) if now < since + self.target() => return Pulled::Idle,
            Phase::Filling(_) => self.phase = Phase::Playing { dry: 0 },
            Phase::Playing { .. } => {}
        }
        while self.kind_of(self.next) == SlotKind::Skip {
            self.leave();
        }
        let highest = self.sequence.map_or(0, |sequence| sequence.highest());
        if highest < self.next {
            let dry = if let Phase::Playing { dry } = self.phase { dry + 1 } else { 1 };
            if dry > DRY_MAX {
                self.phase = Phase::Idle;
                return Pulled::Idle;
            }
            self.phase = Phase::Playing { dry };
            return Pulled::Dry;
        }
        self.pass_over_made_up();
        self.phase = Phase::Playing { dry: 0 };
        let number = self.next;
        let came = self.kind_of(number) == SlotKind::Audio;
        self.leave();
        self.look();
        if came {
            return Pulled::Audio(&self.ring[number as usize % RING].payload);
        }
        let after = self.kind_of(number + 1) == SlotKind::Audio;
        Pulled::Lost(after.then(|| self.ring[(number + 1) as usize % RING].payload.as_slice()))
    }

    /// What was made up while nothing was there was in the place of packets that are now known to be lost: those are not
    /// made up again, or all that follows would be late, and something of it be left out to make up for it.
    fn pass_over_made_up(&mut self) {
        let Phase::Playing { dry } = self.phase else { return };
        let mut made_up = FRAME * dry.into();
        let highest = self.sequence.map_or(0, |sequence| sequence.highest());
        while made_up >= self.packet && self.next < highest && self.kind_of(self.next) == SlotKind::Empty {
            made_up -= self.packet;
            self.leave();
        }
    }

    /// Nothing is expected for a while: what comes next is a beginning.
    pub fn rest(&mut self) {
        if let Phase::Playing { .. } = self.phase {
            self.phase = Phase::Idle;
        }
    }

    /// Whether more waits than is needed, so that one packet should be heard and not waited for. Asked before a pull.
    pub fn has_excess(&mut self) -> bool {
        let waiting = self.waiting();
        if !matches!(self.phase, Phase::Playing { .. }) || self.kind_of(self.next) != SlotKind::Audio {
            return false;
        }
        if waiting > MAX {
            return true;
        }
        let (least, looks) = self.least;
        if looks < LOOKS {
            return false;
        }
        self.least = (u32::MAX, 0);
        least != u32::MAX && self.packet * least > self.target()
    }

    /// How long packets are held.
    pub fn target(&self) -> Duration {
        Duration::from_micros(self.lateness.peak_us.max(0) as u64).clamp(MIN, MAX)
    }

    fn waiting(&self) -> Duration {
        let highest = self.sequence.map_or(0, |sequence| sequence.highest());
        self.packet * (highest + 1).saturating_sub(self.next).min(RING as u64) as u32
    }

    fn look(&mut self) {
        let highest = self.sequence.map_or(0, |sequence| sequence.highest());
        let left = (highest + 1).saturating_sub(self.next) as u32;
        self.least = (self.least.0.min(left), self.least.1 + 1);
    }

    fn kind_of(&self, number: u64) -> SlotKind {
        match self.ring.get(number as usize % RING) {
            Some(slot) if slot.number == number => slot.kind,
            _ => SlotKind::Empty,
        }
    }

    fn leave(&mut self) {
        if let Some(slot) = self.ring.get_mut(self.next as usize % RING)
            && slot.number == self.next
        {
            slot.kind = SlotKind::Empty;
        }
        self.next += 1;
        self.floor = self.next;
    }

    fn restart(&mut self, number: u64) {
        self.ring.iter_mut().for_each(|slot| slot.kind = SlotKind::Empty);
        (self.next, self.floor) = (number, number);
    }
}

/// A packet's own time: its timestamp and how many of them are a millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub timestamp: u32,
    pub clock_khz: u32,
}

/// How late packets are beside the most punctual one of the last seconds.
#[derive(Default)]
struct Lateness {
    /// A timestamp and the moment, in microseconds of an arbitrary zero, that it means.
    anchor: Option<(u32, i64)>,
    /// The least difference of arrival and meaning in this window and the one before, and the window's beginning.
    least_us: [Option<i64>; 2],
    window: Option<Time>,
    /// Goes up at once, and down slowly.
    peak_us: i64,
}

impl Lateness {
    fn heard(&mut self, sent: Sent, now: Time) {
        let now_us = (now.as_nanos() / 1000) as i64;
        let (timestamp, meant) = *self.anchor.get_or_insert((sent.timestamp, now_us));
        let ahead = sent.timestamp.wrapping_sub(timestamp).cast_signed();
        let meant = meant + i64::from(ahead) * 1000 / i64::from(sent.clock_khz.max(1));
        if (now_us - meant).abs() > LEAP_US {
            // The timestamp says nothing of the time: a new stretch.
            *self = Lateness { anchor: Some((sent.timestamp, now_us)), peak_us: self.peak_us, ..Lateness::default() };
            return;
        }
        if ahead > 0 {
            self.anchor = Some((sent.timestamp, meant));
        }
        let difference = now_us - meant;
        if self.window.is_none_or(|since| now.since(since) >= WINDOW) {
            self.least_us = [None, self.least_us[0]];
            self.window = Some(now);
        }
        self.least_us[0] = Some(self.least_us[0].map_or(difference, |least| least.min(difference)));
        let least = self.least_us.iter().flatten().min().copied().unwrap_or(difference);
        self.peak_us = (difference - least).max(self.peak_us - self.peak_us / 256);
    }
}

/// What a pull that finds nothing is made up for.
const FRAME: Duration = Duration::from_millis(20);
/// Slots: 200 ms of the shortest packets, and as much again for what comes in a burst.
const RING: usize = 64;
const MIN: Duration = Duration::from_millis(20);
const MAX: Duration = Duration::from_millis(200);
/// Nothing for so many frames of 20 ms: the talker has paused, and begins anew when he does.
const DRY_MAX: u8 = 6;
/// One second of pulls.
const LOOKS: u32 = 50;
const WINDOW: Duration = Duration::from_secs(2);
/// Two seconds late, or early, is no jitter.
const LEAP_US: i64 = 2_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packets (number, arrives at ms) of 20 ms and what is heard at each pull, each 20 ms from 10 on.
    fn heard(packets: &[(u16, u64)], pulls: u64) -> Vec<String> {
        let mut jitter = Jitter::new();
        let mut packets = packets.to_vec();
        packets.sort_by_key(|(_, ms)| *ms);
        let mut packets = packets.into_iter().peekable();
        (0..pulls)
            .map(|n| {
                let now = Time::from_millis(10 + n * 20);
                while let Some((number, ms)) = packets.next_if(|(_, ms)| Time::from_millis(*ms) <= now) {
                    let sent = Sent { timestamp: u32::from(number) * 160, clock_khz: 8 };
                    jitter.put(number, sent, FRAME, &[number as u8], Time::from_millis(ms));
                }
                match jitter.pull(now) {
                    Pulled::Audio(payload) => payload[0].to_string(),
                    Pulled::Lost(None) => "lost".to_owned(),
                    Pulled::Lost(Some(next)) => format!("before {}", next[0]),
                    Pulled::Dry => "dry".to_owned(),
                    Pulled::Idle => "-".to_owned(),
                }
            })
            .collect()
    }

    #[test]
    fn packets_leave_in_order_when_due() {
        for (what, packets, expected) in [
            ("even", vec![(1, 0), (2, 20), (3, 40), (4, 60)], "- 1 2 3 4 dry"),
            ("reordered", vec![(1, 0), (3, 20), (2, 21), (4, 60)], "- 1 2 3 4 dry"),
            ("twice", vec![(1, 0), (1, 1), (2, 20), (2, 41), (3, 42)], "- 1 2 3 dry dry"),
            ("lost, and the next one is there", vec![(1, 0), (3, 40), (4, 60)], "- 1 before 3 3 4 dry"),
            ("two lost", vec![(1, 0), (2, 20), (5, 60), (6, 80)], "- 1 2 lost before 5 5"),
            ("lost while nothing waited", vec![(1, 0), (2, 20), (5, 80), (6, 100)], "- 1 2 dry before 5 5"),
            ("late by a frame, then on", vec![(1, 0), (2, 55), (3, 56), (4, 60)], "- 1 dry 2 3 4"),
        ] {
            assert_eq!(heard(&packets, 6).join(" "), expected, "{what}");
        }
    }

    #[test]
    fn a_pause_begins_anew_and_does_not_wait_for_what_was_never_said() {
        let mut packets: Vec<(u16, u64)> = (0..5).map(|n| (n, u64::from(n) * 20)).collect();
        packets.extend((5..10).map(|n| (n, 2000 + u64::from(n) * 20)));
        let heard = heard(&packets, 130);
        assert_eq!(heard.iter().filter(|what| *what == "dry").count(), 2 * usize::from(DRY_MAX));
        assert_eq!(heard.iter().filter(|what| what.parse::<u8>().is_ok()).count(), 10);
        assert!(!heard.iter().any(|what| what.contains("lost")));
    }

    /// Plays `packets` packets of 20 ms, each late by `late(n)`, sent by a clock that is `ppm` fast. Says how many were
    /// lost and dry in the last half, the target, and the longest wait.
    fn run(packets: u64, ppm: i64, late: impl Fn(u64) -> u64) -> (u64, Duration, Duration) {
        let mut jitter = Jitter::new();
        let mut arrivals: Vec<(u64, u64)> = (0..packets)
            .map(|n| ((n as i64 * 20_000 * (1_000_000 - ppm) / 1_000_000) as u64 + late(n) * 1000 + 5000, n))
            .collect();
        arrivals.sort();
        let mut arrivals = arrivals.into_iter().peekable();
        let (mut missed, mut longest) = (0, Duration::ZERO);
        for pull in 0..packets {
            let now = Time::from_millis(10 + pull * 20);
            while let Some((us, n)) = arrivals.next_if(|(us, _)| Time::from_nanos(*us * 1000) <= now) {
                let sent = Sent { timestamp: n as u32 * 160, clock_khz: 8 };
                jitter.put(n as u16, sent, FRAME, &[1], Time::from_nanos(us * 1000));
            }
            if jitter.has_excess() {
                jitter.pull(now);
            }
            let got = matches!(jitter.pull(now), Pulled::Audio(_));
            if pull > packets / 2 && pull + 20 < packets {
                missed += u64::from(!got);
                longest = longest.max(jitter.waiting());
            }
        }
        (missed, jitter.target(), longest)
    }

    #[test]
    fn it_waits_as_long_as_the_network_asks_and_no_longer() {
        let (missed, target, longest) = run(1000, 0, |_| 0);
        assert!(missed == 0 && target == MIN && longest <= 2 * FRAME, "{missed} {target:?} {longest:?}");
        let (missed, target, longest) = run(2000, 0, |n| n * 7 % 60);
        assert!(missed <= 2, "{missed} of 1000");
        assert!(
            (50..70).contains(&target.as_millis()) && longest <= Duration::from_millis(140),
            "{target:?} {longest:?}"
        );
        let (_, target, longest) = run(2000, 0, |n| if n % 500 == 0 { 900 } else { 0 });
        assert!(target <= MAX && longest <= MAX + 2 * FRAME, "bounded: {target:?} {longest:?}");
        // After one bad moment it comes back.
        let (missed, target, longest) = run(4000, 0, |n| if n == 100 { 150 } else { 0 });
        assert!(
            missed <= 1 && target < Duration::from_millis(25) && longest <= 3 * FRAME,
            "{missed} {target:?} {longest:?}"
        );
    }

    #[test]
    fn a_clock_that_runs_differently_is_followed() {
        for ppm in [-300, 300] {
            let (missed, _, longest) = run(30_000, ppm, |_| 0); // ten minutes
            assert!(missed <= 6 && longest <= Duration::from_millis(80), "{ppm}: {missed}, {longest:?}");
        }
    }

    proptest! {
        /// Whatever comes: a payload leaves at most once, in order, and no pull fails.
        #[test]
        fn order_is_kept_whatever_comes(packets in proptest::collection::vec((0..400_u16, 0..2000_u64), 0..300)) {
            let packets: Vec<(u16, u64)> =
                packets.into_iter().map(|(n, ms)| (n.wrapping_add(u16::MAX - 200), ms)).collect();
            let mut jitter = Jitter::new();
            let mut sorted = packets.clone();
            sorted.sort_by_key(|(_, ms)| *ms);
            let mut sorted = sorted.into_iter().peekable();
            let mut last: Option<u16> = None;
            for pull in 0..120 {
                let now = Time::from_millis(pull * 20);
                while let Some((n, ms)) = sorted.next_if(|(_, ms)| Time::from_millis(*ms) <= now) {
                    let sent = Sent { timestamp: u32::from(n) * 160, clock_khz: 8 };
                    jitter.put(n, sent, FRAME, &n.to_be_bytes(), Time::from_millis(ms));
                }
                if let Pulled::Audio(payload) = jitter.pull(now) {
                    let n = u16::from_be_bytes([payload[0], payload[1]]);
                    prop_assert!(last.is_none_or(|last| (n.wrapping_sub(last) as i16) > 0), "{last:?} then {n}");
                    last = Some(n);
                }
                prop_assert!(jitter.waiting() <= FRAME * RING as u32);
            }
        }
    }
}
