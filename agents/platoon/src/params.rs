//! What a scenario may choose about a platoon and its witness. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

use crate::election::Rules;

/// The shortest beat, as timers are no finer.
const SHORTEST: Duration = Duration::from_millis(1);

/// How a [`MemberAgent`](crate::MemberAgent) elects and commands. All members of a platoon have the same, but for the rank.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_platoon::MemberParams = serde_json::from_str(r#"{ "members": 7, "lease": "2s" }"#).unwrap();
/// assert_eq!((params.members, params.lease, params.rank), (7, Duration::from_secs(2), 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemberParams {
    /// How many members the platoon has, 2 to 64, whether they live or not.
    #[serde(deserialize_with = "members")]
    #[schemars(range(min = 2, max = 64))]
    pub members: u8,
    /// Who stands first when there is no commander: each rank waits for half a lease more, at most 20.
    #[serde(deserialize_with = "rank")]
    #[schemars(range(max = 20))]
    pub rank: u8,
    /// For how long whoever has obeyed an order follows nobody else, such as 1s. At least four beats.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "1s"))]
    pub lease: Duration,
    /// From one order to the next, such as 200ms. At least 1ms.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "200ms"))]
    pub beat: Duration,
}

impl MemberParams {
    /// A lease that is too short for its beat becomes one of four beats, and each beat is at least a millisecond.
    pub(crate) fn rules(&self) -> Rules {
        let beat = self.beat.max(SHORTEST);
        let lease = self.lease.max(4 * beat);
        Rules { members: self.members.into(), lease, beat, patience: lease * u32::from(self.rank) / 2 }
    }
}

impl Default for MemberParams {
    fn default() -> Self {
        Self { members: 5, rank: 0, lease: Duration::from_secs(1), beat: Duration::from_millis(200) }
    }
}

/// What a [`WitnessAgent`](crate::WitnessAgent) makes of what it hears.
///
/// ```
/// use std::time::Duration;
///
/// let params: agent_platoon::WitnessParams = serde_json::from_str(r#"{ "grace": "1s" }"#).unwrap();
/// assert_eq!(params.grace, Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WitnessParams {
    /// How long after the first order of a term one of an earlier term may still come, because it was on its way.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "250ms"))]
    pub grace: Duration,
}

impl Default for WitnessParams {
    fn default() -> Self {
        Self { grace: Duration::from_millis(250) }
    }
}

fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let members = u8::deserialize(deserializer)?;
    if (2..=64).contains(&members) {
        return Ok(members);
    }
    Err(D::Error::custom(format!("{members} are no platoon, expected 2 to 64")))
}

fn rank<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let rank = u8::deserialize(deserializer)?;
    if rank <= 20 {
        return Ok(rank);
    }
    Err(D::Error::custom(format!("{rank} is no rank, expected at most 20")))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text).ok().filter(|duration| *duration >= SHORTEST);
    duration.ok_or_else(|| {
        D::Error::custom(format!("{text:?} is no duration, expected at least 1ms, such as 1s"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_name_the_defaults() {
        let named = |schema: &schemars::Schema, name: &str| {
            (name.to_owned(), schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap())
        };
        let schema = schemars::schema_for!(MemberParams);
        let names = ["lease", "beat", "members", "rank"].map(|name| named(&schema, name));
        let names = serde_json::Value::Object(names.into_iter().collect());
        assert_eq!(serde_json::from_value::<MemberParams>(names).unwrap(), MemberParams::default());
        let schema = schemars::schema_for!(WitnessParams);
        let names = serde_json::Value::Object([named(&schema, "grace")].into_iter().collect());
        assert_eq!(serde_json::from_value::<WitnessParams>(names).unwrap(), WitnessParams::default());
    }

    #[test]
    fn what_is_no_platoon_is_refused() {
        for json in [
            r#"{ "members": 1 }"#,
            r#"{ "members": 65 }"#,
            r#"{ "rank": 21 }"#,
            r#"{ "beat": "0s" }"#,
            r#"{ "size": 3 }"#,
        ] {
            assert!(serde_json::from_str::<MemberParams>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_lease_outlasts_some_orders() {
        let params = MemberParams { lease: Duration::from_millis(1), ..MemberParams::default() };
        assert_eq!(params.rules().lease, 4 * params.beat);
    }
}
