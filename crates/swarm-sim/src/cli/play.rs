//! Runs one scenario: shows its progress, heeds interrupts, and completes its record.

use std::{
    io::{self, IsTerminal},
    process, thread,
};

use tokio_util::sync::CancellationToken;

use super::{error_paint, failure::Loaded};
use crate::{Registry, RunError, RunOptions, RunRecord, RunSummary, Scenario, report::ProgressReport};

/// The exit code of a program that an interrupt ended (128 + SIGINT).
const INTERRUPTED_TWICE: i32 = 130;

/// Ends what goes on at the first interrupt, which the token tells, and the program at the second. On a thread of its own: in
/// virtual time a run has no time for signals.
pub(super) fn heed_interrupts() -> CancellationToken {
    let interrupted = CancellationToken::new();
    let stop = interrupted.clone();
    thread::spawn(move || {
        // Without signals runs end by themselves.
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
    interrupted
}

/// Runs it and shows how far it is.
pub(super) fn play(
    scenario: Scenario,
    registry: &Registry,
    options: RunOptions,
    mut progress: ProgressReport<io::Stderr>,
) -> Result<RunSummary, RunError> {
    let ended = crate::run(scenario, registry, options, |event| progress.show(event));
    progress.finish();
    ended
}

/// How progress is shown: not at all, as a bar, or as lines where a bar would be in the way.
pub(super) fn progress(quiet: bool, logs: bool) -> ProgressReport<io::Stderr> {
    // Lines of a log between those of a bar would be unreadable.
    match (quiet, io::stderr().is_terminal() && !logs) {
        (true, _) => ProgressReport::silence(io::stderr()),
        (false, true) => ProgressReport::bar(io::stderr(), error_paint()),
        (false, false) => ProgressReport::lines(io::stderr()),
    }
}

/// Adds to a record what the runner does not know: what was run, in which words, and how to run it again.
pub(super) fn complete(record: &mut RunRecord, loaded: &Loaded) {
    record.scenario_file = loaded.file.clone();
    record.scenario_text = loaded.text.clone();
    record.set = loaded.overrides.set.clone();
    record.runner.command = command(&loaded.file, &record.network, record.seed, &record.set);
}

/// The command that gives the same run again.
pub(super) fn command(file: &str, network: &str, seed: u64, set: &[(String, String)]) -> String {
    let set: String =
        set.iter().map(|(name, value)| format!(" --set {}", quoted(&format!("{name}={value}")))).collect();
    format!("swarm-sim run {} --network {network} --seed {seed}{set}", quoted(file))
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let set = [("loss".to_owned(), "0.1".to_owned()), ("word".to_owned(), "it's $HOME".to_owned())];
        assert_eq!(
            command("my scenarios/x.toml", "model", 7, &set),
            r"swarm-sim run 'my scenarios/x.toml' --network model --seed 7 --set loss=0.1 --set 'word=it'\''s $HOME'"
        );
    }
}
