//! Where one recording lies: a name below the recordings folder, checked once where it enters.

use std::path::{Path, PathBuf};

use crate::RecorderError;

/// A path without its ending: `recordings/2026/11/24/20261124T101500Z_in_sales_ann_…_1`. It never leads out of the
/// folder it was made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    path: PathBuf,
    name: String,
    kind: Kind,
}

/// How sound is written while a call runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Wav,
    Opus,
}

impl Kind {
    fn endings(self) -> [&'static str; 2] {
        match self {
            Kind::Wav => [".wav", ".wav.part"],
            Kind::Opus => [".opus", ".opus.part"],
        }
    }
}

impl Place {
    /// The place `file` names below `folder`.
    pub(crate) fn new(folder: &Path, file: &str, kind: Kind) -> Result<Place, RecorderError> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= PART_BYTES_MAX
                && !part.starts_with('.') // neither hidden nor a way up
                && !part.contains(|letter: char| letter.is_control() || letter == '\\')
        };
        let parts = file.split('/');
        match parts.clone().count() <= PARTS_MAX && parts.clone().all(plain) {
            true => Ok(Place { folder: folder.to_owned(), path: folder.join(file), name: file.to_owned(), kind }),
            false => Err(RecorderError::Name { file: file.to_owned() }),
        }
    }

    /// The place of a recording someone left unfinished below `folder`.
    pub(crate) fn of_part(folder: &Path, part: &Path) -> Option<Place> {
        let below = part.strip_prefix(folder).ok()?.to_str()?;
        let named = |kind: Kind| Some((below.strip_suffix(kind.endings()[1])?, kind));
        let (name, kind) = named(Kind::Wav).or_else(|| named(Kind::Opus))?;
        let (folder, path) = (folder.to_owned(), folder.join(name));
        (!name.is_empty() && !name.ends_with('/')).then(|| Place { folder, path, name: name.to_owned(), kind })
    }

    /// The folder its name is below.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name below the folder, without ending.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How its sound is written.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole sound, by its name below the folder.
    pub(crate) fn sound_name(&self) -> String {
        format!("{}{}", self.name, self.kind.endings()[0])
    }

    /// The whole sound.
    pub(crate) fn sound(&self) -> PathBuf {
        self.with(self.kind.endings()[0])
    }

    /// The sound while it is made.
    pub(crate) fn sound_part(&self) -> PathBuf {
        self.with(self.kind.endings()[1])
    }

    /// The file with this ending. The name itself may have dots in it.
    pub(crate) fn with(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }
}

/// The sidecar.
pub(crate) const JSON: &str = ".json";
/// The key of a sealed recording.
pub(crate) const KEY: &str = ".key";
/// What was known at the beginning.
pub(crate) const JSON_PART: &str = ".json.part";

/// Most file systems allow 255 bytes; the longest ending takes some.
const PART_BYTES_MAX: usize = 230;
const PARTS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_names_are_taken() {
        let folder = Path::new("/r");
        for good in ["a", "2026/11/24/20261124T101500Z_in_-_ann_0p2ab3_1", "day/naïve name.v2"] {
            let place = Place::new(folder, good, Kind::Wav).unwrap();
            assert_eq!(place.sound(), folder.join(format!("{good}.wav")));
        }
        let long = "x".repeat(PART_BYTES_MAX + 1);
        for bad in ["", "/", "/etc/x", "a/", "a//b", "..", "a/../b", "./a", ".hidden", "a\0b", "a\nb", "..\\x", &long] {
            assert!(Place::new(folder, bad, Kind::Wav).is_err(), "{bad:?}");
        }
        assert!(Place::new(folder, &["d"; PARTS_MAX + 1].join("/"), Kind::Wav).is_err());
    }

    #[test]
    fn an_unfinished_file_tells_its_place() {
        let folder = Path::new("/r");
        for kind in [Kind::Wav, Kind::Opus] {
            let place = Place::new(folder, "day/a.b", kind).unwrap();
            assert_eq!(place.name(), "day/a.b");
            assert_eq!(Place::of_part(folder, &place.sound_part()), Some(place));
        }
        for other in ["/r/a.wav", "/r/a.part", "/r/.wav.part", "/r/day/.wav.part", "/s/a.wav.part", "/"] {
            assert_eq!(Place::of_part(folder, Path::new(other)), None, "{other}");
        }
    }
}
