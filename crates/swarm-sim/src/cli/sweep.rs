//! `swarm-sim sweep`: runs a scenario with many values of its params and many seeds, and compares.

mod crew;
mod table;

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use self::{
    crew::Crew,
    table::{Outcome, Run, SweepTable},
};
use super::{
    Status,
    arguments::SweepArguments,
    artifacts, complain,
    failure::{Failure, Loaded, load, say},
    output_paint, play, print,
};
use crate::{Axis, Design, Network, Overrides, Registry, Scenario, Sweep};

pub(super) fn sweep(arguments: &SweepArguments, registry: &Registry) -> Status {
    match prepare(arguments, registry) {
        Ok(Some(plan)) => plan.run(arguments, registry),
        Ok(None) => Status::Mistaken,
        Err(failure) => {
            say(&failure);
            Status::Mistaken
        }
    }
}

/// All runs of a sweep.
struct Plan {
    file: String,
    axes: Vec<String>,
    points: Vec<Vec<(String, String)>>,
    /// The point that each run is of, and what is run.
    runs: Vec<(usize, Scenario)>,
}

/// Reads the scenario at every point, before anything runs. `None` when what is wrong was said.
fn prepare(arguments: &SweepArguments, registry: &Registry) -> Result<Option<Plan>, Failure> {
    artifacts::writable(&arguments.csv)?;
    let overrides = arguments.otherwise.overrides();
    let Some(loaded) = load(&arguments.file, registry, &overrides) else { return Ok(None) };
    let sweep = match axes(&arguments.axis) {
        Some(sweep) => sweep,
        None => loaded.scenario.sweep.clone().ok_or_else(|| {
            Failure::plain(format!("{} has no [sweep], and no --axis is named", loaded.file))
                .with_help("name a param and its values: --axis NAME=1,2,3")
        })?,
    };
    let points = sweep.points(loaded.scenario.seed);
    let axes = sweep.axes.iter().map(|(name, _)| name.clone()).collect();
    let Some(runs) = runs(arguments, &loaded, &points, registry) else { return Ok(None) };
    Ok(Some(Plan { file: loaded.file, axes, points, runs }))
}

/// The axes of the command line; each value with each.
fn axes(written: &[(String, String)]) -> Option<Sweep> {
    let axis = |(name, values): &(String, String)| {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        (name.clone(), Axis::Values(values))
    };
    let axes: Vec<_> = written.iter().map(axis).collect();
    (!axes.is_empty()).then_some(Sweep { design: Design::Grid, axes, samples: 0 })
}

fn runs(
    arguments: &SweepArguments,
    loaded: &Loaded,
    points: &[Vec<(String, String)>],
    registry: &Registry,
) -> Option<Vec<(usize, Scenario)>> {
    let seeds = u64::from(arguments.seeds.unwrap_or(loaded.scenario.repetitions).max(1));
    let mut runs = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let mut overrides: Overrides = loaded.overrides.clone();
        overrides.set.extend(point.iter().cloned());
        let at_point = super::failure::parse(loaded.file.clone(), loaded.text.clone(), registry, &overrides)?;
        let first = at_point.scenario.seed;
        let seeded = |seed| Scenario { seed: first.wrapping_add(seed), ..at_point.scenario.clone() };
        runs.extend((0..seeds).map(|seed| (number, seeded(seed))));
    }
    Some(runs)
}

impl Plan {
    fn run(self, arguments: &SweepArguments, registry: &Registry) -> Status {
        let stop = play::heed_interrupts();
        let crew = Crew { workers: self.workers(arguments), registry, stop: stop.clone() };
        let mut progress = SweepProgress::new(self.runs.len(), arguments.quiet);
        let scenarios: Vec<_> = self.runs.iter().map(|(_, scenario)| scenario.clone()).collect();
        let outcomes = crew.run(scenarios, |number, outcome| {
            let told = self.runs.get(number).map(|(point, scenario)| self.describe(*point, scenario.seed));
            progress.tell(&told.unwrap_or_default(), outcome);
        });
        progress.finish();
        let runs: Vec<Run> = self
            .runs
            .iter()
            .zip(outcomes)
            .map(|((point, scenario), outcome)| Run { point: *point, seed: scenario.seed, outcome })
            .collect();
        let table = SweepTable { axes: &self.axes, points: &self.points, runs: &runs };
        let printed =
            print(&format!("{}\n\n{}\n", output_paint().bold(&self.file), table.text(output_paint())));
        let csv = arguments.csv.as_ref().map_or(Status::Good, |file| artifacts::write(file, &table.csv()));
        let all_passed = runs.iter().all(|run| run.outcome.as_ref().is_ok_and(|outcome| outcome.passed));
        let passed = if all_passed && !stop.is_cancelled() { Status::Good } else { Status::Failed };
        printed.max(csv).max(passed)
    }

    fn workers(&self, arguments: &SweepArguments) -> usize {
        let is_real = self.runs.iter().any(|(_, scenario)| scenario.network == Network::WebTransport);
        let usual = if is_real { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
        let wanted = arguments.jobs.and_then(|jobs| usize::try_from(jobs).ok());
        wanted.unwrap_or(usual).min(self.runs.len()).max(1)
    }

    fn describe(&self, point: usize, seed: u64) -> String {
        let values = self.points.get(point).into_iter().flatten();
        let values: Vec<_> = values.map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} seed {seed}", values.join(" "))
    }
}

/// How far a sweep is.
struct SweepProgress {
    bar: Option<ProgressBar>,
    quiet: bool,
    done: usize,
    failed: usize,
    of: usize,
}

impl SweepProgress {
    fn new(of: usize, quiet: bool) -> Self {
        let style = ProgressStyle::with_template("    sweep {bar:28.cyan/dim} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━╌");
        let bar =
            (!quiet && io::stderr().is_terminal()).then(|| ProgressBar::new(of as u64).with_style(style));
        Self { bar, quiet, done: 0, failed: 0, of }
    }

    fn tell(&mut self, what: &str, outcome: &Result<Outcome, String>) {
        self.done += 1;
        let told = match outcome {
            Ok(outcome) if outcome.passed => "passed",
            Ok(_) => "failed",
            Err(error) => error,
        };
        self.failed += usize::from(told != "passed");
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done as u64);
                bar.set_message(format!("{} of {}, {} failed", self.done, self.of, self.failed));
            }
            None if !self.quiet => complain(&format!("{} of {}: {what}: {told}\n", self.done, self.of)),
            None => {}
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
