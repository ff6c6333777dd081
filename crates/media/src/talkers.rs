//! Who of those a leg could hear is in its mix: all of a few, and of many those who speak, the loudest first.
//!
//! Where it stands: `patchbay` has one, filled anew for each leg and frame. The choice is a function of the frame, so legs
//! that hear the same people choose alike.

use crate::gate::Gate;

/// The choice for one leg.
#[derive(Default)]
pub(crate) struct Talkers {
    are_few: bool,
    chosen: Vec<u32>,
    loudness: Vec<(f32, u32)>,
    last: Option<u32>,
}

impl Talkers {
    /// Begin with nobody, of so many.
    pub fn clear(&mut self, sources: usize) {
        self.are_few = sources <= FEW;
        self.chosen.clear();
        self.loudness.clear();
        self.last = None;
    }

    /// One who is heard in any case, and comes after all others.
    pub fn add_last(&mut self, source: u32) {
        self.last = Some(source);
    }

    /// One who could be heard in this frame; they come in the order of their indices.
    pub fn consider(&mut self, source: u32, gate: &Gate) {
        if self.are_few {
            self.chosen.push(source);
        } else if gate.is_open() {
            self.loudness.push((gate.loudness(), source));
        }
    }

    /// Who is heard, in the order of their indices.
    pub fn chosen(&mut self) -> &[u32] {
        if self.loudness.len() > SPEAKING_MAX {
            self.loudness.select_nth_unstable_by(SPEAKING_MAX, |(one, _), (other, _)| other.total_cmp(one));
            self.loudness.truncate(SPEAKING_MAX);
            self.loudness.sort_unstable_by_key(|(_, source)| *source);
        }
        self.chosen.extend(self.loudness.drain(..).map(|(_, source)| source).chain(self.last.take()));
        &self.chosen
    }
}

/// So many are heard as they are, rooms and all: caller, agent and whoever is with them.
const FEW: usize = 3;
/// Nobody follows more at once.
const SPEAKING_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use audio::tone;

    use super::*;

    fn chosen(levels: &[f64]) -> Vec<u32> {
        let mut talkers = Talkers::default();
        talkers.clear(levels.len());
        for (index, dbfs) in levels.iter().enumerate() {
            let mut gate = Gate::default();
            gate.hear(&tone(&[(440.0, *dbfs)], 20));
            talkers.consider(index as u32, &gate);
        }
        talkers.chosen().to_vec()
    }

    #[test]
    fn of_many_those_are_heard_who_speak_and_of_a_crowd_the_loudest() {
        assert_eq!(chosen(&[-20.0, -80.0, -90.0]), [0, 1, 2], "a few are not judged");
        assert_eq!(chosen(&[-80.0, -20.0, -80.0, -30.0]), [1, 3]);
        let crowd: Vec<f64> = (0..40).map(|n| if n % 4 == 1 { -20.0 } else { -40.0 + f64::from(n) / 10.0 }).collect();
        let heard = chosen(&crowd);
        assert_eq!(heard.len(), SPEAKING_MAX);
        assert!(heard.is_sorted() && [1, 5, 9, 13, 17, 21, 25, 29, 33, 37].iter().all(|loud| heard.contains(loud)));
    }
}
