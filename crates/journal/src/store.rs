//! The journal's file: SQLite, write-ahead.
//!
//! Where it stands: one store appends, in groups: a group is on the disk whole or not at all. Any number of others read
//! beside it. What is open (calls, queue entries, conversations, agents at work) is kept beside the entries in the same
//! transaction, so that a start after a crash looks at those alone and not at the whole past.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acd::{AgentState, Outcome, RestoredAgent, What as QueueWhat};
use base::{CallId, Time};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};

use crate::{Entry, Record};

/// The file, in the journal's folder.
pub const FILE: &str = "journal.sqlite";

/// Why the journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite says no.
    #[error("the journal {}: {why}", file.display())]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        why: rusqlite::Error,
    },
    /// It was written by another version.
    #[error("the journal {} is of version {found}, this is made for {VERSION}; use the program that wrote it, or move it away", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
    },
    /// An entry makes no sense.
    #[error("entry {number} of the journal {} cannot be read: {why}", file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// Its number.
        number: u64,
        /// What is wrong.
        why: String,
    },
}

/// The journal of a folder.
pub struct Store {
    file: PathBuf,
    sqlite: Connection,
    /// The last number given.
    last: u64,
}

impl Store {
    /// Opens the journal of this folder to append to it, and makes it if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or read, or is of another version.
    pub fn open(folder: &Path) -> Result<Store, JournalError> {
        let file = folder.join(FILE);
        let fault = |why| JournalError::Sqlite { file: file.clone(), why };
        let sqlite = Connection::open(&file).map_err(fault)?;
        sqlite.busy_timeout(PATIENCE).map_err(fault)?;
        // FULL: a group is on the disk before anybody is shown what follows from it, also when the power goes.
        sqlite.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(fault)?;
        match version(&sqlite).map_err(fault)? {
            0 => sqlite.execute_batch(SCHEMA).map_err(fault)?,
            1 => sqlite.execute_batch(FROM_1).and_then(|()| sqlite.execute_batch(FROM_2)).map_err(fault)?,
            2 => sqlite.execute_batch(FROM_2).map_err(fault)?,
            _ => {}
        }
        Store::checked(file, sqlite)
    }

    /// Opens it to read only. Nothing where there is none yet.
    ///
    /// # Errors
    /// When it cannot be read, or is of another version.
    pub fn read_only(folder: &Path) -> Result<Option<Store>, JournalError> {
        let file = folder.join(FILE);
        if !file.exists() {
            return Ok(None);
        }
        let fault = |why| JournalError::Sqlite { file: file.clone(), why };
        // Write-ahead files are shared with who writes, so the file is opened for writing, and then nothing is written.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sqlite = Connection::open_with_flags(&file, flags).map_err(fault)?;
        sqlite.busy_timeout(PATIENCE).map_err(fault)?;
        sqlite.execute_batch("PRAGMA query_only = true").map_err(fault)?;
        Store::checked(file, sqlite).map(Some)
    }

    fn checked(file: PathBuf, sqlite: Connection) -> Result<Store, JournalError> {
        let fault = |why| JournalError::Sqlite { file: file.clone(), why };
        let found = version(&sqlite).map_err(fault)?;
        if !(1..=VERSION).contains(&found) {
            return Err(JournalError::Version { file, found });
        }
        let last = sqlite.query_row("SELECT max(number) FROM facts", [], |row| row.get::<_, Option<i64>>(0));
        let last = last.map_err(fault)?.unwrap_or(0) as u64;
        Ok(Store { file, sqlite, last })
    }

