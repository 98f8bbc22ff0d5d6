//! What a scenario may choose about the agent. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// How a [`VisionAgent`](crate::VisionAgent) behaves.
///
/// ```
/// use std::time::Duration;
/// use agent_vision::VisionParams;
///
/// assert_eq!(VisionParams::default().think, Duration::ZERO);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VisionParams {
    /// Time between the coarse and the refined pass, such as "50ms": makes the stream visible.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "0ms"))]
    pub think: Duration,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        de::Error::custom(format!("{text:?} is no duration ({error}): write \"50ms\" or \"2s\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_people_write_it() {
        let params: VisionParams = toml::from_str(r#"think = "1s 500ms""#).unwrap();
        assert_eq!(params.think, Duration::from_millis(1500));
        assert_eq!(toml::from_str::<VisionParams>("").unwrap(), VisionParams::default());
    }

    #[test]
    fn the_schema_names_the_default() {
        let schema = schemars::schema_for!(VisionParams);
        let named = schema.pointer("/properties/think/default").and_then(|value| value.as_str()).unwrap();
        assert_eq!(humantime::parse_duration(named).unwrap(), VisionParams::default().think);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_remedy() {
        let bad = toml::from_str::<VisionParams>(r#"think = "soon""#).unwrap_err().to_string();
        assert!(bad.contains("\"soon\" is no duration") && bad.contains("50ms"), "{bad}");
        assert!(toml::from_str::<VisionParams>("thinking = 3").is_err());
    }
}
