//! What somebody is to be told of an archive, and has not been yet: by a command after each recording, say.
//!
//! Where it stands: beside the encoder, and like it a reader of the chain, which is the queue: it is on the disk and as
//! long as need be. Here only is kept how far it was read, and what has to be tried again; that survives the switch, too.
//! Whoever dies between the telling and the noting tells it twice.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::manifest::{Position, days, read_from, read_while};
use super::{Act, Entry};
use crate::sidecar;

/// What is to be told of one archive.
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
    acts: Vec<Act>,
    kept: PathBuf,
    /// It is told however long that takes.
    is_patient: bool,
    /// Nothing until it was read.
    state: Option<State>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// What happened before is nobody's business here.
    since: Timestamp,
    position: Position,
    waiting: Vec<Waiting>,
}

/// What was not told at once.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    entry: Entry,
    tries: u32,
    /// Not before then.
    at: Timestamp,
}

impl Outbox {
    /// Of this archive, for those who are told of these acts; `name` tells one reader from another. Who is new is told of
    /// what happens from now on. Nothing is read yet.
    pub fn new(folder: &Path, name: &str, acts: &[Act]) -> Outbox {
        let kept = folder.join(format!("{name}.outbox"));
        Outbox { folder: folder.to_owned(), acts: acts.to_vec(), kept, is_patient: false, state: None }
    }

    /// Nothing is ever given up.
    pub fn patient(self) -> Outbox {
        Outbox { is_patient: true, ..self }
    }

    /// What is to be told now: the same again until it is [`done`](Outbox::done) or [`failed`](Outbox::failed).
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn next(&mut self, now: Timestamp) -> io::Result<Option<Entry>> {
        if !self.folder.is_dir() {
            return Ok(None); // a disk that is not there has no news
        }
        let state = self.read_on(now)?;
        let due = state.waiting.iter().filter(|waiting| waiting.at <= now).min_by_key(|waiting| waiting.at);
        Ok(due.map(|waiting| waiting.entry.clone()))
    }

    /// When something is to be tried again; `None` where nothing waits.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.state.iter().flat_map(|state| &state.waiting).map(|waiting| waiting.at).min()
    }

    /// It is told.
    ///
    /// # Errors
    /// When the disk refuses: it is told again at the next start.
    pub fn done(&mut self, told: &Entry) -> io::Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        state.waiting.retain(|waiting| waiting.entry != *told);
        keep(&self.kept, state)
    }

    /// It could not be told. Says when it is tried again; `None`: it was tried for three days and is given up.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn failed(&mut self, told: &Entry, now: Timestamp) -> io::Result<Option<Timestamp>> {
        let Some(state) = &mut self.state else { return Ok(None) };
        let Some(waiting) = state.waiting.iter_mut().find(|waiting| waiting.entry == *told) else { return Ok(None) };
        let again = now.checked_add(wait_secs(waiting.tries).seconds()).unwrap_or(now);
        (waiting.tries, waiting.at) = (waiting.tries.saturating_add(1), again);
        let given_up = !self.is_patient && now.duration_since(told.at).as_hours() >= GIVE_UP_HOURS;
        if given_up {
            state.waiting.retain(|waiting| waiting.entry != *told);
        }
        keep(&self.kept, state)?;
        Ok((!given_up).then_some(again))
    }

    /// Reads what is new, as far as there is room: the chain keeps the rest. What is gone, or has become another file, is
    /// not told any more.
    fn read_on(&mut self, now: Timestamp) -> io::Result<&State> {
        let state = match self.state.take() {
            Some(state) => state,
            None => match fs::read(&self.kept).map(|text| serde_json::from_slice(&text)) {
                Ok(Ok(state)) => state,
                Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
                _ => begun(&self.folder, &self.kept, now)?,
            },
        };
        let state = self.state.insert(state);
        let State { since, position, waiting } = &mut *state;
        let (before, mut read) = (position.clone(), position.clone());
        let known = read_while(&self.folder, &mut read, |entry| {
            if matches!(entry.act, Act::Erased | Act::Encoded) {
                let gone = |file: &str| file == entry.file || Some(file) == entry.was.as_deref();
                waiting.retain(|waiting| !gone(&waiting.entry.file));
            }
            if self.acts.contains(&entry.act) && entry.at >= *since {
                waiting.push(Waiting { entry: entry.clone(), tries: 0, at: now });
            }
            waiting.len() < WAITING_MAX
        })?;
        if !known && days(&self.folder)?.is_empty() {
            return Err(io::Error::other("there are no manifests any more; is the disk there?"));
        }
        *position = read;
        if !known {
            *state = begun(&self.folder, &self.kept, now)?; // another archive has taken its place
        } else if state.position != before {
            keep(&self.kept, state)?;
        }
        Ok(state)
    }
}

/// Of who is told of what comes.
fn begun(folder: &Path, kept: &Path, now: Timestamp) -> io::Result<State> {
    let mut state = State { since: now, ..State::default() };
    read_from(folder, &mut state.position, |_| {})?;
    keep(kept, &state)?;
    Ok(state)
}

fn keep(path: &Path, state: &State) -> io::Result<()> {
    sidecar::write(path, &serde_json::to_vec(state)?, true)
}

/// Seconds until the next try after so many: doubled each time, ten minutes at most.
fn wait_secs(tries: u32) -> i64 {
    1_i64.checked_shl(tries.min(20)).map_or(WAIT_SECS_MAX, |secs| secs.min(WAIT_SECS_MAX))
}

const WAITING_MAX: usize = 256;
const WAIT_SECS_MAX: i64 = 600;
const GIVE_UP_HOURS: i64 = 72;
