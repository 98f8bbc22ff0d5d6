//! What a scenario may choose about searchers and their referee. Knows no behaviour.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

use crate::grid::Size;

/// The shortest step, as timers are no finer.
const SHORTEST: Duration = Duration::from_millis(1);

/// More walls than this and hardly anything can be reached.
const MOST_WALLS: f64 = 0.4;

/// How a [`SearcherAgent`](crate::SearcherAgent) searches, and where.
///
/// ```
/// let params: agent_searcher::SearcherParams = serde_json::from_str(r#"{ "team": "pack", "width": 24 }"#).unwrap();
/// assert_eq!((params.width, params.height, params.share), (24, 24, true));
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearcherParams {
    /// Those of a team share what they see. A part of the names of its topics, so a label in lower case.
    pub team: String,
    /// Whether it tells its team what it sees.
    pub share: bool,
    /// Which place they search: the same number is the same place.
    pub place: u64,
    /// Columns of the place, 2 to 200.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 2, max = 200))]
    pub width: u8,
    /// Rows of the place, 2 to 200.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 2, max = 200))]
    pub height: u8,
    /// The share of cells that are walls, at most 0.4.
    #[serde(deserialize_with = "walls")]
    #[schemars(range(min = 0, max = 0.4))]
    pub walls: f64,
    /// How many targets are hidden.
    pub targets: u16,
    /// How far it sees, in cells.
    #[schemars(range(min = 1))]
    pub sight: u8,
    /// How long one step takes, such as 100ms. At least 1ms.
    #[serde(deserialize_with = "pause")]
    #[schemars(with = "String", extend("default" = "100ms"))]
    pub step: Duration,
    /// From its start to its first step, such as 1s: so that its team is there.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "String", extend("default" = "500ms"))]
    pub wait: Duration,
}

impl SearcherParams {
    pub(crate) fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }
}

impl Default for SearcherParams {
    fn default() -> Self {
        Self {
            team: "team".to_owned(),
            share: true,
            place: 1,
            width: 24,
            height: 24,
            walls: 0.25,
            targets: 8,
            sight: 3,
            step: Duration::from_millis(100),
            wait: Duration::from_millis(500),
        }
    }
}

/// Whom a [`RefereeAgent`](crate::RefereeAgent) compares.
///
/// ```
/// let params: agent_searcher::RefereeParams =
///     serde_json::from_str(r#"{ "team": "pack", "against": "loner" }"#).unwrap();
/// assert_eq!(params.against, "loner");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefereeParams {
    /// The team that ought to be faster.
    pub team: String,
    /// The team that it is compared with.
    pub against: String,
}

fn side<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let side = u8::deserialize(deserializer)?;
    if (2..=200).contains(&side) {
        return Ok(side);
    }
    Err(D::Error::custom(format!("{side} is no side of a place, expected 2 to 200")))
}

fn walls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let walls = f64::deserialize(deserializer)?;
    if (0.0..=MOST_WALLS).contains(&walls) {
        return Ok(walls);
    }
    Err(D::Error::custom(format!("{walls} is no share of walls, expected 0 to {MOST_WALLS}")))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| D::Error::custom(format!("{text:?} is no duration, expected one such as 100ms")))
}

fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let pause = duration(deserializer)?;
    if pause < SHORTEST {
        return Err(D::Error::custom("that is no step, expected at least 1ms"));
    }
    Ok(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_defaults() {
        let schema = schemars::schema_for!(SearcherParams);
        let named = |name: &str| schema.pointer(&format!("/properties/{name}/default")).cloned().unwrap();
        let names =
            serde_json::json!({ "step": named("step"), "wait": named("wait"), "walls": named("walls") });
        assert_eq!(serde_json::from_value::<SearcherParams>(names).unwrap(), SearcherParams::default());
    }

    #[test]
    fn what_is_no_place_to_search_is_refused() {
        for json in [
            r#"{ "width": 1 }"#,
            r#"{ "height": 201 }"#,
            r#"{ "walls": 0.5 }"#,
            r#"{ "walls": -0.1 }"#,
            r#"{ "step": "0s" }"#,
            r#"{ "steps": 3 }"#,
        ] {
            assert!(serde_json::from_str::<SearcherParams>(json).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<RefereeParams>(r#"{ "team": "pack" }"#).is_err());
    }
}
