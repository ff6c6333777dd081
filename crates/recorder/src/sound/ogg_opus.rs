//! Ogg Opus (RFC 7845), each channel a mono stream of its own within one file.
//!
//! Two coupled channels would be cheaper, but at speech's rates Opus then keeps one middle and little of the sides: the
//! agent would be heard in the customer's channel. Two uncoupled streams are channel mapping family 1 all the same
//! (§5.1.1.2), which every player knows: the first stream's packet of a pair is self-delimiting (RFC 6716, appendix B).

use std::collections::VecDeque;
use std::io::{self, Read, Seek, Write};

use audio::{Codec, Decoder, Encoder, OpusConf};
use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};

use super::damaged;
use super::page::SERIAL;

pub(crate) struct Writer<W: Write> {
    ogg: PacketWriter<'static, W>,
    encoders: Vec<Encoder>,
    /// Samples of each channel that are no whole packet yet.
    waiting: Vec<VecDeque<i16>>,
    rate: u32,
    /// What an encoder is behind, in samples: so much is encoded after the end, and dropped before the beginning.
    lookahead: u32,
    /// Packets made.
    packets: u64,
    /// Samples of each channel that were to be written.
    samples: u64,
    /// The last packet, held back: the last one of all is marked.
    last: Option<Vec<u8>>,
}

