//! Finishes what a dead switch was recording.
//!
//! Where it stands: called once at start, before anything is recorded, and for a recording the disk gave up on. The
//! sound is in the file already; only its header, its name and its sidecar are late.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::place::{JSON, JSON_PART, Place, WAV, WAV_PART};
use crate::recording::seconds;
use crate::{RecorderError, sidecar, wav_file};

/// A recording found unfinished.
#[derive(Debug)]
pub struct Salvaged {
    /// The file: its new name, or the old one where it could not be finished.
    pub file: PathBuf,
    /// How many seconds it holds, or why it was left as it is.
    pub outcome: Result<f64, RecorderError>,
}

/// Finishes every `.wav.part` below `folder` that no living switch is writing: its header tells what the file holds,
/// it gets its name, and a sidecar with `"salvaged": true` and what was known when it began.
///
/// One that cannot be finished does not keep the others from it. A folder that is not there holds nothing.
///
/// # Errors
/// When the folder, or one in it, cannot be listed.
pub fn salvage(folder: &Path) -> io::Result<Vec<Salvaged>> {
    let mut found = Vec::new();
    find_parts(folder, DEPTH_MAX, &mut found)?;
    found.sort();
    Ok(found.into_iter().filter_map(|part| salvage_one(&part)).collect())
}

/// Finishes one recording that nobody writes any more; `failed` tells why it broke off, if not by a crash.
pub(crate) fn finish(place: &Place, part: &File, failed: Option<&str>) -> Result<f64, RecorderError> {
    let file = place.with(WAV);
    let disk = |why| RecorderError::Disk { file: place.with(WAV_PART).display().to_string(), why };
    if file.try_exists().map_err(disk)? {
        return Err(RecorderError::Taken { file: file.display().to_string() });
    }
    let frames = wav_file::mend(part).map_err(disk)?;
    let frames = frames.ok_or_else(|| RecorderError::Foreign { file: place.with(WAV_PART) })?;
    part.sync_all().map_err(disk)?;
    let sidecar = (!place.with(JSON).exists()).then(|| {
        let mut members = sidecar::read(&place.with(JSON_PART));
        members.insert("salvaged".to_owned(), true.into());
        members.insert("seconds".to_owned(), seconds(frames).into());
        if let Some(why) = failed {
            members.insert("failed".to_owned(), why.into());
        }
        members
    });
    place.settle(sidecar.as_ref()).map_err(disk)?;
    Ok(seconds(frames))
}

pub(crate) fn open_part(place: &Place) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(place.with(WAV_PART))
}

fn salvage_one(part: &Path) -> Option<Salvaged> {
    let place = Place::of_part(part)?;
    let outcome = match open_part(&place) {
        Ok(file) if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) => return None, // another switch lives
        Ok(file) => finish(&place, &file, None),
        Err(why) => Err(RecorderError::Disk { file: part.display().to_string(), why }),
    };
    let file = if outcome.is_ok() { place.with(WAV) } else { part.to_owned() };
    Some(Salvaged { file, outcome })
}

fn find_parts(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?; // tells links from folders, so there are no circles
        if kind.is_dir() && depth > 0 {
            find_parts(&entry.path(), depth - 1, found)?;
        } else if kind.is_file() && entry.file_name().as_encoded_bytes().ends_with(WAV_PART.as_bytes()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Names have at most eight parts.
const DEPTH_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use base::Time;
    use hound::WavReader;
    use serde_json::json;

    use super::*;
    use crate::recorder::tests::{Folder, id, open, recorder, tone};
    use crate::{Channel, Input};

    #[test]
    fn what_a_dead_switch_left_is_finished_with_what_was_known() {
        let folder = Folder::new();
        let mut dead = recorder(&folder);
        let mut out = Vec::new();
        dead.handle(open(1, "2026/11/24/a"), Time::ZERO, &mut out);
        let now = Time::from_millis(520);
        for channel in [Channel::Left, Channel::Right] {
            dead.handle(Input::Audio { id: id(1), channel, clip: tone(0, 4000) }, now, &mut out);
        }
        drop(dead);
        let found = salvage(folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, folder.path().join("2026/11/24/a.wav"));
        assert_eq!(*found[0].outcome.as_ref().unwrap(), 0.5);
        assert_eq!(WavReader::open(&found[0].file).unwrap().duration(), 4000);
        let sidecar = sidecar::read(&folder.path().join("2026/11/24/a.json"));
        assert_eq!(sidecar, *json!({ "caller": "201", "salvaged": true, "seconds": 0.5 }).as_object().unwrap());
        assert_eq!(folder.files(), ["2026/11/24/a.json", "2026/11/24/a.wav"]);
        assert!(salvage(folder.path()).unwrap().is_empty(), "once is enough");
    }

    #[test]
    fn a_living_switch_keeps_its_recordings() {
        let folder = Folder::new();
        let mut living = recorder(&folder);
        living.handle(open(1, "a"), Time::ZERO, &mut Vec::new());
        assert!(salvage(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_sidecar_that_is_there_is_the_better_one() {
        let folder = Folder::new();
        recorder(&folder).handle(open(1, "a"), Time::ZERO, &mut Vec::new());
        fs::write(folder.path().join("a.json"), r#"{"written":"at the end"}"#).unwrap(); // died between two renames
        assert!(salvage(folder.path()).unwrap()[0].outcome.is_ok());
        assert_eq!(fs::read_to_string(folder.path().join("a.json")).unwrap(), r#"{"written":"at the end"}"#);
        assert_eq!(folder.files(), ["a.json", "a.wav"]);
    }

    #[test]
    fn strangers_and_taken_names_are_told_and_left_alone() {
        let folder = Folder::new();
        fs::write(folder.path().join("b.wav.part"), [7; 100]).unwrap();
        fs::write(folder.path().join("c.wav.part"), []).unwrap();
        fs::write(folder.path().join("c.wav"), "older").unwrap();
        let found = salvage(folder.path()).unwrap();
        let told: Vec<String> = found.iter().map(|one| one.outcome.as_ref().unwrap_err().to_string()).collect();
        assert!(told[0].contains("b.wav.part does not begin like a recording of ours"), "{told:?}");
        assert!(told[1].contains("c.wav is there already"), "{told:?}");
        assert_eq!(folder.files(), ["b.wav.part", "c.wav", "c.wav.part"]);
        assert_eq!(fs::read(folder.path().join("b.wav.part")).unwrap(), [7; 100]);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_nothing() {
        assert!(salvage(Path::new("/nowhere/at/all")).unwrap().is_empty());
    }
}
