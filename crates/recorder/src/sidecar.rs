//! The JSON file beside a recording: what the ear cannot tell.
//!
//! Where it stands: written by a recording and by `salvage`. What is in it comes from above; this room adds how long
//! the sound is, and what went wrong.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};

/// As it is written.
pub(crate) fn text(sidecar: &Map<String, Value>) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(sidecar)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes all of it or none: to a neighbour first, renamed when the disk has it.
pub(crate) fn write(path: &Path, text: &[u8], sync: bool) -> io::Result<()> {
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(".tmp");
    let written = File::create(&neighbour).and_then(|mut file| {
        file.write_all(text)?;
        if sync { file.sync_all() } else { Ok(()) }
    });
    match written.and_then(|()| fs::rename(&neighbour, path)) {
        Ok(()) => Ok(()),
        Err(why) => {
            let _ = fs::remove_file(&neighbour); // half a sidecar helps nobody
            Err(why)
        }
    }
}

/// What a sidecar says; nothing where there is none or it is not JSON.
pub(crate) fn read(path: &Path) -> Map<String, Value> {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// The members of a JSON object; none of anything else.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
