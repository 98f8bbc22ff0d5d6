//! What a listener is made of.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};
use swarm_core::TopicPattern;

/// What a listener is made of.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_listener::Params =
///     serde_json::from_str(r#"{ "subscriptions": ["rover.*"], "takes": "50ms" }"#).unwrap();
/// assert_eq!(params.takes, Duration::from_millis(50));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Patterns of the topics that it wants to hear of.
    #[schemars(with = "Vec<String>", extend("default" = ["**"]))]
    pub subscriptions: Vec<TopicPattern>,
    /// How long it takes for each observation, one after the other, such as 50ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "0s"))]
    pub takes: Duration,
    /// Whether it passes on what it hears with a signature, to peers that its origin may not know.
    pub passes_on: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { subscriptions: vec![TopicPattern::everything()], takes: Duration::ZERO, passes_on: false }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| D::Error::custom(format!("{text:?} is no duration, expected one such as 50ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_defaults() {
        let schema = schemars::schema_for!(Params);
        let named = |name: &str| schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap();
        let names = serde_json::json!({ "subscriptions": named("subscriptions"), "takes": named("takes") });
        assert_eq!(serde_json::from_value::<Params>(names).unwrap(), Params::default());
    }

    #[test]
    fn what_is_no_pattern_or_no_duration_is_refused() {
        for json in [r#"{ "subscriptions": ["a.**.b"] }"#, r#"{ "takes": "long" }"#, r#"{ "take": "1s" }"#] {
            assert!(serde_json::from_str::<Params>(json).is_err(), "{json}");
        }
    }
}
