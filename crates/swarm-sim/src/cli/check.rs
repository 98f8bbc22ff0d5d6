//! `swarm-sim check`: says of scenario files whether they could be run.

use std::path::PathBuf;

use super::{Status, failure::load, print};
use crate::{Registry, Scenario, quantity::show_duration};

pub(super) fn check(files: &[PathBuf], registry: &Registry) -> Status {
    let mut status = Status::Good;
    for file in files {
        status = status.max(match load(file, registry) {
            Some(loaded) => print(&format!("{}: {}\n", file.display(), describe(&loaded.scenario))),
            None => Status::Mistaken,
        });
    }
    status
}

fn describe(scenario: &Scenario) -> String {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    [
        format!("good: {}", scenario.name),
        counted(scenario.agents(), "agent"),
        scenario.topology.to_string(),
        show_duration(scenario.warmup.saturating_add(scenario.duration)),
        counted(scenario.timeline.len(), "event"),
        counted(scenario.checks.len(), "check"),
    ]
    .join(", ")
}
