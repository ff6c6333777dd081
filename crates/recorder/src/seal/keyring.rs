//! The master keys, and the keys of recordings they wrap.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::archive::Manifest;
use crate::place::KEY;
use crate::{sidecar, walk};

/// Why sound cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The file of master keys cannot be read.
    #[error("the master keys in {} cannot be read: {why}; `centrala recordings make-key` makes one", file.display())]
    Unreadable {
        /// Where.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// Others may read it.
    #[error("others may read the master keys in {}; chmod 600 it", file.display())]
    Open {
        /// Where.
        file: PathBuf,
    },
    /// It holds something else.
    #[error("{}: line {line} is no master key; 64 hexadecimal digits are expected, the key in use first", file.display())]
    NoKey {
        /// Where.
        file: PathBuf,
        /// Which line.
        line: usize,
    },
    /// A new one cannot be put there.
    #[error("no master key can be written to {}: {why}", file.display())]
    Unwritable {
        /// Where.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// The master keys: the first seals, and all open. Usually there is one; while keys are changed there are two. The file is
/// read again when a recording begins or needs a key that is not known: a new key needs no restart.
#[derive(Clone, Default)]
pub struct Keyring(Option<Arc<Ring>>);

struct Ring {
    file: PathBuf,
    /// As they were read first. They count while the file cannot be read.
    masters: Vec<Master>,
}

struct Master {
    /// By which a wrapped key knows it: the beginning of its SHA-256.
    id: String,
    key: RandomizedNonceKey,
}

/// The key of one recording.
pub(crate) struct DataKey(RandomizedNonceKey);

/// A `.key` file.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    version: u32,
    /// The master key that opens it.
    master: String,
    nonce: String,
    /// The key, sealed.
    key: String,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} master keys", self.0.as_ref().map_or(0, |ring| ring.masters.len()))
    }
}

impl Keyring {
    /// Reads a file of master keys, a line each.
    ///
    /// # Errors
    /// When it cannot be read, others may read it, or it holds something else.
    pub fn read(file: &Path) -> Result<Keyring, SealError> {
        Ok(Keyring(Some(Arc::new(Ring { file: file.to_owned(), masters: masters(file)? }))))
    }

    /// Puts a new master key before those in a file, or makes the file. How many there are then.
    ///
    /// # Errors
    /// When what is there is no file of master keys, or the new one cannot be written.
    pub fn add_key(file: &Path) -> Result<usize, SealError> {
        let unwritable = |why| SealError::Unwritable { file: file.to_owned(), why };
        let (before, count) = match fs::read_to_string(file) {
            Err(why) if why.kind() == ErrorKind::NotFound => (String::new(), 0),
            Err(why) => return Err(SealError::Unreadable { file: file.to_owned(), why }),
            Ok(text) => (text, masters(file)?.len()),
        };
        let text = format!("{}\n{before}", HEXLOWER.encode(&chance().map_err(unwritable)?));
        let mut neighbour = file.as_os_str().to_owned();
        neighbour.push(".tmp");
        let mut options = OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&neighbour).and_then(|mut new| {
            let written = new.write_all(text.as_bytes()).and_then(|()| new.sync_all());
            written.and_then(|()| fs::rename(&neighbour, file)).inspect_err(|_| drop(fs::remove_file(&neighbour)))
        });
        written.map_err(unwritable)?;
        Ok(count + 1)
    }

    /// Is nothing sealed?
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A new key for a recording, in its `.key` file; none where there is no master key.
    pub(crate) fn begin(&self, file: &Path) -> io::Result<Option<DataKey>> {
        self.with_first(|master| {
            let key = chance()?;
            sidecar::write(file, &master.wrapped(&key)?, false)?;
            DataKey::new(&key)
        })
        .transpose()
    }

    /// The key in a `.key` file.
    pub(crate) fn open(&self, file: &Path) -> io::Result<DataKey> {
        DataKey::new(&self.unwrapped(file, &wrapped(file)?)?)
    }

    /// Is there a key in a `.key` file? Without master keys only how it looks is said.
    pub(crate) fn check(&self, file: &Path) -> io::Result<()> {
        let wrapped = wrapped(file)?;
        if self.0.is_some() { self.unwrapped(file, &wrapped).map(|_| ()) } else { Ok(()) }
    }

    /// What is done with the key in use, as the file has it now.
    fn with_first<T>(&self, what: impl FnOnce(&Master) -> T) -> Option<T> {
        let ring = self.0.as_ref()?;
        let now = masters(&ring.file);
        now.as_ref().unwrap_or(&ring.masters).first().map(what)
    }

    fn unwrapped(&self, file: &Path, wrapped: &Wrapped) -> io::Result<Vec<u8>> {
        let refuse = |what: &str| io::Error::other(format!("{} {what}", file.display()));
        let by = |masters: &[Master]| {
            let master = masters.iter().find(|master| master.id == wrapped.master)?;
            Some(master.unwrap(wrapped).ok_or_else(|| refuse("was changed: the master key does not open it")))
        };
        let known = self.0.as_ref().and_then(|ring| by(&ring.masters).or_else(|| by(&masters(&ring.file).ok()?)));
        let missing = format!("needs the master key {}; name the file it is in with --keys", wrapped.master);
        known.unwrap_or_else(|| Err(refuse(&missing)))
    }
}

