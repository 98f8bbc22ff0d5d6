//! All that came of all runs.

mod aims;
mod json;
mod markdown;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::json::json;
pub use self::markdown::markdown;
use crate::arguments::Arguments;
use crate::contender::{Contender, Problem};
use crate::spread::Spread;
use crate::workload::{Figures, Workload};

/// Who took part in what, and what came of it.
pub struct Report<'a> {
    /// What was asked for.
    pub arguments: &'a Arguments,
    /// In the order of the tables. Ratios are to the first one.
    pub contenders: &'a [Arc<dyn Contender>],
    /// In the order of the tables.
    pub parts: Vec<Part>,
}

/// One workload.
pub struct Part {
    /// What was done.
    pub workload: Arc<dyn Workload>,
    /// By contender: the rounds that count, in order.
    rounds: BTreeMap<&'static str, Vec<Result<Figures, String>>>,
}

impl Part {
    /// Without rounds.
    pub fn new(workload: Arc<dyn Workload>) -> Self {
        Self { workload, rounds: BTreeMap::new() }
    }

    /// One more round of a contender.
    pub fn add(&mut self, contender: &'static str, figures: Result<Figures, Problem>) {
        let figures = figures.map_err(|problem| problem.to_string());
        self.rounds.entry(contender).or_default().push(figures);
    }

    /// A contender's rounds; empty if it takes no part.
    pub fn rounds(&self, contender: &str) -> &[Result<Figures, String>] {
        self.rounds.get(contender).map_or(&[], Vec::as_slice)
    }

    /// Of one figure of a contender.
    pub fn spread(&self, contender: &str, key: &str) -> Option<Spread> {
        Spread::of(self.rounds(contender).iter().filter_map(|round| figure(round, key)))
    }

    /// Of the ratios of one figure to that of another contender in the same round.
    pub fn ratio(&self, contender: &str, to: &str, key: &str) -> Option<Spread> {
        Spread::of(self.both(contender, to, key).map(|(own, other)| own / other))
    }

    /// By how much one figure is above that of another contender in the same round.
    pub fn difference(&self, contender: &str, to: &str, key: &str) -> Option<Spread> {
        Spread::of(self.both(contender, to, key).map(|(own, other)| own - other))
    }

    fn both(&self, contender: &str, other: &str, key: &str) -> impl Iterator<Item = (f64, f64)> {
        let rounds = self.rounds(contender).iter().zip(self.rounds(other));
        rounds.filter_map(move |(own, other)| Some((figure(own, key)?, figure(other, key)?)))
    }
}

/// Where it was measured.
struct Machine {
    cores: usize,
    system: String,
}

fn machine() -> Machine {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        system: format!("{} {}", std::env::consts::OS, release.trim()),
    }
}

fn figure(round: &Result<Figures, String>, key: &str) -> Option<f64> {
    round.as_ref().ok()?.get(key).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(figure: f64) -> Result<Figures, Problem> {
        Ok(Figures::from([("cpu_us".to_owned(), figure)]))
    }

    fn part() -> Part {
        let workload = crate::workload::all().swap_remove(0);
        let mut part = Part::new(workload);
        for (own, other) in [(10.0, 20.0), (40.0, 20.0), (30.0, 20.0)] {
            part.add("a", round(own));
            part.add("b", round(other));
        }
        part
    }

    #[test]
    fn ratios_are_those_within_a_round() {
        let ratio = part().ratio("a", "b", "cpu_us");

        assert_eq!(ratio, Some(Spread { median: 1.5, min: 0.5, max: 2.0 }));
    }

    #[test]
    fn a_round_that_failed_counts_for_neither() {
        let mut part = part();
        part.add("a", Err("no luck".into()));
        part.add("b", round(1000.0));

        assert_eq!(part.ratio("a", "b", "cpu_us").map(|ratio| ratio.median), Some(1.5));
        assert_eq!(part.spread("a", "cpu_us").map(|spread| spread.median), Some(30.0));
        assert_eq!(part.spread("nobody", "cpu_us"), None);
    }
}
