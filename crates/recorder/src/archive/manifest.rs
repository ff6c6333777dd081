//! The chain: what happened to the archive, a line each, every line bearing the hash of the one before.
//!
//! Where it stands: written when a recording is closed, salvaged, encoded, held, erased or listened to, and before that is
//! visible in the folder or heard; read by `verify`. A line goes to the `manifest.jsonl` of the day it is written on, and the first line of a
//! day bears the hash of the last one of the day before: one chain over all days. Whoever changes, removes or inserts a
//! line must write every later line anew, in every copy there is.
//!
//! Several programs may write (a switch, and the command line beside it): each append holds a lock on the archive.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Hash;

/// What happened to a file of the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Act {
    /// Its recording ended.
    Closed,
    /// Its recording was cut off, and what there was is whole again.
    Salvaged,
    /// It has another format than before.
    Encoded,
    /// Nothing is to erase it.
    Held,
    /// It is on hold no longer.
    Released,
    /// Its sidecar says more of its call than before.
    Noted,
    /// It is gone, on purpose.
    Erased,
    /// Somebody listened to it.
    Heard,
    /// Somebody has a copy of it.
    Exported,
    /// It is in a store elsewhere, too, which `why` names.
    Shipped,
    /// Its sound is in that store alone.
    Moved,
}

/// A line of the chain, without its links.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// The sound's file below the archive.
    pub file: String,
    /// The file that it took the place of, where that had another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// How long it is.
    pub bytes: u64,
    /// The sound's.
    pub sha256: Hash,
    /// The sidecar's.
    pub sidecar: Hash,
    /// Who decided that, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// And why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A line as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Counts the lines of the archive from 1.
    pub n: u64,
    /// The hash of the line before, without its line feed.
    pub prev: Hash,
    #[serde(flatten)]
    pub entry: Entry,
}

/// The end of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tail {
    pub n: u64,
    pub hash: Hash,
}

impl Tail {
    pub(crate) const NONE: Tail = Tail { n: 0, hash: Hash::NONE };
}

/// The manifests of an archive, to be written to.
#[derive(Debug)]
pub struct Manifest {
    folder: PathBuf,
    /// Where the chain ended when we last looked: in this file, which was so long.
    known: Option<(PathBuf, u64, Tail)>,
}

impl Manifest {
    /// Of this archive. Nothing is read yet.
    pub fn new(folder: &Path) -> Manifest {
        Manifest { folder: folder.to_owned(), known: None }
    }

    /// The archive.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends lines and waits until the disk has them. All of them or, when this fails, none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.lock()?.append(entries)
    }

    /// Tells every line there is, the oldest first.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn entries(&self, take: impl FnMut(&Entry)) -> io::Result<()> {
        read_from(&self.folder, &mut Position::default(), take).map(drop)
    }

    /// Keeps all others from changing the archive, to look before one writes.
    pub(crate) fn lock(&mut self) -> io::Result<Locked<'_>> {
        let lock = OpenOptions::new().create(true).append(true).open(self.folder.join(LOCK))?;
        let _ = lock.lock(); // a file system without locks is no reason not to record
        Ok(Locked { manifest: self, _lock: lock })
    }

    /// Where the chain ends that `path` is the newest file of. Half a line, which only a power cut or a full disk leaves
    /// and nobody was told of, is cut off.
    fn tail(&self, path: &Path) -> io::Result<Tail> {
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        if let Some((known, length, tail)) = &self.known
            && known == path
            && *length == bytes
        {
            return Ok(*tail);
        }
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(bytes.saturating_sub(LINE_BYTES_MAX)))?;
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(bytes - (text.len() - whole) as u64)?;
            text.truncate(whole);
        }
        match text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().filter(|line| !line.is_empty()) {
            Some(line) => {
                let read: Line = serde_json::from_slice(line).map_err(|why| {
                    io::Error::other(format!(
                        "the last line of {} cannot be read ({why}); `centrala recordings verify` tells more",
                        path.display()
                    ))
                })?;
                Ok(Tail { n: read.n, hash: Hash::of(line) })
            }
            // A day begun whose first line was never whole: the day before has the end.
            None => {
                fs::remove_file(path)?;
                days(&self.folder)?.pop().map_or(Ok(Tail::NONE), |path| self.tail(&path))
            }
        }
    }
}

/// An archive that nobody else changes meanwhile.
pub(crate) struct Locked<'a> {
    manifest: &'a mut Manifest,
    _lock: File,
}

impl Locked<'_> {
    /// As [`Manifest::append`].
    pub(crate) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let manifest = &mut *self.manifest;
        let newest = days(&manifest.folder)?.pop();
        let tail = match &newest {
            Some(path) => manifest.tail(path)?,
            None => Tail::NONE,
        };
        let today = manifest.folder.join(first.at.strftime("%Y/%m/%d").to_string()).join(MANIFEST);
        let path = newest.map_or(today.clone(), |newest| newest.max(today)); // a clock set back starts no older day
        let (text, tail) = chained(tail, entries)?;
        manifest.known = None;
        let bytes = write(&path, &text)?;
        manifest.known = Some((path, bytes, tail));
        Ok(())
    }

    /// What the chain says of a sound file, if it is there by the chain. The latest days are looked at first.
    pub(crate) fn entry_of(&self, file: &str) -> io::Result<Option<Entry>> {
        for path in days(&self.manifest.folder)?.iter().rev() {
            let text = fs::read(path)?;
            for line in text.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()) {
                let Ok(Line { entry, .. }) = serde_json::from_slice::<Line>(line) else { continue };
                match entry.act {
                    _ if entry.was.as_deref() == Some(file) => return Ok(None),
                    Act::Erased if entry.file == file => return Ok(None),
                    _ if entry.file == file => return Ok(Some(entry)),
                    _ => {}
                }
            }
        }
        Ok(None)
    }
}

