//! Everything that a scenario may name: kinds of agents with their params, sources of questions, checks in Rust, metrics.

use schemars::schema_for;
use serde_json::Value;
use swarm_adversary::Attack;

use super::Paint;
use crate::{
    Registry,
    metric::{CATALOGUE, FAMILIES},
    scenario::RogueParams,
};

/// What `swarm-sim list` prints.
pub(crate) fn catalogue(registry: &Registry, paint: Paint) -> String {
    let mut parts = vec![section("agents", agents(registry, paint), paint)];
    let sources: Vec<_> = registry
        .question_sources()
        .filter_map(|name| Some((name.to_owned(), registry.source(name)?.summary.clone())))
        .collect();
    if !sources.is_empty() {
        parts.push(section("questions", two_columns(&sources, "  "), paint));
    }
    let checks = checks(registry, paint);
    if !checks.is_empty() {
        parts.push(section("custom checks", checks, paint));
    }
    parts.push(section("rogues", rogues(), paint));
    parts.push(section("metrics", metrics(), paint));
    parts.join("\n")
}

fn section(title: &str, body: String, paint: Paint) -> String {
    format!("{}\n{body}", paint.bold(title))
}

fn agents(registry: &Registry, paint: Paint) -> String {
    let mut text = String::new();
    for name in registry.kinds() {
        let Some(kind) = registry.kind(name) else { continue };
        text += &format!("  {}  {}\n", paint.green(name), kind.summary);
        text += &two_columns(&params(kind.schema.as_value()), "      ");
    }
    text
}

fn checks(registry: &Registry, paint: Paint) -> String {
    let mut text = String::new();
    for name in registry.checks() {
        let Some(check) = registry.custom_check(name) else { continue };
        text += &format!("  {}  {}\n", paint.green(name), check.summary);
        text += &two_columns(&params(check.schema.as_value()), "      ");
    }
    text
}

fn rogues() -> String {
    let attacks: Vec<_> =
        Attack::ALL.iter().map(|attack| (attack.name().to_owned(), attack.sentence().to_owned())).collect();
    two_columns(&attacks, "  ") + &two_columns(&params(schema_for!(RogueParams).as_value()), "      ")
}

fn metrics() -> String {
    let known = CATALOGUE.iter().map(|(metric, summary)| (metric.to_string(), (*summary).to_owned()));
    let families = FAMILIES.iter().map(|(name, summary)| ((*name).to_owned(), (*summary).to_owned()));
    two_columns(&known.chain(families).collect::<Vec<_>>(), "  ")
}

/// Name and description of each param, from the JSON Schema of the kind.
fn params(schema: &Value) -> Vec<(String, String)> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    properties
        .iter()
        .map(|(name, property)| (name.clone(), param(property, required.contains(&name.as_str()))))
        .collect()
}

fn param(property: &Value, required: bool) -> String {
    let described = property.get("description").and_then(Value::as_str).unwrap_or_default();
    // A description goes over several lines of source; here it is one.
    let described = described.split_whitespace().collect::<Vec<_>>().join(" ");
    match property.get("default").filter(|default| !default.is_null()) {
        Some(default) => format!("{described} [{default}]"),
        None if required => format!("{described} [required]"),
        None => described,
    }
}

fn two_columns(rows: &[(String, String)], indent: &str) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(name, text)| format!("{indent}{name:<width$}  {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;
    use crate::{CheckInput, NoParams, Question, Setup};

    #[derive(serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read into")]
    struct Params {
        /// Ticks in each
        /// second.
        rate_hz: f64,
        /// What to say.
        #[serde(default = "word")]
        word: String,
    }

    fn word() -> String {
        "tick".to_owned()
    }

    struct Nobody;
    impl swarm_core::Agent for Nobody {}

    #[test]
    fn params_are_listed_with_their_docs_and_defaults() {
        let registry = Registry::new()
            .agent("beacon", "ticks", |_: Setup<'_, Params>| Ok(Nobody))
            .agent("stone", "lies there", |_: Setup<'_, NoParams>| Ok(Nobody))
            .questions("sums", "asks for sums", |_| std::iter::empty::<Question>())
            .check("calm", "nobody ticks", |_: &CheckInput<'_, Params>| Ok(()));
        let text = catalogue(&registry, Paint::Never);
        let expected = "\
agents
  beacon  ticks
      rate_hz  Ticks in each second. [required]
      word     What to say. [\"tick\"]
  idle  does nothing; to ask from
  stone  lies there

questions
  sums  asks for sums

custom checks
  calm  nobody ticks
      rate_hz  Ticks in each second. [required]
      word     What to say. [\"tick\"]

rogues
  garbage-packets   Sends UDP packets of noise.
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("\nmetrics\n  observation.sent "), "{text}");
    }
}
