//! One stereo WAV file that opens in any player at any instant (on `hound`).
//!
//! Where it stands: under a recording. It knows samples and a path; when to write is decided above.
//!
//! What one must know of hound 3.5: it writes a header of length 0 and keeps it until the first `flush`, so a header
//! is made true at once and after every write; it counts bytes in 32 bits and wraps silently, so the caller stops long
//! before; its `append` trusts the header and overwrites sound after a crash, so it is never used.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::seal::{Keyring, Store, key_file};
use crate::timeline::{Channel, Late};

/// A WAV file being written.
pub(crate) struct WavFile {
    /// Unbuffered: each write reaches the kernel, where `kill -9` cannot take it back.
    wav: WavWriter<Store>,
    /// The same open file, for places written before.
    file: Store,
}

impl WavFile {
    /// Makes a new file, valid from the start and locked against being salvaged while we live.
    pub(crate) fn create(path: &Path, keys: &Keyring) -> io::Result<WavFile> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let _ = file.try_lock(); // a file system without locks is no reason not to record
        let file = Store::begin(file, keys.begin(&key_file(path))?)?;
        let mut wav = WavWriter::new(file.clone(), SPEC).map_err(io_error)?;
        wav.flush().map_err(io_error)?;
        Ok(WavFile { wav, file })
    }

    /// Appends interleaved samples, whole frames only. The header follows with [`WavFile::settle`].
    pub(crate) fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        let mut writer = self.wav.get_i16_writer(samples.len() as u32);
        for sample in samples {
            writer.write_sample(*sample);
        }
        writer.flush().map_err(io_error)
    }

    /// Makes the header tell what has been written.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.wav.flush().map_err(io_error)
    }

    /// Puts late sound of one channel where silence was written. Neither length nor the place to append change.
    pub(crate) fn patch(&mut self, channel: Channel, late: &Late) -> io::Result<()> {
        let mut frames = vec![0; late.samples.len() * FRAME as usize];
        let place = HEADER + late.at * FRAME;
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
        let file = self.into_file();
        let _ = file.set_len(HEADER + frames * FRAME);
        file
    }
}

/// Makes the header of a file we began tell what the file holds, whole frames only; tells how many. For a file no one
/// writes any more. `None`: it is not one of ours.
pub(crate) fn mend(file: &Store) -> io::Result<Option<u64>> {
    file.mend()?;
    let length = file.length()?;
    if length < HEADER {
        // Died within its first write: nothing was heard yet.
        file.set_len(0)?;
        WavWriter::new(file.clone(), SPEC).and_then(WavWriter::finalize).map_err(io_error)?;
        return Ok(Some(0));
    }
    let mut header = [0; HEADER as usize];
    file.read_exact_at(&mut header, 0)?;
    if file.is_sealed() && header == [0; HEADER as usize] {
        header = beginning()?; // it died while that piece was written; whose file it is, its key has said
        file.write_all_at(&header, 0)?;
    }
    let ours = header.starts_with(b"RIFF") && &header[8..16] == b"WAVEfmt " && &header[36..40] == b"data";
    let frames = (length - HEADER) / FRAME;
    let Ok(bytes) = u32::try_from(frames * FRAME) else { return Ok(None) };
    let Some(riff) = bytes.checked_add(HEADER as u32 - 8).filter(|_| ours) else { return Ok(None) };
    file.set_len(HEADER + u64::from(bytes))?;
    file.write_all_at(&riff.to_le_bytes(), 4)?;
    file.write_all_at(&bytes.to_le_bytes(), 40)?;
    Ok(Some(frames))
}

/// The header of a file without sound.
fn beginning() -> io::Result<[u8; HEADER as usize]> {
    let mut header = io::Cursor::new(Vec::new());
    WavWriter::new(&mut header, SPEC).and_then(WavWriter::finalize).map_err(io_error)?;
    header.into_inner().try_into().map_err(|_| io::Error::other("hound writes another header"))
}

/// Samples a second, of each channel.
pub(crate) const RATE: u64 = audio::SAMPLE_RATE as u64;
const SPEC: WavSpec =
    WavSpec { channels: 2, sample_rate: audio::SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
/// RIFF, the 16-byte `fmt ` chunk and the head of `data`, as hound writes them.
const HEADER: u64 = 44;
/// Bytes of one moment: a 16-bit sample of each channel.
const FRAME: u64 = 4;

fn io_error(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hound::WavReader;

    use super::*;
    use crate::recorder::tests::Folder;

    fn samples(path: &Path) -> Vec<i16> {
        let reader = WavReader::open(path).expect("a WAV file");
        assert_eq!(reader.spec(), SPEC);
        reader.into_samples().collect::<Result<_, _>>().expect("as long as its header says")
    }

    #[test]
    fn a_file_opens_at_any_instant() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let mut wav = WavFile::create(&path, &Keyring::default()).unwrap();
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
        let mut wav = WavFile::create(&path, &Keyring::default()).unwrap();
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
        let mut wav = WavFile::create(&path, &Keyring::default()).unwrap();
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
            let frames = mend(&Store::of(file, &path, &Keyring::default()).unwrap()).unwrap();
            assert_eq!(frames.map(|frames| frames as usize), wanted.as_ref().map(|samples| samples.len() / 2));
            match wanted {
                Some(wanted) => assert_eq!(samples(&path), wanted),
                None => assert_eq!(fs::read(&path).unwrap(), bytes),
            }
        }
    }
}
