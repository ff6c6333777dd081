//! Where nothing is kept of what was said: masks over card data, and pauses.
//!
//! Where it stands: a recording lays them over whatever it writes, so that no sound of them ever stays on the disk, in
//! whatever order clips come. Both sides are silent, and time goes on. The sidecar tells where and who wanted it.

use serde_json::{Map, Value, json};

use crate::recording::seconds;
use crate::wav_file::RATE;

/// Why nothing is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Silence {
    /// Card data. It may be told from a pause in what is said by a soft tone.
    Mask,
    /// What is private.
    Pause,
}

/// All of a recording.
pub(crate) struct Silences {
    spans: Vec<Span>,
    /// Masks are a soft tone.
    tone: bool,
}

struct Span {
    kind: Silence,
    /// The first frame, and the first that is kept again; a silence that is has none.
    from: u64,
    until: Option<u64>,
    /// Who began it and who ended it, as told.
    begun: Value,
    ended: Value,
}

impl Silences {
    /// None yet.
    pub fn new(tone: bool) -> Silences {
        Silences { spans: Vec::new(), tone }
    }

    /// Nothing is kept from this frame on.
    pub fn begins(&mut self, kind: Silence, from: u64, by: Value) {
        let full = self.spans.len() >= SPANS_MAX;
        match self.spans.iter_mut().rev().find(|span| span.kind == kind) {
            Some(span) if span.until.is_none() => {}
            Some(span) if full => span.until = None, // more than can be told: one of them is longer
            _ => self.spans.push(Span { kind, from, until: None, begun: by, ended: Value::Null }),
        }
    }

    /// It is kept again from this frame on.
    pub fn ends(&mut self, kind: Silence, until: u64, by: Value) {
        let open = self.spans.iter_mut().rev().find(|span| span.kind == kind && span.until.is_none());
        if let Some(span) = open {
            (span.until, span.ended) = (Some(until.max(span.from)), by);
        }
    }

    /// Does one of these frames lie within?
    pub fn touch(&self, at: u64, frames: u64) -> bool {
        self.spans.iter().any(|span| span.from < at.saturating_add(frames) && at < span.end())
    }

    /// Takes away what must not be kept: of interleaved samples, the first of them of frame `at`.
    pub fn cover(&self, at: u64, samples: &mut [i16], channels: usize) {
        for span in &self.spans {
            for (frame, sample) in (at..).zip(samples.chunks_mut(channels)) {
                if (span.from..span.end()).contains(&frame) {
                    sample.fill(if span.kind == Silence::Mask && self.tone { soft_tone(frame) } else { 0 });
                }
            }
        }
    }

    /// Says where they are; nothing, where there are none. One that is still to end ends with `length` frames.
    pub fn tell(&self, length: u64, sidecar: &mut Map<String, Value>) {
        for (kind, name) in [(Silence::Mask, "masks"), (Silence::Pause, "pauses")] {
            let of_kind = self.spans.iter().filter(|span| span.kind == kind);
            let spans: Vec<Value> = of_kind.map(|span| span.told(length)).collect();
            if !spans.is_empty() {
                sidecar.insert(name.to_owned(), spans.into());
            }
        }
    }
}

impl Span {
    fn end(&self) -> u64 {
        self.until.map_or(u64::MAX, |until| until.saturating_add(MARGIN))
    }

    fn told(&self, length: u64) -> Value {
        let until = self.until.unwrap_or(length).max(self.from);
        json!({
            "from_secs": seconds(self.from),
            "secs": seconds(until - self.from),
            "begun": self.begun,
            "ended": self.ended,
        })
    }
}

/// 400 Hz at -40 dBFS, going on where it was.
fn soft_tone(frame: u64) -> i16 {
    let turn = (frame % (RATE / 400)) as f64 * 400.0 / RATE as f64;
    ((turn * std::f64::consts::TAU).sin() * 328.0) as i16
}

/// What was said under a mask may be placed this much later than it was, and a key that ended it may be held down for as
/// long.
const MARGIN: u64 = RATE / 2;
/// Of more, the last goes on to the next one's end.
const SPANS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_within_stays_and_nothing_without_is_lost() {
        let mut silences = Silences::new(false);
        silences.begins(Silence::Mask, 10, json!("ann"));
        let mut frames = [7; 40];
        assert!(silences.touch(10, 1) && silences.touch(0, 11) && !silences.touch(0, 10));
        silences.cover(0, &mut frames, 2);
        assert_eq!(frames, std::array::from_fn::<i16, 40, _>(|at| if at < 20 { 7 } else { 0 }));
        silences.ends(Silence::Mask, 15, json!("bob"));
        let mut frames = vec![7; 8000];
        silences.cover(12, &mut frames, 1);
        let kept = frames.iter().position(|sample| *sample == 7).unwrap() as u64 + 12;
        assert_eq!(kept, 15 + MARGIN, "what comes a little late is not kept either");
        silences.begins(Silence::Pause, 8000, Value::Null);
        let mut told = Map::new();
        silences.tell(16_000, &mut told);
        let mask = json!([{ "from_secs": 0.00125, "secs": 0.000625, "begun": "ann", "ended": "bob" }]);
        assert_eq!(told["masks"], mask);
        assert_eq!(told["pauses"][0]["secs"], 1.0, "until the end");
    }

    #[test]
    fn a_mask_may_be_a_soft_tone_and_a_pause_is_not() {
        let mut silences = Silences::new(true);
        silences.begins(Silence::Mask, 0, Value::Null);
        let mut frames = [7; 800];
        silences.cover(4000, &mut frames, 2);
        assert!(frames.iter().any(|sample| sample.abs() > 200) && frames.iter().all(|sample| sample.abs() <= 328));
        silences.ends(Silence::Mask, 0, Value::Null);
        silences.begins(Silence::Pause, 0, Value::Null);
        silences.cover(4000, &mut frames, 2);
        assert_eq!(frames, [0; 800]);
    }

    #[test]
    fn very_many_are_bounded_and_err_on_the_side_of_silence() {
        let mut silences = Silences::new(false);
        for n in 0..2000 {
            silences.begins(Silence::Mask, n * 100_000, Value::Null);
            silences.ends(Silence::Mask, n * 100_000 + 10, Value::Null);
            silences.ends(Silence::Mask, n * 100_000 + 20, Value::Null);
        }
        assert_eq!(silences.spans.len(), SPANS_MAX);
        assert!((0..2000).all(|n| silences.touch(n * 100_000, 10)));
    }
}
