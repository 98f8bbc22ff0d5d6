//! Growing pauses with full jitter between attempts.

use std::time::Duration;

use rand::{Rng, RngExt};

/// The pause before attempt number `attempt` (from 0): drawn between zero and `min · 2^attempt`, at most `max`. Full
/// jitter spreads a crowd that lost the same peer at the same moment best (Brooker, "Exponential Backoff And Jitter",
/// 2015).
pub(super) fn pause(attempt: u32, min: Duration, max: Duration, rng: &mut impl Rng) -> Duration {
    let ceiling = min.saturating_mul(2_u32.saturating_pow(attempt)).min(max);
    ceiling.mul_f64(rng.random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_never_exceeds_its_ceiling(attempt in 0_u32..100, seed: u64) {
            let (min, max) = (Duration::from_millis(100), Duration::from_secs(5));

            let pause = pause(attempt, min, max, &mut StdRng::seed_from_u64(seed));

            prop_assert!(pause <= max && pause <= min * 2_u32.saturating_pow(attempt).min(1000));
        }
    }

    #[test]
    fn pauses_grow_on_average() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut mean = |attempt| -> f64 {
            let draw = |_| pause(attempt, Duration::from_millis(100), Duration::from_secs(5), &mut rng);
            (0..1000).map(draw).map(|pause| pause.as_secs_f64()).sum::<f64>() / 1000.0
        };

        assert!(mean(0) < mean(2) && mean(2) < mean(5));
    }
}
