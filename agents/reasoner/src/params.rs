//! What a scenario may choose about the agent: nothing so far. Knows no behaviour.

use schemars::JsonSchema;
use serde::Deserialize;

/// How a [`ReasonerAgent`](crate::ReasonerAgent) behaves. It has no knobs yet; unknown ones are refused.
///
/// ```
/// assert_eq!(agent_reasoner::ReasonerParams {}, agent_reasoner::ReasonerParams::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonerParams {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_that_does_not_exist_is_refused() {
        assert!(toml::from_str::<ReasonerParams>("").is_ok());
        assert!(toml::from_str::<ReasonerParams>("patience = 3").is_err());
    }
}
