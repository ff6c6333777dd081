//! The last steps of a recording: safe on the disk, hashed, entered in the chain, named.
//!
//! Where it stands: the recorder hands one over when a recording ends, however it ended, and so does `salvage` for what a
//! dead switch left. It waits for the disk, so it belongs on a thread where no sound waits behind it.
//!
//! The order is such that whatever instant the power goes at, the next start can go on: the line of the chain is on the
//! disk before the files have their names, and a recording is a `.part` until all is done.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use base::RecordingId;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::archive::{Act, Entry, Hash, Manifest, Sums};
use crate::place::{JSON, JSON_PART, Kind, Place};
use crate::seal::{Store, key_file};
use crate::{RecorderError, opus_file, sidecar, wav_file};

/// A recording that ended and has not got its name yet.
#[derive(Debug)]
pub struct Closing {
    /// Its id. A recording of a dead switch's has none.
    pub id: Option<RecordingId>,
    place: Place,
    /// Its sound, still locked against being salvaged.
    file: Store,
    end: End,
}

#[derive(Debug)]
enum End {
    /// As it should.
    Whole { seconds: f64, sidecar: Map<String, Value> },
    /// It broke off, or the switch died.
    CutOff { why: Option<String> },
}

/// A recording in the archive.
#[derive(Clone, PartialEq, Debug)]
pub struct Settled {
    /// Its path below the folder, with ending.
    pub file: String,
    /// How long it is.
    pub seconds: f64,
}

impl Closing {
    pub(crate) fn whole(id: RecordingId, place: Place, file: Store, secs: f64, sidecar: Map<String, Value>) -> Closing {
        Closing { id: Some(id), place, file, end: End::Whole { seconds: secs, sidecar } }
    }

    pub(crate) fn cut_off(id: Option<RecordingId>, place: Place, file: Store, why: Option<String>) -> Closing {
        Closing { id, place, file, end: End::CutOff { why } }
    }

    /// The folder it lies in: the archive it belongs to.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Did it end as it should?
    pub fn is_whole(&self) -> bool {
        matches!(self.end, End::Whole { .. })
    }

    /// Does all that is left to do; `now` is what the calendar says. What failed can be tried again.
    ///
    /// # Errors
    /// When the disk refuses, or what is there is none of ours. The `.part` is then kept.
    pub fn settle(&self, manifest: &mut Manifest, now: Timestamp) -> Result<Settled, RecorderError> {
        let disk = |why| RecorderError::Disk { file: self.place.name().to_owned(), why };
        if self.place.sound().try_exists().map_err(disk)? {
            return Err(RecorderError::Taken { file: self.place.sound_name() });
        }
        let (seconds, members) = match &self.end {
            End::Whole { seconds, sidecar } => (*seconds, Some(sidecar.clone())),
            End::CutOff { why } => {
                let told = sidecar::read(&self.place.with(JSON_PART)).get("sample_rate").and_then(Value::as_u64);
                let mended = match self.place.kind() {
                    Kind::Wav => wav_file::mend(&self.file, told),
                    Kind::Opus => opus_file::mend(&self.file, told),
                };
                let seconds = mended.map_err(disk)?;
                let seconds = seconds.ok_or_else(|| RecorderError::Foreign { file: self.place.sound_part() })?;
                let written = self.place.with(JSON).exists(); // then it died between the last two steps
                (seconds, (!written).then(|| self.salvaged(why.as_deref())))
            }
        };
        let settled = self.enter(seconds, members, manifest, now);
        settled.map_err(disk)?;
        Ok(Settled { file: self.place.sound_name(), seconds })
    }

    /// The sidecar of a recording that nobody lived to close.
    fn salvaged(&self, why: Option<&str>) -> Map<String, Value> {
        let mut members = sidecar::read(&self.place.with(JSON_PART));
        members.insert("salvaged".to_owned(), true.into());
        if let Some(why) = why {
            members.insert("failed".to_owned(), why.into());
        }
        members
    }

    fn enter(
        &self,
        seconds: f64,
        members: Option<Map<String, Value>>,
        manifest: &mut Manifest,
        now: Timestamp,
    ) -> io::Result<()> {
        self.file.sync_all()?;
        if self.file.is_sealed() {
            File::open(key_file(&self.place.sound()))?.sync_all()?;
        }
        let sums = Sums::of(File::open(self.place.sound_part())?)?;
        let text = match members {
            Some(mut members) => {
                members.insert("seconds".to_owned(), seconds.into());
                members.insert("integrity".to_owned(), json!(sums));
                if self.place.kind() == Kind::Opus {
                    members.insert("format".to_owned(), "opus".into());
                }
                if self.file.is_sealed() {
                    members.insert("encrypted".to_owned(), true.into());
                }
                let text = sidecar::text(&members)?;
                sidecar::write(&self.place.with(JSON), &text, true)?;
                text
            }
            None => fs::read(self.place.with(JSON))?,
        };
        let act = if self.is_whole() { Act::Closed } else { Act::Salvaged };
        let sound = self.place.sound_name();
        let Sums { bytes, sha256, .. } = sums;
        manifest.append(&[Entry {
            at: now,
            act,
            file: sound,
            was: None,
            bytes,
            sha256,
            sidecar: Hash::of(&text),
            by: None,
            why: None,
        }])?;
        fs::rename(self.place.sound_part(), self.place.sound())?;
        let _ = fs::remove_file(self.place.with(JSON_PART)); // said again, and more, in the sidecar
        let folder = self.place.sound();
        File::open(folder.parent().unwrap_or(Path::new(".")))?.sync_all() // the names too
    }
}
