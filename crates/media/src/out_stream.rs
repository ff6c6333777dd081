//! What one leg hears from us: a single SSRC for its life, whoever speaks.
//!
//! Where it stands: each port has one. Wires and the player bring packets numbered in their own way; here they get
//! numbers that go on without a seam (RFC 3550 §5.1). Within one talker the order, the gaps and the repeats of the input
//! are kept, so that the phone's jitter buffer sees what the network did.

use base::{Random, Time};

/// The stream towards a phone.
pub(crate) struct OutStream {
    ssrc: u32,
    /// The furthest sequence number sent.
    sequence: u16,
    /// The clock of the stream: it showed `timestamp` at `shown`, when `samples` samples were sent.
    timestamp: u32,
    samples: u32,
    shown: Option<Time>,
    /// Units of the clock a millisecond.
    khz: u32,
    mapping: Option<Mapping>,
}

/// How the numbers of the present talker become ours.
struct Mapping {
    talker: Talker,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// The talker's furthest sequence number, and how far from its first: what lies before has no place here.
    highest: u16,
    span: u16,
}

/// Whose numbers they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Talker {
    /// A wired leg (by index), in one unbroken stretch of its time.
    Leg(u32, u32),
    /// The leg's own player.
    Player,
    /// What is made for the leg of what others say.
    Mixer,
}

/// A packet as the phone shall see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub sequence: u16,
    pub timestamp: u32,
    /// The first of a talker: the marker belongs here (RFC 3551 §4.1).
    pub begins: bool,
}

impl OutStream {
    pub fn new(random: &mut Random) -> OutStream {
        let bits = random.bits();
        OutStream {
            ssrc: bits as u32,
            sequence: (bits >> 32) as u16 & 0x7fff, // away from the wrap, which SRTP phones dislike at the start
            timestamp: random.bits() as u32,
            samples: 0,
            shown: None,
            khz: 8,
            mapping: None,
        }
    }

    /// Our SSRC on this leg.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Units of its clock a millisecond.
    pub fn khz(&self) -> u32 {
        self.khz
    }

    /// What a millisecond counts from now on: the codec's clock.
    pub fn set_clock(&mut self, clock_rate: u32) {
        let khz = clock_rate / 1000;
        if khz != self.khz {
            (self.khz, self.samples) = (khz, 0);
            self.cut(); // RFC 7160 §4.2: numbers of one clock mean nothing in the other
        }
    }

    /// What the stream's clock shows at `now`, for a sender report; nothing before the first packet.
    pub fn clock(&self, now: Time) -> Option<u32> {
        self.shown.map(|shown| self.timestamp.wrapping_add(samples_between(shown, now, self.khz)))
    }

    /// Whoever speaks next is a new talker: the source was changed.
    pub fn cut(&mut self) {
        self.mapping = None;
    }

    /// Whether the last packets were this talker's.
    pub fn hears(&self, talker: Talker) -> bool {
        self.mapping.as_ref().is_some_and(|mapping| mapping.talker == talker)
    }

    /// Number one packet. `samples` is 0 for an event, whose timestamp is that of its start.
    /// `None`: it is from before this talker began here.
    #[inline]
    pub fn place(&mut self, talker: Talker, sequence: u16, timestamp: u32, samples: u32, now: Time) -> Option<Placed> {
        match &mut self.mapping {
            Some(mapping) if mapping.talker == talker => {
                let (placed, furthest) = mapping.place(sequence, timestamp)?;
                if furthest {
                    self.sequence = placed.sequence;
                    if samples > 0 {
                        (self.timestamp, self.samples, self.shown) = (placed.timestamp, samples, Some(now));
                    } else if self.clock(now).is_none_or(|clock| placed.timestamp.wrapping_sub(clock) as i32 > 0) {
                        (self.timestamp, self.shown) = (placed.timestamp, Some(now));
                    }
                }
                Some(placed)
            }
            _ => Some(self.begin(talker, sequence, timestamp, samples, now)),
        }
    }

