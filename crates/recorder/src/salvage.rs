//! Finishes what a dead switch was recording.
//!
//! Where it stands: called once at start, before anything is recorded, and for a recording the disk gave up on. The
//! sound is in the file already; only its header, its name and its sidecar are late.

use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::archive::Manifest;
use crate::place::Place;
use crate::seal::Store;
use crate::{Closing, Keyring, RecorderError, walk};

/// A recording found unfinished.
#[derive(Debug)]
pub struct Salvaged {
    /// The file: its new name, or the old one where it could not be finished.
    pub file: PathBuf,
    /// How many seconds it holds, or why it was left as it is.
    pub outcome: Result<f64, RecorderError>,
}

/// Finishes every `.wav.part` and `.opus.part` of the archive that no living switch is writing: its header tells what the file holds, it
/// gets its name, a line in the manifest, and a sidecar with `"salvaged": true` and what was known when it began.
///
/// One that cannot be finished does not keep the others from it. A folder that is not there holds nothing.
///
/// # Errors
/// When the folder, or one in it, cannot be listed.
pub fn salvage(manifest: &mut Manifest, keys: &Keyring, now: Timestamp) -> io::Result<Vec<Salvaged>> {
    let mut files = Vec::new();
    walk::files(manifest.folder(), &mut files)?;
    let folder = manifest.folder().to_owned();
    Ok(files.iter().filter_map(|part| salvage_one(&folder, part, manifest, keys, now)).collect())
}

fn salvage_one(
    folder: &Path,
    part: &Path,
    manifest: &mut Manifest,
    keys: &Keyring,
    now: Timestamp,
) -> Option<Salvaged> {
    let place = Place::of_part(folder, part)?;
    let disk = |why| RecorderError::Disk { file: part.display().to_string(), why };
    let outcome = match OpenOptions::new().read(true).write(true).open(part) {
        Ok(file) if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) => return None, // another switch lives
        Ok(file) => Store::of(file, part, keys)
            .map_err(disk)
            .and_then(|file| Closing::cut_off(None, place, file, None).settle(manifest, now)),
        Err(why) => Err(disk(why)),
    };
    let file = outcome.as_ref().map_or(part.to_owned(), |settled| folder.join(&settled.file));
    Some(Salvaged { file, outcome: outcome.map(|settled| settled.seconds) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base::Time;
    use hound::WavReader;
    use serde_json::json;

    use super::*;
    use crate::recorder::tests::{Folder, NOON, id, open, recorder, tone};
    use crate::{Channel, Input, Verify, sidecar};

    fn salvage_in(folder: &Path) -> io::Result<Vec<Salvaged>> {
        salvage(&mut Manifest::new(folder), &Keyring::default(), NOON)
    }

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
        let found = salvage_in(folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, folder.path().join("2026/11/24/a.wav"));
        assert_eq!(*found[0].outcome.as_ref().unwrap(), 0.5);
        assert_eq!(WavReader::open(&found[0].file).unwrap().duration(), 4000);
        let sidecar = sidecar::read(&folder.path().join("2026/11/24/a.json"));
        let known = json!({ "caller": "201", "sample_rate": 8000, "salvaged": true, "seconds": 0.5,
                            "integrity": sidecar["integrity"] });
        assert_eq!(sidecar, *known.as_object().unwrap());
        let report = Verify::default().run(folder.path(), |_| true).unwrap().unwrap();
        assert_eq!((report.findings, report.recordings), (vec![], 1), "it is entered");
        assert_eq!(folder.files(), ["2026/11/24/a.json", "2026/11/24/a.wav"]);
        assert!(salvage_in(folder.path()).unwrap().is_empty(), "once is enough");
    }

    #[test]
    fn a_living_switch_keeps_its_recordings() {
        let folder = Folder::new();
        let mut living = recorder(&folder);
        living.handle(open(1, "a"), Time::ZERO, &mut Vec::new());
        assert!(salvage_in(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_sidecar_that_is_there_is_the_better_one() {
        let folder = Folder::new();
        recorder(&folder).handle(open(1, "a"), Time::ZERO, &mut Vec::new());
        fs::write(folder.path().join("a.json"), r#"{"written":"at the end"}"#).unwrap(); // died between two renames
        assert!(salvage_in(folder.path()).unwrap()[0].outcome.is_ok());
        assert_eq!(fs::read_to_string(folder.path().join("a.json")).unwrap(), r#"{"written":"at the end"}"#);
        assert_eq!(folder.files(), ["a.json", "a.wav"]);
    }

    #[test]
    fn strangers_and_taken_names_are_told_and_left_alone() {
        let folder = Folder::new();
        fs::write(folder.path().join("b.wav.part"), [7; 100]).unwrap();
        fs::write(folder.path().join("c.wav.part"), []).unwrap();
        fs::write(folder.path().join("c.wav"), "older").unwrap();
        let found = salvage_in(folder.path()).unwrap();
        let told: Vec<String> = found.iter().map(|one| one.outcome.as_ref().unwrap_err().to_string()).collect();
        assert!(told[0].contains("b.wav.part does not begin like a recording of ours"), "{told:?}");
        assert!(told[1].contains("c.wav is there already"), "{told:?}");
        assert_eq!(folder.files(), ["b.wav.part", "c.wav", "c.wav.part"]);
        assert_eq!(fs::read(folder.path().join("b.wav.part")).unwrap(), [7; 100]);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_nothing() {
        assert!(salvage_in(Path::new("/nowhere/at/all")).unwrap().is_empty());
    }
}
