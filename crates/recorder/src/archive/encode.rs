//! Another format for what was recorded: made behind the calls, compared, entered in the chain, and only then in the
//! place of the first.
//!
//! Where it stands: on a thread of its own, of low priority. It takes its work from the chain, so nothing is forgotten
//! when the switch dies: what was recorded in the last days and is not in the wished format yet is made good.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::manifest::{Position, read_from};
use super::{Act, Entry, Hash, Manifest, Sums};
use crate::seal::Store;
use crate::sound::{Cut, Format, Reader, alike, convert};
use crate::{Keyring, RecorderError, sidecar};

/// A recording that has another format now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// Its sound, below the archive.
    pub file: String,
    /// So long.
    pub bytes: u64,
    /// It was so long.
    pub before: u64,
}

/// Gives recordings another format, one after the other.
pub struct Encode {
    manifest: Manifest,
    format: Format,
    keys: Keyring,
    position: Position,
    /// What was recorded, by its file, and has not been looked at.
    todo: VecDeque<String>,
    recorded: BTreeMap<String, Recorded>,
}

enum Made {
    Done(Encoded),
    /// It has the format, or is gone.
    Nothing,
    /// It was told to stop, or the recording has changed meanwhile.
    Later,
}

/// What the chain says of a sound file that was recorded.
struct Recorded {
    sha256: Hash,
    /// The sidecars it has had.
    sidecars: Vec<Hash>,
}

impl Encode {
    /// For an archive whose recordings of the last days, and those to come, are to have this format.
    pub fn new(folder: &Path, format: Format, keys: Keyring, now: Timestamp) -> Encode {
        let since = now.checked_sub((24 * DAYS).hours()).unwrap_or(now);
        Encode {
            manifest: Manifest::new(folder),
            format,
            keys,
            position: Position::of_day(since),
            todo: VecDeque::new(),
            recorded: BTreeMap::new(),
        }
    }

    /// Encodes the next recording there is, if there is one. `going` is asked now and then whether to go on; what is not
    /// finished then is begun anew later.
    ///
    /// # Errors
    /// When one could not be encoded: it is left as it was.
    pub fn next(&mut self, now: Timestamp, mut going: impl FnMut() -> bool) -> Result<Option<Encoded>, RecorderError> {
        self.read_on()?;
        while let Some(file) = self.todo.pop_front() {
            let Some(recorded) = self.recorded.remove(&file) else { continue };
            let made = self.encode(&file, &recorded, now, &mut going);
            match made.map_err(|why| RecorderError::Disk { file: file.clone(), why })? {
                Made::Done(encoded) => return Ok(Some(encoded)),
                Made::Nothing => {}
                Made::Later => {
                    self.todo.push_front(file.clone());
                    self.recorded.insert(file, recorded);
                    if !going() {
                        return Ok(None);
                    }
                    self.read_on()?;
                }
            }
        }
        Ok(None)
    }

    fn read_on(&mut self) -> Result<(), RecorderError> {
        let folder = self.manifest.folder().to_owned();
        let (todo, recorded) = (&mut self.todo, &mut self.recorded);
        let read = read_from(&folder, &mut self.position, |entry| match entry.act {
            Act::Closed | Act::Salvaged => {
                let (sha256, sidecars) = (entry.sha256, vec![entry.sidecar]);
                if recorded.insert(entry.file.clone(), Recorded { sha256, sidecars }).is_none() {
                    todo.push_back(entry.file.clone());
                }
            }
            Act::Erased => drop(recorded.remove(&entry.file)),
            _ => {
                let before = entry.was.as_ref().unwrap_or(&entry.file);
                recorded.entry(before.clone()).and_modify(|recorded| recorded.sidecars.push(entry.sidecar));
            }
        });
        match read {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.position = Position::default(); // the chain is another one: all of it is news
                Ok(())
            }
            Err(why) => Err(RecorderError::Folder { folder, why }),
        }
    }

    fn encode(
        &mut self,
        file: &str,
        recorded: &Recorded,
        now: Timestamp,
        going: &mut impl FnMut() -> bool,
    ) -> io::Result<Made> {
        let before = self.manifest.folder().join(file);
        if !before.exists() || Reader::open(&before, &self.keys)?.format() == self.format {
            return Ok(Made::Nothing);
        }
        let was = Sums::of(File::open(&before)?)?;
        let told = before.with_extension("json");
        let read = fs::read(&told)?;
        if was.sha256 != recorded.sha256 || !recorded.sidecars.contains(&Hash::of(&read)) {
            return Err(io::Error::other(
                "it is not what was recorded any more; `centrala recordings verify` tells more",
            ));
        }
        let after = before.with_extension(self.format.ending());
        let new = unfinished(&after);
        let made = self.make(&before, &new, going);
        if !matches!(made, Ok(true)) {
            let _ = fs::remove_file(&new);
            if !before.exists() {
                return Ok(Made::Nothing); // erased meanwhile
            }
            return made.map(|_| Made::Later);
        }
        let sums = Sums::of(File::open(&new)?)?;
        let (bytes, sha256) = (sums.bytes, sums.sha256);
        let mut members = sidecar::members(serde_json::from_slice::<Value>(&read)?);
        members.insert("format".to_owned(), json!(self.format));
        members.insert("encoded_from".to_owned(), json!({ "bytes": was.bytes, "sha256": was.sha256 }));
        members.insert("integrity".to_owned(), json!(sums));
        let text = sidecar::text(&members)?;
        let name = Path::new(file).with_extension(self.format.ending()).to_string_lossy().into_owned();
        let mut locked = self.manifest.lock()?;
        // Somebody may have put it on hold, or erased it.
        if !before.exists() || fs::read(&told)? != read {
            fs::remove_file(&new)?;
            return Ok(Made::Later);
        }
        locked.append(&[Entry {
            at: now,
            act: Act::Encoded,
            was: (name != file).then(|| file.to_owned()),
            file: name.clone(),
            bytes,
            sha256,
            sidecar: Hash::of(&text),
            by: None,
            why: None,
        }])?;
        sidecar::write(&told, &text, true)?;
        fs::rename(&new, &after)?;
        File::open(after.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        if after != before {
            fs::remove_file(&before)?; // only when the disk has the other
        }
        Ok(Made::Done(Encoded { file: name, bytes, before: was.bytes }))
    }

    /// Makes the other file, and hears whether it is alike. False: told to stop.
    fn make(&self, before: &Path, new: &Path, going: &mut impl FnMut() -> bool) -> io::Result<bool> {
        let cut = Cut { format: self.format, ..Cut::default() };
        let to = Store::like(new, before, &self.keys)?;
        if !convert(before, to, &cut, &self.keys, |_| going())? {
            return Ok(false);
        }
        match alike(before, new, &self.keys)? {
            true => Ok(true),
            false => Err(io::Error::other(
                "what was encoded does not sound like what was recorded; the recording is kept as it was",
            )),
        }
    }
}

/// While it is made: `NAME.new.opus`. The ending tells readers the format.
pub(super) fn unfinished(after: &Path) -> PathBuf {
    let ending = after.extension().unwrap_or_default().to_string_lossy().into_owned();
    after.with_extension(format!("new.{ending}"))
}

/// What a switch that died did not encode is looked for so far back.
const DAYS: i64 = 7;
