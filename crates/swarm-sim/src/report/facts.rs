//! What reports of a record say in words and rows, whatever they are written in.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    Happening, RecordedCheck, RunRecord,
    quantity::{show_count, show_duration, show_micros, show_number, show_ratio},
};

/// What stands where there is nothing to say.
pub(super) const NOTHING: &str = "–";

/// The word of a check that holds, of one that is a warning, and of one that does not.
pub(super) const VERDICTS: [(&str, &str); 3] = [("pass", "held"), ("warn", "warned"), ("fail", "failed")];

/// Whether a run ended as it should and no check failed.
pub(super) fn passed(record: &RunRecord) -> bool {
    record.end == "complete" && failed(record).next().is_none()
}

/// The checks that failed.
pub(super) fn failed(record: &RunRecord) -> impl Iterator<Item = &RecordedCheck> {
    record.checks.iter().filter(|check| check.verdict == "fail")
}

/// One word or two on how it came out.
pub(super) fn outcome(record: &RunRecord) -> &str {
    match record.end.as_str() {
        "complete" if passed(record) => "passed",
        "complete" => "failed",
        "hopeless" => "gave up early",
        other => other,
    }
}

/// How many checks came out how, in one sentence.
pub(super) fn checks_in_short(record: &RunRecord) -> String {
    if record.checks.is_empty() {
        return "It checks nothing.".to_owned();
    }
    let count = |verdict: &str| record.checks.iter().filter(|check| check.verdict == verdict).count();
    let counted: Vec<_> = VERDICTS
        .iter()
        .map(|(verdict, word)| (count(verdict), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let many = if record.checks.len() == 1 {
        "1 check".to_owned()
    } else {
        format!("{} checks", record.checks.len())
    };
    format!("{many}: {}.", counted.join(", "))
}

/// What was run, as label and value.
pub(super) fn facts(record: &RunRecord) -> Vec<(&'static str, String)> {
    let until_end = record.end_us.saturating_sub(record.warmup_us);
    // What is still under way after the window has closed takes its time.
    let measured = record.summary.get("measured_us").and_then(serde_json::Value::as_u64).unwrap_or(until_end);
    let mut facts = vec![
        ("Scenario", record.scenario_file.clone()),
        ("Swarm", swarm(record)),
        ("Network", record.network.clone()),
        ("Seed", record.seed.to_string()),
        ("Measured", measured_text(measured, record.warmup_us)),
        ("Took", took(record)),
        ("Runner", format!("swarm-sim {}", record.runner.version)),
    ];
    if !record.set.is_empty() {
        let set: Vec<_> = record.set.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        facts.push(("Set", set.join(", ")));
    }
    if let Some(digest) = &record.digest {
        // Its beginning tells runs apart; the record has all of it.
        facts.push(("Digest", digest.chars().take(16).collect()));
    }
    facts
}

fn swarm(record: &RunRecord) -> String {
    let is_rogue = |group: usize| record.groups.get(group).is_some_and(|group| group.rogues);
    let rogues = record.members.iter().filter(|member| is_rogue(member.group)).count();
    let agents = record.members.len().saturating_sub(rogues);
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        many => format!("{} {one}s", show_count(many as u64)),
    };
    match rogues {
        0 => counted(agents, "agent"),
        rogues => format!("{} and {}", counted(agents, "agent"), counted(rogues, "rogue")),
    }
}

fn measured_text(measured: u64, warmup: u64) -> String {
    match warmup {
        0 => show_micros(measured as f64),
        warmup => {
            let before = show_micros(warmup as f64);
            format!("{} after {before} of connecting and warm-up", show_micros(measured as f64))
        }
    }
}

/// Real time, and how many times faster the run was than that, where it was.
fn took(record: &RunRecord) -> String {
    let real = Duration::try_from_secs_f64(record.real_seconds).unwrap_or_default();
    let faster = record.end_us as f64 / 1e6 / record.real_seconds;
    match faster.is_finite() && faster >= 1.5 {
        true => format!("{}, {} × real time", show_duration(real), show_factor(faster)),
        false => show_duration(real),
    }
}

/// A speed-up: a decimal below ten, none above.
pub(crate) fn show_factor(factor: f64) -> String {
    if factor < 9.95 { format!("{factor:.1}") } else { show_number(factor.round()) }
}

/// A time of the record as the scenario file counts it: from the end of the warm-up, negative before.
pub(super) fn clock(at_us: u64, record: &RunRecord) -> String {
    let before = at_us < record.warmup_us;
    let distance = at_us.abs_diff(record.warmup_us) as f64 / 1e6;
    let sign = if before { "−" } else { "" };
    format!("{sign}{distance:.1} s")
}

/// From when to when something was.
pub(super) fn span(from_us: u64, until_us: Option<u64>, record: &RunRecord) -> String {
    match until_us {
        Some(until) => format!("{} … {}", clock(from_us, record), clock(until, record)),
        None => clock(from_us, record),
    }
}

/// When a check looked.
pub(super) fn window(check: &RecordedCheck, record: &RunRecord) -> String {
    match (check.from_us, check.until_us) {
        (None, None) => "the whole run".to_owned(),
        (from, until) => span(from.unwrap_or(record.warmup_us), Some(until.unwrap_or(record.end_us)), record),
    }
}

/// Whom something concerned: a few by name, more by number.
pub(super) fn concerned(happening: &Happening, record: &RunRecord) -> String {
    const MOST_NAMES: usize = 6;
    let names = happening.members.iter().filter_map(|member| record.members.get(*member));
    let mut told: Vec<_> = names.take(MOST_NAMES).map(|member| member.name.clone()).collect();
    if happening.members.len() > MOST_NAMES {
        told.push(format!("{} more", happening.members.len() - MOST_NAMES));
    }
    if told.is_empty() { NOTHING.to_owned() } else { told.join(", ") }
}

/// The head of the table of groups.
pub(super) const GROUP_HEADER: [&str; 12] = [
    "Group",
    "Kind",
    "Zone",
    "Members",
    "Sent",
    "Heard",
    "Delivered",
    "p50",
    "p99",
    "Asked",
    "Answered",
    "Answer p99",
];

/// One row for each group.
pub(super) fn group_rows(record: &RunRecord) -> Vec<[String; 12]> {
    let summary = Summary::deserialize(&record.summary).unwrap_or_default();
    let rows = record.groups.iter().enumerate().map(|(number, group)| {
        let members = record.members.iter().filter(|member| member.group == number).count();
        let figures = match summary.groups.get(number).filter(|of| of.name == group.name) {
            Some(of) => of.figures.clone(),
            None => GroupFigures::counted(record, number),
        };
        let answered =
            |share: f64| format!("{} ({})", show_count(figures.requests_answered), show_ratio(share));
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        [
            group.name.clone(),
            group.kind.clone(),
            group.zone.clone().unwrap_or_else(|| NOTHING.to_owned()),
            show_count(members as u64),
            show_count(figures.observations_sent),
            show_count(figures.observations_delivered),
            or_nothing(figures.delivery_ratio, show_ratio),
            or_nothing(figures.observation_latency_us.as_ref().map(|of| of.p50), show_micros),
            or_nothing(figures.observation_latency_us.as_ref().map(|of| of.p99), show_micros),
            show_count(figures.requests_sent),
            or_nothing(ratio(figures.requests_answered, figures.requests_sent), answered),
            or_nothing(figures.request_latency_us.as_ref().map(|of| of.p99), show_micros),
        ]
    });
    rows.collect()
}

fn or_nothing(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| NOTHING.to_owned(), show)
}