/// The text of these lines, and where the chain then ends.
fn chained(mut tail: Tail, entries: &[Entry]) -> io::Result<(Vec<u8>, Tail)> {
    let mut text = Vec::new();
    for entry in entries {
        let line = serde_json::to_vec(&Line { n: tail.n + 1, prev: tail.hash, entry: entry.clone() })?;
        tail = Tail { n: tail.n + 1, hash: Hash::of(&line) };
        text.extend(line);
        text.push(b'\n');
    }
    Ok((text, tail))
}

/// Appends to a file, all or nothing, and tells how long it is then.
fn write(path: &Path, text: &[u8]) -> io::Result<u64> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = !path.try_exists()?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    if let Err(why) = file.write_all(text).and_then(|()| file.sync_data()) {
        let _ = file.set_len(before);
        return Err(why);
    }
    if new {
        File::open(folder)?.sync_all()?; // its name, too
    }
    Ok(before + text.len() as u64)
}

/// The manifests there are, oldest first: `YYYY/MM/DD/manifest.jsonl`.
pub(crate) fn days(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for year in numbered(folder, 4)? {
        for month in numbered(&year, 2)? {
            let days = numbered(&month, 2)?.into_iter().map(|day| day.join(MANIFEST));
            found.extend(days.filter(|manifest| manifest.is_file()));
        }
    }
    Ok(found)
}

/// The folders named by so many digits, in order.
fn numbered(folder: &Path, digits: usize) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.len() == digits && name.iter().all(u8::is_ascii_digit) && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// How far somebody has read the chain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The manifest, below the archive.
    file: String,
    /// Where in it the next line begins.
    bytes: u64,
    /// The last line read, to know the chain again.
    n: u64,
    hash: Option<Hash>,
}

impl Position {
    /// Before the first line of a day.
    pub(crate) fn of_day(at: Timestamp) -> Position {
        Position { file: at.strftime("%Y/%m/%d/manifest.jsonl").to_string(), ..Position::default() }
    }
}

/// Tells the entries since `position`, which moves on. False: the chain is not the one it was, nothing was told.
pub(crate) fn read_from(folder: &Path, position: &mut Position, mut take: impl FnMut(&Entry)) -> io::Result<bool> {
    read_while(folder, position, |entry| {
        take(entry);
        true
    })
}

/// The same, as long as `take` wants to be told more.
pub(crate) fn read_while(
    folder: &Path,
    position: &mut Position,
    mut take: impl FnMut(&Entry) -> bool,
) -> io::Result<bool> {
    let mut known = position.hash.is_none();
    for path in days(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        if name < position.file {
            continue;
        }
        let mut file = File::open(&path)?;
        let mut start = 0;
        if name == position.file {
            // A line back: is it still the one we read last?
            start = position.bytes;
            known = last_line(&mut file, start)?.map(|line| Hash::of(&line)) == position.hash;
        }
        if !known {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else { break }; // being written
            start += line.len() as u64;
            let hash = Some(Hash::of(whole));
            match serde_json::from_slice::<Line>(whole) {
                Ok(read) => {
                    *position = Position { file: name.clone(), bytes: start, n: read.n, hash };
                    if !take(&read.entry) {
                        return Ok(true);
                    }
                }
                // `verify` tells of it.
                Err(_) => *position = Position { file: name.clone(), bytes: start, n: position.n + 1, hash },
            }
        }
    }
    Ok(known)
}

/// The line that ends at `end`, without its line feed.
fn last_line(file: &mut File, end: u64) -> io::Result<Option<Vec<u8>>> {
    let start = end.saturating_sub(LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(end - start).read_to_end(&mut text)?;
    let whole = text.len() as u64 == end - start;
    Ok(text.strip_suffix(b"\n").filter(|_| whole).map(|lines| {
        let from = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        lines[from..].to_vec()
    }))
}

/// What the archive holds by its chain: each sound's latest entry, by its file.
#[derive(Default)]
pub(crate) struct Holdings(pub BTreeMap<String, Entry>);

impl Holdings {
    pub(crate) fn take(&mut self, entry: Entry) {
        if let Some(was) = &entry.was {
            self.0.remove(was);
        }
        match entry.act {
            Act::Erased => self.0.remove(&entry.file),
            _ => self.0.insert(entry.file.clone(), entry),
        };
    }
}

pub(crate) const MANIFEST: &str = "manifest.jsonl";
const LOCK: &str = ".manifest.lock";
/// Far above what a line can be: names are limited.
pub(crate) const LINE_BYTES_MAX: u64 = 1 << 16;
