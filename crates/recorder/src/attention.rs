//! Who leaves a message and has stopped speaking: the left side of a recording is listened to, and it is told once it has been
//! quiet for long.
//!
//! Where it stands: the recorder, which gets all sound there is, asks it with each clip, and now and then with none: a
//! phone that sends nothing says nothing, too.

use std::time::Duration;

use audio::{Clip, rms_dbfs};
use base::Time;

/// One recording that is listened to.
pub(crate) struct Attention {
    began: Time,
    limit: Duration,
    /// Where somebody was heard last, in samples of 8 kHz.
    heard: u64,
    told: bool,
}

impl Attention {
    /// From `since` on, which is a place in a recording that began then.
    pub(crate) fn new(began: Time, limit: Duration) -> Attention {
        Attention { began, limit, heard: 0, told: false }
    }

    pub(crate) fn hears(&mut self, clip: &Clip) {
        if rms_dbfs(&clip.encoding.decoded(&clip.payload)) > QUIET_DBFS {
            self.heard = self.heard.max(clip.end());
        }
    }

    /// Has it been quiet for so long? Said once.
    pub(crate) fn is_over(&mut self, now: Time) -> bool {
        let heard = Duration::from_millis(self.heard / 8);
        let over = now.since(self.began) >= heard + self.limit + ON_ITS_WAY;
        over && !std::mem::replace(&mut self.told, true)
    }
}

/// A quiet room at the other end of a telephone is lower, a soft voice is not.
const QUIET_DBFS: f64 = -45.0;
/// Sound is here so soon.
const ON_ITS_WAY: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use audio::Encoding;

    use super::*;

    fn clip(second: u64, dbfs: f64) -> Clip {
        let payload = Encoding::Pcma.encoded(&audio::tone(&[(400.0, dbfs)], 1000));
        Clip { at: second * 8000, encoding: Encoding::Pcma, wide: 1, payload }
    }

    #[test]
    fn it_is_over_when_nobody_has_spoken_for_so_long() {
        let began = Time::from_millis(5_000);
        let at = |ms: u64| Time::from_millis(5_000 + ms);
        let mut attention = Attention::new(began, Duration::from_secs(3));
        for second in 0..4 {
            attention.hears(&clip(second, -20.0));
        }
        attention.hears(&clip(4, -60.0)); // the room
        assert!(!attention.is_over(at(7_300)));
        assert!(attention.is_over(at(7_500)) && !attention.is_over(at(8_000)), "told once");
        let mut silent = Attention::new(began, Duration::from_secs(3));
        assert!(!silent.is_over(at(3_300)) && silent.is_over(at(3_400)), "a phone that sends nothing");
    }
}
