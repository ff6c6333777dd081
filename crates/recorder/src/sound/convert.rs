//! From one sound file to another, and whether the other sounds like the one.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use audio::{Encoding, rms_dbfs};

use super::{Format, Kept, Reader, Writer, wav};
use crate::seal::{Keyring, Store};

/// What a copy of a recording is to be.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cut {
    /// How it is kept.
    pub format: Format,
    /// Both sides in one channel, for who has one ear free.
    pub mono: bool,
    /// From this second on.
    pub from_secs: f64,
    /// Until this one.
    pub to_secs: Option<f64>,
}

impl Cut {
    fn channels(&self) -> u16 {
        if self.mono { 1 } else { 2 }
    }
}

/// Writes a copy. `seen` is told how many seconds were read, and says whether to go on; false if not.
///
/// # Errors
/// When one cannot be read or the other not be written.
pub fn export(sound: &Path, to: &Path, cut: &Cut, keys: &Keyring, seen: impl FnMut(f64) -> bool) -> io::Result<bool> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(to)?;
    convert(sound, Store::begin(file, None)?, cut, keys, seen)
}

/// The same into a file of the archive.
pub(crate) fn convert(
    sound: &Path,
    to: Store,
    cut: &Cut,
    keys: &Keyring,
    mut seen: impl FnMut(f64) -> bool,
) -> io::Result<bool> {
    let kept = match cut.format {
        Format::Wav => Kept::Wav,
        Format::G711 => Kept::G711(better_law(sound, keys)?),
        Format::Opus => Kept::Opus,
    };
    let (rate, channels) = (Reader::open_for(cut.format, sound, keys)?.rate(), cut.channels());
    let mut writer = Writer::create(to, kept, rate, channels)?;
    let whole = pieces(sound, cut, keys, |piece, secs| {
        writer.write(piece)?;
        Ok(seen(secs))
    })?;
    if whole {
        writer.finish()?;
    }
    Ok(whole)
}

/// Writes a copy, as 16-bit WAV, to who takes it from the beginning to the end, such as a player. False if he has had
/// enough before. A first look tells how long it is, since a WAV file says that at its beginning.
///
/// # Errors
/// When it cannot be read or not be written.
pub fn play(sound: &Path, to: &mut impl Write, cut: &Cut, keys: &Keyring) -> io::Result<bool> {
    let mut frames = 0;
    pieces(sound, cut, keys, |piece, _| {
        frames += piece[0].len() as u64;
        Ok(true)
    })?;
    let rate = Reader::open_for(cut.format, sound, keys)?.rate();
    let mut played = || {
        let mut writer = wav::Writer::of_length(&mut *to, rate, cut.channels(), frames)?;
        pieces(sound, cut, keys, |piece, _| writer.write(piece).map(|()| true))?;
        to.flush()
    };
    match played() {
        Err(why) if why.kind() == ErrorKind::BrokenPipe => Ok(false),
        played => played.map(|()| true),
    }
}

/// Goes through what is cut out of a sound, a second or less at a time: its channels, and how many seconds were read.
/// `take` says whether to go on; false if not.
pub(super) fn pieces(
    sound: &Path,
    cut: &Cut,
    keys: &Keyring,
    mut take: impl FnMut(&[&[i16]], f64) -> io::Result<bool>,
) -> io::Result<bool> {
    let mut reader = Reader::open_for(cut.format, sound, keys)?;
    let rate = reader.rate();
    let frame = |secs: f64| (secs.max(0.0) * f64::from(rate)).round() as u64;
    let (from, to_frame) = (frame(cut.from_secs), cut.to_secs.map_or(u64::MAX, frame));
    let mut at = 0;
    let mut sides = [Vec::new(), Vec::new()];
    while at < to_frame && reader.read(&mut sides)? {
        let frames = sides[0].len();
        let within = |frame: u64| (frame.saturating_sub(at) as usize).min(frames);
        let piece = within(from)..within(to_frame).max(within(from));
        let (left, right) = (&sides[0][piece.clone()], &sides[1][piece]);
        at += frames as u64;
        let secs = at as f64 / f64::from(rate);
        let goes_on = if cut.mono { take(&[&mixed(left, right)], secs)? } else { take(&[left, right], secs)? };
        if !goes_on {
            return Ok(false);
        }
        sides.iter_mut().for_each(Vec::clear);
    }
    Ok(true)
}

