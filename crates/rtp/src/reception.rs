//! What is known of one incoming stream: lost, late, repeated, how even (RFC 3550 §A.1, §A.3, §A.8).
//!
//! Where it stands: `media` keeps one for each leg and asks it at each packet and at each report. It does not decide
//! whose packets count: strangers are turned away before.

use base::Time;

use crate::rtcp::{ReportBlock, SenderReport};
use crate::{Packet, Sequence};

/// How a packet stands to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// The first of its source, or the first after a jump: nothing before it belongs to it.
    Restart,
    /// The newest so far, after `lost` that have not come (yet).
    Next {
        /// How many are missing just before this one.
        lost: u16,
    },
    /// Older than the newest, and new to us.
    Late,
    /// We have it already.
    Duplicate,
    /// So far off that it is either a stray or the first after a jump; it counts once its successor comes.
    Astray,
}

/// The reception of one leg, over all sources that followed one another in it.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    source: Option<Source>,
    before: Totals,
    late: u64,
    duplicates: u64,
}

/// One synchronisation source, from its first packet or its last jump on.
#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    sequence: Sequence,
    first: u64,
    /// Which of the 64 newest numbers have come; bit 0 is the highest.
    window: u64,
    /// Packets, repeated ones not counted.
    received: u64,
    /// Packets as the receiver report counts them: repeated ones too.
    arrived: u64,
    /// The number that would prove a jump: one after a stray's.
    astray_next: Option<u16>,
    transit: i32,
    timestamp: u32,
    /// In sixteenths of a timestamp unit.
    jitter: u32,
    reported: Totals,
    sender: Option<HeardSender>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    expected: u64,
    received: u64,
}

#[derive(Clone, Copy, Debug)]
struct HeardSender {
    middle_ntp: u32,
    at: Time,
}

impl Reception {
    /// Nothing has come yet; timestamps will count `clock_rate` a second.
    pub fn new(clock_rate: u32) -> Reception {
        Reception { clock_rate, source: None, before: Totals::default(), late: 0, duplicates: 0 }
    }

    /// Timestamps count `clock_rate` a second from now on: another codec was agreed on.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        self.clock_rate = clock_rate;
    }

    /// Counts a packet.
    #[inline]
    pub fn receive(&mut self, packet: &Packet, now: Time) -> Arrival {
        let clock = self.clock(now);
        let arrival = match &mut self.source {
            Some(source) if source.ssrc == packet.ssrc => source.receive(packet, clock),
            _ => Arrival::Restart,
        };
        match arrival {
            Arrival::Restart => self.restart(packet, clock),
            Arrival::Late => self.late += 1,
            Arrival::Duplicate => self.duplicates += 1,
            Arrival::Next { .. } | Arrival::Astray => {}
        }
        arrival
    }

    /// Takes note of a sender's report, to say in ours how long ago it came.
    pub fn sender_report(&mut self, report: &SenderReport, ssrc: u32, now: Time) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) {
            source.sender = Some(HeardSender { middle_ntp: (report.ntp >> 16) as u32, at: now });
        }
    }

    /// The report block about the present source, for the time since the last one; `None` before the first packet.
    pub fn report(&mut self, now: Time) -> Option<ReportBlock> {
        self.source.as_mut().map(|source| source.report(now))
    }

    /// The source heard at present.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// The 64-bit number of the newest packet of the present source.
    pub fn highest(&self) -> Option<u64> {
        self.source.as_ref().map(|source| source.sequence.highest())
    }

    /// Packets that came, repeated ones not counted.
    pub fn received(&self) -> u64 {
        self.totals().received
    }

    /// Packets that did not come, as far as the numbers of those that came tell.
    pub fn lost(&self) -> u64 {
        let totals = self.totals();
        totals.expected.saturating_sub(totals.received)
    }

    /// Packets that came after a newer one.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Packets that came again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Interarrival jitter of the present source, in milliseconds (RFC 3550 §6.4.1).
    pub fn jitter_ms(&self) -> f32 {
        let units = self.source.as_ref().map_or(0, |source| source.jitter) as f32 / 16.0;
        units * 1000.0 / self.clock_rate.max(1) as f32
    }

    fn restart(&mut self, packet: &Packet, clock: u32) {
        self.before = self.totals();
        let mut source = Source::new(packet, clock);
        if let Some(old) = self.source.take().filter(|old| old.ssrc == packet.ssrc) {
            source.jitter = old.jitter;
            source.sender = old.sender;
        }
        self.source = Some(source);
    }

    fn totals(&self) -> Totals {
        let present = self.source.as_ref().map_or(Totals::default(), Source::totals);
        Totals { expected: self.before.expected + present.expected, received: self.before.received + present.received }
    }

    /// Now, on the clock that timestamps count by.
    fn clock(&self, now: Time) -> u32 {
        let (nanos, rate) = (now.as_nanos(), u64::from(self.clock_rate));
        let (secs, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        secs.wrapping_mul(rate).wrapping_add(rest * rate / 1_000_000_000) as u32
    }
}

