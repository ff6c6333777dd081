//! One recording from its first to its last sample.
//!
//! Where it stands: the recorder finds it by id and lets it look at the time every now and then. It decides what goes
//! to the disk when, so that never more than a second would be lost: sound leaves as soon as [`WRITE`] of both sides is
//! known, and waits at most [`HOLD`] for the other side.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;
use std::{fs, mem};

use audio::Clip;
use base::{RecordingId, Time};
use serde_json::{Map, Value};

use crate::beeps::Beeps;
use crate::gaps::Gaps;
use crate::place::{JSON_PART, Kind, Place};
use crate::seal::{Keyring, key_file};
use crate::silences::{Silence, Silences};
use crate::sound_file::SoundFile;
use crate::timeline::{Channel, Late, Timeline};
use crate::wav_file::RATE;
use crate::{Closing, RecorderConf, RecorderError, sidecar};

pub(crate) struct Recording {
    place: Place,
    file: String,
    began: Time,
    secs_max: u64,
    keys: Keyring,
    /// Samples a side of one frame of 8 kHz, which is what everything is counted in.
    wide: usize,
    sound: SoundFile,
    /// Which file of it this is, from 1.
    part: u32,
    /// The frame this file begins with: what is before lies in another, on a disk that failed.
    base: u64,
    timeline: Timeline,
    /// What was known when it began.
    started: Map<String, Value>,
    gaps: Gaps,
    silences: Silences,
    beeps: Beeps,
    /// Where it was stopped, if its call goes on.
    stopped: Option<u64>,
    /// Clips that claimed to come from the future.
    misplaced: u64,
    end: Option<End>,
}

/// The recording is over; a last clip may still be on its way from the media threads.
#[derive(Default)]
struct End {
    until: Time,
    frames: u64,
    sidecar: Map<String, Value>,
}

impl Recording {
    pub(crate) fn open(
        folder: &Path,
        conf: &RecorderConf,
        file: &str,
        began: Time,
        rate: u32,
        started: &Map<String, Value>,
    ) -> Result<Recording, RecorderError> {
        // A sealed file is written anew in pieces, and who dies within one would lose seconds of Opus.
        let kind = if conf.live_opus && conf.keys.is_empty() { Kind::Opus } else { Kind::Wav };
        let place = Place::new(folder, file, kind)?;
        let wide = match rate {
            0..16_000 => 1,
            16_000..48_000 => 2,
            _ => 6,
        };
        let mut started = started.clone();
        started.insert("sample_rate".to_owned(), (wide as u64 * RATE).into());
        let sound = begin(&place, &started, wide, &conf.keys).map_err(|why| not_begun(file, why))?;
        Ok(Recording {
            place,
            file: file.to_owned(),
            began,
            secs_max: conf.secs_max,
            keys: conf.keys.clone(),
            wide,
            sound,
            part: 1,
            base: 0,
            timeline: Timeline::new(wide),
            started,
            gaps: Gaps::default(),
            silences: Silences::new(conf.mask_tone),
            beeps: Beeps::new(wide),
            stopped: None,
            misplaced: 0,
            end: None,
        })
    }

    /// Its disk has failed: it goes on below another folder, with what had not left yet. What is there already is to be
    /// saved.
    pub(crate) fn go_on(&mut self, id: RecordingId, folder: &Path, why: &str) -> Result<Closing, RecorderError> {
        let before = self.base;
        let (place, sound, _) = self.next_file(folder)?;
        let file = sound.cut_after(self.base - before);
        Ok(Closing::cut_off(Some(id), place, file, Some(why.to_owned())))
    }

    /// Its file is full: it goes on in another, with no sample in both or in none.
    pub(crate) fn roll(&mut self, id: RecordingId) -> Result<Closing, RecorderError> {
        let mut told = self.started.clone();
        self.tell_part(&mut told);
        self.silences.tell(self.timeline.written(), &mut told);
        told.insert("continues".to_owned(), true.into());
        let folder = self.folder().to_owned();
        self.sound.finish().map_err(|why| self.disk(why))?;
        let (place, sound, length) = self.next_file(&folder)?;
        Ok(Closing::whole(id, place, sound.into_file(), length, told))
    }

    /// Begins its next file; hands out the last one, and how many seconds it holds.
    fn next_file(&mut self, folder: &Path) -> Result<(Place, SoundFile, f64), RecorderError> {
        if self.part == PARTS_MAX {
            return Err(RecorderError::TooManyParts { file: self.file.clone(), parts: PARTS_MAX });
        }
        let before = (self.part, self.base);
        (self.part, self.base) = (self.part + 1, self.timeline.written());
        let file = format!("{}-{}", self.file, self.part);
        let mut told = self.started.clone();
        self.tell_part(&mut told);
        self.silences.tell(self.timeline.written(), &mut told);
        let place = Place::new(folder, &file, self.place.kind());
        let begun = place.and_then(|place| match begin(&place, &told, self.wide, &self.keys) {
            Ok(sound) => Ok((place, sound)),
            Err(why) => Err(not_begun(&file, why)),
        });
        let (place, sound) = begun.inspect_err(|_| (self.part, self.base) = before)?;
        let length = seconds(self.base - before.1);
        Ok((mem::replace(&mut self.place, place), mem::replace(&mut self.sound, sound), length))
    }