/// The sum of both, held back before it would overdrive.
fn mixed(left: &[i16], right: &[i16]) -> Vec<i16> {
    left.iter().zip(right).map(|(left, right)| left.saturating_add(*right)).collect()
}

/// The law of G.711 that changes fewer samples of a file. Silence is as good in both.
fn better_law(sound: &Path, keys: &Keyring) -> io::Result<Encoding> {
    let mut reader = Reader::open_for(Format::G711, sound, keys)?;
    let mut changed = [0_u64; 2];
    let mut sides = [Vec::new(), Vec::new()];
    while reader.read(&mut sides)? {
        for samples in &mut sides {
            samples.retain(|sample| *sample != 0);
            for (law, changed) in LAWS.into_iter().zip(&mut changed) {
                let kept = law.decoded(&law.encoded(samples));
                *changed += samples.iter().zip(kept).filter(|(was, kept)| *was != kept).count() as u64;
            }
            samples.clear();
        }
    }
    Ok(LAWS[usize::from(changed[1] < changed[0])])
}

/// Do both files sound alike? To the sample as near as G.711 comes, or as loud in the same places where it is Opus.
pub(crate) fn alike(one: &Path, other: &Path, keys: &Keyring) -> io::Result<bool> {
    let mut other = Reader::open(other, keys)?;
    let mut one = Reader::open_for(other.format(), one, keys)?;
    let exact = other.format() != Format::Opus;
    let (mut seconds, mut unlike) = (0_u32, 0_u32);
    let second = one.rate() as usize;
    let [mut these, mut those] = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    loop {
        while these[0].len() < second && one.read(&mut these)? {}
        while those[0].len() < second && other.read(&mut those)? {}
        let frames = second.min(these[0].len());
        if frames != second.min(those[0].len()) {
            return Ok(false); // one ends before the other
        }
        if frames == 0 {
            return Ok(unlike * 10 <= seconds);
        }
        for (this, that) in these.iter_mut().zip(&mut those) {
            let (this, that): (Vec<i16>, Vec<i16>) = (this.drain(..frames).collect(), that.drain(..frames).collect());
            let same = if exact { as_g711(&this, &that) } else { as_loud(&this, &that) };
            if exact && !same {
                return Ok(false);
            }
            (seconds, unlike) = (seconds + 1, unlike + u32::from(!same));
        }
    }
}

fn as_g711(this: &[i16], that: &[i16]) -> bool {
    this.iter().zip(that).all(|(this, that)| {
        let (this, that) = (i32::from(*this), i32::from(*that));
        (this - that).abs() <= (this.abs() / 16).max(16)
    })
}

/// As loud, and the same waves. Steps between samples are compared: Opus takes away what lies below speech.
fn as_loud(this: &[i16], that: &[i16]) -> bool {
    let steps =
        |samples: &[i16]| -> Vec<i16> { samples.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect() };
    let (this, that) = (steps(this), steps(that));
    let (one, other) = (rms_dbfs(&this), rms_dbfs(&that));
    if one.max(other) < QUIET_DBFS {
        return true;
    }
    let sum = |these: &[i16], those: &[i16]| -> f64 {
        these.iter().zip(those).map(|(this, that)| f64::from(*this) * f64::from(*that)).sum()
    };
    let likeness = sum(&this, &that) / (sum(&this, &this) * sum(&that, &that)).sqrt();
    (one - other).abs() <= 6.0 && likeness >= 0.4
}

const LAWS: [Encoding; 2] = [Encoding::Pcma, Encoding::Pcmu];
/// What is quieter need not come back as loud.
const QUIET_DBFS: f64 = -45.0;