    /// The last number given; 0 at the beginning.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Appends a group, numbered on from [`Store::last`], whole or not at all. `marks` are numbers to be
    /// remembered with it: see [`Store::mark`].
    ///
    /// # Errors
    /// When the disk does not take it: then nothing has changed, and it may be tried again.
    pub fn append<'a>(
        &mut self,
        group: impl IntoIterator<Item = &'a (Time, Record)>,
        marks: &[(&str, u64)],
    ) -> Result<(), JournalError> {
        self.append_keeping(group, marks, None)
    }

    /// Appends, and keeps these agents alone, whom a start has logged out, as they were: until they are something again.
    pub(crate) fn append_keeping<'a>(
        &mut self,
        group: impl IntoIterator<Item = &'a (Time, Record)>,
        marks: &[(&str, u64)],
        agents: Option<&[Kept]>,
    ) -> Result<(), JournalError> {
        let file = &self.file;
        let fault = |why| JournalError::Sqlite { file: file.clone(), why };
        let change = self.sqlite.transaction().map_err(fault)?;
        let last = write(&change, self.last, group, marks).map_err(fault)?;
        agents.map_or(Ok(()), |agents| keep_agents(&change, agents)).map_err(fault)?;
        change.commit().map_err(fault)?;
        self.last = last;
        Ok(())
    }

    /// Forgets the oldest entries that happened before `before`, `most` of them at most: none from `number` on, and none of a
    /// call of which something is open. Says how many. Numbers are never given again.
    ///
    /// # Errors
    /// When the disk does not take it: then nothing has changed.
    pub fn forget(&mut self, before: Time, number: u64, most: usize) -> Result<usize, JournalError> {
        let sql = "DELETE FROM facts WHERE number IN (SELECT number FROM facts WHERE at < ?1 AND number < ?2
            AND (call IS NULL OR call NOT IN (SELECT call FROM open)) ORDER BY at LIMIT ?3)";
        let end = number.min(self.last); // the last one says which number is next
        let gone = self.sqlite.execute(sql, params![before.as_nanos() as i64, end as i64, most as i64]);
        gone.map_err(|why| self.fault(why))
    }

    /// A number that was remembered, such as up to where a fold is known to have been shown; 0 where none was.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn mark(&self, name: &str) -> Result<u64, JournalError> {
        let number =
            self.sqlite.query_row("SELECT number FROM shown WHERE fold = ?", [name], |row| row.get::<_, i64>(0));
        Ok(number.optional().map_err(|why| self.fault(why))?.unwrap_or(0) as u64)
    }

    /// Reads the entries after a number, in their order, until `each` has seen enough.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn after(&self, number: u64, mut each: impl FnMut(Entry) -> bool) -> Result<(), JournalError> {
        self.select("SELECT number, at, fact FROM facts WHERE number > ? ORDER BY number", number as i64, &mut each)
    }

    /// The entries about one call.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn of_call(&self, call: CallId) -> Result<Vec<Entry>, JournalError> {
        let mut entries = Vec::new();
        let sql = "SELECT number, at, fact FROM facts WHERE call = ? ORDER BY number";
        self.select(sql, call.bits() as i64, &mut |entry| {
            entries.push(entry);
            true
        })?;
        Ok(entries)
    }

    /// The number before the first entry that happened at `at` or later.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn before(&self, at: Time) -> Result<u64, JournalError> {
        let sql = "SELECT min(number) FROM facts WHERE at >= ?";
        let first = self.sqlite.query_row(sql, [at.as_nanos() as i64], |row| row.get::<_, Option<i64>>(0));
        Ok(first.map_err(|why| self.fault(why))?.map_or(self.last, |first| first as u64 - 1))
    }

    /// When the last entry was written.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn last_at(&self) -> Result<Option<Time>, JournalError> {
        let sql = "SELECT at FROM facts ORDER BY number DESC LIMIT 1";
        let at = self.sqlite.query_row(sql, [], |row| row.get::<_, i64>(0)).optional();
        Ok(at.map_err(|why| self.fault(why))?.map(|at| Time::from_nanos(at as u64)))
    }

    /// The calls of which something is open: the call itself, its queue entry, its conversation with an agent.
    pub(crate) fn open_calls(&self) -> Result<Vec<CallId>, JournalError> {
        let sql = "SELECT DISTINCT call FROM open ORDER BY call";
        let mut statement = self.sqlite.prepare(sql).map_err(|why| self.fault(why))?;
        let calls = statement.query_map([], |row| Ok(CallId::from_bits(row.get::<_, i64>(0)? as u64)));
        calls.and_then(Iterator::collect).map_err(|why| self.fault(why))
    }

    /// The agents who were not logged out by themselves; the one whose last call ended longest ago is the first.
    pub(crate) fn agents(&self) -> Result<Vec<Kept>, JournalError> {
        let sql =
            "SELECT agent, state, calls, talked, idle_since, gone, serves_not FROM agents ORDER BY idle_since, agent";
        let mut statement = self.sqlite.prepare(sql).map_err(|why| self.fault(why))?;
        let row = |row: &Row<'_>| {
            let (agent, state) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
            let (calls, talked) = (row.get::<_, i64>(2)? as u64, Duration::from_nanos(row.get::<_, i64>(3)? as u64));
            let known = agent.parse().ok().zip(serde_json::from_str(&state).ok());
            let (idle_since, gone) = (row.get(4)?, Time::from_nanos(row.get::<_, i64>(5)? as u64));
            let left = serde_json::from_str(&row.get::<_, String>(6)?).unwrap_or_default();
            Ok(known.map(|(agent, state)| Kept {
                agent: RestoredAgent { agent, state, calls, talked, left },
                idle_since,
                gone,
            }))
        };
        let rows = statement.query_map([], row).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
        Ok(rows.map_err(|why| self.fault(why))?.into_iter().flatten().collect())
    }

    /// Reads, of the run of the switch in which an entry lies, what agents were before it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn agents_before(&self, number: u64, mut each: impl FnMut(Entry)) -> Result<(), JournalError> {
        let sql = "SELECT number, at, fact FROM facts WHERE number <= ?1 AND instr(fact, '\"agent-is\"') AND number >
            coalesce((SELECT number FROM facts WHERE number <= ?1 AND call IS NULL AND fact LIKE '{\"started\"%'
                ORDER BY number DESC LIMIT 1), 0) ORDER BY number";
        self.select(sql, number as i64, &mut |entry| {
            each(entry);
            true
        })
    }

    /// Who came to a queue, and who lost his place there by a fault of ours, from this moment on.
    pub(crate) fn came_or_failed_since(&self, at: Time) -> Result<Vec<Entry>, JournalError> {
        let mut entries = Vec::new();
        let sql = "SELECT number, at, fact FROM facts WHERE at >= ? AND (instr(fact, '\"outcome\":\"failed\"') OR instr(fact, '{\"entered\":{\"queue\"')) ORDER BY number";
        self.select(sql, at.as_nanos() as i64, &mut |entry| {
            entries.push(entry);
            true
        })?;
        Ok(entries)
    }

    fn select(&self, sql: &str, key: i64, each: &mut dyn FnMut(Entry) -> bool) -> Result<(), JournalError> {
        let mut statement = self.sqlite.prepare_cached(sql).map_err(|why| self.fault(why))?;
        let mut rows = statement.query([key]).map_err(|why| self.fault(why))?;
        while let Some(row) = rows.next().map_err(|why| self.fault(why))? {
            if !each(self.entry(row)?) {
                break;
            }
        }
        Ok(())
    }

    fn entry(&self, row: &Row<'_>) -> Result<Entry, JournalError> {
        let number = row.get::<_, i64>(0).map_err(|why| self.fault(why))? as u64;
        let at = Time::from_nanos(row.get::<_, i64>(1).map_err(|why| self.fault(why))? as u64);
        let fact = row.get_ref(2).map_err(|why| self.fault(why))?.as_str();
        let fact = fact.map_err(|why| self.fault(why.into()))?;
        let unread =
            |why: serde_json::Error| JournalError::Entry { file: self.file.clone(), number, why: why.to_string() };
        Ok(Entry { number, at, record: serde_json::from_str(fact).map_err(unread)? })
    }

    fn fault(&self, why: rusqlite::Error) -> JournalError {
        JournalError::Sqlite { file: self.file.clone(), why }
    }
}

