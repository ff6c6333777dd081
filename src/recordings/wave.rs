//! `centrala recordings wave`: a picture of a recording, the caller above, the other party below.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use recorder::{Cut, Wave, ratings_of};
use serde_json::{Value, json};

use super::find::{length, party, the_one};
use super::keys::Keys;
use super::progress::Bar;
use super::{Archive, picture};
use crate::Failure;

#[derive(Args)]
pub struct WaveArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    keys: Keys,
    /// The recording's id, or its file below the folder
    id: String,
    /// Write it as a picture
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// How many columns: as wide as the terminal, or 1,200 in a picture, if it is not said
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(COLUMNS_MAX)))]
    columns: Option<u16>,
    /// From this second on
    #[arg(long, value_name = "SECS", default_value_t = 0.0)]
    from_secs: f64,
    /// Until this second
    #[arg(long, value_name = "SECS")]
    to_secs: Option<f64>,
    /// One JSON object: the highest sample of each side in every column, 1 the most there can be
    #[arg(long, conflicts_with = "png")]
    json: bool,
}

/// A piece of a recording that is marked in its picture.
pub struct Mark {
    /// As it is marked in the terminal.
    pub letter: char,
    /// What it is.
    pub what: &'static str,
    pub from_secs: f64,
    pub to_secs: f64,
}

impl WaveArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let row = the_one(folder, &self.id)?;
        let sound = folder.join(&row.file);
        let cut = Cut { from_secs: self.from_secs, to_secs: self.to_secs, ..Cut::default() };
        let mut bar = Bar::new();
        let seen = |secs: f64| bar.show(secs as u64, row.seconds.ceil() as u64, || format!("{secs:.0} s"));
        let wave = recorder::wave(&sound, &cut, &self.keys.ring()?, seen);
        drop(bar);
        let wave = wave.map_err(|why| format!("{} cannot be read: {why}", row.file))?;
        let sidecar = sidecar(&sound);
        let mut marks = marks(&sidecar);
        marks.extend(notes(&sound));
        let columns = usize::from(self.columns.unwrap_or(match &self.png {
            Some(_) => 1_200,
            None => terminal_columns(),
        }));
        let from_secs = self.from_secs.max(0.0);
        if self.json {
            let [left, right] = wave.columns(columns).map(|side| side.into_iter().map(share).collect::<Vec<_>>());
            let seconds = wave.seconds();
            println!("{}", json!({ "from_secs": from_secs, "seconds": seconds, "left": left, "right": right }));
            return Ok(());
        }
        if let Some(png) = &self.png {
            if png.exists() {
                return Err(format!("{} is there already; name another file", png.display()).into());
            }
            let picture = picture::png(&wave, columns, from_secs, &marks)?;
            fs::write(png, picture).map_err(|why| format!("{} cannot be written: {why}", png.display()))?;
            println!("{}", png.display());
            return Ok(());
        }
        let right: Vec<String> = sidecar["channels"]["right"].as_array().into_iter().flatten().map(party).collect();
        let names = [party(&sidecar["channels"]["left"]), right.join("; ")];
        text(&wave, columns, from_secs, &marks, &names).iter().for_each(|line| println!("{line}"));
        Ok(())
    }
}

/// The picture, line by line.
fn text(wave: &Wave, columns: usize, from_secs: f64, marks: &[Mark], names: &[String; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, side) in names.iter().zip(wave.columns(columns)) {
        lines.push(name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect());
        let heights: Vec<usize> = side.into_iter().map(height).collect();
        for row in (0..ROWS).rev() {
            lines.push(heights.iter().map(|height| BLOCKS[height.saturating_sub(row * 8).min(8)]).collect());
        }
    }
    let second = |column: usize| from_secs + wave.seconds() * column as f64 / columns as f64;
    let marked = |column: usize| {
        let (from, to) = (second(column), second(column + 1));
        let within = |mark: &&Mark| mark.from_secs < to && (mark.to_secs > from || mark.from_secs >= from);
        marks.iter().rev().find(within).map_or(' ', |mark| mark.letter)
    };
    let line: String = (0..columns).map(marked).collect();
    if !line.trim().is_empty() {
        let mut kinds: Vec<(char, &str)> = marks.iter().map(|mark| (mark.letter, mark.what)).collect();
        kinds.retain(|(letter, _)| line.contains(*letter));
        kinds.dedup();
        let told: Vec<String> = kinds.iter().map(|(letter, what)| format!("{letter} {what}")).collect();
        lines.extend([line, told.join(", ")]);
    }
    let mut axis = String::new();
    for column in (0..columns).step_by(TICK) {
        axis += &format!("{:<TICK$}", format!("|{}", length(second(column))));
    }
    lines.push(axis.chars().take(columns).collect::<String>().trim_end().to_owned());
    lines
}

