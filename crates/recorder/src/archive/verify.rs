//! Is the archive what was recorded? Every file is read and compared with the chain, and the chain with itself.
//!
//! Where it stands: asked by the command line, over any copy of the folder, with a switch running or not. It changes
//! nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::Serialize;

use super::away;
use super::manifest::{Holdings, Line, MANIFEST, Tail, days};
use super::ratings::RATINGS;
use super::{CHUNK, Entry, Hash, Sums};
use crate::place::{JSON, KEY, Place};
use crate::seal::{is_sealed, key_file};
use crate::{Keyring, sidecar, walk};

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct Verify {
    /// Only the files of the folders that begin so, such as `2026/11/24`. The chain is always looked at whole.
    pub below: Option<String>,
    /// An end of the chain that was noted elsewhere: the chain must still have it.
    pub noted: Option<Noted>,
    /// Master keys, if the keys of sealed recordings are to be opened. Otherwise they only have to be there.
    pub keys: Keyring,
}

/// A line of the chain, noted where nobody who can change the archive could change it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// Its number.
    pub n: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Something is not as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Where: a file below the archive.
    pub file: String,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// Other bytes than were recorded.
    #[error("changed{}", within(bytes))]
    Changed {
        /// Between which bytes, each from and up to; empty where the sidecar cannot tell.
        bytes: Vec<(u64, u64)>,
    },
    /// Longer or shorter.
    #[error("changed: {bytes} bytes long, {recorded} were recorded")]
    Length {
        /// It is so long.
        bytes: u64,
        /// And was so long.
        recorded: u64,
    },
    /// It is not there.
    #[error("missing; it was entered on {at}")]
    Missing {
        /// When it was entered.
        at: String,
    },
    /// The recording is sealed, and what would open it does not.
    #[error("the recording cannot be heard: {why}")]
    Sealed {
        /// What is wrong with its key.
        why: String,
    },
    /// No line of the chain says that it is here.
    #[error("added: no line of the manifests says that it is here")]
    Added,
    /// The system will not let us read it.
    #[error("unreadable: {why}")]
    Unreadable {
        /// What the system said.
        why: String,
    },
    /// A manifest's line that cannot be read.
    #[error("line {line} is no line of a manifest")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// A manifest's line that the next one does not know.
    #[error("line {line} was changed: the next one was written after another")]
    Link {
        /// Which, from 1.
        line: usize,
    },
    /// Lines are gone, or others were put between.
    #[error("before line {line}: line {found} of the chain follows line {after}")]
    Gap {
        /// Which, from 1.
        line: usize,
        /// Its number in the chain.
        found: u64,
        /// The number before.
        after: u64,
    },
    /// The chain does not have a line that was noted.
    #[error("the chain has no line {n} with the hash noted: it was written anew, or its end is gone")]
    Noted {
        /// The line.
        n: u64,
    },
}

fn within(ranges: &[(u64, u64)]) -> String {
    let ranges: Vec<String> = ranges.iter().map(|(from, to)| format!("{from} and {to}")).collect();
    if ranges.is_empty() { String::new() } else { format!(" between bytes {}", ranges.join(", ")) }
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Files done.
    pub files: usize,
    /// Of so many.
    pub files_all: usize,
    /// Bytes done.
    pub bytes: u64,
    /// Of so many.
    pub bytes_all: u64,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// Nothing, where all is well.
    pub findings: Vec<Finding>,
    /// Recordings compared.
    pub recordings: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Recordings not finished: being made, or to be salvaged.
    pub unfinished: usize,
    /// The chain's first line here; above 1, older days are not in this folder.
    pub first_line: u64,
    /// The chain's last line here, …
    pub last_line: u64,
    /// … and its hash: note both elsewhere, and a chain cut short is found too.
    pub last_hash: String,
}