impl<W: Write> Writer<W> {
    pub fn new(to: W, rate: u32, channels: u16) -> io::Result<Writer<W>> {
        let mut encoders: Vec<_> = (0..channels).map(|_| Encoder::new(Codec::Opus, rate, &opus_conf())).collect();
        let lookahead = encoders.iter_mut().map(Encoder::lookahead).max().unwrap_or_default();
        let mut ogg = PacketWriter::new(to);
        let preskip = (lookahead * (CLOCK / rate)) as u16;
        ogg.write_packet(opus_head(channels, preskip, rate), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        ogg.write_packet(opus_tags(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        let waiting = vec![VecDeque::new(); channels.into()];
        Ok(Writer { ogg, encoders, waiting, rate, lookahead, packets: 0, samples: 0, last: None })
    }

    pub fn write(&mut self, channels: &[&[i16]]) -> io::Result<()> {
        let samples = channels.iter().map(|channel| channel.len()).min().unwrap_or_default();
        self.samples += samples as u64;
        for (waiting, channel) in self.waiting.iter_mut().zip(channels) {
            waiting.extend(&channel[..samples]);
        }
        self.encode()
    }

    pub fn finish(mut self) -> io::Result<W> {
        let behind = self.lookahead as usize;
        let packet = (self.rate / PACKETS_A_SECOND) as usize;
        for waiting in &mut self.waiting {
            let all = (waiting.len() + behind).next_multiple_of(packet);
            waiting.resize(all.max(packet), 0);
        }
        self.encode()?;
        let end = (self.samples + u64::from(self.lookahead)) * u64::from(CLOCK / self.rate);
        let last = self.last.take().unwrap_or_default();
        self.ogg.write_packet(last, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        Ok(self.ogg.into_inner())
    }

    fn encode(&mut self) -> io::Result<()> {
        let samples = (self.rate / PACKETS_A_SECOND) as usize;
        while self.waiting.iter().all(|waiting| waiting.len() >= samples) {
            let streams = self.encoders.iter_mut().zip(&mut self.waiting).map(|(encoder, waiting)| {
                let pcm: Vec<i16> = waiting.drain(..samples).collect();
                let mut stream = Vec::new();
                encoder.encode(&pcm, &mut stream);
                stream
            });
            let packet = match &streams.collect::<Vec<_>>()[..] {
                [left, right] => opus_pair(left, right)?,
                others => others.concat(),
            };
            if let Some(last) = self.last.replace(packet) {
                self.packets += 1;
                let whole_second = self.packets.is_multiple_of(PACKETS_A_SECOND.into());
                let end = if whole_second { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
                self.ogg.write_packet(last, SERIAL, end, self.packets * u64::from(CLOCK / PACKETS_A_SECOND))?;
            }
        }
        Ok(())
    }
}

/// Silence costs next to nothing, and nothing is lost on the way to a disk.
pub(crate) fn opus_conf() -> OpusConf {
    OpusConf { bitrate: BITRATE, complexity: 5, fec: false, loss_percent: 0, dtx: false }
}

/// The first header (RFC 7845 §5.1).
pub(crate) fn opus_head(channels: u16, preskip: u16, rate: u32) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels as u8);
    head.extend(preskip.to_le_bytes());
    head.extend(rate.to_le_bytes());
    head.extend([0, 0]); // no gain
    match channels {
        1 => head.push(0),                 // mapping family 0
        _ => head.extend([1, 2, 0, 0, 1]), // family 1: two streams, none coupled, left and right
    }
    head
}

/// The second (RFC 7845 §5.2).
pub(crate) fn opus_tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR.as_bytes());
    tags.extend(0_u32.to_le_bytes());
    tags
}

/// A packet of each stream, of 20 ms, as one. An empty one says nothing.
pub(crate) fn opus_pair(left: &[u8], right: &[u8]) -> io::Result<Vec<u8>> {
    let left = if left.is_empty() { &[NOTHING] } else { left };
    let mut pair = self_delimited(left).ok_or_else(|| damaged("libopus made no single frame"))?;
    pair.extend_from_slice(if right.is_empty() { &[NOTHING] } else { right });
    Ok(pair)
}

/// A packet of one frame, with its length in it (RFC 6716, appendix B). `None` for others, which we do not make.
fn self_delimited(packet: &[u8]) -> Option<Vec<u8>> {
    let (toc, frame) = packet.split_first()?;
    if toc & 3 != 0 {
        return None;
    }
    let mut delimited = vec![*toc];
    match frame.len() {
        bytes @ 0..252 => delimited.push(bytes as u8),
        bytes => {
            let first = 252 + (bytes & 3); // RFC 6716 §3.2.1
            delimited.extend([first as u8, u8::try_from((bytes - first) / 4).ok()?]);
        }
    }
    delimited.extend(frame);
    Some(delimited)
}

/// The first stream's packet of a pair, as it would stand alone, and the other one.
fn divided(pair: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (toc, rest) = pair.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (bytes, rest) = match *first {
        bytes @ 0..252 => (usize::from(bytes), rest),
        first => (usize::from(first) + 4 * usize::from(*rest.first()?), &rest[1..]),
    };
    if toc & 3 != 0 || rest.len() < bytes {
        return None;
    }
    let (frame, other) = rest.split_at(bytes);
    Some(([&[*toc], frame].concat(), other))
}

pub(crate) struct Reader<R: Read + Seek> {
    ogg: PacketReader<R>,
    pub rate: u32,
    decoders: Vec<Decoder>,
    /// Samples still to be dropped at the beginning.
    skip: usize,
    /// Where the sound ends, in samples and with what is dropped; known when it is met.
    end: Option<u64>,
    decoded: u64,
}

impl<R: Read + Seek> Reader<R> {
    pub fn new(from: R) -> io::Result<Reader<R>> {
        let mut ogg = PacketReader::new(from);
        let head = next(&mut ogg)?.map(|packet| packet.data).unwrap_or_default();
        let (channels, rate) = match &head[..] {
            [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', 1, channels, _, _, r, a, t, e, _, _, map @ ..] => {
                let known = matches!((channels, map), (1, [0]) | (2, [1, 2, 0, 0, 1]));
                (if known { *channels } else { 0 }, u32::from_le_bytes([*r, *a, *t, *e]))
            }
            _ => (0, 0),
        };
        if channels == 0 || ![8000, 16_000, 48_000].contains(&rate) {
            return Err(damaged("not an Ogg Opus file of ours"));
        }
        let preskip = u16::from_le_bytes([head[10], head[11]]);
        if !next(&mut ogg)?.is_some_and(|packet| packet.data.starts_with(b"OpusTags")) {
            return Err(damaged("an Ogg Opus file without its second header"));
        }
        let decoders = (0..channels).map(|_| Decoder::new(Codec::Opus, rate)).collect();
        let skip = (u32::from(preskip) / (CLOCK / rate)) as usize;
        Ok(Reader { ogg, rate, decoders, skip, end: None, decoded: 0 })
    }

