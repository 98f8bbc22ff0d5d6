//! Scenario files.

use std::sync::LazyLock;

use swarm_core::Agent;
use swarm_sim::{Question, Registry, Scenario, Setup};

use crate::measure::FROM_SCENARIOS;

/// Params of every kind.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
struct Params {
    text: String,
    number: u32,
    share: f64,
    flag: bool,
    list: Vec<String>,
}

struct Anything;
impl Agent for Anything {}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    Registry::new()
        .agent("anything", "takes params of every kind", |_: Setup<'_, Params>| Ok(Anything))
        .questions("numbers", "asks for numbers", |seed| {
            (seed..).map(|n| Question::new(n.to_string(), |_| true))
        })
});

/// Every complaint has a place in the file, and what is valid can be described.
pub(crate) fn scenario(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let registry = &*REGISTRY;
    match FROM_SCENARIOS.holds(input, || Scenario::parse("fuzz.toml", text, registry)) {
        Ok(scenario) => {
            assert!(scenario.agents() <= swarm_sim::MOST_AGENTS);
            assert!(scenario.warnings.iter().all(|warning| text.get(warning.place.clone()).is_some()));
            scenario.checks.iter().for_each(|check| drop(check.to_string()));
            scenario.timeline.iter().for_each(|event| drop(event.action.to_string()));
            for check in &scenario.checks {
                let _ = check.windows(&scenario);
            }
            scenario.sweep.iter().for_each(|sweep| drop(sweep.points(scenario.seed)));
        }
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                assert!(text.get(problem.span()).is_some(), "{:?} of {}", problem.span(), problem.message());
            }
            drop(errors.to_string());
        }
    }
}
