//! What came of a sweep, as a table for people and as lines for programs.

use std::collections::BTreeMap;

use crate::{
    Metric, Paint, RunSummary, Verdict,
    check::Aggregate,
    quantity::{show_micros, show_ratio},
    report::human_table,
};

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// What is compared of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) passed: bool,
    pub(super) end: String,
    pub(super) delivered: Option<f64>,
    pub(super) latency_p99_us: Option<f64>,
    pub(super) answered: Option<f64>,
    pub(super) answer_p99_us: Option<f64>,
    pub(super) real_seconds: f64,
    /// Name, what was measured, and whether it failed.
    pub(super) checks: Vec<(String, Option<f64>, Verdict)>,
}

impl Outcome {
    pub(super) fn of(summary: &RunSummary) -> Self {
        let total = &summary.total;
        let checks = summary.checks.iter();
        Self {
            passed: summary.passed(),
            end: summary.end.to_string(),
            delivered: total.value(&Metric::ObservationDeliveryRatio, None),
            latency_p99_us: total.value(&Metric::ObservationLatency, Some(Aggregate::P99)),
            answered: total.value(&Metric::RequestAnsweredRatio, None),
            answer_p99_us: total.value(&Metric::RequestLatency, Some(Aggregate::P99)),
            real_seconds: summary.real.as_secs_f64(),
            checks: checks.map(|check| (check.check.name.clone(), check.measured, check.verdict)).collect(),
        }
    }
}

/// One run of a sweep; or why it did not run.
pub(super) struct Run {
    pub(super) point: usize,
    pub(super) seed: u64,
    pub(super) outcome: Result<Outcome, String>,
}

/// All runs of a sweep.
pub(super) struct SweepTable<'s> {
    pub(super) axes: &'s [String],
    pub(super) points: &'s [Vec<(String, String)>],
    pub(super) runs: &'s [Run],
}

impl SweepTable<'_> {
    /// One row for each point: figures are means over its seeds, and checks that failed are named with how often.
    pub(super) fn text(&self, paint: Paint) -> String {
        let figures = ["passed", "delivered", "p99", "answered", "answer p99", "failed"];
        let header: Vec<_> = self.axes.iter().map(String::as_str).chain(figures).collect();
        let rows = (0..self.points.len()).map(|point| self.row(point, paint)).collect();
        human_table(&header, rows).unwrap_or_default()
    }

    fn row(&self, point: usize, paint: Paint) -> Vec<String> {
        let mut row = self.values(point);
        let runs: Vec<_> = self.runs.iter().filter(|run| run.point == point).collect();
        let outcomes: Vec<_> = runs.iter().filter_map(|run| run.outcome.as_ref().ok()).collect();
        let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
        let told = format!("{passed} of {}", runs.len());
        row.push(if passed == runs.len() { paint.green(&told) } else { paint.red(&told) });
        let mean = |of: fn(&Outcome) -> Option<f64>, show: fn(f64) -> String| {
            let values: Vec<f64> = outcomes.iter().filter_map(|outcome| of(outcome)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            if values.is_empty() { NOTHING.to_owned() } else { show(mean) }
        };
        row.push(mean(|of| of.delivered, show_ratio));
        row.push(mean(|of| of.latency_p99_us, show_micros));
        row.push(mean(|of| of.answered, show_ratio));
        row.push(mean(|of| of.answer_p99_us, show_micros));
        row.push(failures(&runs));
        row
    }

    fn values(&self, point: usize) -> Vec<String> {
        let point = self.points.get(point);
        let value = |axis: &String| {
            let value = point.and_then(|point| point.iter().find(|(name, _)| name == axis));
            value.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        self.axes.iter().map(value).collect()
    }

    /// One line for each run; what was measured for each check, in the unit of its bound.
    pub(super) fn csv(&self) -> String {
        let outcomes = || self.runs.iter().filter_map(|run| run.outcome.as_ref().ok());
        let mut checks: Vec<&str> = Vec::new();
        for (name, ..) in outcomes().flat_map(|outcome| &outcome.checks) {
            if !checks.contains(&name.as_str()) {
                checks.push(name);
            }
        }
        let fixed = [
            "seed",
            "end",
            "passed",
            "delivery_ratio",
            "latency_p99_us",
            "answered_ratio",
            "answer_p99_us",
            "real_seconds",
        ];
        let columns = checks.iter().flat_map(|name| [(*name).to_owned(), format!("{name}: verdict")]);
        let head = self.axes.iter().cloned().chain(fixed.map(str::to_owned)).chain(columns);
        let mut text = line(head);
        for run in self.runs {
            text += &line(self.values(run.point).into_iter().chain(csv_cells(run, &checks)));
        }
        text
    }
}

fn csv_cells(run: &Run, checks: &[&str]) -> Vec<String> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let nothing = Outcome::default();
    let (outcome, end) = match &run.outcome {
        Ok(outcome) => (outcome, outcome.end.clone()),
        Err(error) => (&nothing, error.clone()),
    };
    let mut cells = vec![run.seed.to_string(), end, outcome.passed.to_string()];
    cells.extend(
        [outcome.delivered, outcome.latency_p99_us, outcome.answered, outcome.answer_p99_us].map(number),
    );
    cells.push(format!("{:.3}", outcome.real_seconds));
    for name in checks {
        let check = outcome.checks.iter().find(|(known, ..)| known == name);
        cells.push(number(check.and_then(|(_, measured, _)| *measured)));
        cells.push(check.map(|(.., verdict)| verdict.to_string()).unwrap_or_default());
    }
    cells
}

