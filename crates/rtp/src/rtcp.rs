//! RTCP: what each side tells the other of what it sends and receives (RFC 3550 §6).
//!
//! Where it stands: `media` builds one [`Compound`] for each leg every few seconds and reads what comes. Packets are
//! checked and laid out by `rtcp-types`; when to send is the owner's business. No feedback (RFC 4585), no XR.

use std::time::Duration;

use base::Time;
use rtcp_types::prelude::*;
use rtcp_types::{self as types, RtcpPacketWriterExt};

use crate::RtpError;

/// What a datagram of RTCP says, whoever wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compound {
    /// Who says it.
    pub ssrc: u32,
    /// What it has sent; `None` if it only receives.
    pub sender: Option<SenderReport>,
    /// What it has received; at most 31 are written.
    pub blocks: Vec<ReportBlock>,
    /// Its name that outlives a change of SSRC; at most 255 bytes are written.
    pub cname: Option<String>,
    /// Sources that have left.
    pub bye: Vec<u32>,
}

/// The sender's part of a report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderReport {
    /// When, on the sender's clock: seconds above, fractions below; see [`ntp`].
    pub ntp: u64,
    /// The same moment on the clock of its timestamps.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
}

/// What was received from one source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost so far, 24 bits with sign: repeated packets count against it.
    pub lost: i32,
    /// Highest sequence number with cycles.
    pub highest: u32,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's time; 0 if none came.
    pub last_sender_report: u32,
    /// How long ago it came, in 1/65536 s.
    pub delay: u32,
}

impl Compound {
    /// Reads a datagram. It must begin with a report and be whole (RFC 3550 §A.2); what follows the reports and cannot
    /// be read is passed over.
    pub fn read(datagram: &[u8]) -> Result<Compound, RtpError> {
        let [first, kind, ..] = *datagram else { return Err(RtpError::Short { bytes: datagram.len() }) };
        if first >> 6 != 2 {
            return Err(RtpError::Version(first >> 6));
        }
        if !matches!(kind, SENDER_REPORT | RECEIVER_REPORT) {
            return Err(RtpError::Compound("the first packet is no report"));
        }
        types::Compound::parse(datagram).map_err(|_| RtpError::Compound("its lengths do not add up"))?;
        let mut compound = Compound::default();
        let mut packets = Packets(datagram).peekable();
        let first = packets.peek().copied().unwrap_or_default();
        compound.read_report(first)?;
        if let Some(own) = first.get(4..8) {
            compound.ssrc = u32::from_be_bytes([own[0], own[1], own[2], own[3]]);
        }
        for packet in packets.skip(1) {
            // A careless description or goodbye does not take the reports with it.
            let _ = compound.read_report(packet);
            compound.read_names(packet);
            compound.read_goodbye(packet);
        }
        Ok(compound)
    }

