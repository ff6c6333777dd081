//! A sound file on the disk, sealed or not: who reads and writes sound knows no difference.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sealed::{MAGIC, SealedFile};
use super::{DataKey, Keyring, key_file};

/// The file. A clone of it is the same file at a place of its own.
#[derive(Clone)]
pub(crate) struct Store {
    kept: Kept,
    at: u64,
}

#[derive(Clone)]
enum Kept {
    Plain(Arc<File>),
    Sealed(Arc<Mutex<SealedFile>>),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self.kept, Kept::Plain(_)) { "a file" } else { "a sealed file" })
    }
}

impl Store {
    /// Begins a file, sealed where there is a key.
    pub(crate) fn begin(file: File, key: Option<DataKey>) -> io::Result<Store> {
        let kept = match key {
            None => Kept::Plain(Arc::new(file)),
            Some(key) => Kept::Sealed(Arc::new(Mutex::new(SealedFile::begin(file, key)?))),
        };
        Ok(Store { kept, at: 0 })
    }

    /// A file that is there, to be read.
    pub(crate) fn open(path: &Path, keys: &Keyring) -> io::Result<Store> {
        Store::of(File::open(path)?, path, keys)
    }

    /// A file that is open. Its key lies beside it, if it is sealed.
    pub(crate) fn of(file: File, path: &Path, keys: &Keyring) -> io::Result<Store> {
        let kept = match is_sealed(&file)? {
            false => Kept::Plain(Arc::new(file)),
            true => Kept::Sealed(Arc::new(Mutex::new(SealedFile::open(file, keys.open(&key_file(path))?)?))),
        };
        Ok(Store { kept, at: 0 })
    }

    /// A new file in place of another, sealed with the same key if that is sealed.
    pub(crate) fn like(path: &Path, other: &Path, keys: &Keyring) -> io::Result<Store> {
        let key = if is_sealed(&File::open(other)?)? { Some(keys.open(&key_file(other))?) } else { None };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Store::begin(file, key)
    }

    pub(crate) fn is_sealed(&self) -> bool {
        matches!(self.kept, Kept::Sealed(_))
    }

    pub(crate) fn length(&self) -> io::Result<u64> {
        match &self.kept {
            Kept::Plain(file) => Ok(file.metadata()?.len()),
            Kept::Sealed(sealed) => Ok(locked(sealed).length()),
        }
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        match &self.kept {
            Kept::Plain(file) => file.set_len(length),
            Kept::Sealed(sealed) => locked(sealed).set_len(length),
        }
    }

    /// Makes good what a death within a write left.
    pub(crate) fn mend(&self) -> io::Result<()> {
        match &self.kept {
            Kept::Plain(_) => Ok(()),
            Kept::Sealed(sealed) => locked(sealed).mend(),
        }
    }

    pub(crate) fn read_exact_at(&self, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
        while !into.is_empty() {
            match self.read_at(into, at)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => (into, at) = (&mut into[count..], at + count as u64),
            }
        }
        Ok(())
    }

    pub(crate) fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        match &self.kept {
            Kept::Plain(file) => file.write_all_at(bytes, at),
            Kept::Sealed(sealed) => locked(sealed).write_all_at(bytes, at),
        }
    }

    /// Waits until the disk has it.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        match &self.kept {
            Kept::Plain(file) => file.sync_all(),
            Kept::Sealed(sealed) => locked(sealed).file().sync_all(),
        }
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        match &self.kept {
            Kept::Plain(file) => file.read_at(into, at),
            Kept::Sealed(sealed) => locked(sealed).read_at(into, at),
        }
    }
}

