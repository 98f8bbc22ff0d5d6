//! `swarm-sim soak`: looks for faults that agents do not get over, in scenarios drawn from seeds.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::{
    Status,
    arguments::{Otherwise, ShrinkArguments, SoakArguments},
    complain,
    failure::{Failure, say},
    play, shrink,
};
use crate::{
    soak::{self, Found},
    stopwatch::Stopwatch,
};

/// How often it is told how far the search is.
const TELL_EVERY: Duration = Duration::from_secs(5);

pub(super) fn soak(arguments: &SoakArguments) -> Status {
    if let Err(error) = std::fs::create_dir_all(&arguments.keep) {
        say(&Failure::plain(format!("failed to make the folder {}: {error}", arguments.keep.display())));
        return Status::Mistaken;
    }
    let found = Mutex::new(Vec::new());
    let progress = Mutex::new(Progress { tried: 0, watch: Stopwatch::start(), told: Duration::ZERO });
    let threads = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    let (watch, limit) = (Stopwatch::start(), arguments.within.map(Duration::from));
    let in_time = move |_: &u64| limit.is_none_or(|limit| watch.elapsed() < limit);
    let count = arguments.seeds.or(limit.map(|_| u64::MAX)).unwrap_or(DEFAULT_SEEDS);
    let seeds = (arguments.first..arguments.first.saturating_add(count)).take_while(in_time);
    let stop = play::heed_interrupts();
    soak::search(seeds, threads, &stop, |seed, outcome| {
        if let Ok(mut progress) = progress.lock() {
            progress.tell(seed, outcome.as_ref(), arguments.quiet);
        }
        if let (Some(outcome), Ok(mut found)) = (outcome, found.lock()) {
            found.push(outcome);
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|found| found.seed);
    let tried = progress.into_inner().map_or(0, |progress| progress.tried);
    for found in &found {
        keep(found, &arguments.keep, arguments.quiet);
    }
    complain(&match found.len() {
        0 => format!("{tried} scenarios held\n"),
        failed => format!("{failed} of {tried} scenarios failed; see {}\n", arguments.keep.display()),
    });
    if found.is_empty() { Status::Good } else { Status::Failed }
}

/// How many seeds are tried when nothing says for how long.
const DEFAULT_SEEDS: u64 = 200;

struct Progress {
    tried: u64,
    watch: Stopwatch,
    told: Duration,
}

impl Progress {
    fn tell(&mut self, seed: u64, found: Option<&Found>, quiet: bool) {
        self.tried += 1;
        if let Some(found) = found {
            complain(&format!("seed {seed} failed: {}\n", found.why.join("; ")));
        }
        let now = self.watch.elapsed();
        if !quiet && now.saturating_sub(self.told) >= TELL_EVERY {
            self.told = now;
            complain(&format!("{} scenarios after {} s\n", self.tried, now.as_secs()));
        }
    }
}

/// Writes the scenario of a seed into the folder, as small as it can be made.
fn keep(found: &Found, folder: &Path, quiet: bool) {
    let file: PathBuf = folder.join(format!("seed-{}.toml", found.seed));
    if let Err(error) = std::fs::write(&file, soak::scenario(found.seed)) {
        say(&Failure::plain(format!("failed to write {}: {error}", file.display())));
        return;
    }
    let smaller = ShrinkArguments {
        file: file.clone(),
        otherwise: Otherwise::default(),
        check: None,
        most_runs: MOST_RUNS,
        out: Some(file),
        quiet,
    };
    shrink::shrink(&smaller, &soak::registry());
}

/// How many smaller scenarios are tried of each that failed.
const MOST_RUNS: usize = 200;
