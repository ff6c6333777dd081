//! Sounds one after another: what is played, and music that is made of several pieces.
//!
//! Where it stands: a player in `media` goes through a [`Playlist`]; the conf makes [`Music`] of files, and each listener
//! gets a playlist of it. The sounds themselves are shared by all who hear them.

use std::sync::Arc;
use std::time::Duration;

use base::{Random, Time};

use crate::{SAMPLE_RATE, Sound};

/// Sounds in their order, and how much of them is to be played. A clone is a counted pointer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Playlist {
    sounds: Arc<[Sound]>,
    from: usize,
    samples_max: Option<usize>,
}

impl Playlist {
    /// The sounds, one after another.
    pub fn sounds(&self) -> &[Sound] {
        &self.sounds
    }

    /// Where to begin: the sound, and the sample in it.
    pub fn start(&self) -> (usize, usize) {
        let mut from = self.from.checked_rem(samples(&self.sounds)).unwrap_or(0);
        for (at, sound) in self.sounds.iter().enumerate() {
            if from < sound.samples() {
                return (at, from);
            }
            from -= sound.samples();
        }
        (0, 0)
    }

    /// How much of it is played at most; none: to its end.
    pub fn samples_max(&self) -> Option<usize> {
        self.samples_max
    }

    /// Nothing to play.
    pub fn is_empty(&self) -> bool {
        samples(&self.sounds) == 0
    }

    /// The same, for so long.
    pub fn lasting(self, time: Duration) -> Playlist {
        Playlist { samples_max: Some(samples_of(time)), ..self }
    }
}

impl From<Sound> for Playlist {
    fn from(sound: Sound) -> Playlist {
        Playlist { sounds: Arc::new([sound]), from: 0, samples_max: None }
    }
}

/// What somebody waits by.
#[derive(Clone, Debug)]
pub struct Music {
    pieces: Arc<[Sound]>,
    /// Each listener hears the pieces in another order.
    shuffled: bool,
    /// It goes on by itself: a listener hears it from where it is now, as a radio; else from the beginning.
    goes_on: bool,
}

impl Music {
    /// Of these pieces. Where it is shuffled and goes on, it has one order for all.
    pub fn new(mut pieces: Vec<Sound>, shuffled: bool, goes_on: bool) -> Music {
        if shuffled && goes_on {
            shuffle(&mut pieces, 0);
        }
        Music { pieces: pieces.into(), shuffled: shuffled && !goes_on, goes_on }
    }

    /// For a listener who has heard so much of it already; `seed` is his own, and stays the same while he listens.
    pub fn to(&self, seed: u64, heard: Duration, now: Time) -> Playlist {
        let mut sounds = Arc::clone(&self.pieces);
        if self.shuffled {
            shuffle(Arc::make_mut(&mut sounds), seed);
        }
        let since = if self.goes_on { now.since(Time::ZERO) } else { heard };
        let total = samples(&sounds).max(1);
        let from = (since.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000 % total as u128) as usize;
        Playlist { sounds, from: from - from % FRAME, samples_max: None }
    }

    /// Its pieces: to be encoded before they are played.
    pub fn pieces(&self) -> &[Sound] {
        &self.pieces
    }
}

impl From<Sound> for Music {
    fn from(sound: Sound) -> Music {
        Music::new(vec![sound], false, false)
    }
}

fn shuffle(sounds: &mut [Sound], seed: u64) {
    let mut random = Random::numbered(seed);
    for last in (1..sounds.len()).rev() {
        sounds.swap(last, random.below(last as u64 + 1) as usize);
    }
}

fn samples(sounds: &[Sound]) -> usize {
    sounds.iter().map(Sound::samples).sum()
}

fn samples_of(time: Duration) -> usize {
    (time.as_millis() * u128::from(SAMPLE_RATE) / 1000) as usize
}

/// Music begins where a packet of Opus does.
const FRAME: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(frames: &[usize]) -> Vec<Sound> {
        frames.iter().map(|frames| Sound::from_pcm(vec![*frames as i16; frames * FRAME])).collect()
    }

    fn order(playlist: &Playlist) -> Vec<usize> {
        playlist.sounds().iter().map(|sound| sound.samples() / FRAME).collect()
    }

    #[test]
    fn music_begins_at_its_beginning_or_goes_on_for_all() {
        let ms = |ms| Duration::from_millis(ms);
        for (goes_on, heard, now, start) in [
            (false, 0, 999_999, (0, 0)),
            (false, 20, 0, (0, 160)),
            (false, 40, 0, (1, 0)),
            (false, 105, 0, (2, 0)), // 5 frames of 6: the third piece
            (false, 120, 0, (0, 0)), // and round again
            (true, 0, 40, (1, 0)),
            (true, 777, 60, (1, 160)),
            (true, 0, 86_400_000 + 25, (0, 160)),
        ] {
            let music = Music::new(pieces(&[2, 3, 1]), false, goes_on);
            let playlist = music.to(5, ms(heard), Time::from_millis(now));
            assert_eq!((order(&playlist), playlist.start()), (vec![2, 3, 1], start), "{goes_on} {heard} {now}");
        }
        let silence = Playlist::from(Sound::from_pcm(Vec::new()));
        assert!(silence.is_empty() && silence.start() == (0, 0));
    }

    #[test]
    fn shuffled_music_has_all_pieces_and_an_order_for_each_listener() {
        let music = Music::new(pieces(&[1, 2, 3, 4, 5, 6, 7, 8]), true, false);
        let heard = |seed| order(&music.to(seed, Duration::ZERO, Time::ZERO));
        assert_eq!(heard(1), heard(1), "as long as he listens");
        let orders: std::collections::BTreeSet<Vec<usize>> = (0..50).map(heard).collect();
        assert!(orders.len() > 45);
        assert!(orders.into_iter().all(|mut order| (order.sort_unstable(), order == [1, 2, 3, 4, 5, 6, 7, 8]).1));
        let radio = Music::new(pieces(&[1, 2, 3, 4, 5, 6, 7, 8]), true, true);
        let heard = |seed| order(&radio.to(seed, Duration::ZERO, Time::ZERO));
        assert_eq!(heard(1), heard(2), "a radio plays one order to all");
    }
}
