//! One stereo WAV file that opens in any player at any instant.
//!
//! Where it stands: under a recording. It knows samples and a path; when to write is decided above. Sound goes to the kernel
//! at once, where `kill -9` cannot take it back, and the header follows: what it tells is always there.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::seal::{Keyring, Store, key_file};
use crate::timeline::{Channel, Late};

/// A WAV file being written.
pub(crate) struct WavFile {
    file: Store,
    /// Samples a side of one frame of 8 kHz.
    wide: u64,
    /// Such frames that lie in it.
    frames: u64,
    /// The bytes of samples on their way.
    bytes: Vec<u8>,
}

impl WavFile {
    /// Makes a new file, valid from the start and locked against being salvaged while we live.
    pub(crate) fn create(path: &Path, wide: usize, keys: &Keyring) -> io::Result<WavFile> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let _ = file.try_lock(); // a file system without locks is no reason not to record
        let file = Store::begin(file, keys.begin(&key_file(path))?)?;
        let wide = wide as u64;
        file.write_all_at(&header(wide * RATE, 0), 0)?;
        Ok(WavFile { file, wide, frames: 0, bytes: Vec::new() })
    }

    /// Appends interleaved samples, whole frames only. The header follows with [`WavFile::settle`].
    pub(crate) fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.file.write_all_at(&self.bytes, HEADER + self.frames * self.wide * FRAME)?;
        self.frames += samples.len() as u64 / 2 / self.wide;
        Ok(())
    }

    /// Makes the header tell what has been written.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let bytes = u32::try_from(self.frames * self.wide * FRAME)
            .ok()
            .filter(|bytes| *bytes <= BYTES_MAX)
            .ok_or(ErrorKind::FileTooLarge)?;
        self.file.write_all_at(&header(self.wide * RATE, bytes), 0)
    }

    /// How many frames there is room for.
    pub(crate) fn frames_max(&self) -> u64 {
        u64::from(BYTES_MAX) / (FRAME * self.wide)
    }

    /// Puts late sound of one channel where silence was written. Neither length nor the place to append change.
    pub(crate) fn patch(&mut self, channel: Channel, late: &Late) -> io::Result<()> {
        let mut frames = vec![0; late.samples.len() * FRAME as usize];
        let place = HEADER + late.at * self.wide * FRAME;
        self.file.read_exact_at(&mut frames, place)?;
        for (frame, sample) in frames.chunks_exact_mut(FRAME as usize).zip(&late.samples) {
            let side = 2 * channel as usize;
            frame[side..side + 2].copy_from_slice(&sample.to_le_bytes());
        }
        self.file.write_all_at(&frames, place)
    }

    /// The file, still locked; its header is as it was settled last.
    pub(crate) fn into_file(self) -> Store {
        self.file
    }

    /// The same, without what a write that failed has left behind these frames. A disk that refuses that too keeps it.
    pub(crate) fn cut_after(self, frames: u64) -> Store {
        let length = HEADER + frames * self.wide * FRAME;
        let file = self.into_file();
        let _ = file.set_len(length);
        file
    }
}

/// Makes the header of a file we began tell what the file holds, whole frames only; tells how many seconds. For a file no
/// one writes any more, of which it is told how many samples a second it has, should its own header be lost. `None`: it is
/// not one of ours.
pub(crate) fn mend(file: &Store, told: Option<u64>) -> io::Result<Option<f64>> {
    let told = told.filter(|rate| [1, 2, 6].contains(&(rate / RATE))).unwrap_or(RATE);
    file.mend()?;
    let length = file.length()?;
    if length < HEADER {
        // Died within its first write: nothing was heard yet.
        file.set_len(0)?;
        file.write_all_at(&header(told, 0), 0)?;
        return Ok(Some(0.0));
    }
    let mut head = [0; HEADER as usize];
    file.read_exact_at(&mut head, 0)?;
    // A sealed one that died while that piece was written has none; whose file it is, its key has said.
    let is_lost = file.is_sealed() && head == [0; HEADER as usize];
    let ours = is_lost || head.starts_with(b"RIFF") && &head[8..16] == b"WAVEfmt " && &head[36..40] == b"data";
    let rate = if is_lost { told } else { u32::from_le_bytes([head[24], head[25], head[26], head[27]]).into() };
    let frames = (length - HEADER) / FRAME;
    let Some(bytes) = u32::try_from(frames * FRAME).ok().filter(|bytes| ours && rate > 0 && *bytes <= BYTES_MAX) else {
        return Ok(None);
    };
    file.set_len(HEADER + u64::from(bytes))?;
    file.write_all_at(&header(rate, bytes), 0)?;
    Ok(Some(frames as f64 / rate as f64))
}