    /// A new talker: the next number, and as much later as it is later.
    fn begin(&mut self, talker: Talker, sequence: u16, timestamp: u32, samples: u32, now: Time) -> Placed {
        let step = self.shown.map_or(0, |shown| samples_between(shown, now, self.khz).max(self.samples));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(step);
        self.samples = samples;
        self.shown = Some(now);
        self.mapping = Some(Mapping {
            talker,
            sequence_offset: self.sequence.wrapping_sub(sequence),
            timestamp_offset: self.timestamp.wrapping_sub(timestamp),
            highest: sequence,
            span: 0,
        });
        Placed { sequence: self.sequence, timestamp: self.timestamp, begins: true }
    }
}

impl Mapping {
    /// Our numbers, and whether the packet is the furthest yet.
    fn place(&mut self, sequence: u16, timestamp: u32) -> Option<(Placed, bool)> {
        let ahead = sequence.wrapping_sub(self.highest) as i16;
        if ahead > 0 {
            self.highest = sequence;
            self.span = self.span.saturating_add(ahead as u16);
        } else if self.span < ahead.unsigned_abs() {
            return None;
        }
        let placed = Placed {
            sequence: sequence.wrapping_add(self.sequence_offset),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            begins: false,
        };
        Some((placed, ahead > 0))
    }
}

