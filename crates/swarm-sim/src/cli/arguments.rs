//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{Network, Overrides, quantity::parse_duration};

/// The scenario that runs when none is named.
pub(super) const DEFAULT_SCENARIO: &str = "scenarios/collaborative-inference.toml";

/// Runs a swarm from a scenario file and checks what must hold.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit status: 0 when everything held, 1 when a check failed, a run ended early or could not be repeated, 2 \
                  when a file or the command line is wrong or a port is in use. Of several runs the worst counts."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios, one after the other.
    Run(RunArguments),
    /// Check scenario files without running them.
    Check(CheckArguments),
    /// Write a scenario to begin with: one that runs, with a comment on everything that may be in it.
    New(NewArguments),
    /// List what scenarios may name: agents and their params, questions, metrics.
    List,
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
    /// Write reports from the record of a run.
    Report(ReportArguments),
    /// Run what a record tells of again, and see whether the same happens.
    Replay(ReplayArguments),
    /// Run a scenario with many values of its params and many seeds, and compare.
    Sweep(SweepArguments),
    /// Make a scenario that fails smaller: fewer agents, fewer events, a shorter time.
    Shrink(ShrinkArguments),
    /// Look for faults that agents do not get over, in scenarios drawn from seeds.
    Soak(SoakArguments),
}

/// What is otherwise than in the file.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Otherwise {
    /// What carries the bytes: model, quic or webtransport.
    #[arg(long, value_name = "NETWORK")]
    pub(super) network: Option<Network>,
    /// Seed of the run, instead of the one in the file.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Value of a param of the scenario; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,
}

impl Otherwise {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides { network: self.network, seed: self.seed, set: self.set.clone() }
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenarios to run: files, folders, or patterns such as 'scenarios/*.toml' [default:
    /// scenarios/collaborative-inference.toml].
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) otherwise: Otherwise,
    /// Run each with so many seeds, from its own on [default: as often as the file says].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) seeds: Option<u32>,
    /// Write all reports into this folder: report.html, report.md, record.json, trace.json and junit.xml, or those that
    /// [output] of the scenario names; of several runs into a folder each.
    #[arg(long, value_name = "FOLDER")]
    pub(super) report: Option<PathBuf>,
    /// Write how the checks came out as JUnit XML, of all runs together.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the summary as JSON too, of several runs as an array; - writes it to standard output, and what is for people
    /// to standard error.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the record of the run, for report, replay and shrink.
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Write all that happens, one line each.
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Run everything twice, and fail unless the same happens.
    #[arg(long)]
    pub(super) verify: bool,
    /// Show what the nodes log, such as `info` or `swarm_core=debug`.
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Show the verdicts alone.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Scenarios to check: files, folders, or patterns.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) otherwise: Otherwise,
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The file to write, or the name of the scenario: NAME is written to NAME.toml. Nothing is overwritten.
    #[arg(value_name = "NAME|FILE", required_unless_present = "list")]
    pub(super) name: Option<PathBuf>,
    /// What to begin with.
    #[arg(long, value_name = "TEMPLATE", default_value = "basic")]
    pub(super) template: String,
    /// List the templates.
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The record, as `run --report` or `--record` writes it.
    #[arg(value_name = "RECORD")]
    pub(super) record: PathBuf,
    /// Write the page to look at; - is standard output, here and below.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write the report in Markdown; it is what is printed when nothing else is asked for.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    /// Write a trace for ui.perfetto.dev.
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// Write how the checks came out as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the summary as JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The record, as `run --report` or `--record` writes it.
    #[arg(value_name = "RECORD")]
    pub(super) record: PathBuf,
    /// Stop at this time after the end of the warm-up, such as 12.5s.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) until: Option<std::time::Duration>,
    /// Show what the nodes log from this time after the end of the warm-up on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) verbose_from: Option<std::time::Duration>,
    /// What of it, such as `swarm_core=trace`.
    #[arg(long, value_name = "FILTER", default_value = "debug")]
    pub(super) log: String,
    /// Write all that happens, one line each.
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Write all reports into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SweepArguments {
    /// The scenario.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A param and its values; of several, each with each. Instead of [sweep] in the file.
    #[arg(long, value_name = "NAME=V1,V2,…", value_parser = pair)]
    pub(super) axis: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) otherwise: Otherwise,
    /// Run each point with so many seeds [default: as often as the file says].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) seeds: Option<u32>,
    /// Runs at the same time [default: one for each processor; on webtransport one, as runs would disturb one another].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: Option<u32>,
    /// Write one line for each run, with its figures and checks, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Show the table alone.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShrinkArguments {
    /// The scenario that fails, or the record of a run that failed.
    #[arg(value_name = "FILE|RECORD")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) otherwise: Otherwise,
    /// The check that must still fail [default: the first that fails].
    #[arg(long, value_name = "NAME")]
    pub(super) check: Option<String>,
    /// Run at most so many smaller scenarios.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(super) most_runs: usize,
    /// Where to write the smallest scenario that fails [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Show no progress.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct SoakArguments {
    /// For how long, such as 10m; a run that was begun is finished.
    #[arg(long = "for", value_name = "TIME")]
    pub(super) within: Option<humantime::Duration>,
    /// How many seeds [default: 200, or as many as there is time for].
    #[arg(long, value_name = "N")]
    pub(super) seeds: Option<u64>,
    /// The first seed; the others follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) first: u64,
    /// How many run at once [default: one for each processor].
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Folder for the scenarios that failed, made as small as they can be.
    #[arg(long, value_name = "FOLDER", default_value = "scenarios/regressions")]
    pub(super) keep: PathBuf,
    /// Tell of failures alone.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// `name=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// A duration, with decimals where humans would use them.
fn time(text: &str) -> Result<std::time::Duration, String> {
    let seconds = || text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    let decimal = || std::time::Duration::try_from_secs_f64(seconds()?).ok();
    parse_duration(text)
        .or_else(decimal)
        .ok_or_else(|| "expected a time such as 500ms, 12.5s or 2m".to_owned())
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
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("[default: {DEFAULT_SCENARIO}]")), "{help}");
    }

    #[test]
    fn times_may_have_decimals_and_params_equal_signs() {
        assert_eq!(time("12.5s"), Ok(std::time::Duration::from_millis(12_500)));
        assert_eq!(time("1m 30s"), Ok(std::time::Duration::from_secs(90)));
        assert!(time("soon").is_err() && time("-1s").is_err());
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