impl Verify {
    /// Looks at everything. `seen` is told how far it is, and says whether to go on; `None` if not.
    ///
    /// # Errors
    /// When the folder cannot be read at all.
    pub fn run(&self, folder: &Path, mut seen: impl FnMut(Progress) -> bool) -> io::Result<Option<Report>> {
        let mut report = Report::default();
        let held = self.read_chain(folder, &mut report)?;
        let ours = |entry: &&Entry| self.is_below(&entry.file);
        let mut progress = Progress::default();
        for entry in held.0.values().filter(ours) {
            progress.files_all += 1;
            progress.bytes_all += entry.bytes;
        }
        for entry in held.0.values().filter(ours) {
            let faults = compare(folder, entry, &self.keys, |bytes| {
                progress.bytes += bytes;
                seen(progress)
            });
            let Some(faults) = faults else { return Ok(None) };
            report.findings.extend(faults);
            progress.files += 1;
            if !seen(progress) {
                return Ok(None);
            }
        }
        (report.recordings, report.bytes) = (progress.files, progress.bytes);
        self.find_added(folder, &held, &mut report)?;
        if report.findings.iter().any(|finding| !finding.file.ends_with(MANIFEST)) {
            self.look_again(folder, &mut report)?;
        }
        Ok(Some(report))
    }

    /// A switch that runs may have closed or changed something since the chain was read: what it says now counts.
    fn look_again(&self, folder: &Path, report: &mut Report) -> io::Result<()> {
        let held = self.read_chain(folder, &mut Report::default())?;
        let before = std::mem::take(&mut report.findings);
        let (chain, files): (Vec<_>, Vec<_>) = before.into_iter().partition(|finding| finding.file.ends_with(MANIFEST));
        report.findings = chain;
        let sounds: BTreeSet<String> = files.iter().map(|finding| sound_of(&held, &finding.file)).collect();
        for entry in sounds.iter().filter_map(|sound| held.0.get(sound)) {
            report.findings.extend(compare(folder, entry, &self.keys, |_| true).unwrap_or_default());
        }
        let unknown = files.into_iter().filter(|finding| !held.0.contains_key(&sound_of(&held, &finding.file)));
        report.findings.extend(unknown.filter(|finding| folder.join(&finding.file).exists()));
        Ok(())
    }

    fn is_below(&self, file: &str) -> bool {
        let rest = |below: &String| file.strip_prefix(below.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.below.as_ref().is_none_or(rest)
    }

    /// The whole chain, and what it says there should be.
    fn read_chain(&self, folder: &Path, report: &mut Report) -> io::Result<Holdings> {
        let mut held = Holdings::default();
        let mut tail: Option<Tail> = None;
        let mut before = (String::new(), 0);
        // A day's last line without an end. If one is missing after it, that was it.
        let mut cut: Option<(String, usize)> = None;
        let mut noted = self.noted;
        for path in days(folder)? {
            let file = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let mut found = |file: &str, fault| report.findings.push(Finding { file: file.to_owned(), fault });
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(why) => {
                    found(&file, Fault::Unreadable { why: why.to_string() });
                    continue;
                }
            };
            for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
                let Some(line) = line.strip_suffix(b"\n") else {
                    cut = Some((file.clone(), at + 1));
                    continue; // being written, or half written when the power went: nobody was told of it
                };
                let Ok(read) = serde_json::from_slice::<Line>(line) else {
                    found(&file, Fault::Line { line: at + 1 });
                    before = (file.clone(), at + 1);
                    tail = tail.map(|tail| Tail { n: tail.n + 1, hash: Hash::of(line) });
                    continue;
                };
                match tail {
                    None => report.first_line = read.n,
                    Some(tail) if read.n != tail.n + 1 => {
                        if let Some((file, line)) = &cut {
                            found(file, Fault::Line { line: *line });
                        }
                        found(&file, Fault::Gap { line: at + 1, found: read.n, after: tail.n });
                    }
                    Some(tail) if read.prev != tail.hash => found(&before.0, Fault::Link { line: before.1 }),
                    Some(_) => {}
                }
                if read.n == 1 && read.prev != Hash::NONE {
                    found(&file, Fault::Link { line: at + 1 });
                }
                (before, cut) = ((file.clone(), at + 1), None);
                let now = Tail { n: read.n, hash: Hash::of(line) };
                noted = noted.filter(|noted| *noted != Noted { n: now.n, hash: now.hash });
                tail = Some(now);
                held.take(read.entry);
            }
        }
        if let Some(Noted { n, .. }) = noted {
            report.findings.push(Finding { file: MANIFEST.to_owned(), fault: Fault::Noted { n } });
        }
        let tail = tail.unwrap_or(Tail::NONE);
        (report.last_line, report.last_hash) = (tail.n, tail.hash.to_string());
        Ok(held)
    }

    /// Files of recordings that no line knows.
    fn find_added(&self, folder: &Path, held: &Holdings, report: &mut Report) -> io::Result<()> {
        let start = self.below.as_ref().map_or(folder.to_owned(), |below| folder.join(below));
        let mut files = Vec::new();
        walk::files(&start, &mut files)?;
        for path in files {
            let Some(file) = path.strip_prefix(folder).ok().and_then(Path::to_str) else { continue };
            if Place::of_part(folder, &path).is_some() {
                report.unfinished += 1;
            }
            let known = match file.rsplit_once('.') {
                // Being encoded: it gets a line before it gets its name.
                Some((name, "wav" | "opus")) => name.ends_with(".new") || held.0.contains_key(file),
                Some((_, "json")) => held.0.contains_key(&sound_of(held, file)),
                _ => true,
            };
            if !known {
                report.findings.push(Finding { file: file.to_owned(), fault: Fault::Added });
            }
        }
        Ok(())
    }
}

