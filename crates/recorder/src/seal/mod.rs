//! Sound that nobody hears who has no key: AES-256-GCM at rest.
//!
//! Where it stands: under every sound file the recorder and the archive read and write. Each recording has a key of its
//! own beside it (`NAME.key`), wrapped by a master key that is kept elsewhere ([`Keyring`]). So a new master key changes
//! small files alone, and a recording whose `.key` is gone is gone, in whatever copies of its sound there are.
//!
//! What is sealed has the same names as what is not; its first bytes say what it is. Where there is no master key nothing
//! is sealed. Hashes are of the files as they lie there, so that an archive is verified without any key.

mod keyring;
mod sealed;
mod store;

pub(crate) use keyring::{DataKey, key_file};
pub use keyring::{Keyring, SealError, rewrap};
pub(crate) use store::{Store, is_sealed};
