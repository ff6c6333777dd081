//! What waits in the mailboxes of people.

use std::collections::{BTreeMap, HashSet};

use sip::Mailbox;

/// The mailboxes, by account; one that is empty is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailboxes(BTreeMap<String, Mailbox>);

impl Mailboxes {
    /// As they were kept.
    pub fn new(kept: impl IntoIterator<Item = (String, Mailbox)>) -> Mailboxes {
        let mut mailboxes = Mailboxes::default();
        for (account, mailbox) in kept {
            mailboxes.set(&account, mailbox);
        }
        mailboxes
    }

    /// What waits for a person.
    pub fn of(&self, account: &str) -> Mailbox {
        self.0.get(account).copied().unwrap_or_default()
    }

    /// So much waits for him now. True, if it is another number than before.
    pub fn set(&mut self, account: &str, mailbox: Mailbox) -> bool {
        let before = if mailbox == Mailbox::default() {
            self.0.remove(account)
        } else {
            self.0.insert(account.to_owned(), mailbox)
        };
        before.unwrap_or_default() != mailbox
    }

    /// Forgets those of people who are gone: the number of mailboxes is never greater than that of people.
    pub fn keep(&mut self, people: &HashSet<&str>) {
        self.0.retain(|account, _| people.contains(account.as_str()));
    }

    /// Those with something in them, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Mailbox)> {
        self.0.iter().map(|(account, mailbox)| (account.as_str(), *mailbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_kept_while_something_waits() {
        let waits = |new, old| Mailbox { new, old, ..Mailbox::default() };
        let mut mailboxes = Mailboxes::new([("ann".to_owned(), waits(1, 0)), ("eve".to_owned(), waits(0, 0))]);
        for (account, mailbox, changes) in [
            ("ann", waits(1, 0), false),
            ("ann", waits(2, 5), true),
            ("bob", waits(0, 0), false),
            ("bob", waits(0, 3), true),
            ("bob", waits(0, 0), true),
        ] {
            assert_eq!(mailboxes.set(account, mailbox), changes, "{account}");
            assert_eq!(mailboxes.of(account), mailbox);
        }
        assert_eq!(mailboxes.iter().collect::<Vec<_>>(), [("ann", waits(2, 5))]);
        mailboxes.keep(&HashSet::from(["bob"]));
        assert_eq!(mailboxes.iter().count(), 0);
    }
}
