//! What a scenario may choose about the agent. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// How a [`ControlAgent`](crate::ControlAgent) behaves.
///
/// ```
/// use std::time::Duration;
/// use agent_control::ControlParams;
///
/// assert_eq!(ControlParams::default().command_every, Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ControlParams {
    /// How often each rover gets a command, such as "500ms"; at least "1ms". A rover that has not confirmed one gets no
    /// further one meanwhile.
    #[serde(deserialize_with = "interval")]
    #[schemars(with = "String", extend("default" = "1s"))]
    pub command_every: Duration,
    /// How often all rovers are told at once to gather at the origin, such as "5s"; at least "1ms". Never unless given.
    #[serde(deserialize_with = "some_interval")]
    #[schemars(with = "Option<String>")]
    pub rally_every: Option<Duration>,
}

impl ControlParams {
    /// The shortest time between commands, as timers are no finer.
    pub const SHORTEST: Duration = Duration::from_millis(1);
}

impl Default for ControlParams {
    fn default() -> Self {
        Self { command_every: Duration::from_secs(1), rally_every: None }
    }
}

fn some_interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    interval(deserializer).map(Some)
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let interval = humantime::parse_duration(&text).map_err(|error| {
        de::Error::custom(format!("{text:?} is no duration ({error}): write \"500ms\" or \"2s\""))
    })?;
    if interval < ControlParams::SHORTEST {
        return Err(de::Error::custom(format!("{text:?} is too short: choose at least \"1ms\"")));
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_read_as_people_write_it() {
        let every = |text| toml::from_str::<ControlParams>(text).unwrap().command_every;
        assert_eq!(every(r#"command_every = "250ms""#), Duration::from_millis(250));
        assert_eq!(every(""), Duration::from_secs(1));
        let rally = |text| toml::from_str::<ControlParams>(text).unwrap().rally_every;
        assert_eq!(rally(r#"rally_every = "5s""#), Some(Duration::from_secs(5)));
        assert_eq!(rally(""), None);
    }

    #[test]
    fn the_schema_names_the_default() {
        let schema = schemars::schema_for!(ControlParams);
        let named =
            schema.pointer("/properties/command_every/default").and_then(|value| value.as_str()).unwrap();
        assert_eq!(humantime::parse_duration(named).unwrap(), ControlParams::default().command_every);
    }

    #[test]
    fn what_is_no_interval_is_refused_with_the_remedy() {
        let refused = |text| toml::from_str::<ControlParams>(text).unwrap_err().to_string();
        assert!(refused(r#"command_every = "often""#).contains("write \"500ms\""));
        assert!(refused(r#"command_every = "0s""#).contains("at least \"1ms\""));
        assert!(refused("every = 3").contains("unknown field"));
    }
}
