//! The order of all who wait in a queue, quick to tell a place in it.
//!
//! Where it stands: `queue` keeps one. A sorted list in pieces: to find, add or remove costs two binary searches and the
//! move of a piece's rest, a position a sum over the pieces' lengths.

use base::CallId;

use crate::queue::Place;

#[derive(Debug, Default)]
pub(crate) struct Places {
    /// None is empty; each is sorted, and all of one come before all of the next.
    pieces: Vec<Vec<(Place, CallId)>>,
    count: usize,
}

impl Places {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, CallId)> {
        self.pieces.iter().flatten().copied()
    }

    /// How many stand before this.
    pub(crate) fn before(&self, one: (Place, CallId)) -> usize {
        let piece = self.piece(one);
        let whole: usize = self.pieces[..piece].iter().map(Vec::len).sum();
        whole + self.pieces.get(piece).map_or(0, |piece| piece.partition_point(|other| *other < one))
    }

    pub(crate) fn insert(&mut self, one: (Place, CallId)) {
        let at = self.piece(one).min(self.pieces.len().saturating_sub(1));
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(vec![one]);
            self.count += 1;
            return;
        };
        if let Err(within) = piece.binary_search(&one) {
            piece.insert(within, one);
            self.count += 1;
            if piece.len() > PIECE_MAX {
                let rest = piece.split_off(PIECE_MAX / 2);
                self.pieces.insert(at + 1, rest);
            }
        }
    }

    pub(crate) fn remove(&mut self, one: (Place, CallId)) {
        let at = self.piece(one);
        let Some(piece) = self.pieces.get_mut(at) else { return };
        if let Ok(within) = piece.binary_search(&one) {
            piece.remove(within);
            self.count -= 1;
            if piece.is_empty() {
                self.pieces.remove(at);
            }
        }
    }

    /// The first piece that ends with this or later.
    fn piece(&self, one: (Place, CallId)) -> usize {
        self.pieces.partition_point(|piece| piece.last().is_some_and(|last| *last < one))
    }
}

const PIECE_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base::Random;

    use super::*;

    #[test]
    fn a_place_is_what_counting_says() {
        let mut random = Random::numbered(3);
        let call = CallId::new(0, &mut random);
        let (mut places, mut counted) = (Places::default(), BTreeSet::new());
        for step in 0..5_000 {
            let one = (Place { rank: random.below(800) as i64 - 400, number: random.below(3) }, call);
            if random.below(5_000) > step {
                places.insert(one);
                counted.insert(one);
            } else {
                places.remove(one);
                counted.remove(&one);
            }
            assert_eq!(places.before(one), counted.range(..one).count());
            assert_eq!(places.len(), counted.len());
        }
        assert!(places.iter().eq(counted));
    }
}
