//! A hash over what happened, to see whether two runs were the same. Cheap, and no secret.

use std::time::Duration;

use super::{Fate, Host};

#[derive(Debug)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) const fn new() -> Self {
        // The basis of FNV-1a.
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) const fn value(&self) -> u64 {
        finish(self.0)
    }

    /// A packet, with everything that must be the same.
    pub(super) fn packet(&mut self, now: Duration, from: Host, to: Host, bytes: usize, fate: Fate) {
        let (kind, after, copy) = match fate {
            Fate::Arrives { after, copy_after: None } => (1, nanos(after), 0),
            Fate::Arrives { after, copy_after: Some(copy) } => (2, nanos(after), nanos(copy)),
            Fate::Lost(why) => (3 + why as u64, 0, 0),
            Fate::Held => (0, 0, 0),
        };
        self.word(nanos(now));
        self.word(u64::from(from.0) << 32 | u64::from(to.0));
        self.word((bytes as u64) << 8 | kind);
        self.word(after);
        self.word(copy);
    }

    /// As FNV-1a, over words instead of bytes. The rotation brings high bits down again.
    const fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The finishing steps of SplitMix64 (Steele, Lea, Flood 2014), which spread every bit over the whole result.
pub(super) const fn finish(mut bits: u64) -> u64 {
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 27;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
