//! A sound on its way into one leg: a prompt, a tone, music.
//!
//! Where it stands: a port has at most one; `patchbay` asks it for a frame whenever the wheel says so. It has no clock.

use audio::{Codec, Encoding, Playlist, Sound};

/// What is played, and how far it has come.
pub(crate) struct Player {
    /// The number the switch gave it.
    pub id: u32,
    list: Playlist,
    repeat: bool,
    /// Which sound of the list, and which sample of it is next.
    at: usize,
    position: usize,
    /// So much is still to be played, where that is said.
    left: Option<usize>,
    /// Its own numbering, which the leg's `OutStream` maps.
    sequence: u16,
    timestamp: u32,
}

impl Player {
    pub fn new(id: u32, list: Playlist, repeat: bool) -> Player {
        let ((at, position), left) = (list.start(), list.samples_max());
        let mut player = Player { id, list, repeat, at, position, left, sequence: 0, timestamp: 0 };
        player.settle();
        player
    }

    /// Everything has been played.
    pub fn is_over(&self) -> bool {
        self.left == Some(0) || self.sound().is_none()
    }

    /// The next packet of 20 ms in Opus, and its sequence number and timestamp; silence after the last is not sent.
    pub fn next_opus(&mut self) -> (Option<&[u8]>, u16, u32) {
        let numbers = (self.sequence, self.timestamp);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(OPUS_UNITS);
        let (at, n) = (self.at, self.position / OPUS_SAMPLES);
        self.pass(OPUS_SAMPLES);
        (self.list.sounds().get(at).and_then(|sound| sound.opus_packet(n)), numbers.0, numbers.1)
    }

    /// Fill `frame` with the next samples (silence after the last), and say their sequence number and timestamp.
    pub fn next(&mut self, codec: Codec, frame: &mut [u8]) -> (u16, u32) {
        let mut filled = 0;
        while filled < frame.len() {
            let payload = self.sound().map(|sound| sound.payload(codec)).unwrap_or_default();
            let payload = payload.get(self.position..).filter(|_| !self.is_over()).unwrap_or_default();
            let step = payload.len().min(frame.len() - filled).min(self.left.unwrap_or(usize::MAX));
            if step == 0 {
                frame[filled..].fill(codec.encoding().map_or(G722_SILENCE, Encoding::silence));
                break;
            }
            frame[filled..filled + step].copy_from_slice(&payload[..step]);
            filled += step;
            self.pass(step);
        }
        let numbers = (self.sequence, self.timestamp);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(frame.len() as u32);
        numbers
    }

    fn sound(&self) -> Option<&Sound> {
        self.list.sounds().get(self.at)
    }

    /// So many samples have been played.
    fn pass(&mut self, samples: usize) {
        self.position += samples;
        self.left = self.left.map(|left| left.saturating_sub(samples));
        self.settle();
    }

    /// At the end of a sound the next one begins, and after the last one the first, if it goes round.
    fn settle(&mut self) {
        while self.sound().is_some_and(|sound| self.position >= sound.samples()) {
            (self.at, self.position) = (self.at + 1, 0);
            if self.repeat && self.at == self.list.sounds().len() && !self.list.is_empty() {
                self.at = 0;
            }
        }
    }
}

/// 20 ms of a sound, and of Opus's clock.
const OPUS_SAMPLES: usize = 160;
pub(crate) const OPUS_UNITS: u32 = 960;
/// What G.722 says of silence.
const G722_SILENCE: u8 = 0xfa;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audio::Music;
    use base::Time;

    use super::*;

    fn sound(samples: usize) -> Sound {
        Sound::from_pcm((0..samples as i16).map(|n| n * 16).collect())
    }

    #[test]
    fn a_list_is_played_without_a_seam_from_where_it_should_and_as_long() {
        let pieces = vec![sound(200), sound(0), sound(300)];
        let whole: Vec<u8> = pieces.iter().flat_map(|sound| sound.payload(Codec::Pcmu).to_vec()).collect();
        let music = Music::new(pieces, false, false);
        for (heard_ms, lasting_ms) in [(0, 1000), (20, 95), (60, 20)] {
            let list = music.to(0, Duration::from_millis(heard_ms), Time::ZERO);
            let mut player = Player::new(1, list.lasting(Duration::from_millis(lasting_ms)), true);
            let mut heard = Vec::new();
            while !player.is_over() {
                let mut frame = [0; 160];
                player.next(Codec::Pcmu, &mut frame);
                heard.extend(frame);
            }
            let from = heard_ms as usize * 8 % whole.len() / 160 * 160;
            let expected: Vec<u8> = whole.iter().cycle().skip(from).take(lasting_ms as usize * 8).copied().collect();
            assert_eq!(heard.len(), expected.len().next_multiple_of(160), "{heard_ms} {lasting_ms}");
            assert_eq!(heard[..expected.len()], expected, "{heard_ms} {lasting_ms}");
            assert!(heard[expected.len()..].iter().all(|byte| *byte == Encoding::Pcmu.silence()));
        }
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
            let mut player = Player::new(1, whole.clone().into(), repeat);
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
        Player::new(1, short.clone().into(), true).next(Codec::Pcmu, &mut frame);
        let payload = short.payload(Codec::Pcmu);
        assert_eq!(frame.to_vec(), payload.iter().cycle().take(8).copied().collect::<Vec<u8>>());
    }

    #[test]
    fn nothing_to_play_is_over_at_once_even_for_ever() {
        for repeat in [false, true] {
            assert!(Player::new(1, sound(0).into(), repeat).is_over());
        }
    }
}
