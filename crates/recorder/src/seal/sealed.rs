//! One sealed file: pieces of 4 KiB, each with a nonce and a tag of its own, so that any place is read and written anew
//! without the rest. It may end anywhere: the last piece is as long as what there is.
//!
//! A piece is sealed with its number, so none can be put in another's place; that pieces are missing at the end is told by
//! the file's hash in the chain. Whoever dies within a write loses the piece, 128 ms of sound, and no other.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use super::DataKey;
use super::keyring::{NONCE_BYTES, TAG_BYTES};

pub(super) struct SealedFile {
    file: File,
    key: DataKey,
    /// Bytes within.
    length: u64,
    /// The piece looked at last.
    piece: Option<(u64, Vec<u8>)>,
}

impl SealedFile {
    /// Begins a file that is empty.
    pub fn begin(file: File, key: DataKey) -> io::Result<SealedFile> {
        file.set_len(0)?;
        file.write_all_at(MAGIC, 0)?;
        Ok(SealedFile { file, key, length: 0, piece: None })
    }

    /// A file that begins like one of ours.
    pub fn open(file: File, key: DataKey) -> io::Result<SealedFile> {
        let sealed = file.metadata()?.len().saturating_sub(MAGIC.len() as u64);
        let (whole, rest) = (sealed / SEALED, sealed % SEALED);
        let length = whole * PIECE + rest.saturating_sub(SEALED - PIECE);
        Ok(SealedFile { file, key, length, piece: None })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads what there is from `at` on; 0: its end.
    pub fn read_at(&mut self, into: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.length || into.is_empty() {
            return Ok(0);
        }
        let piece = self.load(at / PIECE)?;
        let from = &piece[((at % PIECE) as usize).min(piece.len())..];
        let count = from.len().min(into.len());
        into[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    pub fn write_all_at(&mut self, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        if at > self.length {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a gap in a sealed file"));
        }
        while !bytes.is_empty() {
            let (index, offset) = (at / PIECE, (at % PIECE) as usize);
            let (now, later) = bytes.split_at(bytes.len().min(PIECE as usize - offset));
            let mut piece = if index * PIECE < self.length { self.load(index)?.to_vec() } else { Vec::new() };
            piece.resize(piece.len().max(offset + now.len()), 0);
            piece[offset..offset + now.len()].copy_from_slice(now);
            self.store(index, piece)?;
            at += now.len() as u64;
            self.length = self.length.max(at);
            bytes = later;
        }
        Ok(())
    }

    /// Cuts it off.
    pub fn set_len(&mut self, length: u64) -> io::Result<()> {
        if length < self.length {
            let (index, rest) = (length / PIECE, (length % PIECE) as usize);
            let last = if rest > 0 { Some(self.load(index)?[..rest].to_vec()) } else { None };
            self.file.set_len(place(index))?;
            (self.length, self.piece) = (index * PIECE, None);
            if let Some(last) = last {
                self.store(index, last)?;
            }
            self.length = length;
        }
        Ok(())
    }

    /// Makes pieces that are not what was sealed silent: who died within a write left them. At the end they are cut off.
    pub fn mend(&mut self) -> io::Result<()> {
        let pieces = self.length.div_ceil(PIECE);
        for index in 0..pieces {
            self.piece = None;
            if self.load(index).is_ok() {
                continue;
            }
            if index + 1 == pieces {
                self.file.set_len(place(index))?;
                self.length = index * PIECE;
            } else {
                self.store(index, vec![0; PIECE as usize])?;
            }
        }
        self.piece = None;
        Ok(())
    }

    fn load(&mut self, index: u64) -> io::Result<&[u8]> {
        if self.piece.as_ref().is_none_or(|(known, _)| *known != index) {
            let plain = (self.length - index * PIECE).min(PIECE);
            let mut sealed = vec![0; (plain + SEALED - PIECE) as usize];
            self.file.read_exact_at(&mut sealed, place(index))?;
            let opened = self.key.open(index, &mut sealed);
            let changed = || io::Error::new(ErrorKind::InvalidData, format!("piece {index} is not what was sealed"));
            self.piece = Some((index, opened.ok_or_else(changed)?));
        }
        Ok(self.piece.as_ref().map_or(&[], |(_, piece)| piece))
    }

    fn store(&mut self, index: u64, piece: Vec<u8>) -> io::Result<()> {
        self.piece = None; // should the disk refuse, what it has counts
        self.file.write_all_at(&self.key.seal(index, &piece)?, place(index))?;
        self.piece = Some((index, piece));
        Ok(())
    }
}

/// Where a piece lies.
fn place(index: u64) -> u64 {
    MAGIC.len() as u64 + index * SEALED
}

/// What a sealed file begins with.
pub(super) const MAGIC: &[u8; 16] = b"centrala sealed1";
/// Bytes of a piece within.
const PIECE: u64 = 4096;
/// And as it lies there.
const SEALED: u64 = PIECE + (NONCE_BYTES + TAG_BYTES) as u64;
