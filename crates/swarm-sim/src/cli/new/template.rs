//! Scenarios to begin with. They run with any registry: the agents are of a kind that it has.

use crate::{Registry, registry::Kind};

/// A scenario with gaps.
pub(super) struct Template {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    text: &'static str,
}

/// All of them.
pub(super) const TEMPLATES: [Template; 3] = [
    Template {
        name: "basic",
        summary: "a few agents, with a comment on everything that may be in a scenario",
        text: include_str!("templates/basic.toml"),
    },
    Template {
        name: "faults",
        summary: "a swarm in virtual time that is cut in two, loses agents and must recover",
        text: include_str!("templates/faults.toml"),
    },
    Template {
        name: "minimal",
        summary: "what a scenario cannot do without",
        text: include_str!("templates/minimal.toml"),
    },
];

impl Template {
    /// The text with a name and a kind of agent in it.
    pub(super) fn fill(&self, name: &str, registry: &Registry) -> String {
        let kinds: Vec<_> = registry.kinds().collect();
        self.text
            .replace("\"NAME\"", &toml::Value::from(name).to_string())
            .replace("\"KIND\"", &toml::Value::from(kind(registry)).to_string())
            .replace("KINDS", &kinds.join(", "))
    }
}

/// The first kind of agent that does something and needs no params to do it; `idle` if there is none.
fn kind(registry: &Registry) -> &str {
    let needs_nothing = |kind: &Kind| {
        let required = kind.schema.get("required").and_then(serde_json::Value::as_array);
        required.is_none_or(Vec::is_empty)
    };
    let mut kinds = registry.kinds().filter(|name| *name != "idle");
    kinds.find(|name| registry.kind(name).is_some_and(|kind| needs_nothing(kind))).unwrap_or("idle")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoParams, RunOptions, Scenario, Setup};

    struct Mute;
    impl swarm_core::Agent for Mute {}

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Demanding {
        #[expect(dead_code, reason = "only read into")]
        rate_hz: f64,
    }

    #[test]
    fn templates_run_and_pass_with_any_registry() {
        let demanding = Registry::new()
            .agent("able", "needs a rate", |_: Setup<'_, Demanding>| Ok(Mute))
            .agent("mute", "says nothing", |_: Setup<'_, NoParams>| Ok(Mute));
        for (registry, kind) in [(Registry::new(), "idle"), (demanding, "mute")] {
            for template in &TEMPLATES {
                let text = template.fill("it's \"mine\"", &registry);
                let scenario = Scenario::parse("new.toml", &text, &registry)
                    .unwrap_or_else(|errors| panic!("{}: {errors}\n{text}", template.name));
                assert_eq!(scenario.name, "it's \"mine\"");
                assert_eq!(scenario.groups[0].members.to_string(), kind);
                assert!(scenario.warnings.is_empty(), "{}: {:?}", template.name, scenario.warnings);
                let summary = crate::run(scenario, &registry, RunOptions::default(), |_| {}).unwrap();
                assert!(summary.passed(), "{}: {:?} {:?}", template.name, summary.checks, summary.notices);
            }
        }
    }
}
