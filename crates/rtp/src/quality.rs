//! How a stream sounds, estimated from how it arrived: the E-model of ITU-T G.107, with the delay term of Cole and
//! Rosenbluth (2001).
//!
//! Where it stands: `media` asks at the end of a leg and while it stands. It hears nothing: echo, noise and a bad
//! microphone are beyond it. Codecs better than G.711 are judged on G.711's scale, so 4.4 is the best there is.

use std::time::Duration;

/// What a stream met on its way.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Passage {
    /// Packets that should have come.
    pub expected: u64,
    /// Of those, packets that did not come, or came too late to be heard.
    pub lost: u64,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// To the other side and back, where it was measured.
    pub round_trip: Option<Duration>,
    /// What one packet holds.
    pub packet: Duration,
}

/// Without a fault, everything else at G.107's default values.
const BEST_R: f64 = 93.2;
/// Robustness of G.711 with concealment against random loss (ITU-T G.113 appendix I).
const LOSS_ROBUSTNESS: f64 = 25.1;
/// From here on a delay is felt as one (milliseconds, one way).
const FELT_DELAY_MS: f64 = 177.3;

/// The mean opinion score, 1 (bad) to 4.4 (as good as telephony gets), that listeners would give.
///
/// ```
/// use rtp::{Passage, mos};
/// let clean = Passage { expected: 1000, ..Passage::default() };
/// assert!(mos(&clean) > 4.3 && mos(&Passage { lost: 100, ..clean }) < 3.5);
/// ```
pub fn mos(passage: &Passage) -> f32 {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let lost_percent = 100.0 * passage.lost.min(passage.expected) as f64 / passage.expected.max(1) as f64;
    // A receiver waits for two mean deviations, and for the packet itself.
    let delay = passage.round_trip.map_or(0.0, ms) / 2.0 + 2.0 * ms(passage.jitter) + ms(passage.packet);
    let delayed = 0.024 * delay + 0.11 * (delay - FELT_DELAY_MS).max(0.0);
    let damaged = 95.0 * lost_percent / (lost_percent + LOSS_ROBUSTNESS); // Ie-eff (G.107 §3.5), Ie = 0
    let r = (BEST_R - delayed - damaged).clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5) as f32 // G.107 annex B
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passage(lost: u64, jitter_ms: u64, round_trip_ms: u64) -> Passage {
        Passage {
            expected: 1000,
            lost,
            jitter: Duration::from_millis(jitter_ms),
            round_trip: Some(Duration::from_millis(round_trip_ms)),
            packet: Duration::from_millis(20),
        }
    }

    #[test]
    fn the_score_is_the_one_the_formulas_of_g_107_give() {
        // lost per mille, jitter and round trip in ms, score worked out apart
        for (lost, jitter, round_trip, want) in [
            (0, 0, 0, 4.400),
            (10, 0, 0, 4.316),
            (50, 0, 0, 3.903),
            (100, 0, 0, 3.387),
            (0, 0, 300, 4.317),
            (0, 20, 300, 4.184),
            (0, 0, 800, 2.913),
            (1000, 0, 0, 1.165),
        ] {
            let score = mos(&passage(lost, jitter, round_trip));
            assert!((score - want).abs() < 0.001, "{lost} {jitter} {round_trip}: {score} for {want}");
        }
    }

    proptest! {
        #[test]
        fn a_worse_passage_never_sounds_better(
            lost in 0..1000_u64, jitter in 0..500_u64, round_trip in 0..3000_u64,
            more in (0..100_u64, 0..100_u64, 0..500_u64),
        ) {
            let before = mos(&passage(lost, jitter, round_trip));
            let after = mos(&passage(lost + more.0, jitter + more.1, round_trip + more.2));
            prop_assert!((1.0..=4.5).contains(&before) && after <= before + 0.02, "{before} {after}");
        }
    }
}
