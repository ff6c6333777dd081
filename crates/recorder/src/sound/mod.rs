//! Sound files: WAV of 16 bits, WAV of G.711, Ogg Opus; each is read and written a piece at a time.
//!
//! Where it stands: under the archive, which changes the format of what was recorded and hands out copies. Recordings
//! under way are not written here: they are patched and must open at any instant, see `wav_file`.

mod convert;
mod narrow;
mod ogg_opus;
pub(crate) mod page;
mod wav;
mod wave;

pub use convert::{Cut, export, play};
pub(crate) use convert::{alike, convert};
pub(crate) use ogg_opus::{opus_conf, opus_head, opus_pair, opus_tags};
pub use wave::{Wave, wave};

use std::io::{self, BufReader, BufWriter, Read};
use std::path::Path;

use audio::Encoding;
use serde::{Deserialize, Serialize};

use crate::seal::{Keyring, Store};

/// How sound is kept in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// WAV, 16 bits a sample.
    #[default]
    Wav,
    /// WAV, 8 bits a sample by the law of G.711 that loses less; what was said in that law is kept to the bit. It has 8,000
    /// samples a second, whatever was recorded.
    G711,
    /// Ogg Opus (RFC 7845), each channel a stream of its own, so that no side is heard in the other.
    Opus,
}

impl Format {
    /// As sidecars write it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::G711 => "g711",
            Format::Opus => "opus",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Format> {
        [Format::Wav, Format::G711, Format::Opus].into_iter().find(|format| format.name() == name)
    }

    /// What files of it end with.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Wav | Format::G711 => "wav",
            Format::Opus => "opus",
        }
    }
}

/// The bytes of a sound file, as they would lie in the folder if it were not sealed.
///
/// # Errors
/// When it cannot be read, or no key opens it.
pub fn unsealed(path: &Path, keys: &Keyring) -> io::Result<impl Read> {
    Store::open(path, keys)
}

/// Reads a sound file from its beginning.
pub(crate) enum Reader {
    Wav(wav::Reader<BufReader<Store>>),
    Opus(ogg_opus::Reader<BufReader<Store>>),
    /// Another, at 8 kHz.
    Narrow(Box<Reader>, Option<Box<[narrow::Narrow; 2]>>),
}

impl Reader {
    /// The same as `open`, at the rate it is to have in that format.
    pub(crate) fn open_for(format: Format, path: &Path, keys: &Keyring) -> io::Result<Reader> {
        let reader = Reader::open(path, keys)?;
        let narrow = || narrow::Narrow::new(reader.rate());
        Ok(match (format, narrow(), narrow()) {
            (Format::G711, Some(left), Some(right)) => Reader::Narrow(Box::new(reader), Some(Box::new([left, right]))),
            _ => reader,
        })
    }

    pub(crate) fn open(path: &Path, keys: &Keyring) -> io::Result<Reader> {
        let file = BufReader::with_capacity(1 << 16, Store::open(path, keys)?);
        match path.extension().is_some_and(|ending| ending == "opus") {
            true => Ok(Reader::Opus(ogg_opus::Reader::new(file)?)),
            false => Ok(Reader::Wav(wav::Reader::new(file)?)),
        }
    }

    /// Samples a second.
    pub(crate) fn rate(&self) -> u32 {
        match self {
            Reader::Wav(wav) => wav.rate,
            Reader::Opus(opus) => opus.rate,
            Reader::Narrow(..) => audio::SAMPLE_RATE,
        }
    }

    /// How it is kept.
    pub(crate) fn format(&self) -> Format {
        match self {
            Reader::Wav(wav) if wav.law.is_some() => Format::G711,
            Reader::Wav(_) => Format::Wav,
            Reader::Opus(_) => Format::Opus,
            Reader::Narrow(reader, _) => reader.format(),
        }
    }

    /// Appends the next second or less of each side; false at the end. Of a file with one channel both sides are it.
    pub(crate) fn read(&mut self, sides: &mut [Vec<i16>; 2]) -> io::Result<bool> {
        match self {
            Reader::Wav(wav) => wav.read(sides),
            Reader::Opus(opus) => opus.read(sides),
            Reader::Narrow(reader, ways) => {
                let mut wide = [Vec::new(), Vec::new()];
                let more = reader.read(&mut wide)?;
                for (at, (wide, side)) in wide.iter().zip(&mut *sides).enumerate() {
                    if let Some(ways) = ways {
                        ways[at].push(wide, side);
                        if !more {
                            ways[at].finish(side);
                        }
                    }
                }
                Ok(more || ways.take().is_some()) // once more, with the rest
            }
        }
    }
}

/// Writes a sound file.
pub(crate) enum Writer {
    Wav(wav::Writer<BufWriter<Store>>),
    Opus(Box<ogg_opus::Writer<BufWriter<Store>>>),
}

impl Writer {
    /// Begins a file of one or two channels. For G.711 a law is to be named.
    pub(crate) fn create(file: Store, format: Kept, rate: u32, channels: u16) -> io::Result<Writer> {
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(match format {
            Kept::Wav => Writer::Wav(wav::Writer::new(file, None, rate, channels)?),
            Kept::G711(law) => Writer::Wav(wav::Writer::new(file, Some(law), rate, channels)?),
            Kept::Opus => Writer::Opus(Box::new(ogg_opus::Writer::new(file, rate, channels)?)),
        })
    }

    /// Appends as many samples of each channel.
    pub(crate) fn write(&mut self, channels: &[&[i16]]) -> io::Result<()> {
        match self {
            Writer::Wav(wav) => wav.write(channels),
            Writer::Opus(opus) => opus.write(channels),
        }
    }

    /// Ends the file, and waits until the disk has it.
    pub(crate) fn finish(self) -> io::Result<()> {
        let file = match self {
            Writer::Wav(wav) => wav.finish()?,
            Writer::Opus(opus) => opus.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// A [`Format`], with the law where there is a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    Wav,
    G711(Encoding),
    Opus,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
