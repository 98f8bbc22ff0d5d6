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
        let ends = u64::from(from.0) << 32 | u64::from(to.0);
        let sent = folded(nanos(now) ^ K[0], ends ^ K[1]);
        let what = folded((bytes as u64) << 8 | kind, after.wrapping_add(K[2]) ^ copy.rotate_left(32));
        self.0 = folded(self.0 ^ sent, what.wrapping_add(K[3]) | 1);
    }
}

/// Odd numbers without a pattern: the digits of e.
const K: [u64; 4] =
    [0xb7e1_5162_8aed_2a6b, 0xbf71_5880_9cf4_f3c7, 0x62e7_160f_38b4_da57, 0xa784_d904_5190_cfef];

/// Both halves of the product, as in wyhash: every bit of both goes into every bit of the result, at the price of one
/// multiplication.
const fn folded(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product as u64) ^ (product >> 64) as u64
}

/// A duration in nanoseconds, of at most some 500 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

/// The finishing steps of SplitMix64 (Steele, Lea, Flood 2014), which spread every bit over the whole result.
pub(super) const fn finish(mut bits: u64) -> u64 {
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 27;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
