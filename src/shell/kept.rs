//! A small file that keeps something over a restart, in the journal folder.
//!
//! Where it stands: the control thread says what the file is to hold and forgets about it; one write after another happens
//! beside it. Who asked for the change is answered when it is on the disk.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{spawn_blocking, spawn_local};
use tracing::warn;

use super::ask::Line;
use super::console::Answers;

/// Changes waiting to be written.
const WAITING_MAX: usize = 64;

type Change = (String, Option<Answers>);

/// A door to the file.
pub(super) struct KeptFile(Sender<Change>);

impl KeptFile {
    /// Opens it, and tells what it holds: nothing, where it is not there or cannot be read.
    pub(super) fn open<T: Default>(path: &Path, read: impl Fn(&str) -> io::Result<T>) -> (KeptFile, T) {
        let text = match fs::read_to_string(path) {
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
            text => text.map(Some),
        };
        let kept = text.and_then(|text| text.map_or_else(|| Ok(T::default()), |text| read(&text)));
        let kept = kept.unwrap_or_else(|why| {
            warn!(file = %path.display(), "what it kept is forgotten: it cannot be read ({why})");
            T::default()
        });
        let (sender, changes) = channel(WAITING_MAX);
        spawn_local(keep(path.to_owned(), changes));
        (KeptFile(sender), kept)
    }

    /// This is what it holds now. Whoever wanted it so is answered when it is kept.
    pub(super) fn keep(&self, text: String, answers: Option<Answers>) {
        if let Err(refused) = self.0.try_send((text, answers)) {
            let (_, answers) = refused.into_inner();
            let why = "it is in force, but too many changes wait to be written; say it again in a while";
            say(answers, Line::Failed(why.to_owned()));
        }
    }
}

async fn keep(path: PathBuf, mut changes: Receiver<Change>) {
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
        say(answers, line);
    }
}

/// Where nobody asked, a failure is a line of the log.
fn say(answers: Option<Answers>, line: Line) {
    match (answers, line) {
        (Some(answers), line) => drop(answers.try_send(line)),
        (None, Line::Failed(why)) => warn!("{why}"),
        (None, Line::Row(_) | Line::Done(_)) => {}
    }
}

/// Whole, or as it was before; also when the power goes.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::LocalSet;

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_kept_is_there_again() {
        let folder = std::env::temp_dir().join(format!("centrala-kept-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("kept.json");
        let open = || KeptFile::open(&path, |text| Ok(serde_json::from_str::<Vec<u32>>(text)?));
        let local = LocalSet::new();
        local
            .run_until(async {
                let (file, kept) = open();
                assert!(kept.is_empty());
                let (answers, mut answered) = channel(1);
                file.keep("[1,2]".to_owned(), Some(answers));
                assert_eq!(answered.recv().await, Some(Line::Done(json!({}))));
                assert_eq!(open().1, [1, 2]);
                fs::write(&path, "nonsense").expect("written");
                assert!(open().1.is_empty());
                fs::remove_dir_all(&folder).expect("gone");
                let (answers, mut answered) = channel(1);
                file.keep("[3]".to_owned(), Some(answers));
                assert!(matches!(answered.recv().await, Some(Line::Failed(why)) if why.contains("cannot be written")));
            })
            .await;
    }
}
