//! What a scenario may choose about a studio. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// How a [`StageAgent`](crate::StageAgent) plays.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_studio::StageParams = serde_json::from_str("{}").unwrap();
/// assert_eq!(params.word_every, Duration::from_millis(30));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StageParams {
    /// From one word to the next, such as 30ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "30ms"))]
    pub word_every: Duration,
}

impl Default for StageParams {
    fn default() -> Self {
        Self { word_every: Duration::from_millis(30) }
    }
}

/// How a [`FusionAgent`](crate::FusionAgent) puts scenes together.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_studio::FusionParams = serde_json::from_str(r#"{ "patience": "2s" }"#).unwrap();
/// assert_eq!((params.patience, params.lanes), (Duration::from_secs(2), true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FusionParams {
    /// After how long it shows what it has, such as 900ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "900ms"))]
    pub patience: Duration,
    /// How long sound waits before it is heard, such as 100ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "100ms"))]
    pub buffer: Duration,
    /// Whether each part of a scene has the lane that suits it. Without it all of them have the same.
    pub lanes: bool,
}

impl Default for FusionParams {
    fn default() -> Self {
        Self { patience: Duration::from_millis(900), buffer: Duration::from_millis(100), lanes: true }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| D::Error::custom(format!("{text:?} is no duration, expected one such as 900ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_name_the_defaults() {
        let named = |schema: &schemars::Schema, name: &str| {
            let value = schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap();
            (name.to_owned(), value)
        };
        let schema = schemars::schema_for!(FusionParams);
        let names = ["patience", "buffer", "lanes"].map(|name| named(&schema, name));
        let names = serde_json::Value::Object(names.into_iter().collect());
        assert_eq!(serde_json::from_value::<FusionParams>(names).unwrap(), FusionParams::default());
        let schema = schemars::schema_for!(StageParams);
        let names = serde_json::Value::Object([named(&schema, "word_every")].into_iter().collect());
        assert_eq!(serde_json::from_value::<StageParams>(names).unwrap(), StageParams::default());
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for json in [r#"{ "patience": "long" }"#, r#"{ "lane": true }"#] {
            assert!(serde_json::from_str::<FusionParams>(json).is_err(), "{json}");
        }
    }
}
