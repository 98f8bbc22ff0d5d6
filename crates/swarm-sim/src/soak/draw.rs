//! Draws scenarios from seeds.

use std::fmt::Write;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::KIND;

/// When the last fault is over, in seconds after the warm-up.
const QUIET_AFTER: u32 = 15;

/// How long the swarm is given to come together again, in seconds.
const MERGES_WITHIN: u32 = 25;

/// The scenario file of a seed: some agents, links between them, faults, and what must hold.
///
/// See [`registry`](super::registry) for an example.
#[must_use]
pub fn scenario(seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut text = String::new();
    write(&mut text, seed, &mut rng);
    text
}

fn write(text: &mut String, seed: u64, rng: &mut StdRng) {
    let agents = rng.random_range(3..=10_usize);
    let duration = QUIET_AFTER + MERGES_WITHIN + 2;
    let profiles = ["perfect", "lan", "wifi", "lte", "satellite", "wan", "wan-far"];
    let profile = profiles.choose(rng).copied().unwrap_or("lan");
    let mut faults = String::new();
    for number in 0..rng.random_range(1..=5) {
        let _ = writeln!(faults, "  {{ {}, label = \"fault-{number}\" }},", fault(rng));
    }
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        r#"# Drawn from the seed {seed}.
schema = 1

[scenario]
name = "soak-{seed}"
warmup = "1s"
duration = "{duration}s"
timeout = "5m"

[run]
network = "model"
seed = {seed}

[mesh]
{mesh}

[network]
default = {{ profile = "{profile}", {link} }}

[groups.one]
count = {one}
agent = "{KIND}"
params = {{ rate_hz = {rate_hz}, ask_hz = {ask_hz}, most_chunks = {most_chunks} }}

[groups.other]
count = {other}
agent = "{KIND}"

[timeline]
events = [
{faults}]

[checks]
list = [
  {{ name = "every request ends", metric = "request.lost", check = "== 0" }},
  {{ name = "and only once", metric = "request.doubled", check = "== 0" }},
  {{ name = "nothing is delivered twice", metric = "observation.duplicated", check = "== 0" }},
  {{ name = "nothing comes from nobody", metric = "observation.stranger", check = "== 0" }},
  {{ name = "whole replies are right", metric = "measure.soak.wrong", check = "sum == 0" }},
  {{ name = "reliable ones come in order", metric = "measure.soak.disorder", check = "sum == 0" }},
  {{ name = "nobody panics", metric = "agent.panics", check = "== 0" }},
  {{ name = "everybody finds back", eventually = "overlay.converged == 100%", after = "{QUIET_AFTER}s", within = "{MERGES_WITHIN}s" }},
  {{ name = "nothing goes on", metric = "task.left", check = "== 0" }},
]
"#,
        mesh = mesh(rng, agents),
        link = link(rng),
        one = agents - 1,
        other = 1,
        rate_hz = rng.random_range(1..10),
        ask_hz = rng.random_range(1..5),
        most_chunks = rng.random_range(1..40),
    );
}

fn mesh(rng: &mut StdRng, agents: usize) -> String {
    match rng.random_range(0..4) {
        0 => "topology = \"ring\"".to_owned(),
        1 => "topology = \"star\"".to_owned(),
        2 if agents > 3 => "topology = \"random\"\ndegree = 2".to_owned(),
        _ => "topology = \"full\"".to_owned(),
    }
}

/// What is different from the profile.
fn link(rng: &mut StdRng) -> String {
    let loss = match rng.random_range(0..4) {
        0 => "loss = 0.0".to_owned(),
        1 => "loss = { enter = 0.01, leave = 0.2, inside = 0.6, outside = 0.002 }".to_owned(),
        _ => format!("loss = {:.3}", rng.random_range(0.0..0.15)),
    };
    let more = match rng.random_range(0..4) {
        0 => ", duplicate = 0.05",
        1 => ", reorder = 0.1",
        2 => ", duplicate = 0.02, reorder = 0.05, jitter = \"30ms\"",
        _ => "",
    };
    loss + more
}

/// One event, without its label. It is over before it has to be quiet.
fn fault(rng: &mut StdRng) -> String {
    let at = rng.random_range(0..9);
    let lasts = rng.random_range(1..=6);
    let target = ["one", "one[0]", "one[1]", "other", "*"].choose(rng).copied().unwrap_or("*");
    let pick =
        ["\"all\"", "1", "\"50%\"", "\"minority\"", "\"majority\""].choose(rng).copied().unwrap_or("1");
    let some = format!(
        "at = \"{at}s\", target = \"{target}\", pick = {pick}",
        pick = if target.contains('[') { "\"all\"" } else { pick }
    );
    match rng.random_range(0..9) {
        0 => format!("{some}, do = \"crash\", restart_after = \"{lasts}s\""),
        1 => format!("{some}, do = \"pause\", for = \"{lasts}s\""),
        2 => format!("{some}, do = \"partition\", for = \"{lasts}s\""),
        3 => format!("{some}, do = \"partition\", way = \"out\", for = \"{lasts}s\""),
        4 => format!(
            "{some}, do = \"flap\", down = \"{}ms\", up = \"{}ms\", for = \"{lasts}s\"",
            rng.random_range(100..4000),
            rng.random_range(100..2000)
        ),
        5 => format!("{some}, do = \"shape\", loss = 0.4, latency = \"+200ms\", for = \"{lasts}s\""),
        6 => format!("{some}, do = \"slow\", delay = \"10ms..300ms\", for = \"{lasts}s\""),
        7 => format!(
            "{some}, do = \"clock\", offset = \"{}\", for = \"{lasts}s\"",
            ["2s", "-2s", "40s"].choose(rng).copied().unwrap_or("1s")
        ),
        _ => format!("{some}, do = \"shape\", bandwidth = \"200kbit\", for = \"{lasts}s\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    #[test]
    fn every_seed_gives_a_valid_scenario_and_the_same_one_again() {
        for seed in 0..300 {
            let text = scenario(seed);
            assert_eq!(text, scenario(seed));
            if let Err(errors) = Scenario::parse("soak.toml", &text, &super::super::registry()) {
                panic!("{errors}\n{text}");
            }
        }
    }
}