/// How high a sample is drawn, in eighths of a row: by its level, since who speaks softly speaks.
fn height(sample: u16) -> usize {
    let floor_db = 48.0;
    let above = 20.0 * (f64::from(sample.max(1)) / 32_768.0).log10() + floor_db;
    (above.max(0.0) / floor_db * (8 * ROWS) as f64).round() as usize
}

/// Of the most there can be.
fn share(sample: u16) -> f64 {
    (f64::from(sample) / 32_768.0 * 1e4).round() / 1e4
}

/// Masks, pauses and gaps of a recording, by the time of its file.
fn marks(sidecar: &Value) -> Vec<Mark> {
    let offset = sidecar["offset_secs"].as_f64().unwrap_or(0.0);
    let mut marks = Vec::new();
    for (list, letter, what) in [("masks", 'm', "masked"), ("pauses", 'p', "paused"), ("gaps", 'g', "lost")] {
        for span in sidecar[list].as_array().into_iter().flatten() {
            let number = |name: &str| span[name].as_f64().unwrap_or(0.0);
            let from_secs = number("from_secs") - offset;
            marks.push(Mark { letter, what, from_secs, to_secs: from_secs + number("secs") });
        }
    }
    marks
}

/// What raters have noted of it, and when in it.
fn notes(sound: &Path) -> Vec<Mark> {
    let text = fs::read(ratings_of(sound)).ok();
    let ratings: Option<qa::Ratings> = text.and_then(|text| serde_json::from_slice(&text).ok());
    let notes = ratings.into_iter().flat_map(|ratings| ratings.ratings).flat_map(|rating| rating.notes);
    let mark = |at_secs| Mark { letter: 'n', what: "noted", from_secs: at_secs, to_secs: at_secs };
    notes.map(|note| mark(note.at_secs)).collect()
}

/// What is known of a recording; a picture can be drawn of what nothing is known of.
fn sidecar(sound: &Path) -> Value {
    let text = fs::read(sound.with_extension("json")).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn terminal_columns() -> u16 {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.min(COLUMNS_MAX),
        _ => 80,
    }
}

const COLUMNS_MAX: u16 = 10_000;
const ROWS: usize = 3;
/// Columns between two times.
const TICK: usize = 10;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_drawn_by_its_level() {
        for (sample, eighths) in [(0, 0), (1, 0), (130, 0), (2_060, 12), (8_231, 18), (32_768, 24)] {
            assert_eq!(height(sample), eighths, "{sample}");
        }
    }

    #[test]
    fn what_is_marked_lies_where_it_was() {
        let sidecar = json!({
            "offset_secs": 100.0,
            "masks": [{ "from_secs": 101.0, "secs": 1.0 }],
            "gaps": [{ "channel": "left", "from_secs": 103.5, "secs": 0.01 }],
        });
        let wave = four_seconds();
        let names = ["ann".to_owned(), "bob\u{1b}".to_owned()];
        let lines = text(&wave, 8, 0.0, &marks(&sidecar), &names);
        assert_eq!(lines.len(), 2 * (1 + ROWS) + 3);
        assert_eq!((&*lines[0], &*lines[4]), ("ann", "bob?"), "no control characters of strangers");
        assert_eq!(&lines[1..4], ["████    ", "████    ", "████    "], "the caller's first two seconds");
        assert_eq!(&lines[5..8], ["        "; 3], "the other says nothing");
        assert_eq!(&lines[8..], ["  mm   g", "m masked, g lost", "|0:00"]);
    }

    /// Two loud seconds of the caller, two of nobody.
    fn four_seconds() -> Wave {
        let file = std::env::temp_dir().join(format!("centrala-wave-{}.wav", std::process::id()));
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&file, spec).expect("a temporary file");
        for frame in 0..32_000 {
            wav.write_sample(if frame < 16_000 { i16::MIN } else { 0 }).expect("our own file");
            wav.write_sample(0_i16).expect("our own file");
        }
        wav.finalize().expect("our own file");
        let wave = recorder::wave(&file, &Cut::default(), &recorder::Keyring::default(), |_| {}).expect("our own file");
        fs::remove_file(file).expect("our own file");
        wave
    }
}
