//! What the demo left: the call record, and the recording with its two sides.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audio::{Sound, rms_dbfs, waveform};
use serde_json::Value;

use super::likeness::likeness;
use super::stage::Stage;
use super::{Centre, DemoError, LIKE};

/// How long the switch may take to write.
const PATIENCE_MS: u64 = 8_000;
const COLUMNS: usize = 64;

/// The call record, as it was appended to the journal.
pub(super) fn cdr(stage: &mut Stage, centre: &Centre) -> Result<Value, DemoError> {
    let journal = centre.folder().join("journal");
    for _ in 0..PATIENCE_MS / 100 {
        let files = fs::read_dir(&journal)?.filter_map(Result::ok).map(|file| file.path());
        let records = files.filter(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
        let lines = records.filter_map(|file| fs::read_to_string(file).ok()).collect::<String>();
        if let Some(line) = lines.lines().last().filter(|_| lines.ends_with('\n')) {
            return serde_json::from_str(line)
                .map_err(|why| DemoError::Left(format!("the call record is damaged: {why}")));
        }
        stage.pass(Duration::from_millis(100))?;
    }
    Err(DemoError::Step { what: "the writing of the call record", secs: PATIENCE_MS / 1000 })
}

/// Shows recording and record; both sides of the recording must hold what was said.
pub(super) fn show(stage: &mut Stage, folder: &Path, cdr: &Value, said: [&Sound; 2]) -> Result<(), DemoError> {
    let file = cdr["recordings"][0].as_str().ok_or_else(|| DemoError::Left("the call was not recorded".to_owned()))?;
    let path = folder.join(file);
    for _ in 0..PATIENCE_MS / 100 {
        if path.is_file() {
            break;
        }
        stage.pass(Duration::from_millis(100))?;
    }
    let sides = read(&path)?;
    println!("\nrecording  {}", path.display());
    println!("           {:.2} s, 8 kHz, 16 bit, stereo: caller left, agent right", sides[0].len() as f64 / 8_000.0);
    for ((name, side), (who, said)) in
        ["left ", "right"].iter().zip(&sides).zip([("the caller", said[0]), ("the agent", said[1])])
    {
        println!("  {name}    {:>6.1} dBFS  {}", rms_dbfs(side), waveform(side, COLUMNS));
        let like = likeness(side, said.pcm());
        if like < LIKE {
            return Err(DemoError::Sound { who: "the recording", what: who, likeness: like });
        }
    }
    println!("\ncall record");
    for field in
        ["call", "started", "caller", "called", "direction", "path", "answered_by", "ended_by", "cause", "status"]
    {
        println!("  {field:<14} {}", shown(&cdr[field]));
    }
    println!(
        "  {:<14} {} s, of which talking {} s",
        "duration",
        shown(&cdr["duration_secs"]),
        shown(&cdr["talk_secs"])
    );
    for leg in cdr["media"].as_array().into_iter().flatten() {
        let figure = |name: &str| shown(&leg[name]);
        println!(
            "  {:<14} {}: {} packets in, {} out, {} lost, jitter {:.1} ms",
            "media",
            figure("party"),
            figure("packets_received"),
            figure("packets_sent"),
            figure("lost"),
            leg["jitter_ms"].as_f64().unwrap_or_default(),
        );
    }
    println!("\nhear it    play {}", path.display());
    println!("           (or: ffplay -nodisp -autoexit FILE, aplay FILE)");
    Ok(())
}

fn read(path: &PathBuf) -> Result<[Vec<i16>; 2], DemoError> {
    let fault = |why: hound::Error| DemoError::Left(format!("the recording {} cannot be read: {why}", path.display()));
    let reader = hound::WavReader::open(path).map_err(fault)?;
    let both: Vec<i16> = reader.into_samples().collect::<Result<_, _>>().map_err(fault)?;
    Ok([0, 1].map(|side| both.iter().skip(side).step_by(2).copied().collect()))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", then "),
        other => other.to_string(),
    }
}
