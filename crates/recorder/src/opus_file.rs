//! One Ogg Opus file that is encoded while the call runs, and opens in any player at any instant.
//!
//! Where it stands: under a recording, in place of a `wav_file` where that is wished. Sound goes to the kernel in whole
//! pages, which a death can only cut short of. Each side is a stream of its own (see `sound::ogg_opus`), so what comes too
//! late for one, or must not be kept of both, is made anew packet by packet: those of the last seconds are kept here, and
//! the pages from there on are written once more.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use audio::{Codec, Encoder};

use crate::seal::Store;
use crate::sound::{opus_conf, opus_head, opus_pair, opus_tags, page};
use crate::timeline::{Channel, Late};
use crate::wav_file::RATE;

/// An Opus file being written.
pub(crate) struct OpusFile {
    file: Store,
    /// Samples a side of one frame of 8 kHz.
    wide: u64,
    /// Such frames that were written.
    frames: u64,
    sides: [Side; 2],
    /// Packets of 20 ms that lie in the file for good; those after them are kept.
    settled: u64,
    packets: VecDeque<[Vec<u8>; 2]>,
    /// The pages of those kept, as far as they lie in the file.
    pages: VecDeque<Page>,
    /// Where the next one begins, and its number.
    end: u64,
    sequence: u32,
    /// The rest is encoded, and needs only be written.
    is_padded: bool,
}

struct Side {
    encoder: Encoder,
    /// Samples of no whole packet.
    waiting: Vec<i16>,
}

struct Page {
    /// Its first packet, and the one after its last.
    first: u64,
    until: u64,
    at: u64,
    sequence: u32,
}

