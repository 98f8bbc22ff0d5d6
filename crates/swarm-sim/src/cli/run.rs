//! `swarm-sim run`: runs scenarios, one after the other, and reports on them.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::{
    Status,
    arguments::{DEFAULT_SCENARIO, RunArguments},
    artifacts::{self, Folder, STANDARD_OUTPUT},
    complain, error_paint,
    failure::{Failure, Loaded, complaint, load, run_failed, say},
    files, log, output_paint, play, print,
};
use crate::{
    LogTo, Paint, Registry, RunError, RunOptions, RunRecord, RunSummary, Scenario,
    report::{self, OverviewRow, Suite},
};

pub(super) fn run(arguments: &RunArguments, registry: &Registry) -> Status {
    match prepare(arguments, registry) {
        Ok(Some(session)) => session.run(registry),
        Ok(None) => Status::Mistaken,
        Err(failure) => {
            say(&failure);
            Status::Mistaken
        }
    }
}

/// Reads everything and sees whether everything can be written, before anything runs. `None` when what is wrong was said.
fn prepare<'a>(arguments: &'a RunArguments, registry: &Registry) -> Result<Option<Session<'a>>, Failure> {
    log::show(arguments.log.as_deref())?;
    let files = scenario_files(arguments)?;
    artifacts::writable([&arguments.junit, &arguments.json, &arguments.record].into_iter().flatten())?;
    let overrides = arguments.otherwise.overrides();
    let read: Vec<_> = files.iter().map(|file| (file, load(file, registry, &overrides))).collect();
    if read.iter().any(|(_, loaded)| loaded.is_none()) {
        tell_broken(arguments, &read);
        return Ok(None);
    }
    let loaded: Vec<_> = read.into_iter().filter_map(|(_, loaded)| loaded).collect();
    let runs: usize = loaded.iter().map(|loaded| seeds(arguments, &loaded.scenario).count()).sum();
    if runs > 1 && (arguments.record.is_some() || arguments.events.is_some()) {
        let message = format!("--record and --events are of one run, and there are {runs}");
        return Err(Failure::plain(message).with_help("--report FOLDER writes them for each"));
    }
    Ok(Some(Session { arguments, loaded, several: runs > 1, stop: play::heed_interrupts() }))
}

/// The files to run; a default that is not there is no mistake in its name.
fn scenario_files(arguments: &RunArguments) -> Result<Vec<PathBuf>, Failure> {
    if !arguments.files.is_empty() {
        return files::meant(&arguments.files);
    }
    let default = Path::new(DEFAULT_SCENARIO);
    if default.exists() {
        return Ok(vec![default.to_path_buf()]);
    }
    let message = format!("no scenario is named, and the default, {DEFAULT_SCENARIO}, is not here");
    Err(Failure::plain(message).with_help("name a file: run FILE"))
}

fn seeds(arguments: &RunArguments, scenario: &Scenario) -> impl Iterator<Item = u64> + use<> {
    let (first, count) = (scenario.seed, arguments.seeds.unwrap_or(scenario.repetitions).max(1));
    (0..u64::from(count)).map(move |number| first.wrapping_add(number))
}

/// A build server learns of files that are wrong, too.
fn tell_broken(arguments: &RunArguments, read: &[(&PathBuf, Option<Loaded>)]) {
    let Some(junit) = &arguments.junit else { return };
    let broken = read.iter().filter(|(_, loaded)| loaded.is_none());
    let names: Vec<_> = broken.map(|(file, _)| file.display().to_string()).collect();
    let suites: Vec<_> = names
        .iter()
        .map(|file| Suite::Broken { file, why: "the file is wrong; the log says where" })
        .collect();
    artifacts::write(junit, &report::junit(&suites));
}

/// All runs of one command.
struct Session<'a> {
    arguments: &'a RunArguments,
    loaded: Vec<Loaded>,
    several: bool,
    stop: CancellationToken,
}

/// What came of one of them.
struct Ran {
    row: OverviewRow,
    /// What JUnit needs; or why there was no run.
    record: Result<Option<RunRecord>, String>,
    json: Option<String>,
    file: String,
    status: Status,
}

