//! Against another implementation's bits (ffmpeg's), and by what a listener would measure.

use super::*;
use crate::tests::{sine, snr_db};
use crate::{SILENT_DBFS, rms_dbfs};
use proptest::prelude::*;

const SAID: &[u8] = include_bytes!("../../tests/g722/said.s16le");
const CODED: &[u8] = include_bytes!("../../tests/g722/coded.g722");
const HEARD: &[u8] = include_bytes!("../../tests/g722/heard.s16le");

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

fn coded(samples: &[i16]) -> Vec<u8> {
    let mut payload = vec![0; samples.len() / 2];
    Encoder::new().encode_into(samples, &mut payload);
    payload
}

fn heard(payload: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; payload.len() * 2];
    Decoder::new().decode_into(payload, &mut samples);
    samples
}

#[test]
fn each_bit_is_that_of_another_encoder() {
    assert_eq!(coded(&samples(SAID)), CODED);
}

#[test]
fn each_sample_is_that_of_another_decoder() {
    assert_eq!(heard(CODED), samples(HEARD));
}

#[test]
fn tones_of_both_bands_come_through() {
    for (hz, dbfs, least_snr) in [
        (300.0, -10.0, 38.0),
        (1000.0, -10.0, 38.0),
        (1000.0, -30.0, 35.0),
        (1000.0, -50.0, 25.0),
        (3000.0, -10.0, 30.0),
        (5000.0, -10.0, 12.0),
        (6500.0, -10.0, 10.0),
    ] {
        let pcm = heard(&coded(&sine(16_000, hz, dbfs, 400)));
        let steady = &pcm[3200..];
        let (snr, level) = (snr_db(steady, 16_000, hz), rms_dbfs(steady));
        assert!(snr > least_snr && (level - dbfs).abs() < 1.0, "{hz} Hz at {dbfs}: {snr} dB, {level} dBFS");
    }
}

#[test]
fn a_narrowband_listener_hears_the_lower_band_and_a_narrowband_talker_is_it() {
    for (hz, dbfs) in [(300.0, -10.0), (1000.0, -10.0), (1000.0, -30.0), (3000.0, -10.0)] {
        let wide = coded(&sine(16_000, hz, dbfs, 400));
        let mut narrow = vec![0; wide.len()];
        Decoder::new().decode_low_into(&wide, &mut narrow);
        let mut from_narrow = vec![0; 3200];
        Encoder::new().encode_low_into(&sine(8000, hz, dbfs, 400), &mut from_narrow);
        let widened = heard(&from_narrow);
        for (what, pcm, rate) in [("listener", &narrow, 8000), ("talker", &widened, 16_000)] {
            let steady = &pcm[pcm.len() / 2..];
            let (snr, level) = (snr_db(steady, rate, hz), rms_dbfs(steady));
            // What lies near 4 kHz has a faint image beyond it, as nothing in the higher band cancels it.
            let least_snr = if hz > 2500.0 && rate == 16_000 { 20.0 } else { 30.0 };
            assert!(snr > least_snr && (level - dbfs).abs() < 1.0, "{what}, {hz} Hz at {dbfs}: {snr} dB, {level} dBFS");
        }
    }
}

#[test]
fn silence_stays_silent_and_full_scale_does_not_wrap() {
    assert!(rms_dbfs(&heard(&coded(&[0; 1600]))) < -75.0);
    let square: Vec<i16> = (0..1600).map(|n| if n / 16 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    assert!(rms_dbfs(&heard(&coded(&square))[800..]) > -1.0);
    assert_ne!(rms_dbfs(&heard(&[0; 160])), SILENT_DBFS);
}

proptest! {
    #[test]
    fn any_bytes_are_some_sound(payload: Vec<u8>) {
        prop_assert_eq!(heard(&payload).len(), payload.len() * 2);
    }

    #[test]
    fn any_sound_is_some_bytes(samples: Vec<i16>) {
        prop_assert_eq!(coded(&samples).len(), samples.len() / 2);
    }
}
