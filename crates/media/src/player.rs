//! A sound on its way into one leg: a prompt, a tone, music.
//!
//! Where it stands: a port has at most one; `patchbay` asks it for a frame whenever the wheel says so. It has no clock.

use audio::{Codec, Encoding, Sound};

/// What is played, and how far it has come.
pub(crate) struct Player {
    /// The number the switch gave it.
    pub id: u32,
    sound: Sound,
    repeat: bool,
    position: usize,
    /// Its own numbering, which the leg's `OutStream` maps.
    sequence: u16,
    timestamp: u32,
}

impl Player {
    pub fn new(id: u32, sound: Sound, repeat: bool) -> Player {
        Player { id, sound, repeat, position: 0, sequence: 0, timestamp: 0 }
    }

    /// Everything has been played.
    pub fn is_over(&self) -> bool {
        self.position >= self.sound.samples() && (!self.repeat || self.sound.is_empty())
    }

    /// The next packet of 20 ms in Opus, and its sequence number and timestamp; silence after the last is not sent.
    pub fn next_opus(&mut self) -> (Option<&[u8]>, u16, u32) {
        if self.position >= self.sound.samples() && self.repeat {
            self.position = 0;
        }
        let numbers = (self.sequence, self.timestamp);
        let n = self.position / OPUS_SAMPLES;
        self.position += OPUS_SAMPLES;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(OPUS_UNITS);
        (self.sound.opus_packet(n), numbers.0, numbers.1)
    }

    /// Fill `frame` with the next samples (silence after the last), and say their sequence number and timestamp.
    pub fn next(&mut self, codec: Codec, frame: &mut [u8]) -> (u16, u32) {
        let payload = self.sound.payload(codec);
        let mut filled = 0;
        while filled < frame.len() {
            if self.position >= payload.len() {
                if !self.repeat || payload.is_empty() {
                    frame[filled..].fill(codec.encoding().map_or(G722_SILENCE, Encoding::silence));
                    break;
                }
                self.position = 0;
            }
            let step = (payload.len() - self.position).min(frame.len() - filled);
            frame[filled..filled + step].copy_from_slice(&payload[self.position..self.position + step]);
            self.position += step;
            filled += step;
        }
        let numbers = (self.sequence, self.timestamp);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(frame.len() as u32);
        numbers
    }
}

/// 20 ms of a sound, and of Opus's clock.
const OPUS_SAMPLES: usize = 160;
pub(crate) const OPUS_UNITS: u32 = 960;
/// What G.722 says of silence.
const G722_SILENCE: u8 = 0xfa;

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(samples: usize) -> Sound {
        Sound::from_pcm((0..samples as i16).map(|n| n * 16).collect())
    }

    #[test]
    fn a_sound_is_played_once_or_round_and_round() {
        let whole = sound(400);
        let payload = whole.payload(Codec::Pcma).to_vec();
        let silence = Encoding::Pcma.silence();
        for (repeat, expected) in [
            (false, [payload.clone(), vec![silence; 80]].concat()),
            (true, [payload.clone(), payload[..80].to_vec()].concat()),
        ] {
            let mut player = Player::new(1, whole.clone(), repeat);
            let mut heard = Vec::new();
            for i in 0..3_u16 {
                assert!(!player.is_over());
                let mut frame = [0; 160];
                assert_eq!(player.next(Codec::Pcma, &mut frame), (i, u32::from(i) * 160));
                heard.extend(frame);
            }
            assert_eq!(heard, expected);
            assert_eq!(player.is_over(), !repeat);
        }
    }

    #[test]
    fn a_sound_shorter_than_a_frame_goes_round_within_it() {
        let short = sound(3);
        let mut frame = [0; 8];
        Player::new(1, short.clone(), true).next(Codec::Pcmu, &mut frame);
        let payload = short.payload(Codec::Pcmu);
        assert_eq!(frame.to_vec(), payload.iter().cycle().take(8).copied().collect::<Vec<u8>>());
    }

    #[test]
    fn nothing_to_play_is_over_at_once_even_for_ever() {
        for repeat in [false, true] {
            assert!(Player::new(1, sound(0), repeat).is_over());
        }
    }
}
