//! The report that programs read: one JSON object with field names that stay.

use std::collections::BTreeMap;

use serde::Serialize;
use swarm_core::Ending;

use crate::{
    check::{Aggregate, CheckOutcome, Severity, Unit},
    scenario::Members,
    summary::{End, RunSummary},
    tally::{Durations, Figures, Numbers, RogueFigures, TopicFigures},
};

/// The version of the JSON report. Fields are added without changing it; it changes when one is renamed, removed or
/// means something else.
pub const JSON_FORMAT: u32 = 1;

/// The report as one JSON object, described in `docs/scenarios.md`.
///
/// Durations are microseconds in fields that end in `_us`, ratios lie between 0 and 1, and what was not measured is
/// `null`.
///
/// ```no_run
/// # fn summary() -> swarm_sim::RunSummary { unimplemented!() }
/// std::fs::write("report.json", swarm_sim::report::json(&summary()))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn json(summary: &RunSummary) -> String {
    serde_json::to_string_pretty(&Report::of(summary)).map(|text| text + "\n").unwrap_or_default()
}

#[derive(Serialize)]
struct Report<'s> {
    format: u32,
    scenario: &'s str,
    seed: u64,
    network: String,
    topology: String,
    agents: usize,
    connections: usize,
    measured_us: u64,
    end: &'static str,
    passed: bool,
    groups: Vec<GroupReport<'s>>,
    total: FigureReport,
    checks: Vec<CheckReport<'s>>,
    notices: &'s [String],
}

#[derive(Serialize)]
struct GroupReport<'s> {
    name: &'s str,
    agent: Option<&'s str>,
    rogue: Option<&'s str>,
    agents: usize,
    figures: FigureReport,
}

#[derive(Serialize)]
struct FigureReport {
    observations_sent: u64,
    observations_delivered: u64,
    copies_sent: u64,
    copies_delivered: u64,
    copies_superseded: u64,
    delivery_ratio: Option<f64>,
    observation_latency_us: Option<DistributionReport>,
    observations_dropped: BTreeMap<String, u64>,
    observations_unwanted: u64,
    observation_gaps: u64,
    topics: BTreeMap<String, TopicReport>,
    peers_gone: BTreeMap<String, u64>,
    peers_refused: BTreeMap<String, u64>,
    rogues: Option<RogueReport>,
    requests_sent: u64,
    requests_answered: u64,
    requests_open: usize,
    request_endings: BTreeMap<String, u64>,
    request_ended_us: BTreeMap<String, Option<DistributionReport>>,
    request_served_us: BTreeMap<String, Option<DistributionReport>>,
    request_latency_us: Option<DistributionReport>,
    request_first_chunk_us: Option<DistributionReport>,
    questions_asked: u64,
    questions_right: u64,
    measures: BTreeMap<String, Option<DistributionReport>>,
    agent_panics: u64,
}

