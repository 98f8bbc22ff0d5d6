//! Many numbers of unknown size in little memory.

use std::collections::BTreeMap;

use crate::check::Aggregate;

/// Ratio of the bounds of a bucket: with it a percentile is at most 1 % off (Masson et al. 2019, "DDSketch", has the
/// derivation: `(1 + accuracy) / (1 - accuracy)`).
const GROWTH: f64 = 1.01 / 0.99;

/// How many numbers there were, and how large: percentiles within 1 %, everything else exact.
///
/// Buckets grow with the numbers, so it holds the very small and the very large alike; even numbers of every size that
/// there is fill no more than 144,000 buckets. What is not finite is not counted.
///
/// ```
/// use swarm_sim::{Aggregate, Numbers};
///
/// let mut tokens = Numbers::default();
/// for number in [1.0, 2.0, 30.0] {
///     tokens.record(number);
/// }
/// assert_eq!(tokens.value(Aggregate::Mean), Some(11.0));
/// assert_eq!(tokens.value(Aggregate::Max), Some(30.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    buckets: BTreeMap<Bucket, u64>,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// Buckets in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    /// The larger the exponent, the smaller the number: hence negated.
    Negative(i32),
    Zero,
    Positive(i32),
}

impl Bucket {
    fn of(number: f64) -> Self {
        match number {
            n if n > 0.0 => Self::Positive(exponent(n)),
            n if n < 0.0 => Self::Negative(-exponent(-n)),
            _ => Self::Zero,
        }
    }

    /// The middle of the bucket, in the sense of relative error.
    fn middle(self) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Positive(exponent) => 2.0 * GROWTH.powi(exponent) / (GROWTH + 1.0),
            Self::Negative(negated) => -2.0 * GROWTH.powi(-negated) / (GROWTH + 1.0),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is within ±37,300")]
fn exponent(number: f64) -> i32 {
    (number.ln() / GROWTH.ln()).ceil() as i32
}

impl Default for Numbers {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Numbers {
    /// Counts one more.
    pub fn record(&mut self, number: f64) {
        if !number.is_finite() {
            return;
        }
        *self.buckets.entry(Bucket::of(number)).or_default() += 1;
        self.count += 1;
        self.sum += number;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// Counts all of the others too.
    pub fn merge(&mut self, others: &Self) {
        for (bucket, count) in &others.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += others.count;
        self.sum += others.sum;
        self.min = self.min.min(others.min);
        self.max = self.max.max(others.max);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// One value of them all; `None` when there were none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a run counts far less than 2^53 numbers")]
    pub fn value(&self, aggregate: Aggregate) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 0).then(|| match aggregate {
            Aggregate::P50 => self.percentile(0.50),
            Aggregate::P90 => self.percentile(0.90),
            Aggregate::P99 => self.percentile(0.99),
            Aggregate::Max => self.max,
            Aggregate::Min => self.min,
            Aggregate::Mean => self.sum / count,
            Aggregate::Sum => self.sum,
            Aggregate::Count => count,
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a rank is a whole number between 1 and a count far below 2^53"
    )]
    fn percentile(&self, share: f64) -> f64 {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().find(|(_, count)| {
            seen += *count;
            seen >= rank
        });
        bucket.map_or(self.max, |(bucket, _)| bucket.middle()).clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_within_one_percent(
            mut numbers in prop::collection::vec(-1e12..1e12f64, 1..300),
        ) {
            let mut sketch = Numbers::default();
            numbers.iter().for_each(|number| sketch.record(*number));
            numbers.sort_by(f64::total_cmp);
            for (aggregate, share) in [(Aggregate::P50, 0.5), (Aggregate::P90, 0.9), (Aggregate::P99, 0.99)] {
                let rank = (numbers.len() as f64 * share).ceil() as usize;
                let exact = numbers[rank.max(1) - 1];
                let found = sketch.value(aggregate).unwrap();
                prop_assert!((found - exact).abs() <= exact.abs() * 0.0101, "{found} for {exact}");
            }
        }

        #[test]
        fn no_number_breaks_it(numbers in prop::collection::vec(any::<f64>(), 0..50)) {
            let mut sketch = Numbers::default();
            numbers.iter().for_each(|number| sketch.record(*number));
            let finite = numbers.iter().filter(|number| number.is_finite()).count();
            prop_assert_eq!(sketch.count(), finite as u64);
            prop_assert_eq!(sketch.value(Aggregate::P99).is_some(), finite > 0);
        }

        #[test]
        fn merging_is_counting_both(
            one in prop::collection::vec(-1e3..1e3f64, 0..50),
            other in prop::collection::vec(-1e3..1e3f64, 0..50),
        ) {
            let sketch = |numbers: &[f64]| {
                let mut sketch = Numbers::default();
                numbers.iter().for_each(|number| sketch.record(*number));
                sketch
            };
            let mut merged = sketch(&one);
            merged.merge(&sketch(&other));
            let both = sketch(&[one, other].concat());
            prop_assert_eq!(merged.buckets, both.buckets);
            prop_assert_eq!(merged.count, both.count);
        }
    }
}
