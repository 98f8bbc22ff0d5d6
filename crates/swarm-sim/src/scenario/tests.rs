use std::collections::BTreeSet;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde_json::Value;
use swarm_adversary::{Attack, Plan};
use swarm_core::{Agent, Lane};

use super::*;
use swarm_network::Loss;

use crate::{CheckInput, Question, Setup, registry::BuildError};

mod complaints;
mod guide;

pub(super) struct Nothing;
impl Agent for Nothing {}

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read into")]
pub(super) struct Params {
    rate_hz: f64,
    #[serde(default)]
    topics: Vec<String>,
}

pub(super) fn registry() -> Registry {
    Registry::new()
        .agent("beacon", "ticks", |_: Setup<'_, Params>| Ok::<_, BuildError>(Nothing))
        .questions("digits", "asks about digits", |_| std::iter::empty::<Question>())
        .check("agreement", "all have the same chart", |_: &CheckInput<'_, Params>| Ok(()))
}

/// A scenario with every key that real sockets know.
pub(super) const WHOLE: &str = r#"
schema = 1
[scenario]
name = "everything"
description = "Every key there is."
tags = ["test"]
warmup = "1s"
duration = "10s"
timeout = "2m"
[run]
network = "webtransport"
seed = 42
repetitions = 3
first_port = 4400
[params]
ships = 3
loss = 0.01
sea = "sea"
[sweep]
design = "grid"
axes = { ships = [3, 6], loss = [0.0, 0.1] }
[mesh]
topology = "star"
hub = "tower"
[network]
default = { profile = "lan", latency = "normal(20ms, 5ms)", jitter = "1ms", loss = "${loss}", duplicate = "1%", reorder = 0.02 }
links = { "coast->tower" = { latency = "+10ms", bandwidth = "5mbit", queue = "100ms", mtu = 1300, loss = { enter = 0.01, leave = "50%", inside = 0.5, outside = 0.001 } } }
[node]
agent_queue = 64
slow_patience = "2s"
reliable_buffer_bytes = 65536
[groups.ship]
count = 3
agent = "beacon"
zone = "coast"
params = { rate_hz = 2.5, topics = ["${sea}.deep"] }
node = { coalescing_window = "0s", outbox_capacity = 16, agent_queue = 8, max_datagrams_per_second = 50, greedy_patience = "1s" }
clock = { skew = "uniform(-200ms, 200ms)", drift_ppm = 50 }
start = false
[groups.tower]
agent = "idle"
[groups.pirate]
count = 2
rogue = "datagram-flood"
params = { attempts = 3, at_once = 2, rate = 50, size = 100, patience = "5s" }
start = false
[timeline]
events = [
  { at = "3s", do = "stop", target = "ship", pick = "one", for = "500ms" },
  { at = "1s", do = "ask", from = "tower", to = "ship", capability = "hello.greet@2", questions = "digits", count = 50, every = "20ms", in_flight = 4, deadline = "5s", cancel_after = "2s", lane = "bulk" },
  { at = "2s", do = "ask", from = "tower", to = "ship", capability = "hello.greet", payload = "you", expect = "hello", count = 10, every = "10ms", open_loop = true },
  { at = "1s", do = "start", target = "ship", pick = 2 },
  { at = ["4s", "4500ms"], do = "crash", target = "ship[2]", restart_after = "200ms", keep_state = true },
  { at = "4s", do = "pause", target = "zone:coast", pick = "minority", for = "1s" },
  { at = "5s", do = "partition", target = "*", pick = "50%", from = "tower", way = "out", for = "1s", label = "split" },
  { at = "5s", do = "flap", target = "ship", pick = "random:50%", from = "*", down = "100ms", up = "300ms", for = "1s" },
  { at = "6s", do = "shape", target = "ship", pick = "majority", way = "in", latency = "+100ms", loss = "20%", label = "storm" },
  { at = "6s", do = "slow", target = "tower", delay = "10ms..20ms", for = "1s" },
  { at = "7s", do = "churn", target = "ship", leave = "10%/s", join = "5/s", crash = true, for = "1s" },
  { at = "8s", do = "clock", target = "ship", offset = "-200ms", drift_ppm = -50, every = "500ms", times = 3 },
  { at = "8s", do = "heal", label = "storm" },
]
[checks]
list = [
  { name = "in time", metric = "request.latency{group=tower}", check = "p99 < 800ms", severity = "warn", during = "steady" },
  { name = "few are busy", metric = "request.ended.busy{group=tower, capability=hello.greet@2}", check = "count < 5", during = "2s..4s" },
  { name = "ships are heard", metric = "observation.delivery_ratio{group=ship, topic=sea.*}", check = ">= 99%", during = "after(split)" },
  { name = "nobody shouts", metric = "observation.dropped.rate_limited{group=tower}", check = "== 0", during = "storm" },
  { name = "nothing hangs", metric = "request.open", check = "== 0" },
  { name = "nothing is lost", always = "request.lost{group=tower} == 0", abort_on_fail = true },
  { name = "all hang together again", eventually = "overlay.components == 1", after = "split", within = "3s" },
  { name = "charts agree", custom = "agreement", params = { rate_hz = 1.0 } },
]
[output]
artifacts = ["json", "html"]
sample = "1s"
"#;

#[test]
fn a_file_with_every_key_is_read_as_it_stands() {
    let scenario = Scenario::parse("whole.toml", WHOLE, &registry()).unwrap();
    assert_eq!(scenario.name, "everything");
    assert_eq!(scenario.timeout, Duration::from_secs(120));
    assert_eq!(scenario.seed, 42);
    assert_eq!(scenario.ports.of_member(3), 4403);
    assert_eq!(scenario.topology, Topology::Star { hub: 3 });
    assert_eq!(
        scenario.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["ship", "tower", "pirate"]
    );
    assert_eq!(scenario.groups[0].start, Start::Never);
    assert_eq!(scenario.agents(), 4);
    let order: Vec<_> = scenario.timeline.iter().map(|event| event.action.to_string()).collect();
    assert_eq!(order[0], "tower asks ship for hello.greet@2, 50 times");
    assert_eq!(
        order[1..],
        [
            "start 2 of ship",
            "tower asks ship for hello.greet, 10 times",
            "stop 1 of ship",
            "crash all of ship[2]",
            "pause a minority of zone:coast",
            "crash all of ship[2]",
            "cut 50% of everybody off from tower",
            "links of 50% of ship flap",
            "links of a majority of ship change",
            "all of tower slow down",
            "ship churns: 10%/s leave, 5/s join",
            "clocks of all of ship change",
            "heal storm",
            "clocks of all of ship change",
            "clocks of all of ship change",
        ]
    );
    let Action::Ask(bulk) = &scenario.timeline[0].action else { panic!("{:?}", scenario.timeline) };
    assert_eq!((bulk.cancel_after, bulk.lane), (Some(Duration::from_secs(2)), Lane::Bulk));
    assert_eq!((bulk.in_flight, bulk.open_loop), (4, false));
    let Action::Ask(open) = &scenario.timeline[2].action else { panic!("{:?}", scenario.timeline) };
    assert_eq!((open.in_flight, open.open_loop, open.lane), (1024, true, Lane::Interactive));
    assert_eq!(scenario.checks[0].to_string(), "request.latency{group=tower} p99 < 800 ms during steady");
    let narrowed =
        "request.ended.busy{group=tower, capability=hello.greet@2} count < 5 during 2.00 s..4.00 s";
    assert_eq!(scenario.checks[1].to_string(), narrowed);
    let narrowed = "observation.delivery_ratio{group=ship, topic=sea.*} >= 99 % during after(split)";
    assert_eq!(scenario.checks[2].to_string(), narrowed);
    let [ship, tower, pirate] = &scenario.groups[..] else { panic!("{:?}", scenario.groups) };
    assert_eq!(
        (ship.node.agent_queue, tower.node.agent_queue),
        (Some(8), Some(64)),
        "a group goes before everybody"
    );
    assert_eq!(
        (ship.node.slow_patience, ship.node.outbox_capacity),
        (Some(Duration::from_secs(2)), Some(16))
    );
    assert_eq!(ship.node.reliable_buffer_bytes, Some(65_536));
    assert_eq!((tower.node.max_datagrams_per_second, tower.node.greedy_patience), (None, None));
    let Members::Rogues(rogues) = &pirate.members else { panic!("{pirate:?}") };
    let (usual, patience) = (Plan::of(Attack::DatagramFlood), Duration::from_secs(5));
    let plan = Plan { attempts: 3, at_once: 2, rate: 50, size: 100, patience, ..usual };
    assert_eq!((rogues.attack, rogues.plan), (Attack::DatagramFlood, plan));
    assert_eq!(scenario.members(), 6);
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = "schema = 1\nscenario = { name = 'x', duration = '5s', warmup = '1s' }\ngroups.a = { agent = 'idle' }";
    let scenario = Scenario::parse("x.toml", text, &registry()).unwrap();
    assert_eq!(scenario.timeout, Duration::from_secs(66));
    assert_eq!(scenario.network, Network::WebTransport);
    assert_eq!((scenario.seed, scenario.ports.first), (1, 0));
    assert_eq!(scenario.topology, Topology::Full);
    assert_eq!((scenario.groups[0].start, scenario.groups[0].count), (Start::AtOnce, 1));
    assert_eq!((&scenario.groups[0].zone, scenario.groups[0].clock), (&None, ClockError::default()));
    assert!(scenario.timeline.is_empty() && scenario.checks.is_empty());
    assert_eq!((scenario.repetitions, &scenario.params[..], &scenario.sweep), (1, &[][..], &None));
    assert_eq!((&scenario.links, &scenario.output), (&Links::default(), &Output::default()));
}

#[test]
fn groups_keep_the_order_of_the_file() {
    let text = "schema = 1\nscenario = { name = 'x', duration = '5s' }\n[groups]\nz = { agent = 'idle' }\na = { agent = 'idle' }";
    let scenario = Scenario::parse("x.toml", text, &registry()).unwrap();
    assert_eq!(scenario.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["z", "a"]);
}

/// The keys that the JSON Schema gives to the object at that place in it.
fn keys_in_schema(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let object = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in the schema"));
    object["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The keys that the reader says it knows, when it meets one that it does not.
fn keys_of_reader(text: &str) -> BTreeSet<String> {
    let errors = Scenario::parse("x.toml", text, &registry()).unwrap_err();
    let problem = errors.problems().iter().find(|problem| problem.message().starts_with("unknown key `zzz`"));
    let expected = problem.unwrap_or_else(|| panic!("{text}: {errors}")).expected().to_owned();
    expected.strip_prefix("expected one of: ").unwrap().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let pairs = [
        ("", "zzz = 1"),
        ("/$defs/About", "[scenario]\nzzz = 1"),
        ("/$defs/Run", "[run]\nzzz = 1"),
        ("/$defs/Sweep", "[sweep]\nzzz = 1"),
        ("/$defs/AxisRange", "params.a = 1\nsweep.axes.a = { zzz = 1 }"),
        ("/$defs/Links", "[network]\nzzz = 1"),
        ("/$defs/Link", "[network.default]\nzzz = 1"),
        ("/$defs/Bursts", "[network.default.loss]\nzzz = 1"),
        ("/$defs/Clock", "groups.g.clock = { zzz = 1 }"),
        ("/$defs/Output", "[output]\nzzz = 1"),
        ("/$defs/Mesh", "[mesh]\nzzz = 1"),
        ("/$defs/Node", "[node]\nzzz = 1"),
        ("/$defs/Node", "groups.g.node = { zzz = 1 }"),
        ("/$defs/Group", "[groups.g]\nzzz = 1"),
        ("/$defs/Timeline", "[timeline]\nzzz = 1"),
        ("/$defs/Checks", "[checks]\nzzz = 1"),
        ("/$defs/Check", "checks.list = [{ zzz = 1 }]"),
    ];
    for (pointer, text) in pairs {
        assert_eq!(keys_in_schema(&schema, pointer), keys_of_reader(text), "{text}");
    }
    for (number, action) in timeline::ACTIONS.iter().enumerate() {
        let (pointer, text) = (
            format!("/$defs/Event/oneOf/{number}"),
            format!("timeline.events = [{{ do = '{action}', zzz = 1 }}]"),
        );
        assert_eq!(keys_in_schema(&schema, &pointer), keys_of_reader(&text), "{text}");
    }
}

/// After a change of the format: `swarm-sim schema > docs/scenario-v1.schema.json`.
#[test]
fn the_schema_in_the_documentation_is_that_of_the_code() {
    let documented = include_str!("../../../../docs/scenario-v1.schema.json");
    assert!(documented == json_schema(), "docs/scenario-v1.schema.json is out of date");
}

proptest! {
    #[test]
    fn any_text_is_a_scenario_or_has_problems_with_places(text in "\\PC{0,200}") {
        if let Err(errors) = Scenario::parse("x.toml", &text, &registry()) {
            prop_assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                prop_assert!(text.get(problem.span()).is_some());
            }
        }
    }

    /// Cuts, doubles and swaps pieces of a file that is right: most of the results are nearly right.
    #[test]
    fn a_mutated_file_never_panics(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8), 1..4),
        filling in "[\\[\\]{}=\",.0-9a-z\\n-]{0,6}",
    ) {
        let mut text = WHOLE.to_owned();
        for (from, to, how) in cuts {
            let (from, to) = (from.index(text.len()), to.index(text.len()));
            let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 12));
            match how {
                0 => text.replace_range(from..to, ""),
                1 => text.replace_range(from..to, &filling),
                2 => text.insert_str(from, &filling),
                _ => text.truncate(from),
            }
            if text.is_empty() {
                break;
            }
        }
        if let Err(errors) = Scenario::parse("x.toml", &text, &registry()) {
            prop_assert!(!errors.to_string().is_empty());
            for problem in errors.problems() {
                prop_assert!(text.get(problem.span()).is_some());
            }
        }
    }

    /// Puts another value in the place of one that is right.
    #[test]
    fn a_value_of_another_type_never_panics(line in any::<prop::sample::Index>(), value in prop::sample::select(vec![
        "-1", "0", "1e400", "nan", "true", "[]", "{}", "\"\"", "\"é\\u0000\"", "1979-05-27", "99999999999999999999999",
        "{ a = { b = [1] } }", "'''\nx'''", "[{}, 1]", "\"18446744073709551616s\"", "0xffffffffffffffff",
    ])) {
        let lines: Vec<_> = WHOLE.lines().collect();
        let chosen = line.index(lines.len());
        let mutated: Vec<String> = lines.iter().enumerate().map(|(number, line)| match line.split_once(" = ") {
            Some((key, _)) if number == chosen && !line.starts_with(' ') => format!("{key} = {value}"),
            _ => (*line).to_owned(),
        }).collect();
        let _ = Scenario::parse("x.toml", &mutated.join("\n"), &registry());
    }
}