    /// The datagram: SR or RR, then SDES, then BYE (RFC 3550 §6.1).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(128);
        let blocks = self.blocks.iter().take(MAX_COUNT).map(ReportBlock::builder);
        match &self.sender {
            Some(sender) => {
                let report = types::SenderReport::builder(self.ssrc)
                    .ntp_timestamp(sender.ntp)
                    .rtp_timestamp(sender.rtp_timestamp)
                    .packet_count(sender.packets)
                    .octet_count(sender.octets);
                append(&mut datagram, blocks.fold(report, |report, block| report.add_report_block(block)));
            }
            None => {
                let report = types::ReceiverReport::builder(self.ssrc);
                append(&mut datagram, blocks.fold(report, |report, block| report.add_report_block(block)));
            }
        }
        if let Some(cname) = &self.cname {
            let item = types::SdesItem::builder(types::SdesItem::CNAME, shortened(cname));
            append(
                &mut datagram,
                types::Sdes::builder().add_chunk(types::SdesChunk::builder(self.ssrc).add_item(item)),
            );
        }
        if !self.bye.is_empty() {
            let sources = self.bye.iter().take(MAX_COUNT);
            append(&mut datagram, sources.fold(types::Bye::builder(), |bye, ssrc| bye.add_source(*ssrc)));
        }
        datagram
    }

    /// What the other side says of the source `ssrc`: ours, usually.
    pub fn block_about(&self, ssrc: u32) -> Option<&ReportBlock> {
        self.blocks.iter().find(|block| block.ssrc == ssrc)
    }

    fn read_report(&mut self, packet: &[u8]) -> Result<(), RtpError> {
        const BROKEN: RtpError = RtpError::Compound("a report is shorter than its blocks");
        match packet.get(1) {
            Some(&SENDER_REPORT) => {
                let report = types::SenderReport::parse(packet).map_err(|_| BROKEN)?;
                self.sender.get_or_insert(SenderReport {
                    ntp: report.ntp_timestamp(),
                    rtp_timestamp: report.rtp_timestamp(),
                    packets: report.packet_count(),
                    octets: report.octet_count(),
                });
                self.blocks.extend(report.report_blocks().map(|block| ReportBlock::of(&block)));
            }
            Some(&RECEIVER_REPORT) => {
                let report = types::ReceiverReport::parse(packet).map_err(|_| BROKEN)?;
                self.blocks.extend(report.report_blocks().map(|block| ReportBlock::of(&block)));
            }
            _ => {}
        }
        Ok(())
    }

    fn read_names(&mut self, packet: &[u8]) {
        let Ok(sdes) = types::Sdes::parse(packet) else { return };
        for chunk in sdes.chunks().filter(|chunk| chunk.ssrc() == self.ssrc) {
            if let Some(item) = chunk.items().find(|item| item.type_() == types::SdesItem::CNAME) {
                self.cname = Some(String::from_utf8_lossy(item.value()).into_owned());
            }
        }
    }

    fn read_goodbye(&mut self, packet: &[u8]) {
        if let Ok(bye) = types::Bye::parse(packet) {
            self.bye.extend(bye.ssrcs());
        }
    }
}

impl ReportBlock {
    /// How long a packet takes to the other side and back, seen when this block came (RFC 3550 §6.4.1). `None` if the
    /// other side has had no report of ours, or says what cannot be.
    pub fn round_trip(&self, now: Time) -> Option<Duration> {
        let arrived = (ntp(now) >> 16) as u32;
        let units = arrived.wrapping_sub(self.last_sender_report).wrapping_sub(self.delay);
        let said = self.last_sender_report != 0 && units < ROUND_TRIP_UNITS_MAX;
        said.then(|| Duration::from_nanos(u64::from(units) * 1_000_000_000 / 65_536))
    }

    fn of(block: &types::ReportBlock) -> ReportBlock {
        ReportBlock {
            ssrc: block.ssrc(),
            fraction_lost: block.fraction_lost(),
            lost: ((block.cumulative_lost() << 8) as i32) >> 8, // 24 bits with sign
            highest: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_sender_report: block.last_sender_report_timestamp(),
            delay: block.delay_since_last_sender_report_timestamp(),
        }
    }

    fn builder(&self) -> types::ReportBlockBuilder {
        types::ReportBlock::builder(self.ssrc)
            .fraction_lost(self.fraction_lost)
            .cumulative_lost(self.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff)
            .extended_sequence_number(self.highest)
            .interarrival_jitter(self.jitter)
            .last_sender_report_timestamp(self.last_sender_report)
            .delay_since_last_sender_report_timestamp(self.delay)
    }
}

/// A moment as reports write it. It need not be a date: time since the start will do, and its top bit then stays
/// clear (RFC 3550 §6.4.1). One second is added, because zero means "none".
pub fn ntp(now: Time) -> u64 {
    let nanos = now.as_nanos();
    let (secs, rest) = (nanos / 1_000_000_000 + 1, nanos % 1_000_000_000);
    (secs << 32) + (rest << 32) / 1_000_000_000
}

/// The packets of a compound whose lengths have been checked.
struct Packets<'a>(&'a [u8]);