impl OpusFile {
    /// Makes a new file, valid from the start and locked against being salvaged while we live.
    pub(crate) fn create(path: &Path, wide: usize) -> io::Result<OpusFile> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let _ = file.try_lock(); // a file system without locks is no reason not to record
        let file = Store::begin(file, None)?;
        let wide = wide as u64;
        let mut sides = [(); 2].map(|()| Side { encoder: encoder(wide), waiting: Vec::new() });
        let head = head(wide, lookahead(&mut sides) * (CLOCK / (wide * RATE)));
        file.write_all_at(&head, 0)?;
        Ok(OpusFile {
            file,
            wide,
            frames: 0,
            sides,
            settled: 0,
            packets: VecDeque::new(),
            pages: VecDeque::new(),
            end: head.len() as u64,
            sequence: 2,
            is_padded: false,
        })
    }

    /// Takes interleaved samples, whole frames only. They lie in the file after [`OpusFile::settle`].
    pub(crate) fn write(&mut self, samples: &[i16]) {
        self.frames += samples.len() as u64 / 2 / self.wide;
        for (nth, side) in self.sides.iter_mut().enumerate() {
            side.waiting.extend(samples.iter().skip(nth).step_by(2));
        }
        self.encode();
    }

    /// Writes what is encoded as pages.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        while let Some((first, until)) = self.next_page() {
            self.write_page(first, until, page::Kind::Inner, until * PACKET * CLOCK / RATE)?;
        }
        while self.packets.len() as u64 > KEPT && self.pages.len() > 1 {
            if let Some(page) = self.pages.pop_front() {
                self.packets.drain(..(page.until - page.first) as usize);
                self.settled = page.until;
            }
        }
        Ok(())
    }

    /// Puts late sound of one channel where silence was written, or silence where sound was. False: that is so long ago
    /// that the file is left as it was.
    pub(crate) fn patch(&mut self, channel: Channel, late: &Late) -> io::Result<bool> {
        let frames = late.samples.len() as u64 / self.wide;
        let (first, until) = (late.at / PACKET, (late.at + frames).div_ceil(PACKET));
        if first < self.settled {
            return Ok(false);
        }
        let made = self.settled + self.packets.len() as u64;
        let side = &mut self.sides[channel as usize];
        let samples_of = |frames: u64| (frames * self.wide) as usize;
        // What is not encoded yet.
        let from = made * PACKET;
        let waits = late.at.max(from)..(late.at + frames).max(from);
        let there = samples_of(waits.start - from)..samples_of(waits.end - from).min(side.waiting.len());
        if !there.is_empty() {
            let skip = samples_of(waits.start - late.at);
            side.waiting[there.clone()].copy_from_slice(&late.samples[skip..skip + there.len()]);
        }
        if until >= made {
            side.encoder = encoder(self.wide); // it remembers what was there
        }
        let until = until.min(made);
        if first >= until {
            return Ok(true);
        }
        let mut samples = vec![0; samples_of(late.at - first * PACKET)];
        samples.extend_from_slice(&late.samples);
        samples.resize(samples_of((until - first) * PACKET), 0);
        let mut encoder = encoder(self.wide);
        for (at, samples) in (first..until).zip(samples.chunks_exact(samples_of(PACKET))) {
            self.packets[(at - self.settled) as usize][channel as usize] = encoded(&mut encoder, samples);
        }
        if let Some(stays) = self.pages.iter().position(|page| page.until > first) {
            let page = &self.pages[stays];
            (self.end, self.sequence) = (page.at, page.sequence);
            self.file.set_len(self.end)?; // what must not be kept is gone before anything else
            self.pages.truncate(stays);
            self.settle()?;
        }
        Ok(true)
    }

    /// Writes the rest, and that it is the end.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let behind = lookahead(&mut self.sides);
        if !self.is_padded {
            let whole = self.wide * PACKET;
            let samples = (self.sides[0].waiting.len() as u64 + behind).next_multiple_of(whole).max(whole);
            self.sides.iter_mut().for_each(|side| side.waiting.resize(samples as usize, 0));
            self.encode();
            self.is_padded = true;
        }
        // All but the last packet as ever; that one, which lies in no page yet, ends it.
        let last = self.settled + self.packets.len() as u64 - 1;
        while let Some((first, until)) = self.next_page().filter(|(first, _)| *first < last) {
            let until = until.min(last);
            self.write_page(first, until, page::Kind::Inner, until * PACKET * CLOCK / RATE)?;
        }
        let end = self.frames * CLOCK / RATE + behind * (CLOCK / (self.wide * RATE));
        self.write_page(last, last + 1, page::Kind::Last, end)
    }

    /// The file, still locked.
    pub(crate) fn into_file(self) -> Store {
        self.file
    }

    /// The same, without what a write that failed has left behind the last whole page.
    pub(crate) fn cut(self) -> Store {
        let _ = self.file.set_len(self.end);
        self.file
    }

    fn encode(&mut self) {
        let samples = (self.wide * PACKET) as usize;
        while self.sides[0].waiting.len() >= samples {
            self.packets.push_back(self.sides.each_mut().map(|side| {
                let packet = encoded(&mut side.encoder, &side.waiting[..samples]);
                side.waiting.drain(..samples);
                packet
            }));
        }
    }

    /// The packets that fit one page more.
    fn next_page(&self) -> Option<(u64, u64)> {
        let first = self.pages.back().map_or(self.settled, |page| page.until);
        let (mut until, mut segments) = (first, 0);
        for [left, right] in self.packets.iter().skip((first - self.settled) as usize) {
            segments += (left.len() + right.len() + 2) / 255 + 1; // no pair needs more
            if segments > page::SEGMENTS_MAX || until - first == PAGE_MAX {
                break;
            }
            until += 1;
        }
        (until > first).then_some((first, until))
    }

    fn write_page(&mut self, first: u64, until: u64, kind: page::Kind, granule: u64) -> io::Result<()> {
        let range = (first - self.settled) as usize..(until - self.settled) as usize;
        let pairs = self.packets.range(range).map(|[left, right]| opus_pair(left, right));
        let pairs = pairs.collect::<io::Result<Vec<_>>>()?;
        let packets: Vec<&[u8]> = pairs.iter().map(|pair| &pair[..]).collect();
        let bytes = page::page(kind, granule, self.sequence, &packets);
        self.file.write_all_at(&bytes, self.end)?;
        self.pages.push_back(Page { first, until, at: self.end, sequence: self.sequence });
        (self.end, self.sequence) = (self.end + bytes.len() as u64, self.sequence + 1);
        Ok(())
    }
}

