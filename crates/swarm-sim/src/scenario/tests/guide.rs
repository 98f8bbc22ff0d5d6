//! The guide in `docs/scenarios.md` says all of it, and what it shows is right.

use super::*;
use crate::metric::{CATALOGUE, FAMILIES};

const GUIDE: &str = include_str!("../../../../../docs/scenarios.md");

/// The examples in TOML.
fn examples() -> Vec<&'static str> {
    GUIDE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What stands around an example that is no whole file.
const AROUND: &str = "schema = 1\nscenario = { name = 'x', duration = '60s' }\n";
const GROUPS: &str =
    "[groups.rover]\nagent = 'idle'\ncount = 10\nzone = 'edge'\n[groups.base]\nagent = 'idle'\ncount = 2\n";

#[test]
fn every_example_of_the_guide_is_a_scenario_or_a_part_of_one() {
    for example in examples() {
        let text = match (example.contains("schema = 1"), example.contains("[groups.")) {
            (true, _) => example.to_owned(),
            (false, true) => format!("{AROUND}{example}"),
            (false, false) => format!("{AROUND}{example}{GROUPS}"),
        };
        let registry =
            registry().agent("greeter", "greets", |_: Setup<'_, Greeting>| Ok::<_, BuildError>(Nothing));
        if let Err(errors) = Scenario::parse("guide.toml", &text, &registry) {
            panic!("{errors}\n{text}");
        }
    }
}

#[derive(serde::Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only read into")]
struct Greeting {
    every: String,
}

/// All names under `properties`, and all words of an `enum`, wherever they are in a schema.
fn words_of(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                words.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(choices)) = object.get("enum") {
                words.extend(choices.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            object.values().for_each(|value| words_of(value, words));
        }
        Value::Array(array) => array.iter().for_each(|value| words_of(value, words)),
        _ => {}
    }
}

#[test]
fn every_key_and_every_word_of_the_schema_is_in_the_guide() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let mut words = BTreeSet::new();
    words_of(&schema, &mut words);
    // The tables at the top are headings.
    let is_told = |word: &String| {
        let told =
            [format!("`{word}`"), format!("`[{word}]`"), format!("`[{word}.NAME]`"), format!("`{word} = ")];
        told.iter().any(|told| GUIDE.contains(told.as_str()))
    };
    let missing: Vec<_> = words.iter().filter(|word| !is_told(word)).collect();
    assert!(missing.is_empty(), "docs/scenarios.md does not mention {missing:?}");
}

#[test]
fn every_metric_and_every_profile_is_in_the_guide() {
    let metrics = CATALOGUE.iter().map(|(metric, _)| metric.to_string());
    let families = FAMILIES.iter().map(|(name, _)| (*name).to_owned());
    for name in metrics.chain(families) {
        assert!(GUIDE.contains(&format!("`{name}`")), "docs/scenarios.md does not mention {name}");
    }
    for (profile, summary) in Conditions::PROFILES {
        let row = format!("| `{profile}` | {summary} |");
        assert!(GUIDE.contains(&row), "docs/scenarios.md lacks the row {row}");
    }
}
