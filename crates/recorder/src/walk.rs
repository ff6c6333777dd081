//! All files below a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Adds every plain file below `folder`, in order of their names. Links are not followed, so there are no circles. A
/// folder that is not there holds nothing.
pub(crate) fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    below(folder, DEPTH_MAX, found)
}

fn below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            below(&entry.path(), depth - 1, found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Names have at most eight parts.
const DEPTH_MAX: u32 = 8;