    /// Says which file of the recording this is, where there are several.
    fn tell_part(&self, sidecar: &mut Map<String, Value>) {
        if self.part > 1 {
            sidecar.insert("part".to_owned(), self.part.into());
            sidecar.insert("offset_secs".to_owned(), seconds(self.base).into());
        }
    }

    /// The folder it lies in.
    pub(crate) fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Sound that will never come: there was no room for it on its way.
    pub(crate) fn lost(&mut self, channel: Channel, at: u64, samples: u64) {
        self.gaps.note(channel, at, samples);
    }

    /// One side hears a beep from there on. What was written before this was told stays as it is.
    pub(crate) fn beep(&mut self, channel: Channel, at: Duration) {
        self.beeps.add(channel, frames(at), self.timeline.written());
    }

    /// Nothing of what is said from now is kept, or it is again. What came before this was told is taken back.
    pub(crate) fn silence(&mut self, kind: Silence, begins: bool, at: Time, by: Value) -> Result<(), RecorderError> {
        let from = self.frames_at(at);
        match begins {
            true => self.silences.begins(kind, from, by),
            false => self.silences.ends(kind, from, by),
        }
        let written = self.timeline.written();
        let from = from.max(self.base);
        if begins && from < written {
            let mut samples = vec![0; (written - from) as usize * self.wide];
            self.silences.cover(from, &mut samples, self.wide);
            let late = Late { at: from - self.base, samples };
            for channel in [Channel::Left, Channel::Right] {
                self.sound.patch(channel, &late).map_err(|why| self.disk(why))?;
            }
        }
        // Should nobody live to close it, this is what will be known.
        let mut told = self.started.clone();
        self.tell_part(&mut told);
        self.silences.tell(written.max(from), &mut told);
        let text = sidecar::text(&told).map_err(|why| self.disk(why))?;
        sidecar::write(&self.place.with(JSON_PART), &text, false).map_err(|why| self.disk(why))
    }

    /// Nothing that is said after this belongs to it.
    pub(crate) fn stop(&mut self, length: Duration) {
        self.stopped.get_or_insert(frames(length));
    }

    /// It cannot go on: what there is of it is to be saved.
    pub(crate) fn broken_off(self, id: RecordingId, why: String) -> Closing {
        Closing::cut_off(Some(id), self.place, self.sound.into_file(), Some(why))
    }

    /// A clip of one side. Too late to be written in its turn, it is put right in the file.
    pub(crate) fn audio(&mut self, channel: Channel, clip: &Clip, now: Time) -> Result<(), RecorderError> {
        let end = clip.end();
        if self.stopped.is_some_and(|stopped| clip.at >= stopped) {
            return Ok(()); // on its way when it was stopped
        }
        if end > self.frames_at(now) + AHEAD {
            self.misplaced += 1; // a clock gone wrong must fill neither memory nor disk
            return Ok(());
        }
        self.write_until(end.saturating_sub(WINDOW))?;
        if let Some(mut late) = self.timeline.place(channel, clip) {
            self.beeps.lay_over(channel, late.at, &mut late.samples, 1);
            self.silences.cover(late.at, &mut late.samples, self.wide);
            let frames = (late.samples.len() / self.wide) as u64;
            let before = self.base.saturating_sub(late.at).min(frames); // in a file that is closed
            let late = Late {
                at: (late.at + before) - self.base.min(late.at + before),
                samples: late.samples[before as usize * self.wide..].to_vec(),
            };
            if !self.sound.patch(channel, &late).map_err(|why| self.disk(why))? {
                self.gaps.note(channel, clip.at, frames);
            }
        }
        let both = self.timeline.both();
        if both < self.timeline.written() + WRITE { Ok(()) } else { self.write_until(both) }
    }

    /// Writes what has waited long enough for the other side; in a silence, silence.
    pub(crate) fn look(&mut self, now: Time) -> Result<(), RecorderError> {
        if self.end.is_some() || self.stopped.is_some_and(|end| self.timeline.written() >= end) {
            return Ok(()); // what is left is written by `finish`, however late we look: no second is added to the call
        }
        let frames = self.frames_at(now);
        match self.timeline.oldest() {
            Some(oldest) if frames >= oldest + HOLD => self.write_until(self.timeline.either()),
            None if frames >= self.timeline.written() + SILENCE => self.write_until(frames - HOLD),
            _ => Ok(()),
        }
    }

    /// It was `length` long. It stays a little for clips on their way; then it [`is_over`](Self::is_over).
    pub(crate) fn close(&mut self, length: Duration, sidecar: Value, now: Time) {
        let frames = frames(length).min(self.frames_at(now) + AHEAD);
        self.end = Some(End { until: now + LINGER, frames, sidecar: sidecar::members(sidecar) });
    }

    pub(crate) fn is_over(&self, now: Time) -> bool {
        self.end.as_ref().is_some_and(|end| now >= end.until)
    }