impl Source {
    fn new(packet: &Packet, clock: u32) -> Source {
        let sequence = Sequence::new(packet.sequence);
        Source {
            ssrc: packet.ssrc,
            sequence,
            first: sequence.highest(),
            window: 1,
            received: 1,
            arrived: 1,
            astray_next: None,
            transit: clock.wrapping_sub(packet.timestamp) as i32,
            timestamp: packet.timestamp,
            jitter: 0,
            reported: Totals::default(),
            sender: None,
        }
    }

    fn receive(&mut self, packet: &Packet, clock: u32) -> Arrival {
        let number = self.sequence.peek(packet.sequence);
        let step = number as i64 - self.sequence.highest() as i64;
        let arrival = match step {
            1..MAX_DROPOUT => {
                self.sequence.extend(packet.sequence);
                self.window = if step < 64 { self.window << step } else { 0 } | 1;
                Arrival::Next { lost: (step - 1) as u16 }
            }
            -63..=0 => {
                let bit = 1_u64 << -step;
                let known = self.window & bit != 0;
                self.window |= bit;
                if known { Arrival::Duplicate } else { Arrival::Late }
            }
            // Older than the window can tell: late more likely than repeated.
            MIN_MISORDER..-63 => Arrival::Late,
            // RFC 3550 §A.1: a jump is believed when two numbers in a row come from there.
            _ if self.astray_next == Some(packet.sequence) => return Arrival::Restart,
            _ => {
                self.astray_next = Some(packet.sequence.wrapping_add(1));
                return Arrival::Astray;
            }
        };
        self.astray_next = None;
        self.arrived += 1;
        if arrival != Arrival::Duplicate {
            self.received += 1;
            self.first = self.first.min(number);
            self.measure_jitter(packet.timestamp, clock);
        }
        arrival
    }

    /// RFC 3550 §A.8. Packets that share a timestamp (one telephone-event: RFC 4733 §2.2.2) say nothing of the network.
    fn measure_jitter(&mut self, timestamp: u32, clock: u32) {
        if timestamp == self.timestamp {
            return;
        }
        let transit = clock.wrapping_sub(timestamp) as i32;
        let difference = transit.wrapping_sub(self.transit).unsigned_abs();
        (self.timestamp, self.transit) = (timestamp, transit);
        // A timestamp that jumps (a new talkspurt of a careless phone) is not the network's doing either.
        if difference < JITTER_UNITS_MAX {
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
    }

    fn report(&mut self, now: Time) -> ReportBlock {
        let expected = self.totals().expected;
        let lost = expected as i64 - self.arrived as i64; // below zero when packets were repeated: RFC 3550 §6.4.1
        let interval_expected = expected.saturating_sub(self.reported.expected);
        let interval_arrived = self.arrived - self.reported.received;
        self.reported = Totals { expected, received: self.arrived };
        let interval_lost = interval_expected.saturating_sub(interval_arrived);
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: (interval_lost * 256).checked_div(interval_expected).unwrap_or(0).min(255) as u8,
            lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: self.sequence.reported(),
            jitter: self.jitter >> 4,
            last_sender_report: self.sender.map_or(0, |sender| sender.middle_ntp),
            // RFC 3550 §6.4.1: in 1/65536 s; zero if there was no report
            delay: self.sender.map_or(0, |sender| (now.since(sender.at).as_nanos() * 65_536 / 1_000_000_000) as u32),
        }
    }

    fn totals(&self) -> Totals {
        Totals { expected: self.sequence.highest() - self.first + 1, received: self.received }
    }
}

