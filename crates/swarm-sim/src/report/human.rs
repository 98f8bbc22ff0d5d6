//! The report that people read at the end of a run.

use comfy_table::{CellAlignment, Table, presets};

use super::{Paint, facts::show_factor};
use crate::{
    Metric,
    check::{Aggregate, CheckOutcome, Verdict},
    quantity::{show_count, show_duration, show_micros, show_ratio},
    summary::{End, RunSummary},
    tally::{Durations, Figures},
};

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// The whole report: what was run, what was counted per group, how the checks came out, and a verdict in one line.
///
/// ```no_run
/// # fn summary() -> swarm_sim::RunSummary { unimplemented!() }
/// let summary = summary();
/// print!("{}", swarm_sim::report::human(&summary, swarm_sim::Paint::Never));
/// ```
#[must_use]
pub fn human(summary: &RunSummary, paint: Paint) -> String {
    let mut parts = vec![title(summary, paint)];
    parts.extend(observations(summary));
    parts.extend(topics(summary));
    parts.extend(requests(summary));
    parts.extend(rogues(summary));
    parts.extend(remarks(summary, paint));
    parts.extend(checks(summary, paint));
    parts.push(verdict(summary, paint));
    parts.join("\n\n") + "\n"
}

/// The last line of the report alone.
#[must_use]
pub fn verdict(summary: &RunSummary, paint: Paint) -> String {
    let name = &summary.scenario.name;
    let (held, of) = (summary.count(Verdict::Passed), summary.checks.len());
    let warnings = match summary.count(Verdict::Warned) {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    let said = match (summary.end, summary.passed()) {
        (End::Interrupted, _) => paint.red(&format!("{name} was interrupted")),
        (End::TimedOut, _) => paint.red(&format!("{name} ran out of time")),
        (End::Hopeless, _) => paint.red(&format!("{name} failed before its end")),
        (End::Complete, true) => paint.green(&format!("{name} passed")),
        (End::Complete, false) => paint.red(&format!("{name} failed")),
    };
    match of {
        0 => format!("{said} (it checks nothing)"),
        of => format!("{said}: {held} of {of} checks held{warnings}"),
    }
}

fn title(summary: &RunSummary, paint: Paint) -> String {
    let scenario = &summary.scenario;
    let rogues = match scenario.members().saturating_sub(scenario.agents()) {
        0 => String::new(),
        1 => " and a rogue".to_owned(),
        several => format!(" and {} rogues", show_count(several as u64)),
    };
    let facts = format!(
        "{} agents{rogues}, {} with {} connections, seed {}, {} measured{}",
        show_count(scenario.agents() as u64),
        scenario.topology,
        show_count(summary.connections as u64),
        scenario.seed,
        show_duration(summary.measured),
        took(summary),
    );
    format!("{}\n{}", paint.bold(&scenario.name), paint.dim(&facts))
}

/// Real time and speed-up, where time is virtual.
fn took(summary: &RunSummary) -> String {
    let whole = summary.scenario.warmup + summary.measured;
    let factor = whole.as_secs_f64() / summary.real.as_secs_f64();
    match summary.scenario.network.is_virtual() && factor.is_finite() {
        true => format!(" in {}, {} × real time", show_duration(summary.real), show_factor(factor)),
        false => String::new(),
    }
}

fn observations(summary: &RunSummary) -> Option<String> {
    let header = ["observations", "agents", "sent", "delivered", "lost", "p50", "p99", "max"];
    let took_part = |figures: &Figures| figures.observations_sent > 0 || figures.observations_delivered() > 0;
    table(&header, rows(summary, took_part, observation_cells))
}

fn observation_cells(figures: &Figures) -> Vec<String> {
    let lost = figures.value(&Metric::ObservationDeliveryRatio, None).map(|ratio| show_ratio(1.0 - ratio));
    let mut cells = vec![
        show_count(figures.observations_sent),
        show_count(figures.observations_delivered()),
        lost.unwrap_or_else(|| NOTHING.to_owned()),
    ];
    cells.extend(latency_cells(&figures.observation_latency));
    cells
}

/// One row for each topic, if there are several.
fn topics(summary: &RunSummary) -> Option<String> {
    let topics = &summary.total.topics;
    let rows = topics.iter().map(|(topic, figures)| {
        let (sent, delivered) = (figures.copies_sent, figures.copies_delivered);
        let mut row = vec![topic.to_string()];
        row.extend([figures.observations_sent, sent, delivered].map(show_count));
        row.extend(latency_cells(&figures.observation_latency));
        row
    });
    let header = ["topics", "sent", "copies", "delivered", "p50", "p99", "max"];
    (topics.len() > 1).then(|| table(&header, rows.collect())).flatten()
}

fn requests(summary: &RunSummary) -> Option<String> {
    let header = ["requests", "agents", "asked", "answered", "right", "p50", "p99", "max"];
    table(&header, rows(summary, |figures| figures.requests_sent > 0, request_cells))
}

fn request_cells(figures: &Figures) -> Vec<String> {
    let right = match figures.questions {
        0 => NOTHING.to_owned(),
        _ => show_count(figures.right),
    };
    let mut cells = vec![show_count(figures.requests_sent), show_count(figures.requests_answered()), right];
    cells.extend(latency_cells(&figures.request_latency));
    cells
}

fn rogues(summary: &RunSummary) -> Option<String> {
    let header = ["rogues", "each", "attempts", "let in", "refused", "sent away", "borne", "cut off max"];
    let groups = summary.groups.iter().filter(|group| group.members.are_rogues());
    let rows = groups.map(|group| {
        let figures = &group.figures.rogues;
        let mut row = vec![format!("{} ({})", group.name, group.members), show_count(group.count as u64)];
        let counts = [figures.attempts, figures.admitted, figures.refused, figures.sent_away, figures.borne];
        row.extend(counts.map(show_count));
        row.push(figures.cut_off.micros(Aggregate::Max).map_or_else(|| NOTHING.to_owned(), show_micros));
        row
    });
    table(&header, rows.collect())
}

fn latency_cells(durations: &Durations) -> [String; 3] {
    [Aggregate::P50, Aggregate::P99, Aggregate::Max]
        .map(|aggregate| durations.micros(aggregate).map_or_else(|| NOTHING.to_owned(), show_micros))
}

/// One row for each group that took part, and one for all if there are several.
fn rows(
    summary: &RunSummary,
    took_part: impl Fn(&Figures) -> bool,
    cells: impl Fn(&Figures) -> Vec<String>,
) -> Vec<Vec<String>> {
    let row = |name: &str, agents: usize, figures: &Figures| {
        let mut row = vec![name.to_owned(), show_count(agents as u64)];
        row.extend(cells(figures));
        row
    };
    let groups = summary.groups.iter().filter(|group| took_part(&group.figures));
    let mut rows: Vec<_> = groups.map(|group| row(&group.name, group.count, &group.figures)).collect();
    if rows.len() > 1 {
        rows.push(row("all", summary.scenario.agents(), &summary.total));
    }
    rows
}

/// Nothing if there are no rows.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header).add_rows(rows);
    // Lines between the rows would be superfluous.
    table.style_mut().row_separator = comfy_table::LineStyle::default();
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(table.trim_fmt())
}

