//! Tells new observations from known ones, by sliding windows over sequence numbers.
//!
//! A window per origin remembers the highest sequence of the origin's present life and which of the 1,024 numbers up to
//! it were seen (the anti-replay window of RFC 4303, section 3.4.3, with a restart rule). It needs 150 bytes per origin
//! whatever the rate; remembering hashes of payloads would grow with it.

use std::collections::BTreeMap;

use swarm_proto::{AgentId, Epoch, Observation, Sequence};

const WORDS: usize = 16;
const WIDTH: u64 = WORDS as u64 * 64;

/// The windows of all origins.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    windows: BTreeMap<AgentId, Window>,
}

impl Duplicates {
    /// Whether this observation was not seen before; remembers it. What lies behind the window counts as seen.
    pub(crate) fn is_new(&mut self, observation: &Observation) -> bool {
        self.windows.entry(observation.origin).or_default().insert(observation.epoch, observation.sequence)
    }

    /// Drops what is known of an origin that will not come back.
    pub(crate) fn forget(&mut self, origin: AgentId) {
        self.windows.remove(&origin);
    }
}

/// Which sequence numbers of one origin were seen.
#[derive(Debug, Default)]
struct Window {
    epoch: Option<Epoch>,
    /// The highest sequence seen; bit `n % WIDTH` stands for sequence `n` within the window below it.
    highest: u64,
    seen: [u64; WORDS],
}

impl Window {
    fn insert(&mut self, epoch: Epoch, sequence: Sequence) -> bool {
        if self.epoch > Some(epoch) {
            return false;
        }
        let sequence = sequence.get();
        if self.epoch < Some(epoch) {
            *self = Self { epoch: Some(epoch), highest: sequence, seen: [0; WORDS] };
        } else if sequence > self.highest {
            self.advance(sequence);
        } else if self.highest - sequence >= WIDTH {
            return false;
        }
        self.mark(sequence)
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
        /// The reference remembers everything of the present epoch and applies the width by subtraction.
        #[test]
        fn the_window_agrees_with_a_set(
            inputs in proptest::collection::vec((0_u64..3, prop_oneof![0_u64..3000, any::<u64>()]), 1..400),
        ) {
            let mut window = Window::default();
            let (mut epoch, mut set) = (None, BTreeSet::new());
            for (e, sequence) in inputs {
                let expected = match epoch {
                    Some(known) if e < known => false,
                    Some(known) if e == known => {
                        let highest = *set.last().unwrap();
                        (sequence > highest || highest - sequence < WIDTH) && set.insert(sequence)
                    }
                    _ => {
                        epoch = Some(e);
                        set = BTreeSet::from([sequence]);
                        true
                    }
                };
                prop_assert_eq!(window.insert(Epoch::new(e), Sequence::new(sequence)), expected);
            }
        }
    }
}