impl Session<'_> {
    fn run(&self, registry: &Registry) -> Status {
        let mut folders = Folders::new(self.arguments.report.as_deref(), self.several);
        let mut all = Vec::new();
        for loaded in &self.loaded {
            for seed in seeds(self.arguments, &loaded.scenario) {
                if self.stop.is_cancelled() {
                    break;
                }
                let folder = match folders.next(loaded, seed) {
                    Ok(folder) => folder,
                    Err(failure) => {
                        say(&failure);
                        return Status::Mistaken;
                    }
                };
                all.push(self.run_one(loaded, seed, folder.as_ref(), registry));
            }
        }
        self.conclude(&all)
    }

    fn run_one(&self, loaded: &Loaded, seed: u64, folder: Option<&Folder>, registry: &Registry) -> Ran {
        let scenario = Scenario { seed, ..loaded.scenario.clone() };
        if self.several && !self.arguments.quiet {
            self.tell(&format!("\n{} with seed {seed} on {}\n", loaded.file, scenario.network));
        }
        let options = self.options(folder);
        let progress = play::progress(self.arguments.quiet, self.arguments.log.is_some());
        match play::play(scenario.clone(), registry, options, progress) {
            Ok(summary) => self.ran(loaded, summary, folder, registry),
            Err(error) => self.did_not_run(loaded, &scenario, &error),
        }
    }

    fn options(&self, folder: Option<&Folder>) -> RunOptions {
        let arguments = self.arguments;
        // A record that is kept may be replayed, and then compared.
        let keeps = folder.is_some() || arguments.record.is_some();
        let hash = if arguments.verify || keeps { LogTo::Hash } else { LogTo::Nowhere };
        let wanted = arguments.events.clone().map(LogTo::File);
        RunOptions {
            stop: self.stop.child_token(),
            record: keeps || arguments.junit.is_some(),
            log: wanted.or_else(|| folder?.log()).unwrap_or(hash),
            ..RunOptions::default()
        }
    }

    fn ran(
        &self,
        loaded: &Loaded,
        mut summary: RunSummary,
        folder: Option<&Folder>,
        registry: &Registry,
    ) -> Ran {
        let mut record = summary.record.take();
        let mut status = if summary.passed() { Status::Good } else { Status::Failed };
        if let Some(record) = &mut record {
            play::complete(record, loaded);
            status = status.max(self.write(record, folder));
        }
        status = status.max(self.show(&summary, folder));
        if self.arguments.verify {
            status = status.max(self.verify(&summary, registry));
        }
        Ran {
            row: OverviewRow::of(&loaded.file, &summary),
            record: Ok(record.map(artifacts::in_short)),
            json: self.arguments.json.is_some().then(|| report::json(&summary)),
            file: loaded.file.clone(),
            status,
        }
    }

    fn did_not_run(&self, loaded: &Loaded, scenario: &Scenario, error: &RunError) -> Ran {
        run_failed(error, &loaded.source);
        Ran {
            row: OverviewRow::broken(&loaded.file, scenario, error),
            record: Err(complaint(error, &loaded.source)),
            json: None,
            file: loaded.file.clone(),
            status: if error.is_mistake() { Status::Mistaken } else { Status::Failed },
        }
    }

    fn write(&self, record: &RunRecord, folder: Option<&Folder>) -> Status {
        let single = self.arguments.record.as_ref();
        let single = single.map_or(Status::Good, |file| artifacts::write(file, &artifacts::as_json(record)));
        single.max(folder.map_or(Status::Good, |folder| folder.write(record)))
    }

    fn show(&self, summary: &RunSummary, folder: Option<&Folder>) -> Status {
        if self.arguments.quiet {
            return self.tell(&(report::verdict(summary, self.paint()) + "\n"));
        }
        let mut text = format!("\n{}", report::human(summary, self.paint()));
        if let Some(folder) = folder {
            text += &format!("{}\n", self.paint().dim(&format!("report: {}", folder.first().display())));
        }
        self.tell(&text)
    }

    /// Runs the same once more and compares everything that happened.
    fn verify(&self, first: &RunSummary, registry: &Registry) -> Status {
        let scenario = first.scenario.clone();
        let (name, seed, network) = (scenario.name.clone(), scenario.seed, scenario.network);
        if !network.is_virtual() {
            say(&Failure::plain(format!(
                "failed to verify {name}: time on {network} is real, so no run is like another"
            ))
            .with_help("choose --network model or quic"));
            return Status::Mistaken;
        }
        let log = LogTo::Hash;
        let options = RunOptions { stop: self.stop.child_token(), log, ..RunOptions::default() };
        let again = match play::play(scenario, registry, options, play::progress(true, false)) {
            Ok(again) => again,
            Err(error) => {
                say(&Failure::plain(format!("failed to run {name} once more: {error}")));
                return Status::Failed;
            }
        };
        if self.stop.is_cancelled() {
            return Status::Failed;
        }
        let digest = |summary: &RunSummary| summary.digest.clone().unwrap_or_default();
        if digest(first) == digest(&again) {
            let told = format!("repeats: {} lines, {}", first.log_lines, digest(first));
            return if self.arguments.quiet {
                Status::Good
            } else {
                self.tell(&format!("{}\n", self.paint().dim(&told)))
            };
        }
        let message = format!(
            "{name} with seed {seed} does not repeat: {} lines with the digest {}, then {} with {}",
            first.log_lines,
            digest(first),
            again.log_lines,
            digest(&again)
        );
        say(&Failure::plain(message)
            .with_help("write --events twice and compare the files: the first difference is the cause"));
        Status::Failed
    }

    fn conclude(&self, all: &[Ran]) -> Status {
        let mut status = all.iter().map(|ran| ran.status).max().unwrap_or(Status::Failed);
        if self.several && !self.arguments.quiet {
            let rows: Vec<_> = all.iter().map(|ran| &ran.row).collect();
            status = status.max(self.tell(&format!("\n{}", report::overview(&rows, self.paint()))));
        }
        if self.stop.is_cancelled() {
            status = status.max(Status::Failed);
        }
        if let Some(file) = &self.arguments.junit {
            let suites: Vec<_> = all.iter().filter_map(suite).collect();
            status = status.max(artifacts::write(file, &report::junit(&suites)));
        }
        if let Some(file) = &self.arguments.json {
            status = status.max(artifacts::write(file, &self.json(all)));
        }
        status
    }

    /// One object for one run, an array for several.
    fn json(&self, all: &[Ran]) -> String {
        let objects: Vec<_> = all.iter().filter_map(|ran| ran.json.as_deref()).collect();
        if self.several { format!("[\n{}]\n", objects.join(",\n")) } else { objects.concat() }
    }

    /// Prints what is for people: to where no JSON goes.
    fn tell(&self, text: &str) -> Status {
        if self.json_is_printed() {
            complain(text);
            return Status::Good;
        }
        print(text)
    }

    fn paint(&self) -> Paint {
        if self.json_is_printed() { error_paint() } else { output_paint() }
    }

    fn json_is_printed(&self) -> bool {
        self.arguments.json.as_deref() == Some(Path::new(STANDARD_OUTPUT))
    }
}

fn suite(ran: &Ran) -> Option<Suite<'_>> {
    match &ran.record {
        Ok(record) => record.as_ref().map(Suite::Ran),
        Err(why) => Some(Suite::Broken { file: &ran.file, why }),
    }
}

/// The folders for reports, one for each run.
struct Folders<'a> {
    all: Option<&'a Path>,
    several: bool,
    taken: Vec<String>,
}

impl<'a> Folders<'a> {
    fn new(all: Option<&'a Path>, several: bool) -> Self {
        Self { all, several, taken: Vec::new() }
    }

    fn next(&mut self, loaded: &Loaded, seed: u64) -> Result<Option<Folder>, Failure> {
        let Some(all) = self.all else { return Ok(None) };
        let artifacts = &loaded.scenario.output.artifacts;
        if !self.several {
            return Folder::make(all.to_path_buf(), artifacts).map(Some);
        }
        let stem = Path::new(&loaded.file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.free(&format!("{}-{seed}", stem.unwrap_or_default()));
        Folder::make(all.join(name), artifacts).map(Some)
    }

    /// Scenarios of different folders may have the same name.
    fn free(&mut self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.push(free.clone());
        free
    }
}
