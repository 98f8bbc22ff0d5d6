//! Many durations in little memory.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::check::Aggregate;

/// Longest duration that is told apart from longer ones: an hour, far beyond any deadline of a scenario.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// How many durations there were, and how long: a histogram of microseconds with three significant digits.
///
/// ```
/// use std::time::Duration;
/// use swarm_sim::{Aggregate, Durations};
///
/// let mut latencies = Durations::default();
/// for millis in 1..=100 {
///     latencies.record(Duration::from_millis(millis));
/// }
/// assert_eq!(latencies.count(), 100);
/// assert_eq!(latencies.micros(Aggregate::Max), Some(100_000.0));
/// assert_eq!(latencies.micros(Aggregate::Mean), Some(50_500.0));
/// ```
#[derive(Debug, Clone)]
pub struct Durations {
    histogram: Histogram<u64>,
    /// Exact, as a histogram rounds.
    sum_micros: u64,
    min_micros: u64,
    max_micros: u64,
}

impl Default for Durations {
    #[expect(
        clippy::expect_used,
        reason = "the bounds are constants that the histogram takes; a test makes one"
    )]
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3).expect("bounds that fit");
        Self { histogram, sum_micros: 0, min_micros: u64::MAX, max_micros: 0 }
    }
}

impl Durations {
    /// Counts one more. Beyond an hour it counts as an hour in percentiles.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(micros);
        self.sum_micros = self.sum_micros.saturating_add(micros);
        self.min_micros = self.min_micros.min(micros);
        self.max_micros = self.max_micros.max(micros);
    }

    /// Counts all of the others too.
    pub fn merge(&mut self, others: &Self) {
        // Both have the same bounds, so nothing of the other cannot be added.
        let added = self.histogram.add(&others.histogram);
        debug_assert!(added.is_ok());
        self.sum_micros = self.sum_micros.saturating_add(others.sum_micros);
        self.min_micros = self.min_micros.min(others.min_micros);
        self.max_micros = self.max_micros.max(others.max_micros);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// One value of them all, in microseconds ([`Aggregate::Count`] apart); `None` when there were none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a run stay far below 2^53")]
    pub fn micros(&self, aggregate: Aggregate) -> Option<f64> {
        // A percentile is the upper end of its bucket, which must not be more than the largest value there was.
        let percentile = |percent| self.histogram.value_at_percentile(percent).min(self.max_micros) as f64;
        let count = self.count();
        (count > 0).then(|| match aggregate {
            Aggregate::P50 => percentile(50.0),
            Aggregate::P90 => percentile(90.0),
            Aggregate::P99 => percentile(99.0),
            Aggregate::Max => self.max_micros as f64,
            Aggregate::Min => self.min_micros as f64,
            Aggregate::Mean => self.sum_micros as f64 / count as f64,
            Aggregate::Sum => self.sum_micros as f64,
            Aggregate::Count => count as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Durations::default().micros(Aggregate::P99), None);
        assert_eq!(Durations::default().micros(Aggregate::Count), None);
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let mut durations = Durations::default();
        (1..=1000).for_each(|millis| durations.record(Duration::from_millis(millis)));
        let p99 = durations.micros(Aggregate::P99).unwrap();
        assert!((p99 - 990_000.0).abs() < 1_000.0, "{p99}");
        assert_eq!(durations.micros(Aggregate::Min), Some(1_000.0));
        assert_eq!(durations.micros(Aggregate::Sum), Some(500_500_000.0));
    }

    #[test]
    fn merging_counts_both() {
        let (mut one, mut other) = (Durations::default(), Durations::default());
        one.record(Duration::from_secs(1));
        other.record(Duration::ZERO);
        other.record(Duration::from_hours(3));
        one.merge(&other);
        assert_eq!(one.count(), 3);
        assert_eq!(one.micros(Aggregate::Min), Some(0.0));
        assert_eq!(one.micros(Aggregate::Max), Some(10_800_000_000.0));
    }
}
