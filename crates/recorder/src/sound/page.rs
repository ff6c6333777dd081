//! Pages of Ogg (RFC 3533), made one at a time and found again in a file that broke off.
//!
//! Where it stands: under an Opus file that grows while a call runs. What is read and written as a whole is the ogg
//! crate's; it can neither begin again at an earlier page nor say where the last whole one ends.

/// What a page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    First = 2,
    Inner = 0,
    Last = 4,
}

/// A page of whole packets, which take [`SEGMENTS_MAX`] pieces of 255 bytes at most.
pub(crate) fn page(kind: Kind, granule: u64, sequence: u32, packets: &[&[u8]]) -> Vec<u8> {
    let lengths: Vec<u8> = packets.iter().flat_map(|packet| lacing(packet.len())).collect();
    let mut page = b"OggS\0".to_vec();
    page.push(kind as u8);
    page.extend(granule.to_le_bytes());
    page.extend(SERIAL.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.push(lengths.len() as u8);
    page.extend(lengths);
    packets.iter().for_each(|packet| page.extend_from_slice(packet));
    seal(&mut page);
    page
}

fn lacing(bytes: usize) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(255, bytes / 255).chain([(bytes % 255) as u8])
}

/// Where a whole page lies within bytes, and what it ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub from: usize,
    pub until: usize,
    pub granule: u64,
    pub sequence: u32,
}

/// The first whole page that begins at `from` or later.
pub(crate) fn find(bytes: &[u8], from: usize) -> Option<Found> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.windows(4).position(|window| window == b"OggS")?;
        if let Some(found) = whole(bytes, at) {
            return Some(found);
        }
        at += 4;
    }
}

fn whole(bytes: &[u8], from: usize) -> Option<Found> {
    let head = bytes.get(from..from + HEAD)?;
    let lengths = bytes.get(from + HEAD..from + HEAD + usize::from(head[26]))?;
    let until = from + HEAD + lengths.len() + lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
    let mut page = bytes.get(from..until)?.to_vec();
    let told: [u8; 4] = page[22..26].try_into().ok()?;
    page[22..26].fill(0);
    let granule = u64::from_le_bytes(head[6..14].try_into().ok()?);
    let sequence = u32::from_le_bytes(head[18..22].try_into().ok()?);
    (crc(&page).to_le_bytes() == told).then_some(Found { from, until, granule, sequence })
}

/// Says of a whole page that it is the last one.
pub(crate) fn end_with(page: &mut [u8]) {
    page[5] |= Kind::Last as u8;
    seal(page);
}

fn seal(page: &mut [u8]) {
    page[22..26].fill(0);
    let crc = crc(page);
    page[22..26].copy_from_slice(&crc.to_le_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[((crc >> 24) as u8 ^ byte) as usize])
}

/// The remainders of a byte, for 0x04c11db7 from the highest bit on (RFC 3533 §6).
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Of the one logical stream in the file.
pub(crate) const SERIAL: u32 = 1;
/// Of one page.
pub(crate) const SEGMENTS_MAX: usize = 255;
/// Bytes before the lengths.
const HEAD: usize = 27;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ogg::PacketReader;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ogg_crate_reads_what_we_write_and_we_find_it_after_whatever_lies_before(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..20),
            before: Vec<u8>,
            granule in 0..1_u64 << 40,
        ) {
            let packets: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
            let first = page(Kind::First, 0, 0, &[b"head"]);
            let last = page(Kind::Last, granule, 1, &packets);
            let mut reader = PacketReader::new(Cursor::new([&first[..], &last].concat()));
            prop_assert_eq!(&reader.read_packet().unwrap().unwrap().data, b"head");
            for packet in &packets {
                prop_assert_eq!(&reader.read_packet().unwrap().unwrap().data, packet);
            }
            prop_assert!(reader.read_packet().unwrap().is_none());
            let all = [&before[..], &last].concat();
            let found = Found { from: before.len(), until: all.len(), granule, sequence: 1 };
            prop_assert_eq!(find(&all, 0), Some(found));
            prop_assert_eq!(find(&all[..all.len() - 1], 0), None);
        }
    }

    #[test]
    fn a_page_can_become_the_last() {
        let mut inner = page(Kind::Inner, 960, 7, &[&[1; 300]]);
        end_with(&mut inner);
        assert_eq!(inner, page(Kind::Last, 960, 7, &[&[1; 300]]));
    }
}