/// Units of a clock of so many kHz that pass between two moments.
fn samples_between(from: Time, to: Time, khz: u32) -> u32 {
    (to.since(from).as_nanos() * u128::from(khz) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream() -> OutStream {
        OutStream::new(&mut Random::numbered(1))
    }

    #[test]
    fn a_change_of_talker_is_one_step_on_and_as_much_later_as_it_is_later() {
        let mut out = stream();
        let ms = Time::from_millis;
        let first = out.place(Talker::Leg(0, 1), 500, 9_000, 160, ms(0)).unwrap();
        let step = |placed: Option<Placed>| {
            let p = placed.unwrap();
            (p.sequence.wrapping_sub(first.sequence), p.timestamp.wrapping_sub(first.timestamp), p.begins)
        };
        assert!(first.begins);
        assert_eq!(step(out.place(Talker::Leg(0, 1), 501, 9_160, 160, ms(20))), (1, 160, false));
        assert_eq!(step(out.place(Talker::Leg(0, 1), 503, 9_480, 160, ms(60))), (3, 480, false), "a loss stays a loss");
        assert_eq!(step(out.place(Talker::Leg(0, 1), 502, 9_320, 160, ms(61))), (2, 320, false), "late is late");
        assert_eq!(step(out.place(Talker::Leg(1, 1), 7, 4, 160, ms(260))), (4, 480 + 1600, true), "another leg");
        assert_eq!(
            step(out.place(Talker::Player, 0, 0, 160, ms(261))),
            (5, 480 + 1760, true),
            "never on top of the last"
        );
        assert_eq!(step(out.place(Talker::Player, 1, 160, 160, ms(280))), (6, 480 + 1920, false));
        assert_eq!(
            step(out.place(Talker::Leg(0, 1), 600, 77, 160, ms(300))),
            (7, 480 + 2080, true),
            "back on the wire"
        );
        assert_eq!(out.place(Talker::Leg(0, 1), 599, 0, 160, ms(301)), None, "from before it was wired again");
        out.cut();
        assert_eq!(
            step(out.place(Talker::Leg(0, 1), 900, 5, 160, ms(1300))),
            (8, 480 + 2080 + 8000, true),
            "no loss where none was heard"
        );
    }

    #[test]
    fn a_key_pressed_does_not_stop_the_clock() {
        let mut out = stream();
        let ms = Time::from_millis;
        let first = out.place(Talker::Leg(0, 1), 1, 0, 160, ms(0)).unwrap();
        for i in 1..=10_u16 {
            let event = out.place(Talker::Leg(0, 1), 1 + i, 160, 0, ms(u64::from(i) * 20)).unwrap();
            assert_eq!(event.timestamp.wrapping_sub(first.timestamp), 160, "all packets of an event bear its start");
        }
        let next = out.place(Talker::Player, 0, 0, 160, ms(300)).unwrap();
        assert_eq!(next.timestamp.wrapping_sub(first.timestamp), 2400);
    }

    #[test]
    fn the_window_of_late_packets_does_not_wrap() {
        let mut out = stream();
        for i in 0..70_000_u32 {
            let now = Time::from_millis(u64::from(i) * 20);
            assert!(out.place(Talker::Player, i as u16, i * 160, 160, now).is_some());
        }
        assert!(out.place(Talker::Player, (70_000_u32 - 50) as u16, 0, 160, Time::from_millis(1)).is_some());
    }

    /// What may happen on the way to a sink.
    #[derive(Clone, Debug)]
    enum Step {
        Say { talker: u8, skip: u16, late_by: u16 },
        Cut,
        Wait { ms: u64 },
        Event { talker: u8 },
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..4_u8, 0..4_u16, 0..3_u16).prop_map(|(talker, skip, late_by)| Step::Say { talker, skip, late_by }),
            1 => Just(Step::Cut),
            4 => (0..200_u64).prop_map(|ms| Step::Wait { ms }),
            1 => (0..4_u8).prop_map(|talker| Step::Event { talker }),
        ]
    }

    proptest! {
        /// Any interleaving of talkers, loss, reordering, repeats and events: one number never means two things, a
        /// later number never bears an earlier time, and no talker begins on top of another.
        #[test]
        fn one_sequence_and_one_clock_whoever_speaks(
            steps in proptest::collection::vec(any_step(), 1..200),
            starts in proptest::collection::vec((any::<u16>(), any::<u32>()), 4),
        ) {
            let mut out = stream();
            let mut talkers = starts; // next (sequence, timestamp) of each
            let mut now = Time::ZERO;
            let mut sent: Vec<(i64, i64, (u8, u16))> = Vec::new(); // unwrapped, by order of sending
            let mut origin: Option<(u16, u32)> = None;
            for step in steps {
                let (talker, sequence, timestamp, samples) = match step {
                    Step::Cut => { out.cut(); continue }
                    Step::Wait { ms } => {
                        now += std::time::Duration::from_millis(ms);
                        for (_, timestamp) in &mut talkers {
                            *timestamp = timestamp.wrapping_add(ms as u32 * 8); // all clocks run
                        }
                        continue;
                    }
                    Step::Say { talker, skip, late_by } => {
                        let (sequence, timestamp) = &mut talkers[usize::from(talker)];
                        *sequence = sequence.wrapping_add(skip);
                        *timestamp = timestamp.wrapping_add(u32::from(skip) * 160);
                        let said = (*sequence, *timestamp);
                        if late_by == 0 {
                            *sequence = sequence.wrapping_add(1);
                            *timestamp = timestamp.wrapping_add(160);
                        }
                        (talker, said.0.wrapping_sub(late_by), said.1.wrapping_sub(u32::from(late_by) * 160), 160)
                    }
                    Step::Event { talker } => {
                        let (sequence, timestamp) = &mut talkers[usize::from(talker)];
                        let said = (*sequence, *timestamp);
                        *sequence = sequence.wrapping_add(1);
                        (talker, said.0, said.1, 0)
                    }
                };
                let who = if talker == 0 { Talker::Player } else { Talker::Leg(talker.into(), 1) };
                let Some(placed) = out.place(who, sequence, timestamp, samples, now) else { continue };
                let (s0, t0) = *origin.get_or_insert((placed.sequence, placed.timestamp));
                let s = i64::from(placed.sequence.wrapping_sub(s0) as i16);
                let t = i64::from(placed.timestamp.wrapping_sub(t0) as i32);
                if placed.begins {
                    let highest = sent.iter().map(|(s, _, _)| *s).max().unwrap_or(-1);
                    prop_assert_eq!(s, highest + 1, "a new talker takes the very next number");
                    prop_assert!(sent.iter().all(|(_, before, _)| *before <= t), "and is later than all before");
                }
                for (_, _, whose) in sent.iter().filter(|(before, _, _)| *before == s) {
                    prop_assert_eq!(*whose, (talker, sequence), "one number, one packet");
                }
                sent.push((s, t, (talker, sequence)));
            }
        }
    }
}
