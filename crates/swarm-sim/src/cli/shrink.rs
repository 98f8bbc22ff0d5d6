//! `swarm-sim shrink`: looks for the smallest scenario that still fails in the same way.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{
    Status,
    arguments::ShrinkArguments,
    artifacts, complain,
    failure::{Failure, Loaded, load, load_record, say},
    play, replay,
};
use crate::{
    CheckOutcome, Overrides, Registry, RunError, RunOptions, RunSummary, Scenario, ScenarioSize, Shrinker,
    Verdict, files_beside, shrink::Document, summary::End,
};

pub(super) fn shrink(arguments: &ShrinkArguments, registry: &Registry) -> Status {
    match prepare(arguments, registry).and_then(|hunt| hunt.map(|hunt| hunt.run(arguments)).transpose()) {
        Ok(Some(status)) => status,
        Ok(None) => Status::Mistaken,
        Err(failure) => {
            say(&failure);
            Status::Mistaken
        }
    }
}

/// What is to be made smaller.
struct Hunt<'r> {
    file: String,
    /// The scenario with all that was said on the command line in it.
    text: String,
    registry: &'r Registry,
    stop: CancellationToken,
}

/// `None` when what is wrong was said.
fn prepare<'r>(arguments: &ShrinkArguments, registry: &'r Registry) -> Result<Option<Hunt<'r>>, Failure> {
    artifacts::writable(&arguments.out)?;
    let Some(loaded) = read(arguments, registry)? else { return Ok(None) };
    let Loaded { scenario, file, text, .. } = loaded;
    if i64::try_from(scenario.seed).is_err() {
        let message = format!("the seed {} is larger than a TOML file can say", scenario.seed);
        return Err(Failure::plain(message).with_help("use one below 9223372036854775808"));
    }
    let mut document = Document::parse(&text)
        .map_err(|error| Failure::plain(format!("failed to shrink {file}: {error}")))?;
    document.settle(&scenario.network.to_string(), scenario.seed, &scenario.params);
    Ok(Some(Hunt { file, text: document.text(), registry, stop: play::heed_interrupts() }))
}

/// The scenario, from its file or from a record.
fn read(arguments: &ShrinkArguments, registry: &Registry) -> Result<Option<Loaded>, Failure> {
    let overrides = arguments.otherwise.overrides();
    if arguments.file.extension().is_none_or(|extension| extension != "json") {
        return Ok(load(&arguments.file, registry, &overrides));
    }
    if overrides != Overrides::default() {
        let message = "a record has its network, seed and params already".to_owned();
        return Err(Failure::plain(message).with_help("leave --network, --seed and --set out"));
    }
    replay::loaded(&load_record(&arguments.file)?, registry)
}

/// In which way a run failed.
#[derive(Debug, Clone, PartialEq)]
enum Goal {
    /// A check failed that measured something, or nothing. Without telling the two apart every run would shrink to one in
    /// which nothing happens.
    Check { name: String, measured: bool },
    /// It did not run to its end.
    End(End),
    /// It did not begin.
    NotBegun,
}

impl Goal {
    /// In which way it failed, as far as that is wanted.
    fn of(ended: &Result<RunSummary, RunError>, wanted: Option<&str>) -> Option<Self> {
        let summary = match ended {
            Ok(summary) => summary,
            Err(error) if error.is_mistake() => return None,
            Err(_) => return Some(Self::NotBegun),
        };
        let is_wanted = |check: &&CheckOutcome| {
            check.verdict == Verdict::Failed && wanted.is_none_or(|wanted| check.check.name == wanted)
        };
        let check = summary.checks.iter().find(is_wanted);
        let failed = |check: &CheckOutcome| Self::Check {
            name: check.check.name.clone(),
            measured: check.measured.is_some(),
        };
        check.map(failed).or_else(|| (summary.end != End::Complete).then_some(Self::End(summary.end)))
    }

    /// Whether another run failed in the same way.
    fn is_met(&self, ended: &Result<RunSummary, RunError>) -> bool {
        match (self, ended) {
            (Self::Check { name, measured }, Ok(summary)) => summary.checks.iter().any(|check| {
                check.check.name == *name
                    && check.verdict == Verdict::Failed
                    && check.measured.is_some() == *measured
            }),
            (Self::End(end), Ok(summary)) => summary.end == *end,
            (Self::NotBegun, Err(error)) => !error.is_mistake(),
            _ => false,
        }
    }

    fn checks(&self) -> Vec<String> {
        match self {
            Self::Check { name, .. } => vec![name.clone()],
            Self::End(_) | Self::NotBegun => Vec::new(),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check { name, .. } => write!(f, "the check {name:?} fails"),
            Self::End(end) => write!(f, "the run ends as {end}"),
            Self::NotBegun => f.write_str("the run does not begin"),
        }
    }
}