/// An agent as the last run left him.
pub(crate) struct Kept {
    pub(crate) agent: RestoredAgent,
    idle_since: i64,
    /// When a start has logged him out; [`Time::ZERO`] where none has.
    pub(crate) gone: Time,
}

fn keep_agents(change: &Transaction<'_>, agents: &[Kept]) -> rusqlite::Result<()> {
    change.execute("DELETE FROM agents WHERE gone != 0", [])?;
    for Kept { agent, idle_since, gone } in agents {
        let sql = "INSERT OR REPLACE INTO agents (agent, state, calls, talked, idle_since, gone, serves_not) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let state = serde_json::to_string(&agent.state).unwrap_or_default();
        let talked = i64::try_from(agent.talked.as_nanos()).unwrap_or(i64::MAX);
        let (gone, left) = (gone.as_nanos() as i64, serde_json::to_string(&agent.left).unwrap_or_default());
        let row = params![agent.agent.as_str(), state, agent.calls as i64, talked, idle_since, gone, left];
        change.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

fn version(sqlite: &Connection) -> rusqlite::Result<i64> {
    sqlite.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn write<'a>(
    change: &Transaction<'_>,
    mut last: u64,
    group: impl IntoIterator<Item = &'a (Time, Record)>,
    marks: &[(&str, u64)],
) -> rusqlite::Result<u64> {
    let mut insert = change.prepare_cached("INSERT INTO facts (number, at, call, fact) VALUES (?, ?, ?, ?)")?;
    let mut text = Vec::with_capacity(512);
    for (at, record) in group {
        last += 1;
        text.clear();
        serde_json::to_writer(&mut text, record).map_err(|why| rusqlite::Error::ToSqlConversionFailure(why.into()))?;
        let fact = std::str::from_utf8(&text).unwrap_or_default(); // JSON is UTF-8
        let call = record.call().map(|call| call.bits() as i64);
        insert.execute(params![last as i64, at.as_nanos() as i64, call, fact])?;
        keep_open(change, *at, record)?;
    }
    for (fold, number) in marks {
        let sql =
            "INSERT INTO shown (fold, number) VALUES (?, ?) ON CONFLICT (fold) DO UPDATE SET number = excluded.number";
        change.prepare_cached(sql)?.execute(params![fold, *number as i64])?;
    }
    Ok(last)
}

/// What an entry opens and closes.
fn keep_open(change: &Transaction<'_>, at: Time, record: &Record) -> rusqlite::Result<()> {
    let opens = |call: &CallId, what: i64| {
        let sql = "INSERT OR IGNORE INTO open (call, what) VALUES (?, ?)";
        change.prepare_cached(sql)?.execute([call.bits() as i64, what]).map(drop)
    };
    let closes = |call: &CallId, what: i64| {
        let sql = "DELETE FROM open WHERE call = ? AND what = ?";
        change.prepare_cached(sql)?.execute([call.bits() as i64, what]).map(drop)
    };
    match record {
        Record::Call { call, what: call::What::Started { .. } } => opens(call, CALL),
        Record::Over { call } => closes(call, CALL),
        Record::Queue(QueueWhat::Entered { call, .. }) => opens(call, WAITING),
        Record::Queue(QueueWhat::Left { call, outcome, .. }) => {
            closes(call, WAITING)?;
            let Outcome::Answered { agent } = outcome else { return Ok(()) };
            let sql = "UPDATE agents SET calls = calls + 1 WHERE agent = ?";
            change.prepare_cached(sql)?.execute([agent.as_str()])?;
            opens(call, TALKING)
        }
        Record::Queue(QueueWhat::Completed { call, agent, talked, .. }) => {
            closes(call, TALKING)?;
            let sql = "UPDATE agents SET talked = talked + ?, idle_since = ? WHERE agent = ?";
            let talked = i64::try_from(talked.as_nanos()).unwrap_or(i64::MAX);
            change.prepare_cached(sql)?.execute(params![talked, at.as_nanos() as i64, agent.as_str()]).map(drop)
        }
        Record::Queue(QueueWhat::AgentIs { agent, state: AgentState::LoggedOut }) => {
            change.prepare_cached("DELETE FROM agents WHERE agent = ?")?.execute([agent.as_str()]).map(drop)
        }
        Record::Queue(QueueWhat::AgentIs { agent, state }) => {
            let sql = "INSERT INTO agents (agent, state, idle_since) VALUES (?, ?, ?)
                ON CONFLICT (agent) DO UPDATE SET state = excluded.state, gone = 0";
            let state = serde_json::to_string(state).unwrap_or_default();
            change.prepare_cached(sql)?.execute(params![agent.as_str(), state, at.as_nanos() as i64]).map(drop)
        }
        Record::Queue(QueueWhat::Serves { agent, queue, serves }) => {
            let sql = "SELECT serves_not FROM agents WHERE agent = ?";
            let kept =
                change.prepare_cached(sql)?.query_row([agent.as_str()], |row| row.get::<_, String>(0)).optional()?;
            let mut left: BTreeSet<_> = kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default();
            match serves {
                true => left.remove(queue),
                false => left.insert(queue.clone()),
            };
            let left = serde_json::to_string(&left).unwrap_or_default();
            let sql = "UPDATE agents SET serves_not = ? WHERE agent = ?";
            change.prepare_cached(sql)?.execute([&left, agent.as_str()]).map(drop)
        }
        _ => Ok(()),
    }
}

/// What may be open of a call.
const CALL: i64 = 0;
const WAITING: i64 = 1;
const TALKING: i64 = 2;

/// Others read while we write, and the other way round.
const PATIENCE: Duration = Duration::from_secs(5);

const VERSION: i64 = 3;
const SCHEMA: &str = "BEGIN IMMEDIATE;
CREATE TABLE facts (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, call INTEGER, fact TEXT NOT NULL) STRICT;
CREATE INDEX facts_of_call ON facts (call) WHERE call IS NOT NULL;
CREATE INDEX facts_at ON facts (at);
CREATE TABLE open (call INTEGER NOT NULL, what INTEGER NOT NULL, PRIMARY KEY (call, what)) STRICT, WITHOUT ROWID;
CREATE TABLE agents (agent TEXT PRIMARY KEY, state TEXT NOT NULL, calls INTEGER NOT NULL DEFAULT 0,
    talked INTEGER NOT NULL DEFAULT 0, idle_since INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
    serves_not TEXT NOT NULL DEFAULT '[]') STRICT, WITHOUT ROWID;
CREATE TABLE shown (fold TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 3;
COMMIT;";
/// What version 2 has that version 1 had not.
const FROM_1: &str = "BEGIN IMMEDIATE;
ALTER TABLE agents ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN talked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN idle_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 2;
COMMIT;";
/// Version 3 knows which of their queues agents do not serve.
const FROM_2: &str = "BEGIN IMMEDIATE;
ALTER TABLE agents ADD COLUMN serves_not TEXT NOT NULL DEFAULT '[]';
PRAGMA user_version = 3;
COMMIT;";
