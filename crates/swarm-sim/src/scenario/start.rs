//! Reads when the members of a group start, and how far their clocks are off.

use std::time::Duration;

use toml::{Spanned, de::DeValue};

use super::{
    ClockError, Start,
    problem::Findings,
    reader::{FromValue, TableReader},
    values::{Number, Skew},
};
use crate::quantity::{self, show_duration};

/// The most that a clock may be too fast or too slow, in millionths.
pub(super) const MOST_DRIFT: f64 = 100_000.0;

impl FromValue for Start {
    const EXPECTED: &'static str =
        "true, false, \"at(3s)\", \"spread(10s)\", \"rate(50/s)\" or \"poisson(20/s)\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = match value {
            DeValue::Boolean(true) => return Some(Self::AtOnce),
            DeValue::Boolean(false) => return Some(Self::Never),
            value => value.as_str()?,
        };
        let (word, argument) = text.strip_suffix(')')?.split_once('(')?;
        let argument = argument.trim();
        let rate = || {
            let rate = quantity::parse_plain(argument.strip_suffix("/s")?.trim_end())?;
            (rate > 0.0 && rate <= 1e6).then_some(rate)
        };
        match word.trim() {
            "at" => quantity::parse_duration(argument).map(Self::At),
            "spread" => quantity::parse_duration(argument).map(Self::Spread),
            "rate" => rate().map(Self::Rate),
            "poisson" => rate().map(Self::Poisson),
            _ => None,
        }
    }
}

/// `start` of a group. `lasts` is how long warm-up and duration are together.
pub(super) fn read(
    table: &mut TableReader<'_, '_>,
    lasts: Option<Duration>,
    findings: &mut Findings,
) -> Option<Start> {
    if table.raw("start").is_none() {
        return Some(Start::default());
    }
    let start = table.optional::<Start>("start", findings)?;
    let (last, lasts) = match (start.get_ref(), lasts) {
        (Start::At(last) | Start::Spread(last), Some(lasts)) => (*last, lasts),
        _ => return Some(start.into_inner()),
    };
    if last >= lasts {
        let label = format!("expected less than {}, warm-up included", show_duration(lasts));
        findings.report(start.span(), "they would not all have started when the run ends", label);
        return None;
    }
    Some(start.into_inner())
}

/// `clock` of a group.
pub(super) fn read_clock(
    table: &mut TableReader<'_, '_>,
    what: &str,
    findings: &mut Findings,
) -> Option<ClockError> {
    let Some(mut table) = table.table("clock", &format!("{what}.clock"), findings) else {
        return Some(ClockError::default());
    };
    let skew = table.optional::<Skew>("skew", findings);
    let drift = table.optional::<Number>("drift_ppm", findings);
    table.finish(findings);
    let drift_ppm = match drift {
        Some(drift) => fitting_drift(&drift, 0.0, findings)?,
        None => 0.0,
    };
    Some(ClockError { skew: skew.map_or(Duration::ZERO, |skew| skew.into_inner().0), drift_ppm })
}

/// Millionths, from `least` on.
pub(super) fn fitting_drift(drift: &Spanned<Number>, least: f64, findings: &mut Findings) -> Option<f64> {
    let millionths = drift.get_ref().0;
    if !(least..=MOST_DRIFT).contains(&millionths) {
        let message = format!("`drift_ppm` cannot be {millionths}");
        findings.report(drift.span(), message, format!("expected a number from {least} to {MOST_DRIFT}"));
        return None;
    }
    Some(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_at_once_at_a_time_or_at_a_rate() {
        let read = |text: &str| Start::from_value(DeValue::parse(text).unwrap().get_ref());
        assert_eq!(read("true"), Some(Start::AtOnce));
        assert_eq!(read("false"), Some(Start::Never));
        assert_eq!(read("'at(3s)'"), Some(Start::At(Duration::from_secs(3))));
        assert_eq!(read("'spread( 10s )'"), Some(Start::Spread(Duration::from_secs(10))));
        assert_eq!(read("'rate(0.5/s)'"), Some(Start::Rate(0.5)));
        assert_eq!(read("'poisson(20/s)'"), Some(Start::Poisson(20.0)));
        for text in ["''", "'at'", "'at(3)'", "'rate(0/s)'", "'rate(50)'", "'spread(1s'", "'soon(1s)'", "1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
