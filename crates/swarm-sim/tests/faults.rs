//! Every fault of the timeline does what it says, and nothing after it is over. In virtual time, through scenario files.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what is not there fails the test")]

use std::time::Duration;

use swarm_core::{Agent, Context, OutgoingObservation};
use swarm_sim::{CheckInput, End, NoParams, Registry, RunOptions, RunSummary, Scenario, Setup, Verdict};

/// Broadcasts every 100 ms, signed.
struct Ticker;

impl Agent for Ticker {
    async fn on_start(&self, cx: &Context) {
        let ticker = cx.clone();
        cx.spawn(async move {
            while !ticker.is_cancelled() {
                let tick = OutgoingObservation::new("tick.tock".parse().unwrap(), "x").signed();
                let _ = ticker.broadcast(tick);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

/// Never lets time pass.
struct Spinner;

impl Agent for Spinner {
    async fn on_start(&self, cx: &Context) {
        cx.spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    }
}

fn registry() -> Registry {
    Registry::new()
        .agent("ticker", "ticks", |_: Setup<'_, NoParams>| Ok(Ticker))
        .agent("spinner", "never lets time pass", |_: Setup<'_, NoParams>| Ok(Spinner))
        .check("nobody-left", "members of a record all have an id", |input: &CheckInput<'_, NoParams>| {
            let nameless = input.record.members.iter().filter(|member| member.agent.is_empty()).count();
            if nameless == 0 { Ok(()) } else { Err(format!("{nameless} never ran")) }
        })
}

/// Runs `a`, two tickers, and `b`, one, for 20 s on a network without loss.
fn run(events: &str, checks: &str) -> RunSummary {
    run_of("", events, checks)
}

fn run_of(more: &str, events: &str, checks: &str) -> RunSummary {
    let text = format!(
        "schema = 1\nscenario = {{ name = \"faults\", warmup = \"1s\", duration = \"20s\" }}\n\
         run = {{ network = \"model\" }}\nnetwork.default = {{ profile = \"perfect\", latency = \"5ms\" }}\n\
         [groups.a]\nagent = \"ticker\"\ncount = 2\nzone = \"east\"\n[groups.b]\nagent = \"ticker\"\nzone = \"west\"\n{more}\n\
         [timeline]\nevents = [{events}]\n[checks]\nlist = [{checks}]\n"
    );
    let scenario = Scenario::parse("faults.toml", &text, &registry())
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    swarm_sim::run(scenario, &registry(), RunOptions::default(), |_| {}).unwrap()
}

fn holds(summary: &RunSummary) {
    let failed = summary.checks.iter().filter(|outcome| outcome.verdict != Verdict::Passed);
    let failed: Vec<_> = failed.map(|it| format!("{}: {}", it.check, it.measured_text())).collect();
    assert!(failed.is_empty() && summary.end == End::Complete, "{failed:?} {:?}", summary.notices);
}

#[test]
fn who_crashes_is_gone_and_comes_back_with_or_without_what_it_kept() {
    for keep_state in [false, true] {
        let events = format!(
            r#"{{ at = "5s", do = "crash", target = "b", restart_after = "8s", keep_state = {keep_state} }}"#
        );
        holds(&run(
            &events,
            r#"{ name = "lost", metric = "peer.gone.lost{group=a}", check = "== 2" },
               { name = "meanwhile", eventually = "overlay.connections == 1", after = "5s", within = "5s" },
               { name = "back", eventually = "overlay.connections == 3", after = "13s", within = "2s" },
               { name = "hears", metric = "observation.latency{group=b}", check = "count > 60", during = "14s..20s" }"#,
        ));
    }
}

#[test]
fn what_is_sent_to_one_who_is_paused_comes_when_it_goes_on() {
    holds(&run(
        r#"{ at = "5s", do = "pause", target = "b", for = "2s" }"#,
        r#"{ name = "late", metric = "observation.latency{group=b}", check = "max >= 1900ms" },
           { name = "others", metric = "observation.delivery_ratio", check = "== 100%" },
           { name = "quick again", metric = "observation.latency{group=b}", check = "max < 20ms", during = "8s..20s" }"#,
    ));
}

#[test]
fn a_partition_has_one_way_or_both() {
    holds(&run(
        r#"{ at = "5s", do = "partition", target = "zone:west", way = "out", for = "2s", label = "mute" }"#,
        r#"{ name = "not heard", metric = "observation.delivery_ratio{group=b}", check = "== 0%", during = "5100ms..6800ms" },
           { name = "hears", metric = "observation.latency{group=b}", check = "count > 20", during = "mute" }"#,
    ));
    holds(&run(
        r#"{ at = "5s", do = "partition", target = "zone:west", for = "6s", label = "split" }"#,
        r#"{ name = "apart", eventually = "overlay.components == 2", after = "5s", within = "6s" },
           { name = "together", eventually = "overlay.converged == 100%", after = "split", within = "6s" }"#,
    ));
}

#[test]
fn links_that_flap_lose_some_and_then_none() {
    holds(&run(
        r#"{ at = "5s", do = "flap", target = "b", down = "500ms", up = "500ms", for = "6s", label = "flap" }"#,
        r#"{ name = "some", metric = "observation.delivery_ratio{group=b}", check = "< 70%", during = "flap" },
           { name = "not all", metric = "observation.delivery_ratio{group=b}", check = "> 30%", during = "flap" },
           { name = "then all", metric = "observation.delivery_ratio{group=b}", check = "== 100%", during = "12s..20s" }"#,
    ));
}

#[test]
fn links_are_worse_for_a_while_or_until_they_are_healed() {
    let events = |until: &str| {
        format!(
            r#"{{ at = "5s", do = "shape", target = "b", latency = "+100ms", label = "far"{until} }}, {{ at = "10s", do = "heal", label = "far" }}"#
        )
    };
    for until in ["", ", for = \"5s\""] {
        holds(&run(
            &events(until),
            r#"{ name = "far", metric = "observation.latency{group=b}", check = "min >= 105ms", during = "5200ms..9900ms" },
               { name = "near", metric = "observation.latency{group=b}", check = "max < 20ms", during = "10200ms..20s" }"#,
        ));
    }
}

#[test]
fn an_agent_is_slow_for_a_while() {
    holds(&run(
        r#"{ at = "5s", do = "slow", target = "b", delay = "40ms", for = "5s" }"#,
        r#"{ name = "slow", metric = "observation.latency{group=b}", check = "max >= 40ms", during = "6s..9s" },
           { name = "quick", metric = "observation.latency{group=b}", check = "max < 20ms", during = "12s..20s" }"#,
    ));
}

#[test]
fn agents_churn_and_stop_churning() {
    holds(&run(
        r#"{ at = "2s", do = "churn", target = "a", leave = "0.5/s", join = "1/s", for = "10s", label = "churn" }"#,
        r#"{ name = "they leave", metric = "peer.gone.goodbye", check = ">= 2" },
           { name = "and stay in the end", always = "peer.gone.goodbye >= 0", during = "after(churn)" }"#,
    ));
}

#[test]
fn clocks_that_are_wrong_do_not_make_latencies_wrong() {
    holds(&run(
        r#"{ at = "5s", do = "clock", target = "a", offset = "3s", drift_ppm = 100, for = "5s" }"#,
        r#"{ name = "true", metric = "observation.latency", check = "max < 20ms" },
           { name = "all count", metric = "observation.delivery_ratio", check = "== 100%" }"#,
    ));
}

#[test]
fn groups_start_one_after_the_other_and_stops_are_spread() {
    holds(&run_of(
        "[groups.late]\nagent = \"ticker\"\ncount = 4\nstart = \"spread(4s)\"",
        r#"{ at = "10s", do = "stop", target = "late", for = "4s" }"#,
        r#"{ name = "not yet", always = "overlay.connections <= 10", during = "0s..500ms" },
           { name = "all", eventually = "overlay.connections == 21", after = "1s", within = "6s" },
           { name = "half", always = "overlay.connections >= 6", during = "10s..11500ms" },
           { name = "gone", eventually = "overlay.connections == 3", after = "14s", within = "3s" },
           { name = "in rust", custom = "nobody-left" }"#,
    ));
}

#[test]
fn a_run_that_cannot_pass_any_more_ends() {
    let check = r#"{ name = "few", metric = "observation.sent", check = "<= 30", abort_on_fail = true }"#;
    let summary = run("", check);
    assert_eq!((summary.end, summary.passed()), (End::Hopeless, false));
    assert!(summary.measured < Duration::from_secs(2), "{:?}", summary.measured);
}

#[test]
fn a_run_whose_time_stands_still_is_ended() {
    let text = r#"
        schema = 1
        scenario = { name = "stands still", duration = "100ms", timeout = "1s" }
        run.network = "model"
        groups.a = { agent = "spinner", start = "at(10ms)" }
        "#;
    let scenario = Scenario::parse("still.toml", text, &registry()).unwrap();
    let summary = swarm_sim::run(scenario, &registry(), RunOptions::default(), |_| {}).unwrap();
    assert_eq!(summary.end, End::TimedOut);
}
