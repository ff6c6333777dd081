//! The file a recording under way is written to, in one of two forms.
//!
//! Where it stands: under a recording, which knows samples and when to write; what becomes of them lies in `wav_file` and
//! `opus_file`. Both open in any player at any instant.

use std::io;
use std::path::Path;

use crate::opus_file::OpusFile;
use crate::place::Kind;
use crate::seal::{Keyring, Store};
use crate::timeline::{Channel, Late};
use crate::wav_file::WavFile;

pub(crate) enum SoundFile {
    Wav(WavFile),
    Opus(Box<OpusFile>),
}

impl SoundFile {
    pub(crate) fn create(path: &Path, kind: Kind, wide: usize, keys: &Keyring) -> io::Result<SoundFile> {
        Ok(match kind {
            Kind::Wav => SoundFile::Wav(WavFile::create(path, wide, keys)?),
            Kind::Opus => SoundFile::Opus(Box::new(OpusFile::create(path, wide)?)),
        })
    }

    /// Appends interleaved samples, whole frames only.
    pub(crate) fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        match self {
            SoundFile::Wav(wav) => wav.write(samples),
            SoundFile::Opus(opus) => {
                opus.write(samples);
                Ok(())
            }
        }
    }

    /// What was written is there for who opens the file, all but some milliseconds.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        match self {
            SoundFile::Wav(wav) => wav.settle(),
            SoundFile::Opus(opus) => opus.settle(),
        }
    }

    /// Puts other sound of one channel where some was written. False: it is too late for that.
    pub(crate) fn patch(&mut self, channel: Channel, late: &Late) -> io::Result<bool> {
        match self {
            SoundFile::Wav(wav) => wav.patch(channel, late).map(|()| true),
            SoundFile::Opus(opus) => opus.patch(channel, late),
        }
    }

    /// How many frames there is room for.
    pub(crate) fn frames_max(&self) -> u64 {
        match self {
            SoundFile::Wav(wav) => wav.frames_max(),
            SoundFile::Opus(_) => u64::MAX / 2,
        }
    }

    /// Nothing more is written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            SoundFile::Wav(_) => Ok(()),
            SoundFile::Opus(opus) => opus.finish(),
        }
    }

    /// The file, still locked.
    pub(crate) fn into_file(self) -> Store {
        match self {
            SoundFile::Wav(wav) => wav.into_file(),
            SoundFile::Opus(opus) => opus.into_file(),
        }
    }

    /// The same, without what a write that failed has left behind these frames.
    pub(crate) fn cut_after(self, frames: u64) -> Store {
        match self {
            SoundFile::Wav(wav) => wav.cut_after(frames),
            SoundFile::Opus(opus) => opus.cut(),
        }
    }
}