/// Cells as RFC 4180 has them.
fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

/// Which checks failed, and in how many runs.
fn failures(runs: &[&Run]) -> String {
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        match &run.outcome {
            Ok(outcome) => {
                let names = outcome.checks.iter().filter(|(.., verdict)| *verdict == Verdict::Failed);
                names.for_each(|(name, ..)| *failed.entry(name).or_default() += 1);
                if outcome.end != "complete" {
                    *failed.entry(&outcome.end).or_default() += 1;
                }
            }
            Err(error) => *failed.entry(error).or_default() += 1,
        }
    }
    let told = failed
        .into_iter()
        .map(|(name, times)| if runs.len() == 1 { name.to_owned() } else { format!("{name} ({times})") });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(point: usize, seed: u64, delivered: f64, verdict: Verdict) -> Run {
        let checks = vec![("heard, by all".to_owned(), Some(delivered), verdict)];
        let outcome = Outcome {
            passed: verdict != Verdict::Failed,
            end: "complete".into(),
            delivered: Some(delivered),
            checks,
            ..Outcome::default()
        };
        Run { point, seed, outcome: Ok(outcome) }
    }

    fn axes() -> Vec<String> {
        vec!["agents".into(), "loss".into()]
    }

    fn points() -> Vec<Vec<(String, String)>> {
        let point =
            |agents: &str, loss: &str| vec![("agents".into(), agents.into()), ("loss".into(), loss.into())];
        vec![point("4", "0"), point("8", "0.1")]
    }

    fn runs() -> Vec<Run> {
        let broken = Run { point: 1, seed: 8, outcome: Err("interrupted".into()) };
        vec![
            run(0, 7, 1.0, Verdict::Passed),
            run(0, 8, 0.9, Verdict::Passed),
            run(1, 7, 0.5, Verdict::Failed),
            broken,
        ]
    }

    #[test]
    fn a_row_is_a_point_with_means_over_its_seeds() {
        let (axes, points, runs) = (axes(), points(), runs());
        let text = SweepTable { axes: &axes, points: &points, runs: &runs }.text(Paint::Never);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = text.lines().map(words).collect();
        assert!(lines.iter().any(|line| line == "4 0 2 of 2 95 % – – –"), "{text}");
        assert!(
            lines.iter().any(|line| line == "8 0.1 0 of 2 50 % – – – heard, by all (1), interrupted (1)"),
            "{text}"
        );
    }

    #[test]
    fn a_line_is_a_run_with_all_its_checks() {
        let (axes, points, runs) = (axes(), points(), runs());
        let csv = SweepTable { axes: &axes, points: &points, runs: &runs }.csv();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[0].ends_with(r#",real_seconds,"heard, by all","heard, by all: verdict""#), "{csv}");
        assert_eq!(lines[3], "8,0.1,7,complete,false,0.5,,,,0.000,0.5,fail");
        assert_eq!(lines[4], "8,0.1,8,interrupted,false,,,,,0.000,,");
    }
}
