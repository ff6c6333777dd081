//! 16-bit sequence numbers made 64-bit (RFC 3550 §A.1), so the rest of the leg never meets a wrap-around.

/// The highest sequence number seen, with its cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequence {
    highest: u64,
}

/// Where counting starts: one cycle up, so that what came before the first packet has a number too.
const FIRST_CYCLE: u64 = 1 << 16;

impl Sequence {
    /// Begins at the first packet that came.
    pub fn new(first: u16) -> Sequence {
        Sequence { highest: FIRST_CYCLE + u64::from(first) }
    }

    /// The number of a packet, the nearer way round; the highest is remembered.
    #[inline]
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let extended = self.peek(sequence);
        self.highest = self.highest.max(extended);
        extended
    }

    /// The number of a packet, without taking note of it.
    #[inline]
    pub fn peek(&self, sequence: u16) -> u64 {
        let step = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.saturating_add_signed(step.into())
    }

    /// The highest so far.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// As a receiver report says it: cycles above, number below (RFC 3550 §6.4.1).
    pub fn reported(&self) -> u32 {
        (self.highest - FIRST_CYCLE) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_go_on_over_the_wrap_and_back() {
        let mut sequence = Sequence::new(65_534);
        let start = sequence.highest();
        for (number, expected) in [(65_535, 1), (1, 3), (0, 2), (65_533, -1), (2, 4)] {
            assert_eq!(sequence.extend(number), start.saturating_add_signed(expected), "{number}");
        }
        assert_eq!(sequence.reported(), 1 << 16 | 2);
    }

    proptest! {
        #[test]
        fn the_low_16_bits_are_the_number(first: u16, numbers: Vec<u16>) {
            let mut sequence = Sequence::new(first);
            for number in numbers {
                prop_assert_eq!(sequence.extend(number) as u16, number);
            }
        }
    }
}
