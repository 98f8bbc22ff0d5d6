//! What a scenario may choose about a depot. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// How a [`DepotAgent`](crate::DepotAgent) behaves.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_depot::DepotParams = serde_json::from_str(r#"{ "at_once": 4, "takes": "20ms" }"#).unwrap();
/// assert_eq!((params.at_once, params.waiting, params.takes), (4, 64, Duration::from_millis(20)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DepotParams {
    /// How many requests it serves at once.
    #[schemars(range(min = 1))]
    pub at_once: usize,
    /// How many more may wait; whoever comes then is told that it is busy.
    pub waiting: usize,
    /// How long it takes to find a parcel, such as 20ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "0s"))]
    pub takes: Duration,
    /// From one word to everybody about what it has handed out to the next, such as 50ms. At least 1ms.
    #[serde(deserialize_with = "pause")]
    #[schemars(with = "String", extend("default" = "500ms"))]
    pub every: Duration,
}

/// The shortest time between two words to everybody, as timers are no finer.
const SHORTEST: Duration = Duration::from_millis(1);

impl Default for DepotParams {
    fn default() -> Self {
        Self { at_once: 64, waiting: 64, takes: Duration::ZERO, every: Duration::from_millis(500) }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| D::Error::custom(format!("{text:?} is no duration, expected one such as 20ms")))
}

fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let pause = duration(deserializer)?;
    if pause < SHORTEST {
        return Err(D::Error::custom("that is no pause, expected at least 1ms"));
    }
    Ok(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_may_take_no_time_but_a_pause_must() {
        assert!(serde_json::from_str::<DepotParams>(r#"{ "takes": "0s" }"#).is_ok());
        for json in [r#"{ "every": "0s" }"#, r#"{ "takes": "long" }"#, r#"{ "at_twice": 1 }"#] {
            assert!(serde_json::from_str::<DepotParams>(json).is_err(), "{json}");
        }
    }
}