/// The lines of a file of master keys.
fn masters(file: &Path) -> Result<Vec<Master>, SealError> {
    let unreadable = |why| SealError::Unreadable { file: file.to_owned(), why };
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SealError::Open { file: file.to_owned() });
    }
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let no_key = |line| SealError::NoKey { file: file.to_owned(), line };
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let masters: Result<Vec<_>, _> = lines.map(|(at, line)| Master::read(line).ok_or_else(|| no_key(at + 1))).collect();
    masters.and_then(|masters| if masters.is_empty() { Err(no_key(1)) } else { Ok(masters) })
}

/// What a `.key` file says.
fn wrapped(file: &Path) -> io::Result<Wrapped> {
    let missing =
        |why: io::Error| io::Error::new(why.kind(), format!("its key {} cannot be read: {why}", file.display()));
    let text = fs::read(file).map_err(missing)?;
    serde_json::from_slice(&text).map_err(|_| io::Error::other(format!("{} is no key of a recording", file.display())))
}

impl Master {
    fn read(line: &str) -> Option<Master> {
        let key = HEXLOWER.decode(line.to_ascii_lowercase().as_bytes()).ok().filter(|key| key.len() == KEY_BYTES)?;
        let id = HEXLOWER.encode(&Sha256::digest(&key)[..8]);
        Some(Master { id, key: RandomizedNonceKey::new(&AES_256_GCM, &key).ok()? })
    }

    fn wrapped(&self, key: &[u8]) -> io::Result<Vec<u8>> {
        let mut sealed = key.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(WRAPPING), &mut sealed).map_err(|_| no_chance())?;
        let (nonce, key) = (HEXLOWER.encode(nonce.as_ref()), HEXLOWER.encode(&sealed));
        let mut text = serde_json::to_vec_pretty(&Wrapped { version: 1, master: self.id.clone(), nonce, key })?;
        text.push(b'\n');
        Ok(text)
    }

    fn unwrap(&self, wrapped: &Wrapped) -> Option<Vec<u8>> {
        let nonce = Nonce::try_assume_unique_for_key(&HEXLOWER.decode(wrapped.nonce.as_bytes()).ok()?).ok()?;
        let mut key = HEXLOWER.decode(wrapped.key.as_bytes()).ok()?;
        Some(self.key.open_in_place(nonce, Aad::from(WRAPPING), &mut key).ok()?.to_vec())
    }
}

impl DataKey {
    fn new(key: &[u8]) -> io::Result<DataKey> {
        let key =
            RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| io::Error::other("a key of another length"))?;
        Ok(DataKey(key))
    }

    /// Seals a piece; what comes back is to be written: nonce, sealed bytes, tag.
    pub(crate) fn seal(&self, index: u64, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut body = plain.to_vec();
        let aad = Aad::from(index.to_le_bytes());
        let nonce = self.0.seal_in_place_append_tag(aad, &mut body).map_err(|_| no_chance())?;
        Ok([&nonce.as_ref()[..], &body].concat())
    }

    /// Opens a piece; nothing where it is not what was sealed at this place.
    pub(crate) fn open(&self, index: u64, sealed: &mut [u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(self.0.open_in_place(nonce, Aad::from(index.to_le_bytes()), body).ok()?.to_vec())
    }
}

/// Wraps all keys below a folder with the first master key that were wrapped by another; no sound is touched. `seen` is
/// told how many of how many are done. How many were changed.
///
/// # Errors
/// When a key cannot be opened or written; those before it are changed.
pub fn rewrap(folder: &Path, keys: &Keyring, mut seen: impl FnMut(usize, usize)) -> io::Result<usize> {
    let mut files = Vec::new();
    walk::files(folder, &mut files)?;
    files.retain(|file| file.as_os_str().as_encoded_bytes().ends_with(KEY.as_bytes()));
    let (mut manifest, mut changed) = (Manifest::new(folder), 0);
    for (done, file) in files.iter().enumerate() {
        let _erased_by_nobody = manifest.lock()?;
        let key = match wrapped(file) {
            Err(why) if why.kind() == ErrorKind::NotFound => continue, // erased since it was listed
            key => key?,
        };
        let anew = |master: &Master| match master.id == key.master {
            true => Ok(false),
            false => sidecar::write(file, &master.wrapped(&keys.unwrapped(file, &key)?)?, true).map(|()| true),
        };
        changed += usize::from(keys.with_first(anew).unwrap_or(Ok(false))?);
        seen(done + 1, files.len());
    }
    Ok(changed)
}

/// Where the key of a sound file is.
pub(crate) fn key_file(sound: &Path) -> PathBuf {
    let name = sound.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let endings = [".wav.part", ".opus.part", ".new.wav", ".new.opus", ".wav", ".opus"];
    let bare = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    sound.with_file_name(format!("{bare}{KEY}"))
}

/// A key of chance.
fn chance() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| no_chance())?;
    Ok(key)
}

fn no_chance() -> io::Error {
    io::Error::other("the cipher gave nothing back")
}

const KEY_BYTES: usize = 32;
pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;
/// What a wrapped key is for, so that nothing else is taken for one.
const WRAPPING: &[u8] = b"centrala recording key 1";
