//! `centrala recordings zip`: for who asks for all of a customer's calls, or takes a day of them to another machine.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use recorder::{Access, Keyring, Row, Sums, unsealed};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Archive;
use super::access::Listener;
use super::filter::Filter;
use super::find::open;
use super::keys::Keys;
use super::progress::Bar;
use crate::Failure;

#[derive(Args)]
pub struct ZipArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    listener: Listener,
    #[command(flatten)]
    filter: Filter,
    /// The zip file to write: sound (sealed no more), sidecars, and SHA256SUMS for `sha256sum -c`
    zip: PathBuf,
}

impl ZipArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        if self.zip.exists() {
            return Err(format!("{} is there already; name another file", self.zip.display()).into());
        }
        let rows = open(folder)?.find(&self.filter.query())?;
        if rows.is_empty() {
            return Err("no recordings are meant; `centrala recordings list` with the same words shows them".into());
        }
        let keys = self.keys.ring()?;
        let part = self.zip.with_added_extension("part");
        let written = write(folder, &rows, &part, &keys, &self.listener);
        if let Err(why) = written.and_then(|()| Ok(fs::rename(&part, &self.zip)?)) {
            let _ = fs::remove_file(&part); // half of them is not what was asked for
            return Err(format!("{} is not written: {why}", self.zip.display()).into());
        }
        println!("{}: {} recordings", self.zip.display(), rows.len());
        Ok(())
    }
}

fn write(folder: &Path, rows: &[Row], part: &Path, keys: &Keyring, listener: &Listener) -> Result<(), Failure> {
    let file = File::create(part).map_err(|why| format!("{}: {why}", part.display()))?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    let all = rows.iter().map(|row| row.bytes).sum();
    let (mut bar, mut done, mut sums) = (Bar::new(), 0, String::new());
    for (nth, row) in rows.iter().enumerate() {
        listener.enter(folder, &row.file, Access::Export)?;
        let path = folder.join(&row.file);
        let sidecar = Path::new(&row.file).with_extension("json").display().to_string();
        let failed = |file: &str, why: io::Error| format!("{file}: {why}");
        let mut add = |name: &str, from: &mut dyn Read| {
            zip.start_file(name, options)?;
            let watched = |bytes| {
                done += bytes;
                bar.show(done, all, || format!("{} of {} recordings", nth + 1, rows.len()));
                true
            };
            let read = Sums::watched(Tee { from, to: &mut zip }, false, watched)?;
            sums += &read.map_or(String::new(), |read| format!("{}  {name}\n", read.sha256));
            Ok(())
        };
        unsealed(&path, keys).and_then(|mut sound| add(&row.file, &mut sound)).map_err(|why| failed(&row.file, why))?;
        File::open(path.with_extension("json"))
            .and_then(|mut text| add(&sidecar, &mut text))
            .map_err(|why| failed(&sidecar, why))?;
    }
    zip.start_file("SHA256SUMS", options)?;
    zip.write_all(sums.as_bytes())?;
    zip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

/// What is read is written, too.
struct Tee<'a, R: ?Sized, W> {
    from: &'a mut R,
    to: &'a mut W,
}

impl<R: Read + ?Sized, W: Write> Read for Tee<'_, R, W> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.to.write_all(&into[..count])?;
        Ok(count)
    }
}
