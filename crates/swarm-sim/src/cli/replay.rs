//! `swarm-sim replay`: runs what a record tells of again, and sees whether the same happens.

use std::time::Duration;

use super::{
    Status,
    arguments::ReplayArguments,
    artifacts::Folder,
    failure::{self, Failure, Loaded, load_record, run_failed, say},
    log::Later,
    output_paint, play, print,
};
use crate::{
    LogTo, Overrides, Phase, Registry, RunEvent, RunOptions, RunRecord, RunSummary, report, summary::End,
};

/// Progress comes a little later than what it tells of: the log begins so much earlier.
const EARLIER: Duration = Duration::from_millis(250);

/// What this crate is.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn replay(arguments: &ReplayArguments, registry: &Registry) -> Status {
    match prepare(arguments, registry) {
        Ok(Some(replay)) => replay.run(registry),
        Ok(None) => Status::Mistaken,
        Err(failure) => {
            say(&failure);
            Status::Mistaken
        }
    }
}

/// A record and the scenario in it.
struct Replay<'a> {
    arguments: &'a ReplayArguments,
    record: RunRecord,
    loaded: Loaded,
    folder: Option<Folder>,
    later: Option<Later>,
}

/// `None` when what is wrong was said.
fn prepare<'a>(arguments: &'a ReplayArguments, registry: &Registry) -> Result<Option<Replay<'a>>, Failure> {
    let record = load_record(&arguments.record)?;
    warn_of_versions(&record);
    let Some(loaded) = loaded(&record, registry)? else { return Ok(None) };
    let artifacts = &loaded.scenario.output.artifacts;
    let folder = arguments.report.clone().map(|path| Folder::make(path, artifacts)).transpose()?;
    let later = arguments.verbose_from.map(|_| Later::prepare(&arguments.log)).transpose()?;
    Ok(Some(Replay { arguments, record, loaded, folder, later }))
}

/// The scenario of a record, with the same network, seed and params. `None` when what is wrong was said.
pub(super) fn loaded(record: &RunRecord, registry: &Registry) -> Result<Option<Loaded>, Failure> {
    let network = record
        .network
        .parse()
        .map_err(|error| Failure::plain(format!("failed to read the record: {error}")))?;
    let overrides = Overrides { network: Some(network), seed: Some(record.seed), set: record.set.clone() };
    let (file, text) = (record.scenario_file.clone(), record.scenario_text.clone());
    Ok(failure::parse(file, text, registry, &overrides))
}

fn warn_of_versions(record: &RunRecord) {
    let theirs = &record.runner.version;
    if theirs != VERSION {
        let message = format!("the run was recorded by version {theirs}, and this is {VERSION}");
        let help = "what happens may differ: use the version that recorded it";
        say(&Failure::plain(message).with_help(help).into_warning());
    }
}

impl Replay<'_> {
    fn run(mut self, registry: &Registry) -> Status {
        let events = self.arguments.events.clone().map(LogTo::File);
        let options = RunOptions {
            stop: play::heed_interrupts(),
            record: self.folder.is_some(),
            log: events.or_else(|| self.folder.as_ref()?.log()).unwrap_or(LogTo::Hash),
            until: self.arguments.until,
        };
        let mut progress = play::progress(false, self.later.is_some());
        let (mut later, from) = (self.later.take(), self.arguments.verbose_from.unwrap_or_default());
        let ended = crate::run(self.loaded.scenario.clone(), registry, options, |event| {
            if let (RunEvent::Measuring, Some(later)) = (event, &later) {
                later.warm();
            }
            if is_at(event, from)
                && let Some(later) = later.take()
            {
                later.show();
            }
            progress.show(event);
        });
        progress.finish();
        match ended {
            Ok(summary) => self.conclude(summary),
            Err(error) => {
                run_failed(&error, &self.loaded.source);
                if error.is_mistake() { Status::Mistaken } else { Status::Failed }
            }
        }
    }

    fn conclude(&self, mut summary: RunSummary) -> Status {
        let record = summary.record.take().map(|mut record| {
            play::complete(&mut record, &self.loaded);
            record
        });
        let written = match (&self.folder, &record) {
            (Some(folder), Some(record)) => folder.write(record),
            _ => Status::Good,
        };
        let printed = print(&format!("\n{}", report::human(&summary, output_paint())));
        // What was to be stopped early could not hold everything.
        let is_good = summary.passed() || self.stops_early(&summary);
        let passed = if is_good { Status::Good } else { Status::Failed };
        written.max(printed).max(passed).max(self.compare(&summary))
    }

    fn stops_early(&self, summary: &RunSummary) -> bool {
        self.arguments.until.is_some_and(|until| until < summary.scenario.duration)
    }

    /// Whether what happened is what was recorded.
    fn compare(&self, summary: &RunSummary) -> Status {
        let paint = output_paint();
        let stopped = self.stops_early(summary);
        let told = match (&self.record.digest, &summary.digest) {
            _ if stopped || summary.end == End::Interrupted => "stopped early: nothing to compare".to_owned(),
            (Some(recorded), Some(now)) if recorded == now => format!("the same happened: {now}"),
            (Some(recorded), Some(now)) => {
                let message =
                    format!("what happened differs: the record has the digest {recorded}, now it is {now}");
                let help = "the agents or the runner have changed since, or something in them does not follow from the seed: \
                            see `run --verify`";
                say(&Failure::plain(message).with_help(help));
                return Status::Failed;
            }
            _ if !summary.scenario.network.is_virtual() => "time was real: nothing to compare".to_owned(),
            _ => "the record has no digest: nothing to compare".to_owned(),
        };
        print(&format!("{}\n", paint.dim(&told)))
    }
}

/// Whether that time after the end of the warm-up has come.
fn is_at(event: &RunEvent, from: Duration) -> bool {
    match event {
        RunEvent::Measuring => from <= EARLIER,
        RunEvent::Progress(progress) => {
            progress.phase == Phase::Measured && progress.elapsed + EARLIER >= from
        }
        RunEvent::Happened { at, .. } => *at >= from,
        _ => false,
    }
}
