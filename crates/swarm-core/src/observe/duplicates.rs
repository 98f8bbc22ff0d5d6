//! Tells new observations from known ones, by a sliding window over the sequence numbers of one life of an origin.
//!
//! A window remembers the highest number and which of the 1,024 numbers up to it were seen (the anti-replay window of
//! RFC 4303, section 3.4.3). It needs 136 bytes whatever the rate; remembering hashes of payloads would grow with it.

use swarm_proto::Sequence;

const WORDS: usize = 16;
const WIDTH: u64 = WORDS as u64 * 64;

/// Which sequence numbers were seen.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The highest sequence seen; bit `n % WIDTH` stands for sequence `n` within the window below it.
    highest: u64,
    seen: [u64; WORDS],
}

impl Window {
    /// Whether this number was not seen before; remembers it. What lies behind the window counts as seen.
    pub(crate) fn is_new(&mut self, sequence: Sequence) -> bool {
        let sequence = sequence.get();
        if sequence > self.highest {
            self.advance(sequence);
        } else if self.highest - sequence >= WIDTH {
            return false;
        }
        self.mark(sequence)
    }

    /// One in which all numbers up to this one were seen.
    pub(crate) fn seen_up_to(highest: Sequence) -> Self {
        Self { highest: highest.get(), seen: [u64::MAX; WORDS] }
    }

    /// What [`Self::is_new`] would say, without remembering anything.
    pub(crate) fn would_be_new(&self, sequence: Sequence) -> bool {
        let sequence = sequence.get();
        let (word, bit) = position(sequence);
        let is_seen = || self.seen.get(word).is_none_or(|word| word & bit != 0);
        sequence > self.highest || (self.highest - sequence < WIDTH && !is_seen())
    }

    /// Moves the window up, clearing the numbers that come into it.
    fn advance(&mut self, highest: u64) {
        if highest - self.highest >= WIDTH {
            self.seen = [0; WORDS];
        } else {
            for sequence in self.highest + 1..=highest {
                let (word, bit) = position(sequence);
                if let Some(word) = self.seen.get_mut(word) {
                    *word &= !bit;
                }
            }
        }
        self.highest = highest;
    }

    /// Marks a number inside the window; false if it was marked.
    fn mark(&mut self, sequence: u64) -> bool {
        let (word, bit) = position(sequence);
        self.seen.get_mut(word).is_some_and(|word| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }
}

fn position(sequence: u64) -> (usize, u64) {
    let bit = sequence % WIDTH;
    ((bit / 64) as usize, 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The reference remembers everything and applies the width by subtraction.
        #[test]
        fn the_window_agrees_with_a_set(
            sequences in proptest::collection::vec(prop_oneof![0_u64..3000, any::<u64>()], 1..400),
        ) {
            let (mut window, mut set) = (Window::default(), BTreeSet::new());
            for sequence in sequences {
                let highest = set.last().copied().unwrap_or_default();
                let expected = (sequence > highest || highest - sequence < WIDTH) && set.insert(sequence);
                prop_assert_eq!(window.would_be_new(Sequence::new(sequence)), expected);
                prop_assert_eq!(window.is_new(Sequence::new(sequence)), expected);
            }
        }
    }
}
