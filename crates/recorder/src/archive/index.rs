//! The search index: what is in the sidecars, in SQLite, so that a million recordings are searched at once.
//!
//! Where it stands: beside the recordings, for the command line. It is no truth of its own: whatever happens to the
//! archive is a line of the [`Manifest`](super::Manifest), and the index remembers up to which line it knows; before it
//! answers, it reads on from there. It can be thrown away and is made anew from the sidecars.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row as SqlRow, Transaction, params, params_from_iter};
use serde::Serialize;

use super::away::sounds_away;
use super::manifest::{Position, read_from};
use super::query::reversed;
use super::row::{Found, Row};
use super::{Act, By, Entry, Query};
use crate::sound::Format;
use crate::walk;

/// Why a search is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// SQLite says no.
    #[error("the search index of {}: {why}; remove index.sqlite there, it is made anew", folder.display())]
    Sqlite {
        /// The archive.
        folder: PathBuf,
        /// What SQLite said.
        why: rusqlite::Error,
    },
    /// The folder cannot be read.
    #[error("{} cannot be read: {why}", folder.display())]
    Folder {
        /// The archive.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// What recordings with something in common come to.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Total {
    /// What they have in common; `None` for those without it.
    pub of: Option<String>,
    /// How many.
    pub recordings: u64,
    /// How long.
    pub seconds: f64,
    /// How large their sound is on the disk.
    pub bytes: u64,
}

/// The search index of an archive.
pub struct Index {
    folder: PathBuf,
    sqlite: Connection,
}

impl Index {
    /// Opens the index of this archive, and makes it if it is not there. Where the folder cannot be written to, it is
    /// made in memory. `seen` is told how many sidecars of how many are read, when there are any to read.
    ///
    /// # Errors
    /// When the folder or the index cannot be read.
    pub fn open(folder: &Path, seen: impl FnMut(usize, usize)) -> Result<Index, IndexError> {
        let path = folder.join(INDEX);
        let sqlite = Connection::open(&path).and_then(|sqlite| {
            sqlite.busy_timeout(std::time::Duration::from_secs(30))?;
            sqlite.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE; COMMIT;")?;
            Ok(sqlite)
        });
        let sqlite = sqlite.or_else(|_| Connection::open_in_memory_with_flags(OpenFlags::default()));
        let mut index = Index { folder: folder.to_owned(), sqlite: sqlite.map_err(|why| fault(folder, why))? };
        let version: i64 = index.sql(|sqlite| sqlite.query_row("PRAGMA user_version", [], |row| row.get(0)))?;
        match version == VERSION {
            true => index.catch_up(seen)?,
            false => index.rebuild(seen).map(drop)?,
        }
        Ok(index)
    }

    /// Makes the index anew from the sidecars; tells how many recordings are in it, and which sidecars it could not read.
    ///
    /// # Errors
    /// When the folder cannot be read, or the index cannot be written.
    pub fn rebuild(&mut self, mut seen: impl FnMut(usize, usize)) -> Result<(usize, Vec<PathBuf>), IndexError> {
        let folder = self.folder.clone();
        let io_fault = |why| IndexError::Folder { folder: folder.clone(), why };
        // First the chain's end: what is entered while we read is read again, and nothing is missed.
        let mut position = Position::default();
        read_from(&folder, &mut position, |_| {}).map_err(io_fault)?;
        let mut files = Vec::new();
        walk::files(&folder, &mut files).map_err(io_fault)?;
        let away = sounds_away(&files);
        files.retain(|file| is_sound(file));
        files.extend(away);
        let sqlite_fault = |why| fault(&folder, why);
        let change = self.sqlite.transaction().map_err(sqlite_fault)?;
        change.execute_batch(SCHEMA).map_err(sqlite_fault)?;
        let (mut done, mut unread) = (0, Vec::new());
        for some in files.chunks(SORTED_TOGETHER) {
            let mut read = Vec::with_capacity(some.len());
            read_sidecars(&folder, some, |file, found| {
                match found {
                    Some(found) => read.push((found.moment(), found)),
                    None => unread.push(file.with_extension("json")),
                }
                done += 1;
                seen(done, files.len());
            });
            // What comes in the order of its numbers goes in many times faster.
            read.sort_by(|(one, first), (other, second)| {
                one.cmp(other).then_with(|| first.row.file.cmp(&second.row.file))
            });
            read.iter().try_for_each(|(_, found)| insert(&change, found)).map_err(sqlite_fault)?;
        }
        note(&change, &position).and_then(|()| change.commit()).map_err(sqlite_fault)?;
        Ok((done - unread.len(), unread))
    }

