//! The archive: what a folder of recordings is, beyond its files. It finds them, and proves that they are what was
//! recorded.
//!
//! Where it stands: beside the recorder, over the same folder. The recorder enters what it has closed; the command line
//! asks. All of it works on a copy of the folder, with no switch near.
//!
//! | in the folder | is |
//! | --- | --- |
//! | `YYYY/MM/DD/NAME.wav`, `NAME.json` | a recording and its sidecar |
//! | `YYYY/MM/DD/manifest.jsonl` | what happened to the archive that day, a line each, chained by hash ([`Manifest`]) |
//! | `index.sqlite` | what the sidecars say, to be searched ([`Index`]); made anew from them whenever it is gone |

mod away;
mod encode;
mod hash;
mod index;
mod keep;
mod manifest;
mod outbox;
mod query;
mod ratings;
mod retention;
mod row;
mod verify;

pub use away::{away, holdings, manifests, moved, shipped, shipped_before};
pub use encode::{Encode, Encoded};
pub use hash::{CHUNK, Hash, Sums};
pub use index::{Index, IndexError, Total};
pub use keep::{Access, Because, KeepError, access, erase, hold, note, release, transcribed};
pub use manifest::{Act, Entry, Manifest};
pub use outbox::Outbox;
pub use query::{By, Query};
pub use ratings::{ratings, ratings_of, with_ratings};
pub use retention::Retention;
pub use row::Row;
pub use verify::{Fault, Finding, Noted, Progress, Report, Verify};
