//! What a value of a scenario can be read as, beyond texts, numbers and durations.
//!
//! Each type says what complaints say was expected, and nothing of where it is used.

use std::time::Duration;

use swarm_network::{Distribution, Latency};
use toml::de::DeValue;

use super::{Rate, reader::FromValue};
use crate::quantity;

/// Any finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl FromValue for Number {
    const EXPECTED: &'static str = "a number";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let number = match value {
            DeValue::Integer(_) => whole(value)?,
            DeValue::Float(number) => number.as_str().parse().ok()?,
            _ => return None,
        };
        f64::is_finite(number).then_some(Self(number))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number that large is out of every bound anyway")]
fn whole(value: &DeValue<'_>) -> Option<f64> {
    i128::from_value(value).map(|number| number as f64)
}

/// A share from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl FromValue for Share {
    const EXPECTED: &'static str = "a share from 0 to 1, or from \"0%\" to \"100%\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let share = match value {
            DeValue::String(text) => quantity::parse_share(text),
            value => Number::from_value(value).map(|number| number.0),
        };
        share.filter(|share| (0.0..=1.0).contains(share)).map(Self)
    }
}

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bandwidth(pub(super) u64);

impl FromValue for Bandwidth {
    const EXPECTED: &'static str = "a bandwidth with its unit, such as \"800kbit\" or \"5mbit\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        quantity::parse_bandwidth(value.as_str()?).map(Self)
    }
}

impl FromValue for Distribution {
    const EXPECTED: &'static str = "a duration or a distribution of durations, such as \"20ms\", \"10ms..60ms\", \
                                    \"normal(20ms, 5ms)\" or \"pareto(5ms, 1.5)\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromValue for Latency {
    const EXPECTED: &'static str = "a duration, a distribution or how much more, such as \"20ms\", \"10ms..60ms\", \
                                    \"normal(20ms, 5ms)\" or \"+100ms\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()?.strip_prefix('+') {
            Some(more) => quantity::parse_duration(more).map(Self::More),
            None => Distribution::from_value(value).map(Self::Set),
        }
    }
}

impl FromValue for Rate {
    const EXPECTED: &'static str = "how many in a second, such as \"5/s\" or \"1%/s\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let rate = value.as_str()?.strip_suffix("/s")?.trim_end();
        if rate.ends_with('%') {
            return quantity::parse_share(rate).map(Self::Share);
        }
        quantity::parse_plain(rate).filter(|rate| (0.0..=1e6).contains(rate)).map(Self::Count)
    }
}

/// Microseconds ahead of the true time, or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset(pub(super) i64);

impl FromValue for Offset {
    const EXPECTED: &'static str =
        "a duration ahead of the true time or behind it, such as \"200ms\" or \"-1s\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let behind = text.strip_prefix('-');
        let amount = behind.or_else(|| text.strip_prefix('+')).unwrap_or(text);
        let micros = i64::try_from(quantity::parse_duration(amount)?.as_micros()).ok()?;
        Some(Self(if behind.is_some() { micros.saturating_neg() } else { micros }))
    }
}

/// How far clocks are off at most, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skew(pub(super) Duration);

impl FromValue for Skew {
    const EXPECTED: &'static str =
        "how far clocks are off at most, either way, such as \"200ms\" or \"uniform(-200ms, 200ms)\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let Some(bounds) = text.strip_prefix("uniform(").and_then(|bounds| bounds.strip_suffix(')')) else {
            return quantity::parse_duration(text).map(Self);
        };
        let (least, most) = bounds.split_once(',')?;
        let (least, most) = (least.trim().strip_prefix('-')?, most.trim());
        let (least, most) = (quantity::parse_duration(least)?, quantity::parse_duration(most)?);
        (least == most).then_some(Self(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromValue>(text: &str) -> Option<T> {
        T::from_value(DeValue::parse(text).unwrap().get_ref())
    }

    #[test]
    fn numbers_and_shares_may_be_whole_or_not() {
        assert_eq!(read("2"), Some(Number(2.0)));
        assert_eq!(read("-2.5e3"), Some(Number(-2500.0)));
        assert_eq!(read::<Number>("inf"), None);
        assert_eq!(read("1"), Some(Share(1.0)));
        assert_eq!(read("'12.5%'"), Some(Share(0.125)));
        assert_eq!(read::<Share>("1.5"), None);
        assert_eq!(read::<Share>("nan"), None);
    }

    #[test]
    fn rates_are_of_members_or_of_all() {
        assert_eq!(read("'1%/s'"), Some(Rate::Share(0.01)));
        assert_eq!(read("'0.5 /s'"), Some(Rate::Count(0.5)));
        for text in ["'5'", "'5/m'", "'-1/s'", "'101%/s'", "5"] {
            assert_eq!(read::<Rate>(text), None, "{text}");
        }
    }

    #[test]
    fn latencies_are_set_or_added_to() {
        let twenty = Duration::from_millis(20);
        assert_eq!(read("'+20ms'"), Some(Latency::More(twenty)));
        assert_eq!(read("'20ms'"), Some(Latency::Set(Distribution::Constant(twenty))));
        assert_eq!(read::<Latency>("'+10ms..20ms'"), None);
    }

    #[test]
    fn offsets_have_a_sign_and_skews_two() {
        assert_eq!(read("'-1s'"), Some(Offset(-1_000_000)));
        assert_eq!(read("'+5ms'"), Some(Offset(5_000)));
        assert_eq!(read::<Offset>("'--5ms'"), None);
        let fifth = Skew(Duration::from_millis(200));
        assert_eq!(read("'200ms'"), Some(fifth));
        assert_eq!(read("'uniform(-200ms, 200ms)'"), Some(fifth));
        assert_eq!(read::<Skew>("'uniform(-100ms, 200ms)'"), None);
    }
}