/// Cuts a file we began after its last whole page, which is made to end it; tells how many seconds. For a file no one writes
/// any more. `None`: it is not one of ours.
pub(crate) fn mend(file: &Store, told: Option<u64>) -> io::Result<Option<f64>> {
    let mut bytes = vec![0; file.length()? as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let mut pages = Vec::new();
    while let Some(found) = page::find(&bytes, pages.last().map_or(0, |page: &page::Found| page.until)) {
        pages.push(found);
    }
    let ours = pages.first().is_some_and(|first| first.from == 0 && bytes[28..].starts_with(b"OpusHead"));
    if !ours && (bytes.len() > HEADS_MAX || bytes.get(..4).is_some_and(|first| first != b"OggS")) {
        return Ok(None);
    }
    let preskip = if ours { u64::from(u16::from_le_bytes([bytes[38], bytes[39]])) } else { 0 };
    match pages.last() {
        Some(last) if ours && pages.len() > 2 => {
            page::end_with(&mut bytes[last.from..last.until]);
            file.set_len(last.until as u64)?;
            file.write_all_at(&bytes[last.from..last.until], last.from as u64)?;
            Ok(Some(last.granule.saturating_sub(preskip) as f64 / CLOCK as f64))
        }
        // Died before there was any sound: a packet of silence, of which nothing is heard.
        _ => {
            let wide = told.map(|rate| rate / RATE).filter(|wide| [1, 2, 6].contains(wide)).unwrap_or(1);
            let mut sides = [(); 2].map(|()| Side { encoder: encoder(wide), waiting: Vec::new() });
            let preskip = lookahead(&mut sides) * (CLOCK / (wide * RATE));
            let mut all = head(wide, preskip);
            let silence = sides.map(|mut side| encoded(&mut side.encoder, &vec![0; (wide * PACKET) as usize]));
            all.extend(page::page(page::Kind::Last, preskip, 2, &[&opus_pair(&silence[0], &silence[1])?]));
            file.set_len(0)?;
            file.write_all_at(&all, 0)?;
            Ok(Some(0.0))
        }
    }
}

fn head(wide: u64, preskip: u64) -> Vec<u8> {
    let head = opus_head(2, preskip as u16, (wide * RATE) as u32);
    let mut bytes = page::page(page::Kind::First, 0, 0, &[&head]);
    bytes.extend(page::page(page::Kind::Inner, 0, 1, &[&opus_tags()]));
    bytes
}

fn encoder(wide: u64) -> Encoder {
    Encoder::new(Codec::Opus, (wide * RATE) as u32, &opus_conf())
}

fn lookahead(sides: &mut [Side; 2]) -> u64 {
    sides[0].encoder.lookahead().into()
}

fn encoded(encoder: &mut Encoder, samples: &[i16]) -> Vec<u8> {
    let mut packet = Vec::new();
    encoder.encode(samples, &mut packet);
    packet
}

/// What Opus counts in (RFC 7845 §4).
const CLOCK: u64 = 48_000;
/// Frames of 8 kHz in a packet: 20 ms.
const PACKET: u64 = RATE / 50;
/// Packets of a page at most: a second.
const PAGE_MAX: u64 = 50;
/// Packets that can still be made anew: five seconds, some 20 KiB.
const KEPT: u64 = 250;
/// No two headers of ours are longer.
const HEADS_MAX: usize = 200;
