//! Several runs in one table.

use std::time::Duration;

use super::{Paint, facts::show_factor, human::table};
use crate::{RunError, RunSummary, Scenario, Verdict, quantity::show_duration, summary::End};

/// One run in the table of several.
#[derive(Debug, Clone)]
pub(crate) struct OverviewRow {
    file: String,
    seed: u64,
    network: String,
    outcome: String,
    is_good: bool,
    held: String,
    real: Option<Duration>,
    speed_up: Option<f64>,
}

impl OverviewRow {
    pub(crate) fn of(file: &str, summary: &RunSummary) -> Self {
        let whole = summary.scenario.warmup + summary.measured;
        let factor = whole.as_secs_f64() / summary.real.as_secs_f64();
        let outcome = match (summary.end, summary.passed()) {
            (End::Complete, true) => "passed".to_owned(),
            (End::Complete, false) => "failed".to_owned(),
            (end, _) => end.to_string(),
        };
        Self {
            file: file.to_owned(),
            seed: summary.scenario.seed,
            network: summary.scenario.network.to_string(),
            outcome,
            is_good: summary.passed(),
            held: format!("{} of {}", summary.count(Verdict::Passed), summary.checks.len()),
            real: Some(summary.real),
            speed_up: Some(factor)
                .filter(|factor| factor.is_finite() && summary.scenario.network.is_virtual()),
        }
    }

    /// One that could not be run.
    pub(crate) fn broken(file: &str, scenario: &Scenario, error: &RunError) -> Self {
        Self {
            file: file.to_owned(),
            seed: scenario.seed,
            network: scenario.network.to_string(),
            outcome: if error.is_mistake() { "is mistaken" } else { "did not run" }.to_owned(),
            is_good: false,
            held: String::new(),
            real: None,
            speed_up: None,
        }
    }

    fn cells(&self, paint: Paint) -> Vec<String> {
        let outcome = if self.is_good { paint.green(&self.outcome) } else { paint.red(&self.outcome) };
        vec![
            self.file.clone(),
            self.seed.to_string(),
            self.network.clone(),
            outcome,
            self.held.clone(),
            self.real.map(show_duration).unwrap_or_default(),
            self.speed_up.map(|factor| format!("{} ×", show_factor(factor))).unwrap_or_default(),
        ]
    }
}

/// All of them, and how many passed.
pub(crate) fn overview(rows: &[&OverviewRow], paint: Paint) -> String {
    let header = ["scenario", "seed", "network", "outcome", "held", "took", "speed-up"];
    let table = table(&header, rows.iter().map(|row| row.cells(paint)).collect());
    let passed = rows.iter().filter(|row| row.is_good).count();
    let sentence = format!("{passed} of {} runs passed", rows.len());
    let sentence = if passed == rows.len() { paint.green(&sentence) } else { paint.red(&sentence) };
    format!("{}\n\n{sentence}\n", table.unwrap_or_default())
}
