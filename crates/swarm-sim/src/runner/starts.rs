//! When members start that are not there from the beginning.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::agenda::{Agenda, Due};
use crate::{Scenario, scenario::Start, seed::derive};

/// Puts down when members start that are not there from the beginning.
pub(super) fn put_down(agenda: &mut Agenda, scenario: &Scenario, begin: Instant) {
    let from = begin.checked_sub(scenario.warmup).unwrap_or(begin);
    let mut first = 0_usize;
    for (number, group) in scenario.groups.iter().enumerate() {
        let mut rng = StdRng::seed_from_u64(derive(scenario.seed, "start", number as u64));
        for (after, member) in group.start.moments(group.count, &mut rng).into_iter().zip(first..) {
            agenda.put(from + after, Due::Launch(member));
        }
        first = first.saturating_add(group.count);
    }
}

impl Start {
    /// When each of so many members starts; nobody if they run from the beginning or an event starts them.
    fn moments(self, count: usize, rng: &mut StdRng) -> Vec<Duration> {
        let number = |member: usize| u32::try_from(member).unwrap_or(u32::MAX);
        match self {
            Self::AtOnce | Self::Never => Vec::new(),
            Self::At(at) => vec![at; count],
            Self::Spread(within) => {
                (0..count).map(|member| within / number(count).max(1) * number(member)).collect()
            }
            Self::Rate(rate) => {
                (0..count).map(|member| Duration::from_secs_f64(f64::from(number(member)) / rate)).collect()
            }
            Self::Poisson(rate) => {
                let mut at = 0.0;
                let pauses = (0..count).map(|_| -(1.0 - rng.random::<f64>()).ln() / rate);
                pauses
                    .map(|pause| {
                        at += pause;
                        Duration::from_secs_f64(at)
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(start: Start, count: usize) -> Vec<u128> {
        let mut rng = StdRng::seed_from_u64(1);
        start.moments(count, &mut rng).iter().map(Duration::as_millis).collect()
    }

    #[test]
    fn members_start_evenly_or_at_random_as_often_as_it_says() {
        assert!(moments(Start::AtOnce, 3).is_empty() && moments(Start::Never, 3).is_empty());
        assert_eq!(moments(Start::At(Duration::from_secs(3)), 2), [3000, 3000]);
        assert_eq!(moments(Start::Spread(Duration::from_secs(1)), 4), [0, 250, 500, 750]);
        assert_eq!(moments(Start::Rate(2.0), 3), [0, 500, 1000]);
        let random = moments(Start::Poisson(10.0), 1000);
        assert!(random.is_sorted() && (80_000..120_000).contains(random.last().unwrap()), "{random:?}");
    }
}
