//! Event packages: what can be watched, and the documents that tell a watcher how it stands.
//!
//! Where it stands: the rooms above say a resource's [`State`]; [`crate::subscribe`] prints it for each watcher when its
//! NOTIFY goes out, so that a watcher who was busy hears the newest and no other. Printing is a function of the state, of
//! the address the watcher subscribed to, and of a number that grows with each of its documents.

mod dialog_info;
mod list;
mod message_summary;
mod pidf;
mod reginfo;
mod xml;

use base::Time;

pub use dialog_info::{Line, Lines, Shown, Stage};
pub(crate) use list::Known;
pub use list::{List, Member};
pub use message_summary::Mailbox;
pub use pidf::{Activity, Presence};

use crate::Binding;

/// What can be watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Package {
    /// Waiting messages (RFC 3842).
    MessageSummary,
    /// Who talks, for the lamps beside a phone's keys (RFC 4235).
    Dialog,
    /// Who is there (RFC 3856).
    Presence,
    /// Where somebody is registered (RFC 3680).
    Reg,
}

/// How a resource stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// For [`Package::MessageSummary`].
    Mailbox(Mailbox),
    /// For [`Package::Dialog`].
    Lines(Lines),
    /// For [`Package::Presence`].
    Presence(Presence),
    /// For [`Package::Reg`].
    Contacts(Vec<Binding>),
    /// For any package: how many stand who are watched together (RFC 4662).
    List(List),
}

impl Package {
    /// All of them, as they stand in Allow-Events.
    pub const ALL: [Package; 4] = [Package::MessageSummary, Package::Dialog, Package::Presence, Package::Reg];

    /// The word in an Event header.
    pub fn word(self) -> &'static str {
        match self {
            Package::MessageSummary => "message-summary",
            Package::Dialog => "dialog",
            Package::Presence => "presence",
            Package::Reg => "reg",
        }
    }

    /// The package of that word, which is case-sensitive (RFC 6665 §8.4).
    pub fn named(word: &str) -> Option<Package> {
        Package::ALL.into_iter().find(|package| package.word() == word)
    }

    /// The type of its documents.
    pub fn content_type(self) -> &'static str {
        match self {
            Package::MessageSummary => "application/simple-message-summary",
            Package::Dialog => "application/dialog-info+xml",
            Package::Presence => "application/pidf+xml",
            Package::Reg => "application/reginfo+xml",
        }
    }
}

/// What Allow-Events says.
pub const ALLOW_EVENTS: &str = "message-summary, dialog, presence, reg";

impl State {
    /// The package it belongs to.
    pub fn package(&self) -> Package {
        match self {
            State::Mailbox(_) => Package::MessageSummary,
            State::Lines(_) => Package::Dialog,
            State::Presence(_) => Package::Presence,
            State::Contacts(_) => Package::Reg,
            State::List(list) => list.package,
        }
    }

    /// The document for a watcher of `entity` who has had `version` of them before.
    pub(crate) fn print(&self, entity: &str, version: u32, now: Time) -> String {
        match self {
            State::Mailbox(mailbox) => mailbox.print(entity),
            State::Lines(lines) => lines.print(entity, version),
            State::Presence(presence) => presence.print(entity),
            State::Contacts(bindings) => reginfo::print(bindings, entity, version, now),
            State::List(list) => list.print(entity, version, &mut Known::default(), now).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_by_their_word_and_all_are_allowed() {
        for package in Package::ALL {
            assert_eq!(Package::named(package.word()), Some(package));
        }
        assert_eq!(Package::named("Dialog"), None);
        assert_eq!(Package::ALL.map(Package::word).join(", "), ALLOW_EVENTS);
    }
}