/// RIFF, the 16-byte `fmt ` chunk and the head of `data`, before so many bytes of sound.
fn header(rate: u64, bytes: u32) -> [u8; HEADER as usize] {
    let rate = rate as u32;
    let mut header = [0; HEADER as usize];
    let words = [
        *b"RIFF",
        (HEADER as u32 - 8 + bytes).to_le_bytes(),
        *b"WAVE",
        *b"fmt ",
        16_u32.to_le_bytes(),
        [1, 0, 2, 0], // linear samples, two channels
        rate.to_le_bytes(),
        rate.wrapping_mul(FRAME as u32).to_le_bytes(),
        [FRAME as u8, 0, 16, 0], // bits
        *b"data",
        bytes.to_le_bytes(),
    ];
    header.as_chunks_mut::<4>().0.iter_mut().zip(words).for_each(|(place, word)| *place = word);
    header
}

/// Frames a second: all is counted in these, and each has one sample or more of each channel.
pub(crate) const RATE: u64 = audio::SAMPLE_RATE as u64;
/// Its bytes.
const HEADER: u64 = 44;
/// What a file can hold of sound, as RIFF counts in 32 bits.
const BYTES_MAX: u32 = u32::MAX - HEADER as u32;
/// Bytes of a 16-bit sample of each channel.
const FRAME: u64 = 4;

#[cfg(test)]
mod tests {
    use std::fs;

    use hound::{SampleFormat, WavReader, WavSpec};

    use super::*;
    use crate::recorder::tests::Folder;

    const SPEC: WavSpec =
        WavSpec { channels: 2, sample_rate: audio::SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

    fn samples(path: &Path) -> Vec<i16> {
        let reader = WavReader::open(path).expect("a WAV file");
        assert_eq!(reader.spec(), SPEC);
        reader.into_samples().collect::<Result<_, _>>().expect("as long as its header says")
    }

    #[test]
    fn a_file_opens_at_any_instant() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let mut wav = WavFile::create(&path, 1, &Keyring::default()).unwrap();
        assert!(samples(&path).is_empty());
        wav.write(&[1, 2, 3, 4]).unwrap();
        assert!(samples(&path).is_empty(), "written, not yet told by the header");
        wav.settle().unwrap();
        assert_eq!(samples(&path), [1, 2, 3, 4]);
        wav.write(&[5, 6]).unwrap();
        wav.settle().unwrap();
        drop(wav.into_file());
        assert_eq!(samples(&path), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn late_sound_changes_its_channel_only() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let mut wav = WavFile::create(&path, 1, &Keyring::default()).unwrap();
        wav.write(&[1, 2, 3, 4, 5, 6]).unwrap();
        wav.patch(Channel::Right, &Late { at: 1, samples: vec![-7, -8] }).unwrap();
        wav.write(&[9, 9]).unwrap();
        wav.settle().unwrap();
        assert_eq!(samples(&path), [1, 2, 3, -7, 5, -8, 9, 9]);
    }

    #[test]
    fn mending_follows_the_file_and_leaves_strangers_alone() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let mut wav = WavFile::create(&path, 1, &Keyring::default()).unwrap();
        wav.write(&[1, 2, 3, 4]).unwrap();
        wav.settle().unwrap();
        drop(wav);
        let sound = fs::read(&path).unwrap();
        let with = |more: &[u8]| [&sound[..], more].concat();
        let mut unsettled = with(&[5, 0, 6, 0, 7]); // one frame more than told, and a piece
        unsettled[40..44].fill(0);
        for (bytes, wanted) in [
            (sound.clone(), Some(vec![1, 2, 3, 4])),
            (unsettled, Some(vec![1, 2, 3, 4, 5, 6])),
            (sound[..44].to_vec(), Some(vec![])),
            (sound[..43].to_vec(), Some(vec![])),
            (vec![], Some(vec![])),
            (vec![0; 60], None),
            (b"RIFF????WAVELIST and then something quite different from sound".to_vec(), None),
        ] {
            fs::write(&path, &bytes).unwrap();
            let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let seconds = mend(&Store::of(file, &path, &Keyring::default()).unwrap(), None).unwrap();
            assert_eq!(seconds, wanted.as_ref().map(|samples| (samples.len() / 2) as f64 / RATE as f64));
            match wanted {
                Some(wanted) => assert_eq!(samples(&path), wanted),
                None => assert_eq!(fs::read(&path).unwrap(), bytes),
            }
        }
    }
}