/// RFC 3550 §A.1: a gap this long is a jump.
const MAX_DROPOUT: i64 = 3000;
/// RFC 3550 §A.1: a packet this far behind is a jump.
const MIN_MISORDER: i64 = -100;
/// A step of the clock difference this large (a minute at 8 kHz) is no jitter.
const JITTER_UNITS_MAX: u32 = 60 * 8000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Packet {
        Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc, payload: 12..172 }
    }

    /// Packets of 20 ms, each arriving when it should.
    fn received(sequences: &[u16]) -> (Reception, Vec<Arrival>) {
        let mut reception = Reception::new(8000);
        let arrivals = sequences.iter().map(|sequence| {
            let n = u64::from(*sequence);
            reception.receive(&packet(1, *sequence, *sequence as u32 * 160), Time::from_millis(n * 20))
        });
        let arrivals = arrivals.collect();
        (reception, arrivals)
    }

    #[test]
    fn each_packet_is_told_how_it_came() {
        use Arrival::*;
        const OK: Arrival = Next { lost: 0 };
        for (name, sequences, arrivals, lost, late, duplicates) in [
            ("in order", &[5, 6, 7][..], &[Restart, OK, OK][..], 0, 0, 0),
            ("over the wrap", &[65_534, 65_535, 0, 1], &[Restart, OK, OK, OK], 0, 0, 0),
            ("a loss", &[5, 6, 9], &[Restart, OK, Next { lost: 2 }], 2, 0, 0),
            ("a loss at the wrap", &[65_535, 1], &[Restart, Next { lost: 1 }], 1, 0, 0),
            ("two swapped", &[5, 7, 6, 8], &[Restart, Next { lost: 1 }, Late, OK], 0, 1, 0),
            ("swapped at the wrap", &[65_535, 1, 0], &[Restart, Next { lost: 1 }, Late], 0, 1, 0),
            ("repeated", &[5, 6, 6, 5, 7], &[Restart, OK, Duplicate, Duplicate, OK], 0, 0, 2),
            ("late and repeated", &[5, 7, 6, 6], &[Restart, Next { lost: 1 }, Late, Duplicate], 0, 1, 1),
            ("before the first", &[5, 4], &[Restart, Late], 0, 1, 0),
            ("before the first, over the wrap", &[0, 65_535], &[Restart, Late], 0, 1, 0),
            ("a stray", &[5, 40_000, 6], &[Restart, Astray, OK], 0, 0, 0),
            ("a jump", &[5, 40_000, 40_001, 40_002], &[Restart, Astray, Restart, OK], 0, 0, 0),
            ("a jump back", &[5000, 10, 11], &[Restart, Astray, Restart], 0, 0, 0),
            ("two strays", &[5, 40_000, 50_000, 6], &[Restart, Astray, Astray, OK], 0, 0, 0),
            ("a long gap", &[5, 105], &[Restart, Next { lost: 99 }], 99, 0, 0),
        ] {
            let (reception, said) = received(sequences);
            assert_eq!(said, arrivals, "{name}");
            assert_eq!(
                (reception.lost(), reception.late(), reception.duplicates()),
                (lost, late, duplicates),
                "{name}"
            );
        }
    }

    #[test]
    fn a_new_source_begins_anew_and_the_sums_go_on() {
        let mut reception = Reception::new(8000);
        for (ssrc, sequence, arrival) in [
            (1, 10, Arrival::Restart),
            (1, 12, Arrival::Next { lost: 1 }),
            (2, 60_000, Arrival::Restart),
            (2, 60_002, Arrival::Next { lost: 1 }),
        ] {
            assert_eq!(reception.receive(&packet(ssrc, sequence, 0), Time::ZERO), arrival);
        }
        assert_eq!((reception.received(), reception.lost(), reception.ssrc()), (4, 2, Some(2)));
        let block = reception.report(Time::ZERO).unwrap();
        assert_eq!((block.ssrc, block.lost, block.highest), (2, 1, 60_002));
    }

    #[test]
    fn a_report_tells_of_the_time_since_the_last_one() {
        let (mut reception, _) = received(&[0, 1, 2, 3]);
        let report = |reception: &mut Reception| {
            let block = reception.report(Time::ZERO).unwrap();
            (block.fraction_lost, block.lost, block.highest)
        };
        assert_eq!(report(&mut reception), (0, 0, 3));
        for sequence in [5, 7] {
            reception.receive(&packet(1, sequence, 0), Time::ZERO);
        }
        assert_eq!(report(&mut reception), (128, 2, 7)); // 2 of 4
        assert_eq!(report(&mut reception), (0, 2, 7));
        for _ in 0..3 {
            reception.receive(&packet(1, 7, 0), Time::ZERO);
        }
        assert_eq!(report(&mut reception), (0, -1, 7)); // repeated packets are counted as arrived
        assert_eq!(Reception::new(8000).report(Time::ZERO), None);
    }

    #[test]
    fn the_highest_number_counts_cycles() {
        let (mut reception, _) = received(&[65_000, 65_535, 3]);
        assert_eq!(reception.report(Time::ZERO).unwrap().highest, 1 << 16 | 3);
    }

    #[test]
    fn an_even_stream_has_no_jitter_and_an_uneven_one_has() {
        let mut even = Reception::new(8000);
        let mut uneven = Reception::new(8000);
        for n in 0..2000_u64 {
            let packet = packet(1, n as u16, n as u32 * 160);
            even.receive(&packet, Time::from_millis(n * 20));
            uneven.receive(&packet, Time::from_millis(n * 20 + n % 2 * 10));
        }
        assert_eq!(even.jitter_ms(), 0.0);
        assert!((uneven.jitter_ms() - 10.0).abs() < 0.2, "{}", uneven.jitter_ms());
    }

    #[test]
    fn a_key_press_and_a_jump_of_the_timestamp_are_no_jitter() {
        let mut reception = Reception::new(8000);
        let timestamps = [0, 160, 320, 320, 320, 320, 320, 1120, 3_000_000_000, 3_000_000_160];
        for (n, timestamp) in timestamps.into_iter().enumerate() {
            reception.receive(&packet(1, n as u16, timestamp), Time::from_millis(n as u64 * 20));
        }
        assert_eq!(reception.jitter_ms(), 0.0);
    }

    #[test]
    fn a_report_says_how_long_ago_the_senders_came() {
        let (mut reception, _) = received(&[0]);
        let heard = SenderReport { ntp: 0x1111_2222_3333_4444, rtp_timestamp: 0, packets: 0, octets: 0 };
        reception.sender_report(&heard, 99, Time::ZERO);
        assert_eq!(reception.report(Time::ZERO).unwrap().last_sender_report, 0, "not its source");
        reception.sender_report(&heard, 1, Time::from_millis(1000));
        let block = reception.report(Time::from_millis(1000) + Duration::from_millis(1500)).unwrap();
        assert_eq!((block.last_sender_report, block.delay), (0x2222_3333, 98_304));
    }

    proptest! {
        #[test]
        fn a_shuffled_stream_with_holes_is_counted_right(start: u16, fates in prop::collection::vec((0..8_usize, 0..10_u8), 1..300)) {
            // Each packet: how many places it is late by, and whether it is lost (0) or doubled (1).
            let mut order: Vec<(usize, u16)> = Vec::new();
            let (mut lost, mut doubled) = (0, 0);
            let last = fates.len() - 1;
            for (n, (late, fate)) in fates.iter().enumerate() {
                let sequence = start.wrapping_add(n as u16);
                if *fate == 0 && n != 0 && n != last {
                    lost += 1;
                    continue;
                }
                order.push((n + late, sequence));
                if *fate == 1 {
                    doubled += 1;
                    order.push((n + late + 1, sequence));
                }
            }
            order.sort_by_key(|(place, _)| *place);
            let mut reception = Reception::new(8000);
            for (place, sequence) in &order {
                reception.receive(&packet(1, *sequence, 0), Time::from_millis(*place as u64 * 20));
            }
            prop_assert_eq!((reception.lost(), reception.duplicates()), (lost, doubled));
            prop_assert_eq!(reception.received(), order.len() as u64 - doubled);
        }

        #[test]
        fn any_packets_can_be_counted(packets: Vec<(u8, u16, u32, u64)>) {
            let mut reception = Reception::new(8000);
            for (ssrc, sequence, timestamp, nanos) in packets {
                reception.receive(&packet((ssrc % 3).into(), sequence, timestamp), Time::from_nanos(nanos));
                reception.report(Time::from_nanos(nanos));
                prop_assert!(reception.jitter_ms() >= 0.0);
            }
            reception.lost();
        }
    }
}
