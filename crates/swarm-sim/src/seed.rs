//! Seeds for the parts of a run, all derived from the one seed of the scenario.
//!
//! Each part is named, so that a new part changes none of the others: a seed keeps its meaning when unrelated things
//! are added to a scenario.

/// The seed of the part of that name and number.
///
/// FNV-1a over the name, then the finishing steps of SplitMix64 (Steele, Lea, Flood 2014), which spread every input bit
/// over the whole result.
pub(crate) fn derive(seed: u64, part: &str, number: u64) -> u64 {
    let named = part.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    finish(finish(seed ^ named).wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// As long as the seed of a key must be.
pub(crate) fn key_seed(of: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    for (part, bytes) in (0..).zip(seed.chunks_mut(8)) {
        bytes.copy_from_slice(&derive(of, "part", part).to_be_bytes());
    }
    seed
}

const fn finish(mut bits: u64) -> u64 {
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 27;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn parts_numbers_and_seeds_all_differ() {
        let mut seen = BTreeSet::new();
        for seed in 0..8 {
            for part in ["", "identity", "topology", "member"] {
                for number in 0..64 {
                    assert!(seen.insert(derive(seed, part, number)));
                }
            }
        }
    }

    #[test]
    fn a_seed_means_the_same_for_ever() {
        assert_eq!(derive(42, "member", 7), 0x614a_3e91_1e9f_b0d2);
    }
}
