//! Does somebody speak, or is only his room heard?
//!
//! Where it stands: each [`Voice`](crate::voice::Voice) has one, which hears every frame. A mix of many takes in those who
//! speak: two hundred quiet rooms are a loud one.

/// The memory of how loud somebody and his room are. All powers are mean squares of samples.
#[derive(Debug)]
pub(crate) struct Gate {
    /// His room: goes down at once, and up slowly.
    floor: f32,
    /// Goes up at once, and down within some frames.
    loudness: f32,
    /// He counts as speaking for so many frames more.
    open: u8,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { floor: FLOOR_MIN, loudness: 0.0, open: 0 }
    }
}

impl Gate {
    /// The next 20 ms.
    pub fn hear(&mut self, frame: &[i16]) {
        let energy: i64 = frame.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
        let power = energy as f32 / frame.len().max(1) as f32;
        self.floor = power.min(self.floor * FLOOR_RISES).clamp(FLOOR_MIN, FLOOR_MAX);
        self.loudness = power.max(self.loudness * LOUDNESS_FALLS);
        self.open = if power > self.floor * OVER_FLOOR { OPEN } else { self.open.saturating_sub(1) };
    }

    /// Somebody speaks, or has just spoken.
    pub fn is_open(&self) -> bool {
        self.open > 0
    }

    /// How loud, of late.
    pub fn loudness(&self) -> f32 {
        self.loudness
    }
}

/// The mean square of a sine at full scale is 2²⁹: these are −70 and −40 dBFS.
const FLOOR_MIN: f32 = 53.7;
const FLOOR_MAX: f32 = 53_687.0;
/// 3 dB a second.
const FLOOR_RISES: f32 = 1.0139;
/// 12 dB over the room, which is 9 dB over what noise does at times.
const OVER_FLOOR: f32 = 15.8;
/// 0.4 s: the pauses between words are part of what is said.
const OPEN: u8 = 20;
/// To a half in 0.14 s.
const LOUDNESS_FALLS: f32 = 0.905;

#[cfg(test)]
mod tests {
    use audio::tone;

    use super::*;

    /// Hears `ms` of a tone, and says for how many frames the gate was open.
    fn open(gate: &mut Gate, dbfs: f64, ms: u64) -> usize {
        let frames = tone(&[(440.0, dbfs)], ms as u32);
        frames.chunks(160).filter(|frame| (gate.hear(frame), gate.is_open()).1).count()
    }

    #[test]
    fn who_speaks_is_heard_at_once_and_a_while_longer() {
        let mut gate = Gate::default();
        assert_eq!(open(&mut gate, -75.0, 1000), 0);
        assert_eq!(open(&mut gate, -35.0, 200), 10);
        assert_eq!(open(&mut gate, -75.0, 1000), 19);
    }

    #[test]
    fn a_noisy_room_is_learned_and_is_no_speech() {
        let mut gate = Gate::default();
        open(&mut gate, -50.0, 6000);
        assert_eq!(open(&mut gate, -50.0, 2000), 0);
        assert_eq!(open(&mut gate, -30.0, 1000), 50, "he is heard over it");
        open(&mut gate, -50.0, 1000);
        assert_eq!(open(&mut gate, -25.0, 60_000), 3000, "and loud music always");
    }
}