    /// Reads what the chain says since the index last looked. A chain that is not the one it knows is another archive.
    fn catch_up(&mut self, mut seen: impl FnMut(usize, usize)) -> Result<(), IndexError> {
        let known: Option<String> =
            self.sql(|sqlite| sqlite.query_row("SELECT position FROM known", [], |row| row.get(0)).optional())?;
        let position = known.and_then(|text| serde_json::from_str::<Position>(&text).ok());
        let Some(mut position) = position else { return self.rebuild(seen).map(drop) };
        let mut news = Vec::new();
        let read = read_from(&self.folder, &mut position, |entry| news.push(entry.clone()));
        if !read.map_err(|why| IndexError::Folder { folder: self.folder.clone(), why })? {
            return self.rebuild(seen).map(drop);
        }
        if news.is_empty() {
            return Ok(());
        }
        let folder = self.folder.clone();
        let sqlite_fault = |why| fault(&folder, why);
        let change = self.sqlite.transaction().map_err(sqlite_fault)?;
        for (done, Entry { file, was, act, .. }) in news.iter().enumerate() {
            for gone in [Some(file), was.as_ref()].into_iter().flatten() {
                forget(&change, gone).map_err(sqlite_fault)?;
            }
            let sidecar = fs::read(folder.join(file).with_extension("json")).ok().filter(|_| *act != Act::Erased);
            if let Some(found) = sidecar.and_then(|text| Found::read(file.clone(), &text)) {
                insert(&change, &found).map_err(sqlite_fault)?;
            }
            seen(done + 1, news.len());
        }
        note(&change, &position).and_then(|()| change.commit()).map_err(sqlite_fault)
    }

    /// Leaves nothing in the file of what was erased: SQLite keeps what is deleted until its place is needed.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn scrub(&self) -> Result<(), IndexError> {
        self.sql(|sqlite| {
            sqlite.execute_batch("INSERT INTO words (words) VALUES ('optimize'); VACUUM;")?;
            sqlite.query_row("PRAGMA wal_checkpoint (TRUNCATE)", [], |_| Ok(()))
        })
    }

    /// The recordings that answer, the latest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn find(&self, query: &Query) -> Result<Vec<Row>, IndexError> {
        self.pick(query, usize::MAX, |_| true)
    }

    /// Of those that answer, the ones that are wanted; no more than `limit`.
    pub(crate) fn pick(
        &self,
        query: &Query,
        limit: usize,
        mut is_wanted: impl FnMut(&Row) -> bool,
    ) -> Result<Vec<Row>, IndexError> {
        let (sql, values) = query.sql();
        self.sql(|sqlite| {
            let mut statement = sqlite.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), read_row)?;
            rows.filter(|row| row.as_ref().map_or(true, &mut is_wanted)).take(limit).collect()
        })
    }

    /// How many answer, how long and how large they are, by what they have in common; in all, if that is not said.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn totals(&self, query: &Query, by: Option<By>) -> Result<Vec<Total>, IndexError> {
        let (conditions, values) = query.conditions(false);
        let of = by.map_or("NULL", By::column);
        let sql = format!(
            "SELECT {of}, count(*), total(seconds), total(bytes) FROM recordings WHERE {conditions} GROUP BY 1 ORDER BY 1"
        );
        self.sql(|sqlite| {
            let mut statement = sqlite.prepare_cached(&sql)?;
            let total = |row: &SqlRow<'_>| {
                let (recordings, bytes): (i64, f64) = (row.get(1)?, row.get(3)?);
                Ok(Total { of: row.get(0)?, recordings: recordings as u64, seconds: row.get(2)?, bytes: bytes as u64 })
            };
            statement.query_map(params_from_iter(values), total)?.collect()
        })
    }

    fn sql<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, IndexError> {
        ask(&self.sqlite).map_err(|why| fault(&self.folder, why))
    }
}

/// Is it the sound of a recording, and not one still being encoded?
fn is_sound(file: &Path) -> bool {
    let name = file.as_os_str().as_encoded_bytes();
    let ends = |endings: [&str; 2]| endings.iter().any(|ending| name.ends_with(ending.as_bytes()));
    ends([".wav", ".opus"]) && !ends([".new.wav", ".new.opus"])
}

