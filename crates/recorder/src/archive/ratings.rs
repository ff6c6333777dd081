//! What people think of a recording lies beside it: it is copied, found and erased with it.
//!
//! Where it stands: what is in the file is the command line's affair; here it is only changed as a whole, by one at a time.
//! It is no part of the chain.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{KeepError, Manifest};
use crate::{sidecar, walk};

/// The ratings of a recording's sound file.
pub fn ratings_of(sound: &Path) -> PathBuf {
    sound.with_extension(&RATINGS[1..])
}

/// All files of ratings in an archive.
///
/// # Errors
/// When the folder cannot be read.
pub fn ratings(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    walk::files(folder, &mut files)?;
    files.retain(|file| file.as_os_str().as_encoded_bytes().ends_with(RATINGS.as_bytes()));
    Ok(files)
}

/// Changes the ratings of a recording: `change` is told what there is, nothing if there is none. Nobody else changes them,
/// or erases the recording, meanwhile, and whatever happens there is the old file or the new one.
///
/// # Errors
/// When the chain does not know the recording, the disk refuses, or `change` does.
pub fn with_ratings<E: From<KeepError>>(
    manifest: &mut Manifest,
    file: &str,
    change: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    let disk = |why| KeepError::Disk { file: file.to_owned(), why };
    let path = ratings_of(&manifest.folder().join(file));
    let locked = manifest.lock().map_err(disk)?;
    if locked.entry_of(file).map_err(disk)?.is_none() {
        return Err(KeepError::Unknown { file: file.to_owned() }.into());
    }
    let before = match fs::read(&path) {
        Ok(before) => Some(before),
        Err(why) if why.kind() == ErrorKind::NotFound => None,
        Err(why) => return Err(disk(why).into()),
    };
    let after = change(before.as_deref())?;
    sidecar::write(&path, &after, true).map_err(disk)?;
    Ok(())
}

pub(crate) const RATINGS: &str = ".qa.json";