#[cfg(test)]
mod tests {
    use audio::tone;

    use super::*;
    use crate::recorder::tests::Folder;

    fn write(path: &Path, sides: [&[i16]; 2]) {
        let mut writer = Writer::create(
            Store::begin(
                std::fs::File::create_new(path)
                    .or_else(|_| OpenOptions::new().read(true).write(true).truncate(true).open(path))
                    .unwrap(),
                None,
            )
            .unwrap(),
            Kept::Wav,
            8000,
            2,
        )
        .unwrap();
        writer.write(&sides).unwrap();
        writer.finish().unwrap();
    }

    fn read(path: &Path) -> [Vec<i16>; 2] {
        let mut reader = Reader::open(path, &Keyring::default()).unwrap();
        let mut sides = [Vec::new(), Vec::new()];
        while reader.read(&mut sides).unwrap() {}
        sides
    }

    #[test]
    fn every_format_sounds_like_what_was_recorded_and_not_like_another() {
        let folder = Folder::new();
        let path = |name: &str| folder.path().join(name);
        let (left, right) = (tone(&[(440.0, -12.0)], 3500), tone(&[(1200.0, -20.0)], 3500));
        write(&path("a.wav"), [&left, &right]);
        write(&path("swapped.wav"), [&right, &left]);
        write(&path("short.wav"), [&left[..27_000], &right[..27_000]]);
        for (format, name) in [(Format::Wav, "b.wav"), (Format::G711, "c.wav"), (Format::Opus, "d.opus")] {
            let cut = Cut { format, ..Cut::default() };
            assert!(export(&path("a.wav"), &path(name), &cut, &Keyring::default(), |_| true).unwrap());
            assert_eq!(Reader::open(&path(name), &Keyring::default()).unwrap().format(), format);
            assert!(alike(&path("a.wav"), &path(name), &Keyring::default()).unwrap(), "{name}");
            for other in ["swapped.wav", "short.wav"] {
                assert!(!alike(&path(other), &path(name), &Keyring::default()).unwrap(), "{other} is not {name}");
            }
        }
        let bytes = |name: &str| path(name).metadata().unwrap().len();
        assert_eq!((bytes("c.wav") - 58) * 2, bytes("a.wav") - 44, "half the disk");
    }

    #[test]
    fn what_was_said_in_a_law_is_kept_to_the_bit() {
        let folder = Folder::new();
        for law in LAWS {
            let said = law.decoded(&(0..=255).cycle().take(20_000).collect::<Vec<u8>>());
            let (wav, kept) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
            write(&wav, [&said, &said]);
            export(&wav, &kept, &Cut { format: Format::G711, ..Cut::default() }, &Keyring::default(), |_| true)
                .unwrap();
            assert!(read(&kept) == [said.clone(), said], "{law:?}");
        }
    }

    #[test]
    fn a_piece_of_both_sides_in_one_channel() {
        let folder = Folder::new();
        let (wav, piece) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
        let left: Vec<i16> = (0..24_000).map(|at| (at / 8000) as i16).collect();
        write(&wav, [&left, &vec![i16::MAX - 1; 24_000]]);
        let cut = Cut { mono: true, from_secs: 0.5, to_secs: Some(2.25), ..Cut::default() };
        assert!(export(&wav, &piece, &cut, &Keyring::default(), |_| true).unwrap());
        let mut played = Vec::new();
        assert!(play(&wav, &mut played, &cut, &Keyring::default()).unwrap());
        assert!(played == std::fs::read(&piece).unwrap(), "a player hears what is exported");
        let [heard, same] = read(&piece);
        assert_eq!((heard.len(), &heard), (14_000, &same));
        assert_eq!((heard[0], heard[4000], heard[13_999]), (i16::MAX - 1, i16::MAX, i16::MAX), "held back");
        assert!(
            !export(&wav, &piece, &Cut::default(), &Keyring::default(), |secs| secs < 1.5).unwrap(),
            "told to stop"
        );
    }
}