    /// Writes the rest. What is left to do waits for the disk, and is another's.
    pub(crate) fn finish(mut self, id: RecordingId) -> Result<Closing, (RecorderError, Box<Recording>)> {
        let frames = self.end.as_ref().map_or(0, |end| end.frames);
        let written = self.write_until(frames.max(self.timeline.either()));
        if let Err(why) = written.and_then(|()| self.sound.finish().map_err(|why| self.disk(why))) {
            return Err((why, Box::new(self)));
        }
        let End { mut sidecar, .. } = self.end.take().unwrap_or_default();
        if self.misplaced > 0 {
            sidecar.insert("misplaced_clips".to_owned(), self.misplaced.into());
        }
        self.tell_part(&mut sidecar);
        self.silences.tell(self.timeline.written(), &mut sidecar);
        sidecar.insert("sample_rate".to_owned(), (self.wide as u64 * RATE).into());
        self.gaps.tell(&mut sidecar);
        self.beeps.tell(&mut sidecar);
        let length = seconds(self.timeline.written() - self.base);
        Ok(Closing::whole(id, self.place, self.sound.into_file(), length, sidecar))
    }

    /// Everything before frame `end` goes to the disk, and the header tells so.
    fn write_until(&mut self, end: u64) -> Result<(), RecorderError> {
        let end = self.stopped.map_or(end, |stopped| end.min(stopped));
        if end <= self.timeline.written() {
            return Ok(());
        }
        if end > self.base + (self.secs_max * RATE).min(self.sound.frames_max()) {
            return Err(RecorderError::TooLong { file: self.file.clone(), secs: self.secs_max });
        }
        let Recording { timeline, sound, silences, beeps, wide, .. } = self;
        let mut at = timeline.written();
        let write = |piece: &[i16]| {
            let (from, frames) = (at, (piece.len() / 2 / *wide) as u64);
            at += frames;
            if !silences.touch(from, frames) && !beeps.touch(from, frames) {
                return sound.write(piece);
            }
            let mut kept = piece.to_vec();
            beeps.lay_over(Channel::Left, from, &mut kept, 2);
            beeps.lay_over(Channel::Right, from, &mut kept[1..], 2);
            silences.cover(from, &mut kept, 2 * *wide);
            sound.write(&kept)
        };
        timeline.leave(end, write).and_then(|()| sound.settle()).map_err(|why| self.disk(why))
    }

    /// Where on its time line the recording is.
    fn frames_at(&self, now: Time) -> u64 {
        frames(now.since(self.began))
    }

    fn disk(&self, why: io::Error) -> RecorderError {
        RecorderError::Disk { file: self.file.clone(), why }
    }
}

fn not_begun(file: &str, why: io::Error) -> RecorderError {
    let file = file.to_owned();
    match why.kind() {
        ErrorKind::AlreadyExists => RecorderError::Taken { file },
        _ => RecorderError::Disk { file, why },
    }
}

fn begin(place: &Place, started: &Map<String, Value>, wide: usize, keys: &Keyring) -> io::Result<SoundFile> {
    let part = place.sound_part();
    fs::create_dir_all(part.parent().unwrap_or(Path::new("."))).map_err(|why| match why.kind() {
        ErrorKind::AlreadyExists => ErrorKind::NotADirectory.into(), // a file where a day's folder should be
        _ => why,
    })?;
    if place.sound().try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let made = SoundFile::create(&part, place.kind(), wide, keys).and_then(|sound| {
        sidecar::write(&place.with(JSON_PART), &sidecar::text(started)?, false)?;
        Ok(sound)
    });
    if made.as_ref().is_err_and(|why| why.kind() != ErrorKind::AlreadyExists) {
        let _ = fs::remove_file(key_file(&part));
        let _ = fs::remove_file(&part); // an empty recording is none
    }
    made
}

fn frames(duration: Duration) -> u64 {
    duration.as_micros() as u64 / (1_000_000 / RATE)
}

pub(crate) fn seconds(frames: u64) -> f64 {
    frames as f64 / RATE as f64
}

/// How long sound waits for the other side. Clips are up to 500 ms and the two sides' are out of step; what comes
/// later still is patched in at a greater price. With the recorder's looks every 100 ms this keeps the loss on
/// `kill -9` under a second.
const HOLD: u64 = RATE * 7 / 10;
/// Less than this is not worth a write yet: clips of the two sides that are out of step are written together.
const WRITE: u64 = RATE * 4 / 10;
/// When neither side speaks, silence is written up to [`HOLD`] ago as often as this much is due.
const SILENCE: u64 = RATE * 8 / 10;
/// Clips may claim to end this much after now: clocks of threads differ by less.
const AHEAD: u64 = RATE;
/// No more than this waits in memory (64 KiB), whatever the clips' times are.
const WINDOW: u64 = 2 * RATE;
/// So many files at most for one recording: disks that fail in turn must not make thousands.
const PARTS_MAX: u32 = 8;
/// The media threads hand over their last clips within this time after a recording was closed.
const LINGER: Duration = Duration::from_millis(200);