/// What went wrong without a check about it.
fn remarks(summary: &RunSummary, paint: Paint) -> Option<String> {
    let mut lines: Vec<String> = summary.notices.iter().map(|notice| paint.yellow(notice)).collect();
    let counted = |counts: &std::collections::BTreeMap<String, u64>| {
        let shown: Vec<_> =
            counts.iter().map(|(name, count)| format!("{} {name}", show_count(*count))).collect();
        shown.join(", ")
    };
    if !summary.total.dropped.is_empty() {
        lines.push(
            paint.dim(&format!("observations lost at their nodes: {}", counted(&summary.total.dropped))),
        );
    }
    let unanswered = unanswered(&summary.total);
    if !unanswered.is_empty() {
        lines.push(paint.dim(&format!("requests without an answer: {}", unanswered.join(", "))));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// How many requests ended in each way but the good one, and how soon.
fn unanswered(figures: &Figures) -> Vec<String> {
    let took = |name: &str| {
        let of_that_name = figures.ended.iter().find(|(ending, _)| ending.to_string() == name);
        of_that_name.and_then(|(_, took)| took.micros(Aggregate::P99)).map(show_micros)
    };
    let failures = figures.endings.iter().filter(|(name, _)| *name != "completed");
    let told = failures.map(|(name, count)| match took(name) {
        Some(p99) => format!("{} {name} (p99 {p99})", show_count(*count)),
        None => format!("{} {name}", show_count(*count)),
    });
    told.collect()
}

fn checks(summary: &RunSummary, paint: Paint) -> Option<String> {
    let widths = Widths::of(&summary.checks);
    let lines: Vec<_> = summary.checks.iter().map(|check| check_line(check, &widths, paint)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// How wide the columns of the list of checks are, in characters.
struct Widths {
    name: usize,
    measured: usize,
}

impl Widths {
    fn of(checks: &[CheckOutcome]) -> Self {
        let widest = |text: &dyn Fn(&CheckOutcome) -> String| {
            checks.iter().map(|check| text(check).chars().count()).max().unwrap_or_default()
        };
        Self {
            name: widest(&|check| check.check.name.clone()),
            measured: widest(&CheckOutcome::measured_text),
        }
    }
}

fn check_line(outcome: &CheckOutcome, widths: &Widths, paint: Paint) -> String {
    let word = match outcome.verdict {
        Verdict::Passed => paint.green("PASS"),
        Verdict::Warned => paint.yellow("WARN"),
        Verdict::Failed => paint.red("FAIL"),
    };
    let name = format!("{:<width$}", outcome.check.name, width = widths.name);
    let measured = format!("{:>width$}", outcome.measured_text(), width = widths.measured);
    format!("{word}  {name}  {measured}  {}", paint.dim(&outcome.check.to_string()))
}

#[cfg(test)]
mod tests;
