//! One RTP packet, read in place and rewritten in place (RFC 3550 §5.1).
//!
//! Where it stands: the hot path of `media`, once in and once out for each 20 ms of each leg; nothing is copied or
//! allocated. Bounds are checked by `rtp-rs`.

use std::ops::Range;

use rtp_rs::{RtpReader, RtpReaderError};

use crate::RtpError;

/// The header without sources and extensions.
pub const HEADER_BYTES: usize = 12;

/// What a packet says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Which format; its meaning is agreed in SDP.
    pub payload_type: u8,
    /// First packet of a talkspurt or of an event.
    pub marker: bool,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// Whose numbers these are.
    pub ssrc: u32,
    /// Where in the datagram the payload lies: after sources and extension, before padding.
    pub payload: Range<usize>,
}

impl Packet {
    /// Reads the header of a datagram.
    #[inline]
    pub fn read(datagram: &[u8]) -> Result<Packet, RtpError> {
        let reader = RtpReader::new(datagram).map_err(|error| match error {
            RtpReaderError::BufferTooShort(bytes) => RtpError::Short { bytes },
            RtpReaderError::HeadersTruncated { .. } => RtpError::Short { bytes: datagram.len() },
            RtpReaderError::UnsupportedVersion(version) => RtpError::Version(version),
            RtpReaderError::PaddingLengthInvalid(bytes) => RtpError::Padding(bytes),
        })?;
        let start = reader.payload_offset();
        Ok(Packet {
            payload_type: reader.payload_type(),
            marker: reader.mark(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: start..start + reader.payload().len(),
        })
    }
}

/// Writes the 12 bytes of a plain header at the front of `datagram`; false, and nothing written, if they do not fit.
#[inline]
pub fn write_header(
    datagram: &mut [u8],
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    marker: bool,
) -> bool {
    if let Some(first) = datagram.get_mut(..HEADER_BYTES) {
        first[0] = 2 << 6; // no padding, no extension, no contributing sources
    }
    rewrite(datagram, payload_type, sequence, timestamp, ssrc, marker)
}

/// Gives a packet other numbers, where it lies; sources, extension, payload and padding stay. False, and nothing
/// written, if it is shorter than a header.
#[inline]
pub fn rewrite(datagram: &mut [u8], payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, marker: bool) -> bool {
    let Some(header) = datagram.first_chunk_mut::<HEADER_BYTES>() else { return false };
    header[1] = payload_type & 0x7f | u8::from(marker) << 7;
    header[2..4].copy_from_slice(&sequence.to_be_bytes());
    header[4..8].copy_from_slice(&timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    true
}

/// Whether a datagram on a port shared by both is RTCP (RFC 5761 §4: its packet type stands where RTP has the marker
/// and a payload type of 64 to 95, which nobody may use there).
#[inline]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_payload_lies_between_header_and_padding() {
        let plain = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0, 0, 0, 7];
        for (name, first, tail, payload) in [
            ("plain", 0x80, &[1, 2, 3][..], 12..15),
            ("empty", 0x80, &[], 12..12),
            ("padded", 0xa0, &[1, 0, 0, 3], 12..13),
            ("only padding", 0xa0, &[0, 2], 12..12),
            ("two sources", 0x82, &[0, 0, 0, 1, 0, 0, 0, 2, 9], 20..21),
            ("extension", 0x90, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9], 20..21),
            ("empty extension", 0x90, &[0xbe, 0xde, 0, 0, 9], 16..17),
        ] {
            let mut datagram = [&plain, tail].concat();
            datagram[0] = first;
            let packet = Packet::read(&datagram).expect(name);
            assert_eq!(packet.payload, payload, "{name}");
            assert_eq!((packet.payload_type, packet.marker, packet.sequence), (8, true, 0x1234), "{name}");
            assert_eq!((packet.timestamp, packet.ssrc), (160, 7), "{name}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let header = |first: u8, tail: &[u8]| [&[first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], tail].concat();
        for (name, datagram, error) in [
            ("nothing", vec![], RtpError::Short { bytes: 0 }),
            ("one byte less than a header", vec![0x80; 11], RtpError::Short { bytes: 11 }),
            ("STUN", header(0x00, &[]), RtpError::Version(0)),
            ("version 1", header(0x40, &[]), RtpError::Version(1)),
            ("sources cut off", header(0x81, &[0, 0, 0]), RtpError::Short { bytes: 15 }),
            ("extension cut off", header(0x90, &[0, 0, 0]), RtpError::Short { bytes: 15 }),
            ("extension too long", header(0x90, &[0, 0, 0xff, 0xff]), RtpError::Short { bytes: 16 }),
            ("padding of nothing", header(0xa0, &[0]), RtpError::Padding(0)),
            ("padding into the header", header(0xa0, &[3]), RtpError::Padding(3)),
            ("no room for padding", header(0xa0, &[]), RtpError::Short { bytes: 12 }),
        ] {
            assert_eq!(Packet::read(&datagram), Err(error), "{name}");
        }
    }

    #[test]
    fn rtcp_is_told_from_rtp_on_one_port() {
        for (datagram, rtcp) in [
            (&[0x80, 200, 0, 6][..], true),
            (&[0x81, 201], true),
            (&[0x80, 0x80], false),
            (&[0x80, 8 | 0x80], false),
            (&[0x80, 101 | 0x80], false),
            (&[0x00, 200], false),
            (&[0x80], false),
            (&[], false),
        ] {
            assert_eq!(is_rtcp(datagram), rtcp, "{datagram:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_value_or_an_error(mut bytes: Vec<u8>, version_2: bool) {
            if let (Some(first), true) = (bytes.first_mut(), version_2) {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(packet) = Packet::read(&bytes) {
                prop_assert!(packet.payload.start <= packet.payload.end && packet.payload.end <= bytes.len());
            }
            is_rtcp(&bytes);
            rewrite(&mut bytes, 0, 0, 0, 0, false);
        }

        #[test]
        fn what_is_written_can_be_read(
            payload_type in 0..128_u8, sequence: u16, timestamp: u32, ssrc: u32, marker: bool, tail: Vec<u8>,
        ) {
            let mut datagram = [vec![0xff; HEADER_BYTES], tail].concat();
            prop_assert!(write_header(&mut datagram, payload_type, sequence, timestamp, ssrc, marker));
            let payload = HEADER_BYTES..datagram.len();
            prop_assert_eq!(
                Packet::read(&datagram),
                Ok(Packet { payload_type, marker, sequence, timestamp, ssrc, payload })
            );
        }

        #[test]
        fn rewriting_leaves_all_else_alone(mut bytes: Vec<u8>, sequence: u16, timestamp: u32, ssrc: u32) {
            let before = bytes.clone();
            let fits = rewrite(&mut bytes, 101, sequence, timestamp, ssrc, true);
            prop_assert_eq!(fits, before.len() >= HEADER_BYTES);
            if fits {
                prop_assert_eq!(bytes[0], before[0]);
                prop_assert_eq!(&bytes[HEADER_BYTES..], &before[HEADER_BYTES..]);
            } else {
                prop_assert_eq!(bytes, before);
            }
        }
    }
}
