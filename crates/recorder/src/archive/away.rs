//! Recordings that are elsewhere as well, or only there: what the chain and the sidecar say of it.
//!
//! Where it stands: who sends recordings elsewhere (above) tells it here, and asks before the sound leaves the folder. It
//! knows no store. A sidecar always stays: what is elsewhere is found, shown and erased like all else.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;
use serde_json::json;

use super::keep::{HOLD, change, on_hold, sync_folder};
use super::manifest::days;
use super::{Act, Because, Entry, KeepError, Manifest};
use crate::sidecar;

/// Writes down that all of a recording is at `url`, too, as this entry has it.
///
/// # Errors
/// When the chain says something else of it by now, or the disk refuses.
pub fn shipped(manifest: &mut Manifest, entry: &Entry, url: &str, at: Timestamp) -> Result<(), KeepError> {
    let disk = |why| KeepError::Disk { file: entry.file.clone(), why };
    let mut locked = manifest.lock().map_err(disk)?;
    let known = locked.entry_of(&entry.file).map_err(disk)?.filter(|known| known.sha256 == entry.sha256);
    let known = known.ok_or_else(|| KeepError::Unknown { file: entry.file.clone() })?;
    let (by, why) = (Some("centrala".to_owned()), Some(url.to_owned()));
    locked.append(&[Entry { at, act: Act::Shipped, was: None, by, why, ..known }]).map_err(disk)
}

/// Lets the sound of a recording go that is at `url`, where somebody has just seen it whole. What is on hold stays.
///
/// # Errors
/// When it is on hold, the chain does not know it, or the disk refuses.
pub fn moved(manifest: &mut Manifest, file: &str, url: &str, because: Because<'_>) -> Result<(), KeepError> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stored = json!({ "url": url, "since": because.at, "file": name });
    change(manifest, file, because, Act::Moved, |members| {
        if let Some(hold) = members.get(HOLD) {
            return Err(on_hold(file, hold));
        }
        members.insert(STORED.to_owned(), stored);
        Ok(())
    })?;
    let sound = manifest.folder().join(file);
    match fs::remove_file(&sound) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(KeepError::Disk { file: file.to_owned(), why }),
        _ => sync_folder(&sound).map_err(|why| KeepError::Disk { file: file.to_owned(), why }),
    }
}

/// Where the sound of a recording is, if it is not here.
pub fn away(sound: &Path) -> Option<String> {
    let is_here = sound.exists();
    let stored = sidecar::read(&sound.with_extension("json")).remove(STORED).filter(|_| !is_here)?;
    stored["url"].as_str().map(str::to_owned)
}

/// What was shipped as it is, and is here still: file and entry, of recordings that began before that day
/// (`2026/11/25`), the oldest first, so many at most.
///
/// # Errors
/// When the disk refuses.
pub fn shipped_before(manifest: &Manifest, day: &str, most: usize) -> io::Result<Vec<Entry>> {
    let mut shipped: BTreeMap<String, Entry> = BTreeMap::new();
    let is_here = |file: &str| manifest.folder().join(file).exists();
    manifest.entries(|entry| match entry.act {
        Act::Shipped if shipped.len() < most && entry.file.as_str() < day && is_here(&entry.file) => {
            shipped.insert(entry.file.clone(), entry.clone());
        }
        Act::Encoded | Act::Erased | Act::Moved => {
            shipped.remove(&entry.file);
            entry.was.iter().for_each(|was| drop(shipped.remove(was)));
        }
        Act::Closed | Act::Salvaged => drop(shipped.remove(&entry.file)),
        _ => {}
    })?;
    Ok(shipped.into_values().collect())
}

/// All that is here by the chain, as its latest entry says, and whether it was shipped so.
///
/// # Errors
/// When the disk refuses.
pub fn holdings(manifest: &Manifest) -> io::Result<Vec<(Entry, bool)>> {
    let mut held: BTreeMap<String, (Entry, bool)> = BTreeMap::new();
    manifest.entries(|entry| {
        entry.was.iter().for_each(|was| drop(held.remove(was)));
        match entry.act {
            Act::Erased => drop(held.remove(&entry.file)),
            act => {
                let before = held.get(&entry.file).filter(|(before, _)| before.sha256 == entry.sha256);
                let is_shipped = act == Act::Shipped || before.is_some_and(|(_, is_shipped)| *is_shipped);
                held.insert(entry.file.clone(), (entry.clone(), is_shipped));
            }
        }
    })?;
    Ok(held.into_values().collect())
}

/// The manifests of an archive, as files below it, the oldest first.
///
/// # Errors
/// When the disk refuses.
pub fn manifests(folder: &Path) -> io::Result<Vec<String>> {
    let below = |path: PathBuf| path.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
    Ok(days(folder)?.into_iter().filter_map(below).collect())
}

/// The sounds of those sidecars among these files that say where theirs is.
pub(crate) fn sounds_away(files: &[PathBuf]) -> Vec<PathBuf> {
    let is_sound = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "wav" || ending == "opus");
    let here: HashSet<PathBuf> = files.iter().filter(is_sound).map(|file| file.with_extension("json")).collect();
    let is_alone = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "json") && !here.contains(*file);
    let sound = |told: &PathBuf| {
        let stored = sidecar::read(told).remove(STORED)?;
        let sound = told.with_file_name(Path::new(stored["file"].as_str()?).file_name()?);
        (sound.with_extension("json") == *told).then_some(sound)
    };
    files.iter().filter(is_alone).filter_map(sound).collect()
}

/// Where a sidecar says so.
pub(crate) const STORED: &str = "stored";
