//! What a beacon is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};
use swarm_core::{TopicName, TopicPattern};

use crate::TOPIC;

/// Fastest rate: beyond it a timer of whole milliseconds cannot keep the pauses even.
const FASTEST_HZ: f64 = 1000.0;

/// Most observations at once: a second of them at the fastest rate is a million.
const MOST_AT_ONCE: u16 = 1000;

/// Largest payload: with its header it fits into a datagram of every path that carries QUIC at all.
const LARGEST_BYTES: u16 = 1024;

/// What a beacon is made of.
///
/// ```
/// let params: agent_beacon::Params = serde_json::from_str(r#"{ "rate_hz": 2.5 }"#).unwrap();
/// assert_eq!((params.rate_hz, params.payload_bytes), (2.5, 64));
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How many times a second it broadcasts, more than 0 and at most 1000.
    #[serde(deserialize_with = "rate")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1000))]
    pub rate_hz: f64,
    /// Observations about each of its topics, each time, 1 to 1000.
    #[serde(deserialize_with = "at_once")]
    #[schemars(range(min = 1, max = 1000))]
    pub at_once: u16,
    /// What its observations are about; each time it broadcasts about all of them.
    #[schemars(with = "Vec<String>", extend("default" = ["beacon.tick"]))]
    pub topics: Vec<TopicName>,
    /// Patterns of the topics that it wants to hear of, though it does nothing with them.
    #[schemars(with = "Vec<String>", extend("default" = ["**"]))]
    pub subscriptions: Vec<TopicPattern>,
    /// How its observations travel: `lossy`, `latest` or `reliable`.
    pub delivery: Class,
    /// Whether its observations are signed, so that others can pass them on.
    pub signed: bool,
    /// Bytes of each payload, at most 1024.
    #[serde(deserialize_with = "payload")]
    #[schemars(range(max = 1024))]
    pub payload_bytes: u16,
}

/// How observations of a beacon travel.
///
/// ```
/// let params: agent_beacon::Params = serde_json::from_str(r#"{ "delivery": "reliable" }"#).unwrap();
/// assert_eq!(params.delivery, agent_beacon::Class::Reliable);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Any may be lost.
    #[default]
    Lossy,
    /// Of each topic only the newest counts.
    Latest,
    /// None may be lost.
    Reliable,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            rate_hz: 10.0,
            at_once: 1,
            topics: TopicName::try_from(TOPIC).into_iter().collect(),
            subscriptions: vec![TopicPattern::everything()],
            delivery: Class::Lossy,
            signed: false,
            payload_bytes: 64,
        }
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    if rate > 0.0 && rate <= FASTEST_HZ {
        return Ok(rate);
    }
    Err(D::Error::custom(format!("{rate} is no rate, expected more than 0 and at most {FASTEST_HZ}")))
}

fn at_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let count = u16::deserialize(deserializer)?;
    if (1..=MOST_AT_ONCE).contains(&count) {
        return Ok(count);
    }
    Err(D::Error::custom(format!("{count} at once are not possible, expected 1 to {MOST_AT_ONCE}")))
}

fn payload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let bytes = u16::deserialize(deserializer)?;
    if bytes <= LARGEST_BYTES {
        return Ok(bytes);
    }
    Err(D::Error::custom(format!("{bytes} bytes fit into no datagram, expected at most {LARGEST_BYTES}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_defaults() {
        let schema = schemars::schema_for!(Params);
        let named = |name: &str| schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap();
        let names = serde_json::json!({ "topics": named("topics"), "subscriptions": named("subscriptions") });
        assert_eq!(serde_json::from_value::<Params>(names).unwrap(), Params::default());
        assert_eq!(Params::default().topics.len(), 1);
    }

    #[test]
    fn rates_and_sizes_have_their_bounds() {
        for wrong in [
            r#"{ "rate_hz": 0 }"#,
            r#"{ "rate_hz": -1.0 }"#,
            r#"{ "rate_hz": 1001 }"#,
            r#"{ "payload_bytes": 1025 }"#,
            r#"{ "at_once": 0 }"#,
            r#"{ "at_once": 1001 }"#,
            r#"{ "topics": ["No Name"] }"#,
            r#"{ "delivery": "by-hand" }"#,
            r#"{ "rate": 1 }"#,
        ] {
            assert!(serde_json::from_str::<Params>(wrong).is_err(), "{wrong}");
        }
    }
}
