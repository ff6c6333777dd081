//! Where people's phones are, beside the journal: kept for a restart, and for nothing else.
//!
//! Where it stands: the shell's thread writes what has changed, in groups. It is no history, and losing the last moments of it
//! costs no more than a phone that registers once more: so nobody waits for the disk.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::JournalError;

/// The file, in the journal's folder.
const FILE: &str = "phones.sqlite";

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS phones (account TEXT PRIMARY KEY, kept TEXT NOT NULL) WITHOUT ROWID;";

/// What is kept of each account.
pub struct Phones {
    file: PathBuf,
    sqlite: Connection,
}

impl Phones {
    /// Opens it, and makes it where it is not there.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(folder: &Path) -> Result<Phones, JournalError> {
        let file = folder.join(FILE);
        let fault = |why| JournalError::Sqlite { file: file.clone(), why };
        let sqlite = Connection::open(&file).map_err(fault)?;
        sqlite.execute_batch(SCHEMA).map_err(fault)?;
        Ok(Phones { file, sqlite })
    }

    /// All that is kept, by account.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn each(&self, mut each: impl FnMut(&str, &str)) -> Result<(), JournalError> {
        let mut read = || {
            let mut statement = self.sqlite.prepare("SELECT account, kept FROM phones")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
            }
            Ok(())
        };
        read().map_err(|why| self.fault(why))
    }

    /// What is to be kept of these accounts from now on; nothing of those without a text.
    ///
    /// # Errors
    /// When the disk does not take it: then nothing has changed.
    pub fn keep(&mut self, changes: &[(String, Option<String>)]) -> Result<(), JournalError> {
        let mut write = || {
            let change = self.sqlite.transaction()?;
            for (account, kept) in changes {
                match kept {
                    Some(kept) => {
                        let sql = "INSERT OR REPLACE INTO phones (account, kept) VALUES (?, ?)";
                        change.prepare_cached(sql)?.execute([account, kept])?
                    }
                    None => change.prepare_cached("DELETE FROM phones WHERE account = ?")?.execute([account])?,
                };
            }
            change.commit()
        };
        write().map_err(|why| self.fault(why))
    }

    fn fault(&self, why: rusqlite::Error) -> JournalError {
        JournalError::Sqlite { file: self.file.clone(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_there_again() {
        let folder = crate::tests::Folder::new("phones");
        let all = || {
            let mut all = Vec::new();
            let phones = Phones::open(&folder.0).expect("opened");
            phones.each(|account, kept| all.push(format!("{account} {kept}"))).expect("read");
            all
        };
        assert!(all().is_empty());
        let is = |account: &str, kept: Option<&str>| (account.to_owned(), kept.map(str::to_owned));
        let mut phones = Phones::open(&folder.0).expect("opened");
        phones.keep(&[is("ann", Some("1")), is("bob", Some("2")), is("ann", Some("3"))]).expect("written");
        assert_eq!(all(), ["ann 3", "bob 2"]);
        phones.keep(&[is("bob", None), is("cid", None)]).expect("written");
        assert_eq!(all(), ["ann 3"]);
    }
}
