//! What is heard in place of a lost packet of a codec that cannot help itself: the last pitch period again, fading
//! away within 60 ms (after the idea of ITU-T G.711 appendix I).
//!
//! Where it stands: in [`Decoder`](crate::Decoder), for G.711 and G.722. It sees every decoded sample.

/// The recent past, and how long it has been the only thing heard.
#[derive(Clone, Debug)]
pub(crate) struct Concealer {
    rate: u32,
    /// The last 30 ms said (or made up).
    past: Vec<i16>,
    /// The period repeated during a loss, and how many samples were made of it.
    period: Vec<i16>,
    made: usize,
}

impl Concealer {
    pub fn new(rate: u32) -> Concealer {
        Concealer { rate, past: vec![0; ms(rate, 30)], period: Vec::new(), made: 0 }
    }

    /// Samples that came. The first ones after a loss grow out of what was made up.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.made > 0 {
            let seam = ms(self.rate, 5).min(samples.len());
            for (n, sample) in samples[..seam].iter_mut().enumerate() {
                *sample = blended(self.next(), *sample, n + 1, seam + 1);
            }
            self.made = 0;
        }
        self.remember(samples);
    }

    /// Makes up samples for what did not come.
    pub fn conceal(&mut self, samples: &mut [i16]) {
        if self.made == 0 {
            self.find_period();
        }
        samples.fill_with(|| self.next());
        self.remember(samples);
    }

    fn remember(&mut self, samples: &[i16]) {
        let keep = self.past.len();
        let samples = &samples[samples.len().saturating_sub(keep)..];
        self.past.copy_within(samples.len().., 0);
        self.past[keep - samples.len()..].copy_from_slice(samples);
    }

    /// The next sample of the repeated period: 10 ms as loud as it was, then fading until 60 ms.
    fn next(&mut self) -> i16 {
        let sample = i64::from(self.period[self.made % self.period.len()]);
        let (loud, silent) = (ms(self.rate, 10), ms(self.rate, 60));
        let left = silent.saturating_sub(self.made.max(loud)) as i64;
        self.made += 1;
        (sample * left / (silent - loud) as i64) as i16
    }

    /// The lag, 2.5 to 15 ms, at which the last 10 ms are most like what was before them.
    fn find_period(&mut self) {
        let (least, most, length) = (self.rate as usize / 400, ms(self.rate, 15), ms(self.rate, 10));
        let end = self.past.len();
        let latest = &self.past[end - length..];
        let likeness = |lag: usize| {
            let before = &self.past[end - length - lag..end - lag];
            let dot: f64 = latest.iter().zip(before).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let energy: f64 = before.iter().map(|b| f64::from(*b).powi(2)).sum();
            if energy > 0.0 { dot / energy.sqrt() } else { 0.0 }
        };
        let best = (least..=most).map(|lag| (likeness(lag), lag)).max_by(|a, b| a.0.total_cmp(&b.0));
        let lag = best.map_or(most, |(_, lag)| lag);
        self.period.clear();
        self.period.extend_from_slice(&self.past[end - lag..]);
        // The last quarter leads over to the first sample, so that the repeats have no seam.
        let quarter = lag / 4;
        for n in 0..quarter {
            let lead = self.past[end - lag - quarter + n];
            let place = lag - quarter + n;
            self.period[place] = blended(self.period[place], lead, n + 1, quarter + 1);
        }
    }
}

/// `n` parts of `of` of the other, the rest of the one.
fn blended(one: i16, other: i16, n: usize, of: usize) -> i16 {
    let (n, of) = (n as i64, of as i64);
    ((i64::from(one) * (of - n) + i64::from(other) * n) / of) as i16
}

fn ms(rate: u32, ms: usize) -> usize {
    rate as usize * ms / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SILENT_DBFS, goertzel, rms_dbfs, tone};

    /// 440 Hz, with these frames of 20 ms lost.
    fn with_loss(lost: &[usize]) -> Vec<i16> {
        let mut concealer = Concealer::new(8000);
        let mut heard = tone(&[(440.0, -10.0)], 400);
        for (n, frame) in heard.chunks_mut(160).enumerate() {
            if lost.contains(&n) { concealer.conceal(frame) } else { concealer.heard(frame) }
        }
        heard
    }

    /// The largest step from sample to sample; a click is larger than the tone's own.
    fn steepest(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_lost_frame_of_a_tone_is_hardly_missed() {
        let whole = with_loss(&[]);
        let heard = with_loss(&[5, 11]);
        assert!((goertzel::level(&heard[800..960], 440.0) + 10.0).abs() < 2.0);
        assert!(goertzel::share(&heard, 440.0) > 0.95);
        assert!(steepest(&heard) <= steepest(&whole) * 11 / 10, "{} {}", steepest(&heard), steepest(&whole));
        assert_eq!(heard[..800], whole[..800], "nothing else is changed before a loss");
        assert_eq!(heard[1000..1760], whole[1000..1760], "nor after it");
    }

    #[test]
    fn a_long_loss_fades_into_silence() {
        let heard = with_loss(&[5, 6, 7, 8, 9]);
        assert!(rms_dbfs(&heard[800..960]) > -13.0);
        assert!(rms_dbfs(&heard[960..1120]) < rms_dbfs(&heard[800..960]) - 2.0);
        assert_eq!(rms_dbfs(&heard[800 + 480..1600]), SILENT_DBFS);
        assert!(steepest(&heard) <= steepest(&with_loss(&[])) * 11 / 10);
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for rate in [8000, 16_000, 48_000] {
            let mut frame = vec![1; rate as usize / 50];
            Concealer::new(rate).conceal(&mut frame);
            assert_eq!(rms_dbfs(&frame), SILENT_DBFS);
        }
    }
}
