//! `swarm-sim check`: says of scenario files whether they could be run.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use super::{
    Status,
    failure::{Failure, load, run_failed, say},
    print,
};
use crate::{Registry, Scenario, cluster::rehearse, quantity::show_duration};

pub(super) fn check(files: &[PathBuf], registry: &Registry) -> Status {
    // Constructors of agents may need a runtime, although nothing is started on it.
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&Failure::plain(format!("failed to start the runtime: {error}")));
            return Status::Failed;
        }
    };
    let status = {
        let _entered = runtime.enter();
        files.iter().map(|file| check_file(file, registry)).max().unwrap_or(Status::Good)
    };
    // What a constructor left running ends with the program.
    runtime.shutdown_background();
    status
}

fn check_file(file: &Path, registry: &Registry) -> Status {
    let Some(loaded) = load(file, registry) else { return Status::Mistaken };
    let errors = rehearse(&loaded.scenario, registry);
    if errors.is_empty() {
        return print(&format!("{}: {}\n", file.display(), describe(&loaded.scenario)));
    }
    errors.iter().for_each(|error| run_failed(error, &loaded.source));
    Status::Mistaken
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
