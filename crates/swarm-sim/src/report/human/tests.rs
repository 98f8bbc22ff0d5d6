use std::{collections::BTreeMap, time::Duration};

use swarm_core::Ending;

use super::*;
use crate::{Registry, Scenario, tally::World};

fn summary() -> RunSummary {
    let text = r#"
        schema = 1
        scenario = { name = "small talk", duration = "5s" }
        groups.talker = { agent = "idle", count = 2 }
        groups.listener = { agent = "idle" }
        checks.list = [
          { name = "everybody hears", metric = "observation.delivery_ratio", check = ">= 99%" },
          { name = "quick", metric = "observation.latency{group=listener}", check = "p99 < 1ms", severity = "warn" },
          { name = "asked", metric = "request.sent", check = "> 0" },
        ]"#;
    let scenario = Scenario::parse("talk.toml", text, &Registry::new()).unwrap();
    let mut talker = Figures::default();
    talker.observations_sent = 1_234;
    talker.copies_sent = 2_468;
    talker.copies_delivered = 2_468;
    let mut listener = Figures::default();
    (1..=2_468).for_each(|micros| listener.observation_latency.record(Duration::from_micros(micros)));
    let mut summary =
        RunSummary::new(scenario, End::Complete, vec![talker, listener], World::default(), BTreeMap::new());
    summary.connections = 3;
    summary
}

#[test]
fn the_report_of_a_failed_run_reads_well() {
    let expected = "\
small talk
3 agents, full mesh with 3 connections, seed 1, 5.00 s measured

────────────────────────────────────────────────────────────────────────────────
 observations   agents    sent   delivered   lost       p50       p99       max
════════════════════════════════════════════════════════════════════════════════
 talker              2   1 234           0    0 %         –         –         –
 listener            1       0       2 468      –   1.23 ms   2.44 ms   2.47 ms
 all                 3   1 234       2 468    0 %   1.23 ms   2.44 ms   2.47 ms
────────────────────────────────────────────────────────────────────────────────

PASS  everybody hears               100 %  observation.delivery_ratio >= 99 %
WARN  quick                       2.44 ms  observation.latency{group=listener} p99 < 1.00 ms
FAIL  asked            nothing to measure  request.sent > 0

small talk failed: 1 of 3 checks held, 1 warning
";
    assert_eq!(human(&summary(), Paint::Never), expected);
}

#[test]
fn an_interrupted_run_says_so() {
    let mut summary = summary();
    summary.end = End::Interrupted;
    let verdict = verdict(&summary, Paint::Never);
    assert_eq!(verdict, "small talk was interrupted: 1 of 3 checks held, 1 warning");
}

#[test]
fn a_run_with_requests_tells_how_they_ended() {
    let mut summary = summary();
    summary.groups[1].figures.requests_sent = 3;
    summary.total.endings =
        [("busy".to_owned(), 1), ("completed".to_owned(), 2), ("not_sent".to_owned(), 1)].into();
    summary.total.ended.entry(Ending::Busy).or_default().record(Duration::from_millis(5));
    let report = human(&summary, Paint::Never);
    assert!(report.contains("requests without an answer: 1 busy (p99 5.00 ms), 1 not_sent"), "{report}");
    assert!(report.contains("answered"), "{report}");
}

#[test]
fn a_group_that_took_no_part_has_no_row() {
    let mut summary = summary();
    summary.groups[0].figures = Figures::default();
    let report = human(&summary, Paint::Never);
    assert!(!report.contains(" talker ") && !report.contains(" all "), "{report}");
}

#[test]
fn several_topics_have_a_table_of_their_own() {
    let mut summary = summary();
    let mut topic = |name: &str, copies| {
        summary.total.topics.entry(name.try_into().unwrap()).or_default().copies_sent = copies;
    };
    topic("a.b", 1_111);
    assert!(!human(&summary, Paint::Never).contains("topics"));
    summary.total.topics.entry("c.d".try_into().unwrap()).or_default().copies_delivered = 2_222;
    let report = human(&summary, Paint::Never);
    let row =
        |name: &str| report.lines().find(|line| line.starts_with(&format!(" {name} "))).map(str::to_owned);
    assert!(row("a.b").is_some_and(|row| row.contains("1 111")), "{report}");
    assert!(row("c.d").is_some_and(|row| row.contains("2 222")), "{report}");
}