impl Read for Store {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.read_at(into, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Write for Store {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Store {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length()?.checked_add_signed(by),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

fn locked(sealed: &Mutex<SealedFile>) -> MutexGuard<'_, SealedFile> {
    sealed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Do its first bytes say so?
pub(crate) fn is_sealed(file: &File) -> io::Result<bool> {
    let mut first = [0; MAGIC.len()];
    match file.read_exact_at(&mut first, 0) {
        Ok(()) => Ok(first == *MAGIC),
        Err(why) if why.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::super::rewrap;
    use super::*;
    use crate::recorder::tests::Folder;

    fn keyring(folder: &Folder, keys: &[&str]) -> Keyring {
        let path = folder.path().join(format!("master-{}", keys.iter().map(|key| &key[..2]).collect::<String>()));
        fs::write(&path, keys.join("\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Keyring::read(&path).unwrap()
    }

    fn begin(path: &Path, keys: &Keyring) -> Store {
        let key = keys.begin(&key_file(path)).unwrap();
        Store::begin(OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap(), key)
            .unwrap()
    }

    fn all(store: &mut Store) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        store.seek(SeekFrom::Start(0))?;
        store.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    const ONE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const TWO: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Sealed or not, a file is read as it was written, whatever was written where.
        #[test]
        fn a_sealed_file_is_like_any_other(
            writes in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..9000)), 1..12),
            cut: prop::sample::Index,
        ) {
            let folder = Folder::new();
            let path = folder.path().join("a.wav");
            let keys = keyring(&folder, &[ONE]);
            let mut plain = Vec::new();
            let store = begin(&path, &keys);
            for (at, bytes) in &writes {
                let at = at.index(plain.len() + 1);
                plain.resize(plain.len().max(at + bytes.len()), 0);
                plain[at..at + bytes.len()].copy_from_slice(bytes);
                store.write_all_at(bytes, at as u64).unwrap();
            }
            prop_assert_eq!(&all(&mut Store::open(&path, &keys).unwrap()).unwrap(), &plain);
            let length = cut.index(plain.len() + 1);
            store.set_len(length as u64).unwrap();
            store.write_all_at(b"more", length as u64).unwrap();
            plain.truncate(length);
            plain.extend(b"more");
            prop_assert_eq!(&all(&mut Store::open(&path, &keys).unwrap()).unwrap(), &plain);
        }
    }

    #[test]
    fn nothing_of_it_can_be_seen_and_no_other_key_opens_it() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let keys = keyring(&folder, &[ONE]);
        let store = begin(&path, &keys);
        store.write_all_at(&b"card 4111 1111 ".repeat(2000), 0).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(9).any(|piece| piece == b"4111 1111"));
        let other = keyring(&folder, &[TWO]);
        let why = Store::open(&path, &other).unwrap_err().to_string();
        assert!(why.contains("needs the master key") && why.contains("--keys"), "{why}");
        fs::remove_file(key_file(&path)).unwrap();
        assert!(Store::open(&path, &keys).is_err(), "without its own key it is gone");
    }

    #[test]
    fn a_changed_or_moved_piece_is_refused_and_mending_makes_it_silent() {
        let folder = Folder::new();
        let path = folder.path().join("a.wav");
        let keys = keyring(&folder, &[ONE]);
        let mut store = begin(&path, &keys);
        store.write_all_at(&[7; 20_000], 0).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut swapped = whole.clone();
        swapped[16..16 + 4124].copy_from_slice(&whole[16 + 4124..16 + 2 * 4124]);
        let mut flipped = whole.clone();
        flipped[9000] ^= 1;
        for bytes in [&swapped, &flipped, &whole[..whole.len() - 1].to_vec()] {
            fs::write(&path, bytes).unwrap();
            assert!(all(&mut Store::open(&path, &keys).unwrap()).is_err());
        }
        fs::write(&path, &flipped[..flipped.len() - 1]).unwrap(); // died within a write, and another was lost before
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        store = Store::of(file, &path, &keys).unwrap();
        store.mend().unwrap();
        let mended = all(&mut store).unwrap();
        assert_eq!(mended.len(), 16_384, "the last piece was not whole");
        assert_eq!(mended.iter().filter(|byte| **byte == 0).count(), 4096);
    }

    #[test]
    fn a_new_master_key_changes_no_sound() {
        let folder = Folder::new();
        let paths = ["a.wav", "b.opus"].map(|name| folder.path().join(name));
        let old = keyring(&folder, &[ONE]);
        paths.iter().for_each(|path| begin(path, &old).write_all_at(b"sound", 0).unwrap());
        let before = paths.each_ref().map(|path| fs::read(path).unwrap());
        let both = keyring(&folder, &[TWO, ONE]);
        assert_eq!(rewrap(folder.path(), &both, |_, _| {}).unwrap(), 2);
        assert_eq!(rewrap(folder.path(), &both, |_, _| {}).unwrap(), 0, "once is enough");
        let new = keyring(&folder, &[TWO]);
        for (path, before) in paths.iter().zip(before) {
            assert_eq!(fs::read(path).unwrap(), before);
            assert_eq!(all(&mut Store::open(path, &new).unwrap()).unwrap(), b"sound");
            assert!(Store::open(path, &old).is_err());
        }
    }

    #[test]
    fn a_new_master_key_is_taken_while_the_switch_runs() {
        let folder = Folder::new();
        let master = folder.path().join("master");
        assert_eq!(Keyring::add_key(&master).unwrap(), 1);
        assert_eq!(master.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let known = Keyring::read(&master).unwrap();
        let before = fs::read_to_string(&master).unwrap();
        let path = folder.path().join("a.wav");
        begin(&path, &known).write_all_at(b"sound", 0).unwrap();

        assert_eq!(Keyring::add_key(&master).unwrap(), 2);
        let text = fs::read_to_string(&master).unwrap();
        assert!(text.ends_with(&before) && text.len() == 2 * before.len(), "the new one comes first");
        assert_eq!(rewrap(folder.path(), &known, |_, _| {}).unwrap(), 1);
        let other = folder.path().join("b.wav");
        begin(&other, &known).write_all_at(b"sound", 0).unwrap();
        fs::write(&master, text.lines().next().unwrap()).unwrap(); // the old one is gone
        let new = Keyring::read(&master).unwrap();
        for path in [&path, &other] {
            for keys in [&known, &new] {
                assert_eq!(all(&mut Store::open(path, keys).unwrap()).unwrap(), b"sound");
            }
        }
        fs::remove_file(&master).unwrap();
        begin(&folder.path().join("c.wav"), &known).write_all_at(b"sound", 0).unwrap();
        assert!(Store::open(&folder.path().join("c.wav"), &known).is_ok(), "those known count");
    }

    #[test]
    fn a_file_of_master_keys_is_checked() {
        let folder = Folder::new();
        let path = folder.path().join("master");
        for (text, mode, said) in [
            (ONE, 0o644, "chmod 600"),
            ("", 0o600, "line 1 is no master key"),
            ("0011", 0o600, "line 1 is no master key"),
            (&format!("{ONE}\nnone"), 0o600, "line 2 is no master key"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let why = Keyring::read(&path).unwrap_err().to_string();
            assert!(why.contains(said), "{why}");
        }
        assert!(Keyring::add_key(&path).is_err(), "it is not a file of master keys");
    }
}