#[derive(Serialize)]
struct RogueReport {
    attempts: u64,
    admitted: u64,
    refused: u64,
    sent_away: u64,
    borne: u64,
    failed: u64,
    acts: u64,
    cut_off_us: Option<DistributionReport>,
    words: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct TopicReport {
    observations_sent: u64,
    copies_sent: u64,
    copies_delivered: u64,
    observation_latency_us: Option<DistributionReport>,
}

#[derive(Serialize)]
struct DistributionReport {
    count: u64,
    sum: f64,
    mean: f64,
    min: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct CheckReport<'s> {
    name: &'s str,
    metric: String,
    group: Option<&'s str>,
    capability: Option<String>,
    topic: Option<String>,
    aggregate: Option<String>,
    comparison: String,
    bound: f64,
    unit: &'static str,
    severity: &'static str,
    measured: Option<f64>,
    verdict: String,
}

impl<'s> Report<'s> {
    fn of(summary: &'s RunSummary) -> Self {
        let scenario = &summary.scenario;
        Self {
            format: JSON_FORMAT,
            scenario: &scenario.name,
            seed: scenario.seed,
            network: scenario.network.to_string(),
            topology: scenario.topology.to_string(),
            agents: scenario.agents(),
            connections: summary.connections,
            measured_us: u64::try_from(summary.measured.as_micros()).unwrap_or(u64::MAX),
            end: match summary.end {
                End::Complete => "complete",
                End::Interrupted => "interrupted",
                End::TimedOut => "timed_out",
                End::Hopeless => "hopeless",
            },
            passed: summary.passed(),
            groups: summary.groups.iter().map(GroupReport::of).collect(),
            total: FigureReport::of(&summary.total),
            checks: summary.checks.iter().map(CheckReport::of).collect(),
            notices: &summary.notices,
        }
    }
}

impl<'s> GroupReport<'s> {
    fn of(group: &'s crate::GroupSummary) -> Self {
        let figures = FigureReport::of(&group.figures);
        let (agent, rogue) = match &group.members {
            Members::Agents(agents) => (Some(agents.kind.as_str()), None),
            Members::Rogues(rogues) => (None, Some(rogues.attack.name())),
        };
        Self { name: &group.name, agent, rogue, agents: group.count, figures }
    }
}

impl FigureReport {
    fn of(figures: &Figures) -> Self {
        Self {
            observations_sent: figures.observations_sent,
            observations_delivered: figures.observations_delivered(),
            copies_sent: figures.copies_sent,
            copies_delivered: figures.copies_delivered,
            copies_superseded: figures.copies_superseded,
            delivery_ratio: figures.value(&crate::Metric::ObservationDeliveryRatio, None),
            observation_latency_us: durations(&figures.observation_latency),
            observations_dropped: figures.dropped.clone(),
            observations_unwanted: figures.observations_unwanted,
            observation_gaps: figures.observation_gaps,
            topics: figures
                .topics
                .iter()
                .map(|(topic, of)| (topic.to_string(), TopicReport::of(of)))
                .collect(),
            peers_gone: figures.gone.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
            peers_refused: figures
                .refused
                .iter()
                .map(|(reason, count)| (reason.to_string(), *count))
                .collect(),
            rogues: (figures.rogues.attempts > 0).then(|| RogueReport::of(&figures.rogues)),
            requests_sent: figures.requests_sent,
            requests_answered: figures.requests_answered(),
            requests_open: figures.requests_open(),
            request_endings: figures.endings.clone(),
            request_ended_us: by_ending(&figures.ended),
            request_served_us: by_ending(&figures.served),
            request_latency_us: durations(&figures.request_latency),
            request_first_chunk_us: durations(&figures.first_chunk),
            questions_asked: figures.questions,
            questions_right: figures.right,
            measures: figures.measures.iter().map(|(name, values)| (name.clone(), numbers(values))).collect(),
            agent_panics: figures.panics,
        }
    }
}

impl RogueReport {
    fn of(figures: &RogueFigures) -> Self {
        Self {
            attempts: figures.attempts,
            admitted: figures.admitted,
            refused: figures.refused,
            sent_away: figures.sent_away,
            borne: figures.borne,
            failed: figures.failed,
            acts: figures.acts,
            cut_off_us: durations(&figures.cut_off),
            words: figures.words.clone(),
        }
    }
}

impl TopicReport {
    fn of(figures: &TopicFigures) -> Self {
        Self {
            observations_sent: figures.observations_sent,
            copies_sent: figures.copies_sent,
            copies_delivered: figures.copies_delivered,
            observation_latency_us: durations(&figures.observation_latency),
        }
    }
}

impl<'s> CheckReport<'s> {
    fn of(outcome: &'s CheckOutcome) -> Self {
        let check = &outcome.check;
        Self {
            name: &check.name,
            metric: check.metric.to_string(),
            group: check.group.as_deref(),
            capability: check.capability.as_ref().map(ToString::to_string),
            topic: check.topic.as_ref().map(ToString::to_string),
            aggregate: check.condition.aggregate.map(|aggregate| aggregate.to_string()),
            comparison: check.condition.comparison.to_string(),
            bound: check.condition.bound.value,
            unit: match check.condition.bound.unit {
                Unit::Plain => "plain",
                Unit::Ratio => "ratio",
                Unit::Micros => "us",
                Unit::Bytes => "bytes",
            },
            severity: match check.severity {
                Severity::Fail => "fail",
                Severity::Warn => "warn",
            },
            measured: outcome.measured,
            verdict: outcome.verdict.to_string(),
        }
    }
}

fn durations(durations: &Durations) -> Option<DistributionReport> {
    distribution(durations.count(), |aggregate| durations.micros(aggregate))
}

fn by_ending(endings: &BTreeMap<Ending, Durations>) -> BTreeMap<String, Option<DistributionReport>> {
    endings.iter().map(|(ending, took)| (ending.to_string(), durations(took))).collect()
}

fn numbers(numbers: &Numbers) -> Option<DistributionReport> {
    distribution(numbers.count(), |aggregate| numbers.value(aggregate))
}

fn distribution(count: u64, value: impl Fn(Aggregate) -> Option<f64>) -> Option<DistributionReport> {
    Some(DistributionReport {
        count,
        sum: value(Aggregate::Sum)?,
        mean: value(Aggregate::Mean)?,
        min: value(Aggregate::Min)?,
        p50: value(Aggregate::P50)?,
        p90: value(Aggregate::P90)?,
        p99: value(Aggregate::P99)?,
        max: value(Aggregate::Max)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;
    use swarm_core::{GoneReason, RefusedReason};

    use super::*;
    use crate::{Registry, Scenario};

    #[test]
    fn the_report_is_one_object_with_the_fields_that_are_documented() {
        let text = r#"
            schema = 1
            scenario = { name = "x", duration = "5s" }
            groups.a = { agent = "idle" }
            checks.list = [{ name = "quick", metric = "request.latency{group=a}", check = "p99 < 1ms" }]"#;
        let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
        let mut figures = Figures::default();
        figures.request_latency.record(Duration::from_micros(1_500));
        let topic = "rover.position".try_into().unwrap();
        figures.topics.entry(topic).or_insert_with(TopicFigures::default).copies_sent = 3;
        figures.gone.insert(GoneReason::Misbehaved, 2);
        figures.refused.insert(RefusedReason::Nonsense, 4);
        figures.rogues.attempts = 5;
        figures.rogues.cut_off.record(Duration::from_millis(3));
        figures.rogues.words.insert("nonsense".to_owned(), 5);
        figures.ended.entry(Ending::Busy).or_default().record(Duration::from_micros(700));
        let summary = RunSummary::new(
            scenario,
            End::Complete,
            vec![figures],
            crate::tally::World::default(),
            BTreeMap::new(),
        );

        let report: Value = serde_json::from_str(&json(&summary)).unwrap();

        assert_eq!(report["format"], 1);
        assert_eq!(report["groups"][0]["figures"]["request_latency_us"]["max"], 1500.0);
        assert_eq!(report["groups"][0]["figures"]["observation_latency_us"], Value::Null);
        assert_eq!(report["groups"][0]["figures"]["request_ended_us"]["busy"]["p99"], 700.0);
        assert_eq!(report["total"]["topics"]["rover.position"]["copies_sent"], 3);
        assert_eq!(report["total"]["peers_gone"]["misbehaved"], 2);
        assert_eq!(report["total"]["peers_refused"]["nonsense"], 4);
        assert_eq!(report["total"]["rogues"]["cut_off_us"]["max"], 3000.0);
        let check = &report["checks"][0];
        assert_eq!(check["verdict"], "fail");
        assert_eq!((&check["bound"], &check["unit"]), (&Value::from(1000.0), &Value::from("us")));
        assert_eq!(check["measured"], 1500.0);
        assert_eq!(report["passed"], false);

        let documentation = include_str!("../../../../docs/scenarios.md");
        for name in field_names(&report) {
            assert!(documentation.contains(&format!("`{name}`")), "{name} is not documented");
        }
    }

    fn field_names(value: &Value) -> Vec<String> {
        match value {
            Value::Object(fields) => fields
                .iter()
                .flat_map(|(name, value)| [vec![name.clone()], field_names(value)].concat())
                .collect(),
            Value::Array(values) => values.iter().flat_map(field_names).collect(),
            _ => Vec::new(),
        }
    }
}
