//! Runs scenarios on several threads at once. Each run has its own runtime, so that none is disturbed by another.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use tokio_util::sync::CancellationToken;

use super::table::Outcome;
use crate::{Registry, RunOptions, Scenario};

/// Those who run.
pub(super) struct Crew<'r> {
    pub(super) workers: usize,
    pub(super) registry: &'r Registry,
    /// Ends what is under way; what has not begun does not begin.
    pub(super) stop: CancellationToken,
}

impl Crew<'_> {
    /// Runs all of them and tells each that has ended by its number. Gives what came of them in their order.
    pub(super) fn run(
        &self,
        scenarios: Vec<Scenario>,
        mut ended: impl FnMut(usize, &Result<Outcome, String>),
    ) -> Vec<Result<Outcome, String>> {
        let mut outcomes: Vec<_> = scenarios.iter().map(|_| Err("did not run".to_owned())).collect();
        let next = AtomicUsize::new(0);
        // As many as there are workers: whoever is done waits until it was told.
        let (sender, receiver) = mpsc::sync_channel(self.workers);
        thread::scope(|scope| {
            for _ in 0..self.workers {
                let (sender, next, scenarios) = (sender.clone(), &next, &scenarios);
                scope.spawn(move || {
                    while let Some((number, scenario)) = take(next, scenarios) {
                        if self.stop.is_cancelled() || sender.send((number, self.run_one(scenario))).is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (number, outcome) in receiver {
                ended(number, &outcome);
                if let Some(place) = outcomes.get_mut(number) {
                    *place = outcome;
                }
            }
        });
        outcomes
    }

    fn run_one(&self, scenario: &Scenario) -> Result<Outcome, String> {
        let options = RunOptions { stop: self.stop.child_token(), ..RunOptions::default() };
        let ended = crate::run(scenario.clone(), self.registry, options, |_| {});
        ended.map(|summary| Outcome::of(&summary)).map_err(|error| error.to_string())
    }
}

fn take<'s>(next: &AtomicUsize, scenarios: &'s [Scenario]) -> Option<(usize, &'s Scenario)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    scenarios.get(number).map(|scenario| (number, scenario))
}
