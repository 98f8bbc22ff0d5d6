//! What a scenario may choose about a line of relays. Knows no behaviour.

use std::num::NonZeroU8;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// What the relays of a line have in common.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_relay::RelayParams = serde_json::from_str(r#"{ "stages": 3 }"#).unwrap();
/// assert_eq!((params.line.as_str(), params.stages, params.step), ("relay", 3, Duration::from_millis(10)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelayParams {
    /// What the line is called: its first place offers LINE.stage-1.
    pub line: String,
    /// How many places there are in the whole line.
    #[schemars(range(min = 1))]
    pub stages: u8,
    /// The place of the first member of the group; the others follow.
    #[schemars(range(min = 1))]
    pub first: NonZeroU8,
    /// Whether the last asks the first again, so that nobody ever works.
    pub circle: bool,
    /// How long one step of the work takes, such as 10ms. At least 1ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "10ms"))]
    pub step: Duration,
}

impl Default for RelayParams {
    fn default() -> Self {
        Self {
            line: "relay".to_owned(),
            stages: 5,
            first: NonZeroU8::MIN,
            circle: false,
            step: Duration::from_millis(10),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text).ok().filter(|step| *step >= Duration::from_millis(1));
    duration
        .ok_or_else(|| D::Error::custom(format!("{text:?} is no step, expected at least 1ms, such as 10ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_nothing_is_refused() {
        for step in ["0s", "soon", "5"] {
            let json = format!(r#"{{ "step": "{step}" }}"#);
            assert!(serde_json::from_str::<RelayParams>(&json).is_err(), "{step}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(serde_json::from_str::<RelayParams>(r#"{ "stage": 1 }"#).is_err());
    }
}
