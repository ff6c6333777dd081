//! The journal: what happened, numbered without gaps, written down before anybody is shown what follows from it.
//!
//! Where it stands: the shell's journal thread owns the one [`Store`] that appends; commands read beside it. CDRs and
//! reports are folds over its entries: whoever reads them again gets the same, byte for byte. It decides nothing about
//! calls, and holds no key that anybody pressed: it may be a card's.
//!
//! What it promises: what [`Store::append`] has returned from is on the disk, also when the power goes; and a switch that
//! was killed finds its open calls, queue entries and conversations closed by facts at the next start
//! ([`Store::close_orphans`]), so that every entry has its outcome.
#![forbid(unsafe_code)]

mod entry;
mod orphans;
mod phones;
mod queue_log;
mod report;
mod store;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Record};
pub use orphans::Orphans;
pub use phones::Phones;
pub use queue_log::QueueLog;
pub use report::{AgentRow, Interval, QueueRow, Report, ReportConf, Survey};
pub use store::{JournalError, Store};

use base::{CallId, WallClock};

/// The record of a call, from its entries.
pub fn cdr_of(call: CallId, entries: &[Entry]) -> call::Cdr {
    let fact = |entry: &Entry| match &entry.record {
        Record::Call { what, .. } => Some(call::Fact { at: entry.at, what: what.clone() }),
        _ => None,
    };
    let facts: Vec<call::Fact> = entries.iter().filter_map(fact).collect();
    call::Cdr::of(call, &facts, WallClock::UNIX)
}
