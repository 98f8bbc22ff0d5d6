//! What a greeter is made of.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

/// What a greeter is made of.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_greeter::Params = serde_json::from_str(r#"{ "every": "2s" }"#).unwrap();
/// assert_eq!((params.every, params.greeting.as_str()), (Duration::from_secs(2), "Hello"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// From one greeting to the next, such as 500ms. At least 1ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "500ms"))]
    pub every: Duration,
    /// What it says; a name follows when somebody asked to be greeted.
    pub greeting: String,
}

impl Default for Params {
    fn default() -> Self {
        Self { every: Duration::from_millis(500), greeting: "Hello".to_owned() }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text).ok().filter(|every| *every >= Duration::from_millis(1));
    duration.ok_or_else(|| {
        D::Error::custom(format!("{text:?} is no pause, expected at least 1ms, such as 500ms"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_nothing_is_refused() {
        for every in ["0s", "soon", "-1s", "5"] {
            let json = format!(r#"{{ "every": "{every}" }}"#);
            assert!(serde_json::from_str::<Params>(&json).is_err(), "{every}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(serde_json::from_str::<Params>(r#"{ "often": "1s" }"#).is_err());
    }
}
