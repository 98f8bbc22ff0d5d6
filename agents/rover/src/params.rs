//! What a scenario may choose about the agent. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use swarm_core::TopicPattern;

/// How a [`RoverAgent`](crate::RoverAgent) behaves.
///
/// ```
/// use std::time::Duration;
/// use agent_rover::RoverParams;
///
/// assert_eq!(RoverParams::default().rate_hz.period(), Duration::from_millis(50));
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoverParams {
    /// How many times a second it tells where it is, more than 0 and at most 1000.
    #[schemars(extend("default" = 20))]
    pub rate_hz: RateHz,
    /// How many times a second it tells how much it shakes, at most 1000. Never unless given.
    pub vibration_hz: Option<RateHz>,
    /// Patterns of the topics that it wants to hear of; it obeys what it hears about fleet.order.
    #[schemars(with = "Vec<String>", extend("default" = ["fleet.**"]))]
    pub subscriptions: Vec<TopicPattern>,
}

impl Default for RoverParams {
    fn default() -> Self {
        Self {
            rate_hz: RateHz::default(),
            vibration_hz: None,
            subscriptions: TopicPattern::try_from("fleet.**").into_iter().collect(),
        }
    }
}

/// How often something happens: more than 0 and at most 1,000 times a second.
///
/// ```
/// use agent_rover::RateHz;
///
/// assert_eq!(RateHz::try_from(4.0)?.period().as_millis(), 250);
/// assert!(RateHz::try_from(0.0).is_err());
/// # Ok::<(), agent_rover::RateHzError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64", extend("exclusiveMinimum" = 0, "maximum" = 1000))]
pub struct RateHz(f64);

impl RateHz {
    /// The most there may be in a second: timers are no finer than a millisecond.
    pub const MAX: f64 = 1000.0;

    /// The time from one to the next.
    #[must_use]
    pub fn period(self) -> Duration {
        // A rate so small that its period has no number means: never.
        Duration::try_from_secs_f64(1.0 / self.0).unwrap_or(Duration::MAX)
    }
}

impl Default for RateHz {
    fn default() -> Self {
        Self(20.0)
    }
}

impl TryFrom<f64> for RateHz {
    type Error = RateHzError;

    fn try_from(hertz: f64) -> Result<Self, RateHzError> {
        if hertz > 0.0 && hertz <= Self::MAX { Ok(Self(hertz)) } else { Err(RateHzError { found: hertz }) }
    }
}

/// A number that is no rate.
///
/// ```
/// use agent_rover::RateHz;
///
/// let error = RateHz::try_from(5000.0).unwrap_err();
/// assert_eq!(error.to_string(), "a rate of 5000 per second is not possible: choose more than 0 and at most 1000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a rate of {found} per second is not possible: choose more than 0 and at most {}", RateHz::MAX)]
pub struct RateHzError {
    /// The number.
    pub found: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_may_be_whole_or_not() {
        let period = |text| toml::from_str::<RoverParams>(text).unwrap().rate_hz.period();
        assert_eq!(period("rate_hz = 10"), Duration::from_millis(100));
        assert_eq!(period("rate_hz = 0.5"), Duration::from_secs(2));
        assert_eq!(period(""), Duration::from_millis(50));
    }

    #[test]
    fn the_schema_names_the_defaults() {
        let schema = schemars::schema_for!(RoverParams);
        let named = |name: &str| schema.pointer(&format!("/properties/{name}/default")).unwrap().to_string();
        let text: Vec<_> =
            ["rate_hz", "subscriptions"].map(|name| format!("{name} = {}", named(name))).into();
        assert_eq!(toml::from_str::<RoverParams>(&text.join("\n")).unwrap(), RoverParams::default());
        assert_eq!(RoverParams::default().subscriptions.len(), 1);
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_remedy() {
        for text in ["rate_hz = 0", "rate_hz = -3", "rate_hz = nan", "rate_hz = 1001"] {
            let error = toml::from_str::<RoverParams>(text).unwrap_err().to_string();
            assert!(error.contains("more than 0 and at most 1000"), "{text}: {error}");
        }
        assert!(toml::from_str::<RoverParams>("rate = 3").is_err());
    }

    #[test]
    fn the_rarest_rate_still_has_a_period() {
        assert_eq!(RateHz::try_from(f64::MIN_POSITIVE).unwrap().period(), Duration::MAX);
    }
}