/// The part of the summary that tables show. What an older or newer runner does not write is nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    groups: Vec<SummaryGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SummaryGroup {
    name: String,
    figures: GroupFigures,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct GroupFigures {
    observations_sent: u64,
    observations_delivered: u64,
    delivery_ratio: Option<f64>,
    observation_latency_us: Option<Percentiles>,
    requests_sent: u64,
    requests_answered: u64,
    request_latency_us: Option<Percentiles>,
}

#[derive(Clone, Deserialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl GroupFigures {
    /// Without a summary: what the samples of the whole run add up to.
    fn counted(record: &RunRecord, group: usize) -> Self {
        let samples = || record.samples.iter().filter_map(|sample| sample.groups.get(group));
        let copies: u64 = samples().map(|sample| sample.copies).sum();
        let delivered: u64 = samples().map(|sample| sample.copies_delivered).sum();
        Self {
            observations_sent: samples().map(|sample| sample.sent).sum(),
            observations_delivered: samples().map(|sample| sample.delivered).sum(),
            delivery_ratio: (copies > 0).then(|| delivered as f64 / copies as f64),
            requests_sent: samples().map(|sample| sample.asked).sum(),
            requests_answered: samples().map(|sample| sample.answered).sum(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Sketch, swarm};

    #[test]
    fn a_run_is_told_in_short() {
        let mut record = swarm(Sketch::default());
        assert_eq!(outcome(&record), "failed");
        assert_eq!(checks_in_short(&record), "5 checks: 3 held, 1 warned, 1 failed.");
        record.checks.retain(|check| check.verdict != "fail");
        assert_eq!(outcome(&record), "passed");
        record.end = "timed out".into();
        assert_eq!(outcome(&record), "timed out");
    }

    #[test]
    fn times_count_from_the_end_of_the_warm_up() {
        let record = swarm(Sketch::default());
        assert_eq!(clock(5_000_000, &record), "0.0 s");
        assert_eq!(span(4_000_000, Some(6_500_000), &record), "−1.0 s … 1.5 s");
    }

    #[test]
    fn groups_show_the_summary_and_without_one_the_samples() {
        let mut record = swarm(Sketch::default());
        let counted = group_rows(&record);
        assert_eq!(counted[0][0], "camera");
        assert_eq!(counted[0][7], NOTHING);
        record.summary = serde_json::json!({ "groups": [
            { "name": "camera", "figures": { "observations_sent": 1234, "observation_latency_us": { "p50": 1500, "p99": 2500 } } },
        ]});
        let told = group_rows(&record);
        assert_eq!((told[0][4].as_str(), told[0][7].as_str()), ("1 234", "1.50 ms"));
        assert_eq!(told[1], counted[1]);
    }
}
