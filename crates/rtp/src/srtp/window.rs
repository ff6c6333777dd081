//! Packet indices (RFC 3711 §3.3.1) and which of them were seen (§3.3.2).

/// The newest index of one stream, and which of the 128 up to it have been.
#[derive(Clone, Copy, Default)]
pub(super) struct Window {
    newest: Option<u64>,
    /// Bit n: the index n before the newest.
    seen: u128,
}

/// What the window says of an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    New,
    Before,
}

impl Window {
    /// The index a sequence number stands for: the nearest to the newest, the roll-over counter above it. `None`: it would
    /// lie before the beginning, or beyond the life of a key.
    #[inline]
    pub fn index_of(&self, sequence: u16) -> Option<u64> {
        let Some(newest) = self.newest else { return Some(sequence.into()) };
        let step = sequence.wrapping_sub(newest as u16) as i16; // the nearer way round
        newest.checked_add_signed(step.into()).filter(|index| *index < INDEX_END)
    }

    #[inline]
    pub fn look(&self, index: u64) -> Seen {
        let Some(newest) = self.newest.filter(|newest| index <= *newest) else { return Seen::New };
        match u32::try_from(newest - index).ok().filter(|back| *back < u128::BITS) {
            Some(back) if self.seen & (1 << back) == 0 => Seen::New,
            _ => Seen::Before,
        }
    }

    /// This one was there, and was authentic.
    #[inline]
    pub fn note(&mut self, index: u64) {
        match self.newest {
            Some(newest) if index <= newest => {
                if let Some(bit) = u32::try_from(newest - index).ok().and_then(|back| 1_u128.checked_shl(back)) {
                    self.seen |= bit;
                }
            }
            newest => {
                let ahead = newest.map_or(u64::MAX, |newest| index - newest);
                let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
                self.newest = Some(index);
            }
        }
    }
}

/// 2^48 packets, then a key must not be used any more (RFC 3711 §9.2).
const INDEX_END: u64 = 1 << 48;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequence_numbers_roll_over_into_the_counter() {
        let mut window = Window::default();
        for (sequence, index) in
            [(65_534_u16, 65_534_u64), (65_535, 65_535), (1, 65_537), (0, 65_536), (65_533, 65_533), (400, 65_936)]
        {
            assert_eq!(window.index_of(sequence), Some(index));
            assert_eq!(window.look(index), Seen::New, "{index}");
            window.note(index);
            assert_eq!(window.look(index), Seen::Before, "{index}");
        }
        assert_eq!(window.look(65_936 - 128), Seen::Before, "too old to know");
        assert_eq!(window.look(65_936 - 127), Seen::New);
        let mut first = Window::default();
        first.note(3);
        assert_eq!(first.index_of(65_535), None, "before the beginning");
    }

    proptest! {
        #[test]
        fn no_index_is_new_twice(indices in proptest::collection::vec(0_u64..600, 1..400)) {
            let (mut window, mut noted) = (Window::default(), HashSet::new());
            for index in indices {
                if window.look(index) == Seen::New {
                    prop_assert!(noted.insert(index), "{} twice", index);
                    window.note(index);
                }
            }
        }
    }
}
