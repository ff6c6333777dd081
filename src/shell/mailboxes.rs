//! What waits in people's mailboxes, as it is kept over a restart.

use std::io;

use serde_json::{Map, Value, json};
use sip::Mailbox;

/// The file, in the journal's folder.
pub(super) const FILE: &str = "mailboxes.json";

pub(super) fn print<'a>(mailboxes: impl Iterator<Item = (&'a str, Mailbox)>) -> String {
    let row =
        |(account, mailbox): (&str, Mailbox)| (account.to_owned(), json!({ "new": mailbox.new, "old": mailbox.old }));
    Value::Object(mailboxes.map(row).collect::<Map<_, _>>()).to_string()
}

pub(super) fn read(text: &str) -> io::Result<Vec<(String, Mailbox)>> {
    let count = |row: &Value, name: &str| row[name].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    let rows: Map<String, Value> = serde_json::from_str(text)?;
    let mailbox = |row: &Value| Mailbox { new: count(row, "new"), old: count(row, "old"), ..Mailbox::default() };
    Ok(rows.iter().map(|(account, row)| (account.clone(), mailbox(row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let ann = Mailbox { new: 2, old: 1, ..Mailbox::default() };
        assert_eq!(read(&print([("ann", ann)].into_iter())).expect("read"), [("ann".to_owned(), ann)]);
        assert!(read("nonsense").is_err());
    }
}