    pub fn read(&mut self, sides: &mut [Vec<i16>; 2]) -> io::Result<bool> {
        let mut heard = [Vec::new(), Vec::new()];
        for _ in 0..PACKETS_A_SECOND {
            if self.end.is_some() {
                break;
            }
            let Some(packet) = next(&mut self.ogg)? else {
                return Err(damaged("an Ogg Opus file that breaks off"));
            };
            let before = heard[0].len();
            match &mut self.decoders[..] {
                [both] => both.decode(&packet.data, &mut heard[0]),
                [left, right, ..] => {
                    let (one, other) = divided(&packet.data).ok_or_else(|| damaged("a packet that is no pair"))?;
                    left.decode(&one, &mut heard[0]);
                    right.decode(other, &mut heard[1]);
                }
                [] => {}
            }
            self.decoded += (heard[0].len() - before) as u64;
            if packet.last_in_stream() {
                let end = packet.absgp_page() / u64::from(CLOCK / self.rate);
                self.end = Some(end);
                let after = self.decoded.saturating_sub(end) as usize;
                heard.iter_mut().for_each(|side| side.truncate(side.len().saturating_sub(after)));
            }
        }
        let skip = self.skip.min(heard[0].len());
        self.skip -= skip;
        let more = !heard[0].is_empty();
        if self.decoders.len() == 1 {
            heard[1] = heard[0].clone();
        }
        for (side, heard) in sides.iter_mut().zip(heard) {
            side.extend(heard.get(skip..).unwrap_or_default());
        }
        Ok(more)
    }
}

fn next<R: Read + Seek>(ogg: &mut PacketReader<R>) -> io::Result<Option<ogg::Packet>> {
    ogg.read_packet().map_err(|why| match why {
        ogg::OggReadError::ReadError(why) => why,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    })
}

/// What Opus counts in, whatever is sampled (RFC 7845 §4).
const CLOCK: u32 = 48_000;
const PACKETS_A_SECOND: u32 = 50;
/// Of each channel; silence costs a tenth.
const BITRATE: u32 = 16_000;
/// SILK, 20 ms, mono, one frame of no bytes: nothing is said.
const NOTHING: u8 = 0x08;
const VENDOR: &str = "Centrala";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use audio::{rms_dbfs, tone};
    use proptest::prelude::*;

    use super::*;

    fn written(channels: &[&[i16]]) -> Vec<u8> {
        let mut opus = Writer::new(Cursor::new(Vec::new()), 8000, channels.len() as u16).unwrap();
        for second in 0..channels[0].len().div_ceil(8000) {
            let piece = |channel: &&[i16]| channel[second * 8000..channel.len().min((second + 1) * 8000)].to_vec();
            let pieces: Vec<Vec<i16>> = channels.iter().map(piece).collect();
            opus.write(&pieces.iter().map(|piece| &piece[..]).collect::<Vec<_>>()).unwrap();
        }
        opus.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8]) -> io::Result<[Vec<i16>; 2]> {
        let mut opus = Reader::new(Cursor::new(bytes))?;
        let mut sides = [Vec::new(), Vec::new()];
        while opus.read(&mut sides)? {}
        Ok(sides)
    }

    #[test]
    fn each_side_comes_back_in_its_place_and_is_not_heard_in_the_other() {
        let speech = tone(&[(440.0, -10.0)], 2500);
        let mut right = vec![0; 20_000 + 123];
        right[8000..16_000].copy_from_slice(&tone(&[(880.0, -10.0)], 1000));
        let mut left = vec![0; 20_000 + 123];
        left[..4000].copy_from_slice(&speech[..4000]);
        let [heard_left, heard_right] = read(&written(&[&left, &right])).unwrap();
        assert_eq!((heard_left.len(), heard_right.len()), (left.len(), right.len()));
        assert!(rms_dbfs(&heard_left[200..3800]) > -16.0);
        assert!(rms_dbfs(&heard_left[8200..20_000]) < -60.0, "the right side is not heard in the left");
        assert!(rms_dbfs(&heard_right[8200..15_800]) > -16.0);
        for silent in [&heard_right[..7900], &heard_right[16_400..]] {
            assert!(rms_dbfs(silent) < -60.0);
        }
    }

    #[test]
    fn lengths_are_exact_whatever_they_are() {
        for samples in [0, 1, 159, 160, 161, 8000, 8001, 12_345] {
            let sound = vec![500; samples];
            let heard = read(&written(&[&sound, &sound])).unwrap();
            assert_eq!(heard.map(|side| side.len()), [samples; 2]);
            assert_eq!(read(&written(&[&sound])).unwrap()[1].len(), samples, "one channel is heard on both sides");
        }
    }

    proptest! {
        #[test]
        fn a_pair_of_packets_comes_apart_again(toc in (0_u8..64).prop_map(|toc| toc << 2), one in prop::collection::vec(any::<u8>(), 0..1275), other: Vec<u8>) {
            let one = [&[toc], &one[..]].concat();
            let mut pair = self_delimited(&one).unwrap();
            pair.extend(&other);
            prop_assert_eq!(divided(&pair), Some((one, &other[..])));
        }

        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = divided(&bytes);
            let _ = read(&bytes);
            let mut whole = written(&[&[100; 400], &[7; 400]]);
            let at = at.index(whole.len());
            whole[at] = byte;
            let _ = read(&whole);
        }
    }
}
