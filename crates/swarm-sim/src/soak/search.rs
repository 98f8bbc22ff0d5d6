//! Runs the scenarios of many seeds, on many threads.

use std::sync::Mutex;
use std::thread;

use tokio_util::sync::CancellationToken;

use super::{registry, scenario};
use crate::check::Verdict;
use crate::runner::{RunOptions, run};
use crate::scenario::Scenario;

/// A seed whose scenario did not hold.
///
/// ```
/// use swarm_sim::soak::Found;
///
/// fn line(found: &Found) -> String {
///     format!("seed {}: {}", found.seed, found.why.join(", "))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// What did not hold.
    pub why: Vec<String>,
}

/// Runs the scenario of each seed until there is no more seed, or it is stopped. Tells of each when it is done, whether it held
/// or not, on the thread that ran it.
///
/// ```
/// use swarm_sim::soak;
/// use tokio_util::sync::CancellationToken;
///
/// soak::search(1..2, 1, &CancellationToken::new(), |seed, found| assert_eq!((seed, found), (1, None)));
/// ```
pub fn search(
    seeds: impl IntoIterator<Item = u64, IntoIter: Send>,
    threads: usize,
    stop: &CancellationToken,
    tell: impl Fn(u64, Option<Found>) + Sync,
) {
    let seeds = Mutex::new(seeds.into_iter());
    // An iterator that panicked is not asked again.
    let next = || seeds.lock().ok()?.next().filter(|_| !stop.is_cancelled());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    let found = try_out(seed, stop);
                    if !stop.is_cancelled() {
                        tell(seed, found);
                    }
                }
            });
        }
    });
}

fn try_out(seed: u64, stop: &CancellationToken) -> Option<Found> {
    let why = why(seed, stop);
    (!why.is_empty()).then_some(Found { seed, why })
}

/// Everything that does not hold of the scenario of a seed.
fn why(seed: u64, stop: &CancellationToken) -> Vec<String> {
    let registry = registry();
    let parsed = match Scenario::parse(&format!("seed-{seed}.toml"), &scenario(seed), &registry) {
        Ok(parsed) => parsed,
        Err(errors) => return vec![errors.to_string()],
    };
    let options = RunOptions { stop: stop.child_token(), ..RunOptions::default() };
    match run(parsed, &registry, options, |_| {}) {
        Err(error) => vec![error.to_string()],
        Ok(summary) => {
            let failed = summary.checks.iter().filter(|outcome| outcome.verdict == Verdict::Failed);
            let told = failed.map(|outcome| format!("{}: {}", outcome.check.name, outcome.measured_text()));
            let mut why: Vec<_> = told.collect();
            if why.is_empty() && !summary.passed() {
                why.push(format!("it ended as {}", summary.end));
            }
            why
        }
    }
}
