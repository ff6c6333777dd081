//! What is kept, and what is not: legal holds, and erasure with a proof that stays; and who has listened.
//!
//! Where it stands: asked by the command line. Each decision is a line of the chain, with who and why, before it shows in
//! the folder. A recording on hold is not erased by anything here.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::encode::unfinished;
use super::ratings_of;
use super::{Act, Entry, Hash, Manifest};
use crate::seal::key_file;
use crate::sidecar;
use crate::sound::Format;

/// Who decided, and why: both stay in the chain.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    /// Who.
    pub by: &'a str,
    /// Why; empty if nobody asked.
    pub why: &'a str,
    /// When.
    pub at: Timestamp,
}

/// How somebody comes to what was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// He listens to it.
    Hear,
    /// He has a copy of it.
    Export,
}

/// Why a recording stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// It is on hold.
    #[error("{file} is on hold since {since} ({why}); release it first")]
    OnHold {
        /// Its sound.
        file: String,
        /// Since when.
        since: String,
        /// Why.
        why: String,
    },
    /// It is not on hold.
    #[error("{file} is not on hold")]
    NotOnHold {
        /// Its sound.
        file: String,
    },
    /// No line of the chain knows it: what it was cannot be proved.
    #[error("{file} is not in the manifests; `centrala recordings verify` tells more")]
    Unknown {
        /// Its sound.
        file: String,
    },
    /// The disk refuses.
    #[error("{file}: {why}")]
    Disk {
        /// Its sound.
        file: String,
        /// What the system said.
        why: io::Error,
    },
}

/// Puts a recording on hold: nothing erases it until it is released.
///
/// # Errors
/// When it is on hold already, or the disk refuses.
pub fn hold(manifest: &mut Manifest, file: &str, because: Because<'_>) -> Result<(), KeepError> {
    let told = json!({ "since": because.at, "by": because.by, "why": because.why });
    change(manifest, file, because, Act::Held, |members| match members.get(HOLD) {
        Some(hold) => Err(on_hold(file, hold)),
        None => {
            members.insert(HOLD.to_owned(), told);
            Ok(())
        }
    })
}

/// Lets the sidecar say what somebody has said of the call since it was over: all that was.
///
/// # Errors
/// When the chain does not know it (yet), or the disk refuses.
pub fn note(manifest: &mut Manifest, file: &str, because: Because<'_>, said: &Value) -> Result<(), KeepError> {
    change(manifest, file, because, Act::Noted, |members| {
        if let Value::Object(cdr) = members.entry("cdr").or_insert_with(|| json!({})) {
            cdr.insert("dispositions".to_owned(), said.clone());
        }
        Ok(())
    })
}

/// Lets the sidecar say what a program has understood of it.
///
/// # Errors
/// When the chain does not know it (yet), or the disk refuses.
pub fn transcribed(manifest: &mut Manifest, file: &str, because: Because<'_>, text: &str) -> Result<(), KeepError> {
    change(manifest, file, because, Act::Noted, |members| {
        members.insert("transcript".to_owned(), text.into());
        Ok(())
    })
}

/// Ends a hold.
///
/// # Errors
/// When it is not on hold, or the disk refuses.
pub fn release(manifest: &mut Manifest, file: &str, because: Because<'_>) -> Result<(), KeepError> {
    change(manifest, file, because, Act::Released, |members| match members.remove(HOLD) {
        Some(_) => Ok(()),
        None => Err(KeepError::NotOnHold { file: file.to_owned() }),
    })
}

/// Erases a recording: sound, sidecar and ratings. The line that says so keeps its hash, and nothing of what was said or by whom.
///
/// # Errors
/// When it is on hold, or the disk refuses.
pub fn erase(manifest: &mut Manifest, file: &str, because: Because<'_>) -> Result<(), KeepError> {
    let disk = |why| KeepError::Disk { file: file.to_owned(), why };
    let sound = manifest.folder().join(file);
    let told = sound.with_extension("json");
    let mut locked = manifest.lock().map_err(disk)?;
    if let Some(hold) = sidecar::read(&told).get(HOLD) {
        return Err(on_hold(file, hold));
    }
    let known = locked.entry_of(file).map_err(disk)?;
    let known = known.ok_or_else(|| KeepError::Unknown { file: file.to_owned() })?;
    locked.append(&[because.entry(known, Act::Erased)]).map_err(disk)?;
    // A copy in another format may be in the making, or left by one who died over it.
    let copies = [Format::G711, Format::Opus].map(|format| unfinished(&sound.with_extension(format.ending())));
    // Its key first: without it nothing that is left of its sound anywhere can be heard.
    for path in [&key_file(&sound), &sound, &told, &ratings_of(&sound)].into_iter().chain(&copies) {
        match fs::remove_file(path) {
            Err(why) if why.kind() != ErrorKind::NotFound => return Err(disk(why)),
            _ => {}
        }
    }
    sync_folder(&sound).map_err(disk)
}

/// Writes down that somebody is about to listen to a recording, or to make a copy of it.
///
/// # Errors
/// When the chain does not know it, or the disk refuses: then nobody should.
pub fn access(manifest: &mut Manifest, file: &str, act: Access, because: Because<'_>) -> Result<(), KeepError> {
    let disk = |why| KeepError::Disk { file: file.to_owned(), why };
    let mut locked = manifest.lock().map_err(disk)?;
    let known = locked.entry_of(file).map_err(disk)?;
    let known = known.ok_or_else(|| KeepError::Unknown { file: file.to_owned() })?;
    let act = match act {
        Access::Hear => Act::Heard,
        Access::Export => Act::Exported,
    };
    locked.append(&[because.entry(known, act)]).map_err(disk)
}

pub(super) fn change(
    manifest: &mut Manifest,
    file: &str,
    because: Because<'_>,
    act: Act,
    edit: impl FnOnce(&mut serde_json::Map<String, Value>) -> Result<(), KeepError>,
) -> Result<(), KeepError> {
    let disk = |why| KeepError::Disk { file: file.to_owned(), why };
    let told = manifest.folder().join(file).with_extension("json");
    let mut locked = manifest.lock().map_err(disk)?;
    let before = fs::read(&told).map_err(disk)?;
    let known = locked.entry_of(file).map_err(disk)?;
    // A sidecar that was changed is not made good by being changed once more.
    let known = known.filter(|known| known.sidecar == Hash::of(&before));
    let known = known.ok_or_else(|| KeepError::Unknown { file: file.to_owned() })?;
    let mut members = sidecar::members(serde_json::from_slice(&before).map_err(|why| disk(why.into()))?);
    edit(&mut members)?;
    let text = sidecar::text(&members).map_err(disk)?;
    let entry = Entry { sidecar: Hash::of(&text), ..because.entry(known, act) };
    locked.append(&[entry]).map_err(disk)?;
    sidecar::write(&told, &text, true).and_then(|()| sync_folder(&told)).map_err(disk)
}

impl Because<'_> {
    fn entry(&self, known: Entry, act: Act) -> Entry {
        Entry {
            at: self.at,
            act,
            was: None,
            by: Some(self.by.to_owned()),
            why: Some(self.why.to_owned()).filter(|why| !why.is_empty()),
            ..known
        }
    }
}

pub(super) fn on_hold(file: &str, hold: &Value) -> KeepError {
    let said = |name: &str| hold[name].as_str().unwrap_or("unknown").to_owned();
    KeepError::OnHold { file: file.to_owned(), since: said("since"), why: said("why") }
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Where a sidecar says so.
pub(super) const HOLD: &str = "legal_hold";
