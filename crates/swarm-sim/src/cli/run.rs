//! `swarm-sim run`: runs one scenario and reports on it.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process, thread,
};

use tokio_util::sync::CancellationToken;

use super::{
    Status,
    arguments::{DEFAULT_SCENARIO, RunArguments},
    complain, error_paint,
    failure::{Failure, Loaded, load, run_failed, say},
    output_paint, print,
};
use crate::{
    Registry, RunError, RunOptions, RunSummary,
    report::{self, ProgressReport},
};

/// The exit code of a program that an interrupt ended (128 + SIGINT).
const INTERRUPTED_TWICE: i32 = 130;

pub(super) fn run(arguments: &RunArguments, registry: &Registry) -> Status {
    if let Err(failure) = start_log(arguments.log.as_deref()) {
        say(&failure);
        return Status::Mistaken;
    }
    let file = match scenario_file(arguments) {
        Ok(file) => file,
        Err(failure) => {
            say(&failure);
            return Status::Mistaken;
        }
    };
    let Some(mut loaded) = load(file, registry) else { return Status::Mistaken };
    if let Some(seed) = arguments.seed {
        loaded.scenario.seed = seed;
    }
    if let Err(failure) = writable(arguments.json.as_deref()) {
        say(&failure);
        return Status::Mistaken;
    }
    let source = loaded.source.clone();
    let played = play(arguments, registry, loaded);
    match played {
        Ok(summary) => conclude(arguments, &summary),
        Err(error) => {
            run_failed(&error, &source);
            if error.is_mistake() { Status::Mistaken } else { Status::Failed }
        }
    }
}

/// The file to run; a default that is not there is no mistake in its name.
fn scenario_file(arguments: &RunArguments) -> Result<&Path, Failure> {
    let default = Path::new(DEFAULT_SCENARIO);
    match &arguments.file {
        Some(file) => Ok(file),
        None if default.exists() => Ok(default),
        None => {
            let message = format!("no scenario is named, and the default, {DEFAULT_SCENARIO}, is not here");
            Err(Failure::plain(message).with_help("name a file: run FILE"))
        }
    }
}

fn play(arguments: &RunArguments, registry: &Registry, loaded: Loaded) -> Result<RunSummary, RunError> {
    let mut progress = progress(arguments);
    let options = RunOptions::default();
    heed_interrupts(options.stop.clone());
    let ended = crate::run(loaded.scenario, registry, options, |event| progress.show(event));
    progress.finish();
    ended
}

/// Ends the run at the first interrupt, and the program at the second. On a thread of its own: in virtual time the run has
/// no time for signals.
fn heed_interrupts(stop: CancellationToken) {
    thread::spawn(move || {
        // Without signals the run ends by itself.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stop.is_cancelled() {
                    process::exit(INTERRUPTED_TWICE);
                }
                stop.cancel();
            }
        });
    });
}

fn progress(arguments: &RunArguments) -> ProgressReport<io::Stderr> {
    // Lines of a log between those of a bar would be unreadable.
    match (arguments.quiet, io::stderr().is_terminal() && arguments.log.is_none()) {
        (true, _) => ProgressReport::silence(io::stderr()),
        (false, true) => ProgressReport::bar(io::stderr(), error_paint()),
        (false, false) => ProgressReport::lines(io::stderr()),
    }
}

fn conclude(arguments: &RunArguments, summary: &RunSummary) -> Status {
    let to_stdout = arguments.json.as_deref() == Some(Path::new("-"));
    let paint = if to_stdout { error_paint() } else { output_paint() };
    let text = match arguments.quiet {
        true => report::verdict(summary, paint) + "\n",
        false => format!("\n{}", report::human(summary, paint)),
    };
    let printed = if to_stdout {
        complain(&text);
        print(&report::json(summary))
    } else {
        print(&text).max(write_json(arguments.json.as_ref(), summary))
    };
    printed.max(if summary.passed() { Status::Good } else { Status::Failed })
}

fn write_json(file: Option<&PathBuf>, summary: &RunSummary) -> Status {
    let Some(file) = file else { return Status::Good };
    match std::fs::write(file, report::json(summary)) {
        Ok(()) => Status::Good,
        Err(error) => {
            say(&Failure::plain(format!("failed to write the report {}: {error}", file.display())));
            Status::Mistaken
        }
    }
}

/// Fails before a run that may take long, rather than after it.
fn writable(json: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = json.filter(|file| *file != Path::new("-")) else { return Ok(()) };
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
    let name = file.display();
    opened.map(drop).map_err(|error| Failure::plain(format!("failed to write the report {name}: {error}")))
}

fn start_log(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| {
        Failure::plain(format!(
            "failed to read the log filter {filter:?}: {error}; expected such as swarm_core=debug"
        ))
    })?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    Ok(())
}