impl<'a> Iterator for Packets<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let [_, _, high, low, ..] = *self.0 else { return None };
        let (packet, rest) = self.0.split_at_checked(4 * (usize::from(u16::from_be_bytes([high, low])) + 1))?;
        self.0 = rest;
        Some(packet)
    }
}

/// Adds one packet to a datagram.
fn append(datagram: &mut Vec<u8>, packet: impl RtcpPacketWriterExt) {
    // Nothing here can be refused: counts and lengths were cut to what fits. If it is, the packet is left out.
    let start = datagram.len();
    let Ok(bytes) = packet.calculate_size() else { return };
    datagram.resize(start + bytes, 0);
    if packet.write_into(&mut datagram[start..]).is_err() {
        datagram.truncate(start);
    }
}

/// The beginning of a text that fits the 8 bits of an item's length (RFC 3550 §6.5).
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(255)]
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
/// The count field has five bits.
const MAX_COUNT: usize = 31;
/// A round trip of more than a minute is a wrong number.
const ROUND_TRIP_UNITS_MAX: u32 = 60 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(ssrc: u32) -> ReportBlock {
        ReportBlock { ssrc, fraction_lost: 3, lost: -2, highest: 70_000, jitter: 12, last_sender_report: 5, delay: 6 }
    }

    #[test]
    fn a_datagram_is_laid_out_as_the_standard_says() {
        let compound = Compound {
            ssrc: 0x0102_0304,
            sender: Some(SenderReport { ntp: 1, rtp_timestamp: 2, packets: 3, octets: 4 }),
            blocks: vec![block(9)],
            cname: Some("ab".into()),
            bye: vec![0x0102_0304],
        };
        let bytes = compound.to_bytes();
        assert_eq!(bytes[..8], [0x81, 200, 0, 12, 1, 2, 3, 4]); // SR, one block, 13 words
        assert_eq!(bytes[32..36], [3, 0xff, 0xff, 0xfe]); // fraction, then −2 in 24 bits
        assert_eq!(bytes[52..68], [0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, b'a', b'b', 0, 0, 0, 0]); // SDES: CNAME, end, padding
        assert_eq!(bytes[68..], [0x81, 203, 0, 1, 1, 2, 3, 4]); // BYE
    }

    #[test]
    fn what_breaks_the_rules_of_a_compound_is_refused() {
        let report = Compound { ssrc: 7, ..Compound::default() }.to_bytes();
        let goodbye = [0x81, 203, 0, 1, 0, 0, 0, 7];
        let with = |change: fn(&mut Vec<u8>)| {
            let mut bytes = [&report[..], &goodbye].concat();
            change(&mut bytes);
            Compound::read(&bytes).map(|compound| (compound.ssrc, compound.bye))
        };
        assert_eq!(with(|_| {}), Ok((7, vec![7])));
        assert_eq!(with(|bytes| bytes.clear()), Err(RtpError::Short { bytes: 0 }));
        assert_eq!(with(|bytes| bytes[0] = 0x00), Err(RtpError::Version(0)));
        assert_eq!(with(|bytes| bytes[1] = 203), Err(RtpError::Compound("the first packet is no report")));
        for change in [
            (|bytes| bytes.push(0)) as fn(&mut Vec<u8>), // a byte too many
            |bytes| bytes.truncate(14),                  // goodbye cut off
            |bytes| bytes[3] = 9,                        // longer than the datagram
            |bytes| bytes[0] |= 0x20,                    // padding in the first packet
        ] {
            assert_eq!(with(change), Err(RtpError::Compound("its lengths do not add up")));
        }
        assert_eq!(with(|bytes| bytes[0] |= 2), Err(RtpError::Compound("a report is shorter than its blocks")));
    }

    #[test]
    fn what_follows_the_reports_may_be_strange() {
        let report = Compound { ssrc: 7, blocks: vec![block(1)], ..Compound::default() }.to_bytes();
        for (name, tail) in [
            ("feedback", &[0x81, 205, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1][..]),
            ("extended report", &[0x80, 207, 0, 1, 0, 0, 0, 7]),
            ("unknown type", &[0x80, 222, 0, 0]),
            ("broken description", &[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 200, 1, 1]),
            ("goodbye without its sources", &[0x9f, 203, 0, 0]),
        ] {
            let compound = Compound::read(&[&report[..], tail].concat()).expect(name);
            assert_eq!((compound.ssrc, compound.blocks.len(), compound.cname), (7, 1, None), "{name}");
        }
    }

    #[test]
    fn the_names_of_others_are_not_taken() {
        let other = Compound { ssrc: 8, cname: Some("other".into()), ..Compound::default() }.to_bytes();
        let mut bytes = Compound { ssrc: 7, ..Compound::default() }.to_bytes();
        bytes.extend(&other[8..]); // its description only
        assert_eq!(Compound::read(&bytes).unwrap().cname, None);
    }

    #[test]
    fn the_round_trip_is_what_neither_side_held_it_for() {
        let sent = Time::from_millis(10_000);
        let mut block = ReportBlock { last_sender_report: (ntp(sent) >> 16) as u32, delay: 65_536, ..block(1) };
        let round_trip = |block: &ReportBlock, ms| block.round_trip(Time::from_millis(ms)).map(|d| d.as_millis());
        assert_eq!(round_trip(&block, 11_080), Some(79)); // 1 s held, 80 ms under way, in 65536ths
        assert_eq!(round_trip(&block, 10_500), None, "held for longer than it was away");
        block.last_sender_report = 0;
        assert_eq!(round_trip(&block, 11_080), None, "no report of ours has come");
    }

    #[test]
    fn long_names_and_many_blocks_are_cut_to_what_fits() {
        let compound = Compound {
            blocks: (0..40).map(block).collect(),
            cname: Some("ä".repeat(200)),
            bye: (0..40).collect(),
            ..Compound::default()
        };
        let read = Compound::read(&compound.to_bytes()).unwrap();
        assert_eq!((read.blocks.len(), read.bye.len()), (31, 31));
        assert_eq!(read.cname, Some("ä".repeat(127)));
    }

    prop_compose! {
        fn any_block()(
            ssrc: u32, fraction_lost: u8, lost in -0x80_0000..=0x7f_ffff_i32, highest: u32, jitter: u32,
            last_sender_report: u32, delay: u32,
        ) -> ReportBlock {
            ReportBlock { ssrc, fraction_lost, lost, highest, jitter, last_sender_report, delay }
        }
    }

    prop_compose! {
        fn any_compound()(
            ssrc: u32,
            sender: Option<(u64, u32, u32, u32)>,
            blocks in prop::collection::vec(any_block(), 0..=31),
            cname: Option<[char; 8]>,
            bye in prop::collection::vec(any::<u32>(), 0..=31),
        ) -> Compound {
            let sender = sender.map(|(ntp, rtp_timestamp, packets, octets)| {
                SenderReport { ntp, rtp_timestamp, packets, octets }
            });
            Compound { ssrc, sender, blocks, cname: cname.map(String::from_iter), bye }
        }
    }

    proptest! {
        #[test]
        fn what_we_write_we_can_read(compound in any_compound()) {
            prop_assert_eq!(Compound::read(&compound.to_bytes()), Ok(compound));
        }

        #[test]
        fn any_bytes_end_in_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = Compound::read(&bytes);
        }

        #[test]
        fn a_damaged_datagram_ends_in_a_value_or_an_error(
            compound in any_compound(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut: u8,
        ) {
            let mut bytes = compound.to_bytes();
            for (place, value) in damage {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let _ = Compound::read(&bytes);
            bytes.truncate(bytes.len().saturating_sub(cut.into()));
            let _ = Compound::read(&bytes);
        }

        #[test]
        fn any_block_has_a_round_trip_or_none(block in any_block(), nanos: u64) {
            if let Some(round_trip) = block.round_trip(Time::from_nanos(nanos)) {
                prop_assert!(round_trip <= Duration::from_secs(60));
            }
        }
    }
}