impl Hunt<'_> {
    fn run(self, arguments: &ShrinkArguments) -> Result<Status, Failure> {
        let told = ShrinkProgress::new(arguments.quiet);
        told.begin(&self.file);
        let first = self.try_out(&self.text);
        let goal = first.as_ref().and_then(|ended| Goal::of(ended, arguments.check.as_deref()));
        let Some(goal) = goal else {
            return Err(self.nothing_fails(first.as_ref(), arguments.check.as_deref()));
        };
        let mut shrinker = Shrinker::new(&self.text, &goal.checks())
            .map_err(|error| Failure::plain(format!("failed to shrink {}: {error}", self.file)))?;
        let whole = shrinker.size();
        told.found(&goal, whole);
        let mut runs = 1;
        while let Some(candidate) =
            shrinker.propose().filter(|_| !self.stop.is_cancelled() && runs <= arguments.most_runs)
        {
            let ended = self.try_out(&candidate.text);
            runs += usize::from(ended.is_some());
            let still_fails =
                !self.stop.is_cancelled() && ended.as_ref().is_some_and(|ended| goal.is_met(ended));
            shrinker.tell(still_fails);
            told.tried(&candidate.change, still_fails, shrinker.size(), runs);
        }
        told.finish(whole, shrinker.size(), runs);
        let about =
            format!("# Shrunk from {} ({whole}) to {}: {goal}.\n", one_line(&self.file), shrinker.size());
        let out = arguments.out.as_deref().unwrap_or(Path::new(artifacts::STANDARD_OUTPUT));
        let written = artifacts::write(out, &(about + &shrinker.best()));
        if out != Path::new(artifacts::STANDARD_OUTPUT) && !arguments.quiet {
            complain(&format!("run it: swarm-sim run {}\n", out.display()));
        }
        Ok(written)
    }

    /// Runs it, if it is a scenario at all.
    fn try_out(&self, text: &str) -> Option<Result<RunSummary, RunError>> {
        let files = files_beside(Path::new(&self.file));
        let parsed =
            Scenario::parse_with_files(&self.file, text, self.registry, &Overrides::default(), &files)
                .ok()?;
        let options = RunOptions { stop: self.stop.child_token(), ..RunOptions::default() };
        Some(crate::run(parsed, self.registry, options, |_| {}))
    }

    fn nothing_fails(&self, first: Option<&Result<RunSummary, RunError>>, wanted: Option<&str>) -> Failure {
        let failure = |why: String| Failure::plain(format!("failed to shrink {}: {why}", self.file));
        match (first, wanted) {
            (None, _) => failure("with its params put in it is no valid scenario".to_owned()),
            (Some(Err(error)), _) => failure(error.to_string()),
            (Some(Ok(summary)), Some(wanted)) if !summary.passed() => {
                let failed = summary.checks.iter().filter(|check| check.verdict == Verdict::Failed);
                let names: Vec<_> = failed.map(|check| format!("{:?}", check.check.name)).collect();
                failure(format!("the check {wanted:?} does not fail"))
                    .with_help(&format!("these do: {}", names.join(", ")))
            }
            _ => failure("it does not fail".to_owned())
                .with_help("try other seeds: `run --seeds 20` finds one that fails"),
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How far the search is.
struct ShrinkProgress {
    spinner: Option<ProgressBar>,
    quiet: bool,
}

impl ShrinkProgress {
    fn new(quiet: bool) -> Self {
        let style = ProgressStyle::with_template("   shrink {spinner} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let on_terminal = !quiet && io::stderr().is_terminal();
        Self { spinner: on_terminal.then(|| ProgressBar::new_spinner().with_style(style)), quiet }
    }

    fn say(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| complain(&format!("{line}\n"))),
            None if !self.quiet => complain(&format!("{line}\n")),
            None => {}
        }
    }

    fn begin(&self, file: &str) {
        self.say(&format!("running {file} as it is"));
    }

    fn found(&self, goal: &Goal, size: ScenarioSize) {
        self.say(&format!("{goal}: {size}"));
    }

    fn tried(&self, change: &str, still_fails: bool, size: ScenarioSize, runs: usize) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{runs} runs, {size}"));
            spinner.tick();
        }
        if still_fails {
            self.say(&format!("still fails {change}: {size}"));
        }
    }

    fn finish(self, whole: ScenarioSize, size: ScenarioSize, runs: usize) {
        self.say(&format!("from {whole} to {size} in {runs} runs"));
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
    }
}
