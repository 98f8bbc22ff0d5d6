//! `swarm-sim check`: says of scenario files whether they could be run.

use std::path::Path;

use tokio::runtime::Runtime;

use super::{
    Status,
    arguments::CheckArguments,
    failure::{Failure, load, run_failed, say},
    files, print,
};
use crate::{Overrides, Registry, Scenario, cluster::rehearse, quantity::show_duration};

pub(super) fn check(arguments: &CheckArguments, registry: &Registry) -> Status {
    let files = match files::meant(&arguments.files) {
        Ok(files) => files,
        Err(failure) => {
            say(&failure);
            return Status::Mistaken;
        }
    };
    let overrides = arguments.otherwise.overrides();
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
        files.iter().map(|file| check_file(file, registry, &overrides)).max().unwrap_or(Status::Good)
    };
    // What a constructor left running ends with the program.
    runtime.shutdown_background();
    status
}

fn check_file(file: &Path, registry: &Registry, overrides: &Overrides) -> Status {
    let Some(loaded) = load(file, registry, overrides) else { return Status::Mistaken };
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
