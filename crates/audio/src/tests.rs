//! What the codecs' tests measure with, at any rate.

use std::f64::consts::TAU;

/// A sine of any rate.
pub(crate) fn sine(rate: u32, hz: f64, dbfs: f64, ms: u32) -> Vec<i16> {
    let peak = crate::level::amplitude(dbfs);
    let sample = |n: u32| (peak * (TAU * hz * f64::from(n) / f64::from(rate)).sin()).round() as i16;
    (0..rate / 1000 * ms).map(sample).collect()
}

/// How far what is not the sine of `hz` lies below it: least squares of a sine and a cosine, and the rest.
pub(crate) fn snr_db(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let (mut ss, mut cc, mut sc, mut sx, mut cx, mut xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * hz * n as f64 / f64::from(rate)).sin_cos();
        let x = f64::from(*sample);
        ss += sin * sin;
        cc += cos * cos;
        sc += sin * cos;
        sx += sin * x;
        cx += cos * x;
        xx += x * x;
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((sx * cc - cx * sc) / determinant, (cx * ss - sx * sc) / determinant);
    let signal = a * sx + b * cx;
    10.0 * (signal / (xx - signal).max(1e-9)).log10()
}
