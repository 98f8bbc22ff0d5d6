//! Durations that differ from one packet to the next, as people write them.

use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};

use crate::fabric::nanos;

/// The longest duration of a distribution as text. Longer is a slip.
const LONGEST: Duration = Duration::from_secs(3600);

/// The longest that is drawn from a distribution without an end.
const LONGEST_TAIL: Duration = Duration::from_secs(60);

/// Durations that differ from one packet to the next.
///
/// ```
/// use std::time::Duration;
/// use swarm_network::Distribution;
///
/// let latency: Distribution = "10ms..60ms".parse()?;
/// assert_eq!(latency, Distribution::Uniform(Duration::from_millis(10), Duration::from_millis(60)));
/// assert_eq!(latency.to_string(), "10ms..60ms");
/// # Ok::<(), swarm_network::ConditionsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Distribution {
    /// Always the same: `20ms`.
    Constant(Duration),
    /// Every one between the two is as likely: `10ms..60ms`, or `uniform(10ms, 60ms)`.
    Uniform(Duration, Duration),
    /// Mean and standard deviation; never below zero: `normal(20ms, 5ms)`.
    Normal(Duration, Duration),
    /// Least and shape; the smaller the shape, the heavier the tail: `pareto(5ms, 1.5)`. At most a minute.
    Pareto(Duration, f64),
}

/// Why a text is no distribution.
///
/// ```
/// use swarm_network::Distribution;
///
/// let error = "normal(20ms)".parse::<Distribution>().unwrap_err();
/// assert_eq!(error.to_string(), "normal takes a mean and a standard deviation: normal(20ms, 5ms)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionsError {
    /// There should be a duration.
    #[error("{text:?} is no duration, expected one with its unit, such as 20ms")]
    Duration {
        /// What is there instead.
        text: String,
    },
    /// It is longer than an hour.
    #[error("{text:?} is longer than an hour")]
    TooLong {
        /// As it was written.
        text: String,
    },
    /// There is no distribution of that name.
    #[error("{name:?} is no distribution, expected 20ms, 10ms..60ms, normal(20ms, 5ms) or pareto(5ms, 1.5)")]
    Name {
        /// The name.
        name: String,
    },
    /// The distribution takes other values.
    #[error("{name} takes {expected}")]
    Values {
        /// Which.
        name: &'static str,
        /// What it takes, with an example.
        expected: &'static str,
    },
    /// The range ends before it begins.
    #[error("{text:?} ends before it begins")]
    Backwards {
        /// As it was written.
        text: String,
    },
    /// A shape must be greater than 0.
    #[error("{text:?} is no shape, expected a number greater than 0, such as 1.5")]
    Shape {
        /// What is there instead.
        text: String,
    },
}

impl Distribution {
    /// Draws one.
    pub fn sample(&self, rng: &mut (impl Rng + ?Sized)) -> Duration {
        match *self {
            Self::Constant(always) => always,
            Self::Uniform(least, most) => least.saturating_add(share(most.saturating_sub(least), rng)),
            Self::Normal(mean, deviation) => {
                // Box and Muller 1958. The first must not be zero.
                let (radius, angle) = (1.0 - rng.random::<f64>(), TAU * rng.random::<f64>());
                let normal = (-2.0 * radius.ln()).sqrt() * angle.cos();
                let seconds = mean.as_secs_f64() + deviation.as_secs_f64() * normal;
                Duration::try_from_secs_f64(seconds).unwrap_or_default()
            }
            Self::Pareto(least, shape) => pareto(least, shape, 1.0 - rng.random::<f64>()),
        }
    }

    /// Half of them are shorter.
    #[must_use]
    pub fn median(&self) -> Duration {
        match *self {
            Self::Constant(always) => always,
            Self::Uniform(least, most) => least + most.saturating_sub(least) / 2,
            Self::Normal(mean, _) => mean,
            Self::Pareto(least, shape) => pareto(least, shape, 0.5),
        }
    }
}

/// Something between nothing and so long, uniformly.
fn share(most: Duration, rng: &mut (impl Rng + ?Sized)) -> Duration {
    Duration::from_nanos((nanos(most) as f64 * rng.random::<f64>()) as u64)
}

/// The duration that is exceeded with this chance.
fn pareto(least: Duration, shape: f64, exceeded: f64) -> Duration {
    let seconds = least.as_secs_f64() * exceeded.powf(-1.0 / shape);
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_TAIL).min(LONGEST_TAIL)
}

impl FromStr for Distribution {
    type Err = ConditionsError;

    fn from_str(text: &str) -> Result<Self, ConditionsError> {
        let text = text.trim();
        let Some((name, values)) = text.split_once('(') else {
            return match text.split_once("..") {
                Some((least, most)) => uniform(text, least, most),
                None => duration(text).map(Self::Constant),
            };
        };
        let values = values.strip_suffix(')').and_then(|values| values.split_once(','));
        match (name.trim(), values) {
            ("uniform", Some((least, most))) => uniform(text, least, most),
            ("normal", Some((mean, deviation))) => Ok(Self::Normal(duration(mean)?, duration(deviation)?)),
            ("pareto", Some((least, tail))) => Ok(Self::Pareto(duration(least)?, shape(tail)?)),
            ("uniform", None) => Err(ConditionsError::Values {
                name: "uniform",
                expected: "the least and the most: uniform(10ms, 60ms)",
            }),
            ("normal", None) => Err(ConditionsError::Values {
                name: "normal",
                expected: "a mean and a standard deviation: normal(20ms, 5ms)",
            }),
            ("pareto", None) => Err(ConditionsError::Values {
                name: "pareto",
                expected: "the least and a shape: pareto(5ms, 1.5)",
            }),
            (other, _) => Err(ConditionsError::Name { name: other.chars().take(64).collect() }),
        }
    }
}

fn uniform(text: &str, least: &str, most: &str) -> Result<Distribution, ConditionsError> {
    let (least, most) = (duration(least)?, duration(most)?);
    if most < least {
        return Err(ConditionsError::Backwards { text: text.to_owned() });
    }
    Ok(Distribution::Uniform(least, most))
}

fn duration(text: &str) -> Result<Duration, ConditionsError> {
    let text = text.trim();
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err(ConditionsError::TooLong { text: text.to_owned() }),
        Err(_) => Err(ConditionsError::Duration { text: text.chars().take(64).collect() }),
    }
}

fn shape(text: &str) -> Result<f64, ConditionsError> {
    let shape = text.trim().parse().ok().filter(|shape: &f64| shape.is_finite() && *shape > 0.0);
    shape.ok_or_else(|| ConditionsError::Shape { text: text.trim().chars().take(64).collect() })
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = humantime::format_duration;
        match *self {
            Self::Constant(always) => show(always).fmt(f),
            Self::Uniform(least, most) => write!(f, "{}..{}", show(least), show(most)),
            Self::Normal(mean, deviation) => write!(f, "normal({}, {})", show(mean), show(deviation)),
            Self::Pareto(least, shape) => write!(f, "pareto({}, {shape})", show(least)),
        }
    }
}
