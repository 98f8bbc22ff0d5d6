//! What a reader allocates.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes a reader may allocate, all allocations of a call added up, freed or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// For each byte of its input.
    factor: u64,
    /// For an input however short: an error says what is wrong in a sentence.
    small_change: u64,
}

/// For what a peer sends, be it a stranger.
const FROM_PEERS: Bound = Bound { factor: 64, small_change: 1024 };

/// For what people write for themselves: where every byte is wrong, each is complained about in several sentences.
pub(crate) const FROM_PEOPLE: Bound = Bound { factor: 2048, small_change: 16 * 1024 };

/// For scenarios: a short one may let something happen ten thousand times.
pub(crate) const FROM_SCENARIOS: Bound = Bound { factor: 2048, small_change: 16 << 20 };

impl Bound {
    /// Reads `input`, and panics when that allocates more than it may.
    pub(crate) fn holds<T>(self, input: &[u8], read: impl FnOnce() -> T) -> T {
        let allowed = self.factor * input.len() as u64 + self.small_change;
        let (result, allocated) = measured(read);
        assert!(allocated <= allowed, "{allocated} bytes allocated for {}, {allowed} allowed", input.len());
        GREATEST.fetch_max(allocated * 1000 / allowed, Ordering::Relaxed);
        result
    }
}

/// Reads what a peer sent, and panics when that allocates more than it may.
pub(crate) fn bounded<T>(input: &[u8], read: impl FnOnce() -> T) -> T {
    FROM_PEERS.holds(input, read)
}

/// The greatest part so far of what was allowed, in thousandths.
static GREATEST: AtomicU64 = AtomicU64::new(0);

/// The greatest part of what was allowed that any reader has allocated so far in this process, in thousandths.
#[must_use]
pub fn greatest_share() -> u64 {
    GREATEST.load(Ordering::Relaxed)
}

/// Reads, and tells how many bytes that allocated.
pub(crate) fn measured<T>(read: impl FnOnce() -> T) -> (T, u64) {
    let mut result = None;
    let allocated = allocation_counter::measure(|| result = Some(read())).bytes_total;
    let Some(result) = result else { unreachable!("it was read") };
    (result, allocated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_allocated_counts_whether_it_is_kept_or_not() {
        let (kept, allocated) = measured(|| {
            drop(vec![0_u8; 1000]);
            vec![0_u8; 500]
        });

        assert_eq!((kept.len(), allocated), (500, 1500));
    }

    #[test]
    fn a_reader_may_allocate_in_proportion_to_its_input() {
        bounded(b"ten bytes.", || drop(vec![0_u8; 10 * 64 + 1024]));
    }

    #[test]
    #[should_panic(expected = "1665 bytes allocated for 10, 1664 allowed")]
    fn a_reader_that_allocates_more_is_caught() {
        bounded(b"ten bytes.", || drop(vec![0_u8; 10 * 64 + 1024 + 1]));
    }
}
