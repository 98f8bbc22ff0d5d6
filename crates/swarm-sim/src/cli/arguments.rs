//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The scenario that runs when none is named.
pub(super) const DEFAULT_SCENARIO: &str = "scenarios/collaborative-inference.toml";

/// Runs a swarm from a scenario file and checks what must hold.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit status: 0 when everything held, 1 when a check failed or the run ended early, 2 when the file or \
                  the command line is wrong or a port is in use."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario.
    Run(RunArguments),
    /// Check scenario files without running them.
    Check(CheckArguments),
    /// List what scenarios may name: agents and their params, questions, metrics.
    List,
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario to run [default: scenarios/collaborative-inference.toml].
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Seed of the run, instead of the one in the file.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Write the report as JSON too; - writes it to standard output, and the one for people to standard error.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Show what the nodes log, such as `info` or `swarm_core=debug`.
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Show the verdict alone.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Scenarios to check.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_names_the_default_scenario() {
        let help = Arguments::command().find_subcommand_mut("run").unwrap().render_help().to_string();
        assert!(help.contains(DEFAULT_SCENARIO), "{help}");
    }
}
