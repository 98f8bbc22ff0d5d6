//! What a scenario may choose about the agent: nothing so far. Knows no behaviour.

use schemars::JsonSchema;
use serde::Deserialize;

/// How a [`LanguageAgent`](crate::LanguageAgent) behaves. It has no knobs yet; unknown ones are refused.
///
/// ```
/// assert_eq!(agent_language::LanguageParams {}, agent_language::LanguageParams::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LanguageParams {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_that_does_not_exist_is_refused() {
        assert!(toml::from_str::<LanguageParams>("").is_ok());
        assert!(toml::from_str::<LanguageParams>("tokens_per_s = 40").is_err());
    }
}