/// Reads the sidecars of these files on all cores; `take` is told of each on this thread.
fn read_sidecars(folder: &Path, files: &[PathBuf], mut take: impl FnMut(&Path, Option<Found>)) {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get());
    let (sender, found) = sync_channel(1024);
    thread::scope(|scope| {
        for nth in 0..threads {
            let sender = sender.clone();
            scope.spawn(move || {
                for file in files.iter().skip(nth).step_by(threads) {
                    let name = file.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
                    let text = fs::read(file.with_extension("json")).ok();
                    let read = name.zip(text).and_then(|(name, text)| Found::read(name, &text));
                    if sender.send((file.as_path(), read)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        found.into_iter().for_each(|(file, read)| take(file, read));
    });
}

fn insert(change: &Transaction<'_>, found: &Found) -> rusqlite::Result<()> {
    let Found { row, agents, numbers, text } = found;
    let n = number(change, found.moment())?;
    change
        .prepare_cached(&format!(
            "INSERT INTO recordings (n, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute(params![
            n,
            row.id,
            row.call,
            row.file,
            row.began,
            row.seconds,
            row.direction,
            row.caller,
            row.called,
            row.queue,
            row.agent,
            row.salvaged,
            row.held,
            row.bytes as i64,
            row.format.name(),
            row.class
        ])?;
    for agent in agents {
        change.prepare_cached("INSERT OR IGNORE INTO agents VALUES (?, ?)")?.execute(params![agent, n])?;
    }
    for number in numbers {
        let row = params![reversed(number), n];
        change.prepare_cached("INSERT OR IGNORE INTO numbers VALUES (?, ?)")?.execute(row)?;
    }
    change.prepare_cached("INSERT INTO words (rowid, text) VALUES (?, ?)")?.execute(params![n, text])?;
    Ok(())
}

/// A number for what began at this moment: they go up with time, so who takes the latest first needs no sorting.
fn number(change: &Transaction<'_>, moment: i64) -> rusqlite::Result<i64> {
    let mut first = moment.saturating_mul(NUMBERS_A_MS);
    loop {
        let last: Option<i64> = change
            .prepare_cached("SELECT max(n) FROM recordings WHERE n BETWEEN ? AND ?")?
            .query_row([first, first + NUMBERS_A_MS - 1], |row| row.get(0))?;
        match last {
            None => return Ok(first),
            Some(last) if last < first + NUMBERS_A_MS - 1 => return Ok(last + 1),
            Some(last) => first = last + 1,
        }
    }
}

fn forget(change: &Transaction<'_>, file: &str) -> rusqlite::Result<()> {
    let n: Option<i64> = change
        .prepare_cached("SELECT n FROM recordings WHERE file = ?")?
        .query_row([file], |row| row.get(0))
        .optional()?;
    let Some(n) = n else { return Ok(()) };
    for table in ["recordings WHERE n", "agents WHERE recording", "numbers WHERE recording", "words WHERE rowid"] {
        change.prepare_cached(&format!("DELETE FROM {table} = ?"))?.execute([n])?;
    }
    Ok(())
}

fn note(change: &Transaction<'_>, position: &Position) -> rusqlite::Result<()> {
    change.execute("DELETE FROM known", [])?;
    change.execute("INSERT INTO known VALUES (?)", [serde_json::to_string(position).unwrap_or_default()])?;
    Ok(())
}

fn read_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        call: row.get(1)?,
        file: row.get(2)?,
        began: row.get(3)?,
        seconds: row.get(4)?,
        direction: row.get(5)?,
        caller: row.get(6)?,
        called: row.get(7)?,
        queue: row.get(8)?,
        agent: row.get(9)?,
        salvaged: row.get(10)?,
        held: row.get(11)?,
        bytes: row.get::<_, i64>(12)? as u64,
        format: row.get::<_, String>(13).map(|name| Format::named(&name).unwrap_or_default())?,
        class: row.get(14)?,
    })
}

fn fault(folder: &Path, why: rusqlite::Error) -> IndexError {
    IndexError::Sqlite { folder: folder.to_owned(), why }
}

const INDEX: &str = "index.sqlite";
/// Rises when the tables change: an older index is made anew.
const VERSION: i64 = 5;
/// So many recordings of one millisecond have their place; more take those after.
pub(super) const NUMBERS_A_MS: i64 = 64;
/// How far from their moment crowded ones may have their numbers: a million at once.
pub(super) const CROWDED_MS: i64 = 1_000_000 / NUMBERS_A_MS;
/// Sidecars read and sorted at once, in the order of their names, which begin with the moment.
const SORTED_TOGETHER: usize = 8192;
pub(super) const COLUMNS: &str =
    "id, call, file, began, seconds, direction, caller, called, queue, agent, salvaged, held, bytes, format, class";
const SCHEMA: &str = "
    DROP TABLE IF EXISTS recordings; DROP TABLE IF EXISTS agents; DROP TABLE IF EXISTS numbers;
    DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS known;
    CREATE TABLE recordings (
        n INTEGER PRIMARY KEY, id TEXT NOT NULL, call TEXT NOT NULL, file TEXT NOT NULL UNIQUE, began TEXT NOT NULL,
        seconds REAL NOT NULL, direction TEXT NOT NULL, caller TEXT NOT NULL, called TEXT NOT NULL, queue TEXT,
        agent TEXT, salvaged INTEGER NOT NULL, held INTEGER NOT NULL, bytes INTEGER NOT NULL, format TEXT NOT NULL,
        class TEXT
    );
    CREATE INDEX by_queue ON recordings (queue);
    CREATE INDEX by_id ON recordings (id);
    CREATE INDEX by_call ON recordings (call);
    CREATE TABLE agents (account TEXT, recording INTEGER, PRIMARY KEY (account, recording)) WITHOUT ROWID;
    CREATE INDEX agents_of ON agents (recording);
    CREATE TABLE numbers (backwards TEXT, recording INTEGER, PRIMARY KEY (backwards, recording)) WITHOUT ROWID;
    CREATE INDEX numbers_of ON numbers (recording);
    CREATE VIRTUAL TABLE words USING fts5 (
        text, content = '', contentless_delete = 1, detail = 'none', prefix = '2 3 4 5 6 7 8',
        tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TABLE known (position TEXT NOT NULL);
    PRAGMA user_version = 5;
";
