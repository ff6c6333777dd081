//! What waits in people's mailboxes, kept over a restart: `mailboxes.json` in the journal folder.
//!
//! Where it stands: the control thread tells it what the switch has and forgets about it; one write after another happens
//! beside it. Who asked for the change is answered when it is on the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sip::Mailbox;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{spawn_blocking, spawn_local};
use tracing::warn;

use super::ask::Line;
use super::console::Answers;

/// Changes waiting to be written.
const WAITING_MAX: usize = 64;
/// The file, in the journal's folder.
const FILE: &str = "mailboxes.json";

/// A door to the file.
pub(super) struct MailboxFile(Sender<(String, Answers)>);

impl MailboxFile {
    /// Opens it, and tells what it holds.
    pub(super) fn open(folder: &Path) -> (MailboxFile, Vec<(String, Mailbox)>) {
        let path = folder.join(FILE);
        let kept = read(&path).unwrap_or_else(|why| {
            warn!(file = %path.display(), "what waits in mailboxes is forgotten: the file cannot be read ({why})");
            Vec::new()
        });
        let (sender, changes) = channel(WAITING_MAX);
        spawn_local(keep(path, changes));
        (MailboxFile(sender), kept)
    }

    /// This is what waits now. Whoever wanted it so is answered when it is kept.
    pub(super) fn keep<'a>(&self, mailboxes: impl Iterator<Item = (&'a str, Mailbox)>, answers: Answers) {
        if let Err(refused) = self.0.try_send((print(mailboxes), answers)) {
            let (_, answers) = refused.into_inner();
            let _ = answers.try_send(Line::Failed(
                "it is in force, but too many changes wait to be written; set it again in a while".to_owned(),
            ));
        }
    }
}

async fn keep(path: PathBuf, mut changes: Receiver<(String, Answers)>) {
    while let Some((text, answers)) = changes.recv().await {
        let file = path.clone();
        let written =
            spawn_blocking(move || write(&file, &text)).await.unwrap_or_else(|why| Err(io::Error::other(why)));
        let line = match written {
            Ok(()) => Line::Done(json!({})),
            Err(why) => Line::Failed(format!(
                "it is in force, but a restart forgets it: {} cannot be written ({why}); make its folder writable",
                path.display()
            )),
        };
        let _ = answers.try_send(line);
    }
}

fn print<'a>(mailboxes: impl Iterator<Item = (&'a str, Mailbox)>) -> String {
    let row =
        |(account, mailbox): (&str, Mailbox)| (account.to_owned(), json!({ "new": mailbox.new, "old": mailbox.old }));
    Value::Object(mailboxes.map(row).collect::<Map<_, _>>()).to_string()
}

fn read(path: &Path) -> io::Result<Vec<(String, Mailbox)>> {
    let text = match fs::read_to_string(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let count = |row: &Value, name: &str| row[name].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let rows: Map<String, Value> = serde_json::from_str(&text)?;
    let mailbox = |row: &Value| Mailbox { new: count(row, "new"), old: count(row, "old"), ..Mailbox::default() };
    Ok(rows.iter().map(|(account, row)| (account.clone(), mailbox(row))).collect())
}

/// Whole, or as it was before.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = std::env::temp_dir().join(format!("centrala-mailboxes-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(FILE);
        assert!(read(&path).expect("none yet").is_empty());
        let ann = Mailbox { new: 2, old: 1, ..Mailbox::default() };
        write(&path, &print([("ann", ann)].into_iter())).expect("written");
        assert_eq!(read(&path).expect("read"), [("ann".to_owned(), ann)]);
        fs::write(&path, "nonsense").expect("written");
        assert!(read(&path).is_err());
        fs::remove_dir_all(&folder).expect("gone");
    }
}
