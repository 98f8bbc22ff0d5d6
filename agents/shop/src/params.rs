//! What a scenario may choose about clerks and customers. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// The shortest time from one order to the next, as timers are no finer.
const SHORTEST: Duration = Duration::from_millis(1);

/// How a [`ClerkAgent`](crate::ClerkAgent) sells.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_shop::ClerkParams = serde_json::from_str(r#"{ "takes": "50ms" }"#).unwrap();
/// assert_eq!((params.at_once, params.takes), (4, Duration::from_millis(50)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClerkParams {
    /// How many customers it serves at once.
    #[schemars(range(min = 1))]
    pub at_once: usize,
    /// How many more may wait; whoever comes then is told that it is busy.
    pub waiting: usize,
    /// How long an order takes, such as 20ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "20ms"))]
    pub takes: Duration,
}

impl Default for ClerkParams {
    fn default() -> Self {
        Self { at_once: 4, waiting: 16, takes: Duration::from_millis(20) }
    }
}

/// How a [`CustomerAgent`](crate::CustomerAgent) orders.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_shop::CustomerParams = serde_json::from_str(r#"{ "every": "50ms" }"#).unwrap();
/// assert_eq!((params.every, params.insist), (Duration::from_millis(50), false));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerParams {
    /// From one order to the next, such as 100ms; each waits for the one before. At least 1ms.
    #[serde(deserialize_with = "pause")]
    #[schemars(with = "String", extend("default" = "100ms"))]
    pub every: Duration,
    /// How long it waits for an order, such as 2s.
    #[serde(deserialize_with = "pause")]
    #[schemars(with = "String", extend("default" = "2s"))]
    pub deadline: Duration,
    /// How many other clerks may be asked when one is lost, leaves or is busy.
    pub retries: usize,
    /// Whether another clerk is asked even if the one before may have sold already. Then some orders are sold twice, and
    /// fewer are lost.
    pub insist: bool,
}

impl Default for CustomerParams {
    fn default() -> Self {
        Self {
            every: Duration::from_millis(100),
            deadline: Duration::from_secs(2),
            retries: 2,
            insist: false,
        }
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
        return Err(D::Error::custom("that is no time, expected at least 1ms"));
    }
    Ok(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(schema: &schemars::Schema, names: &[&str]) -> serde_json::Value {
        let default = |name: &&str| {
            let value = schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap();
            ((*name).to_owned(), value)
        };
        serde_json::Value::Object(names.iter().map(default).collect())
    }

    #[test]
    fn the_schemas_name_the_defaults() {
        let clerk = named(&schemars::schema_for!(ClerkParams), &["at_once", "waiting", "takes"]);
        assert_eq!(serde_json::from_value::<ClerkParams>(clerk).unwrap(), ClerkParams::default());
        let customer = named(&schemars::schema_for!(CustomerParams), &["every", "deadline", "retries"]);
        assert_eq!(serde_json::from_value::<CustomerParams>(customer).unwrap(), CustomerParams::default());
    }

    #[test]
    fn an_order_may_take_no_time_but_a_pause_must() {
        assert!(serde_json::from_str::<ClerkParams>(r#"{ "takes": "0s" }"#).is_ok());
        for json in [r#"{ "every": "0s" }"#, r#"{ "deadline": "soon" }"#, r#"{ "insists": true }"#] {
            assert!(serde_json::from_str::<CustomerParams>(json).is_err(), "{json}");
        }
    }
}