/// The sound that a file belongs to: itself, or the one whose ratings, sidecar or key it is.
fn sound_of(held: &Holdings, file: &str) -> String {
    let Some(name) = [RATINGS, JSON, KEY].iter().find_map(|ending| file.strip_suffix(ending)) else {
        return file.to_owned();
    };
    let opus = format!("{name}.opus");
    if held.0.contains_key(&opus) { opus } else { format!("{name}.wav") }
}

/// The files of a recording against their entry. `None`: told to stop.
fn compare(folder: &Path, entry: &Entry, keys: &Keyring, mut seen: impl FnMut(u64) -> bool) -> Option<Vec<Finding>> {
    let path = folder.join(&entry.file);
    let sidecar = path.with_extension("json");
    let mut findings = Vec::new();
    let mut find = |path: &Path, fault| {
        let file = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        findings.push(Finding { file, fault });
    };
    match fs::read(&sidecar) {
        Ok(text) if Hash::of(&text) != entry.sidecar => find(&sidecar, Fault::Changed { bytes: Vec::new() }),
        Ok(_) => {}
        Err(why) => find(&sidecar, unread(&why, entry)),
    }
    let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened.and_then(|(bytes, file)| Ok((bytes, Sums::watched(file, false, &mut seen)?))) {
        Ok((_, None)) => return None,
        Ok((_, Some(sums))) if sums.sha256 == entry.sha256 => {}
        Ok((bytes, Some(_))) if bytes != entry.bytes => find(&path, Fault::Length { bytes, recorded: entry.bytes }),
        Ok((_, Some(_))) => match File::open(&path).and_then(Sums::of) {
            Ok(sums) => find(&path, Fault::Changed { bytes: differing(&sidecar, &sums) }),
            Err(why) => find(&path, unread(&why, entry)),
        },
        Err(_) if away(&path).is_some() => {} // the sidecar says where, and is as it was written
        Err(why) => find(&path, unread(&why, entry)),
    }
    if File::open(&path).and_then(|file| is_sealed(&file)).unwrap_or(false) {
        let key = key_file(&path);
        if let Err(why) = keys.check(&key) {
            find(&key, Fault::Sealed { why: why.to_string() });
        }
    }
    Some(findings)
}

fn unread(why: &io::Error, entry: &Entry) -> Fault {
    match why.kind() {
        io::ErrorKind::NotFound => Fault::Missing { at: entry.at.to_string() },
        _ => Fault::Unreadable { why: why.to_string() },
    }
}

/// Between which bytes a sound differs from what its sidecar says of each chunk.
fn differing(sidecar: &Path, sums: &Sums) -> Vec<(u64, u64)> {
    let recorded: Vec<Hash> = sidecar::read(sidecar)
        .get("integrity")
        .and_then(|integrity| serde_json::from_value(integrity["chunks"].clone()).ok())
        .unwrap_or_default();
    let pairs = sums.chunks.iter().zip(&recorded).enumerate();
    let differ = pairs.filter(|(_, (found, recorded))| found != recorded);
    differ.map(|(at, _)| ((at * CHUNK) as u64, sums.bytes.min(((at + 1) * CHUNK) as u64))).collect()
}
