//! The JSON Schema of scenario files, for editors.
//!
//! The types here only describe: they are never read into. Reading is the business of the modules beside this one,
//! which know the places of things; a test holds the two together.

#![expect(dead_code, reason = "the types exist for the schema that is derived from them")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;
use swarm_adversary::Attack;

/// The JSON Schema (draft 2020-12) of a scenario file, as `swarm-sim schema` prints it.
///
/// ```
/// assert!(swarm_sim::json_schema().contains("\"$schema\""));
/// ```
#[must_use]
pub fn json_schema() -> String {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(forbid_null));
    let schema = settings.into_generator().into_root_schema_for::<ScenarioFile>();
    serde_json::to_string_pretty(&schema).map(|text| text + "\n").unwrap_or_default()
}

/// A key may be absent, but TOML knows no null, and editors should not offer it.
fn forbid_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = schema.get("anyOf") else { return };
    let mut choices = choices.iter().filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let (Some(Value::Object(only)), None) = (choices.next().cloned(), choices.next()) {
        schema.remove("anyOf");
        only.into_iter().for_each(|(key, value)| drop(schema.insert(key, value)));
    }
}

/// A swarm, what happens to it, and what must hold.
#[derive(JsonSchema)]
#[schemars(title = "Swarm scenario", deny_unknown_fields)]
struct ScenarioFile {
    /// Version of this format.
    #[schemars(range(min = 1, max = 1))]
    schema: u64,
    /// What the scenario is and how long it takes.
    scenario: About,
    /// How it is run.
    run: Option<Run>,
    /// Who is connected to whom.
    mesh: Option<Mesh>,
    /// Knobs of the nodes of everybody.
    node: Option<Node>,
    /// The agents, in groups of a kind.
    #[schemars(extend("minProperties" = 1))]
    groups: BTreeMap<String, Group>,
    /// What happens when.
    timeline: Option<Timeline>,
    /// What must hold at the end.
    checks: Option<Checks>,
}

/// A number and a unit, such as 500ms, 10s or 1m 30s.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["500ms", "10s", "1m 30s"]))]
struct Duration(#[schemars(length(min = 2))] String);

/// What the scenario is and how long it takes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct About {
    /// What it is called.
    #[schemars(length(min = 1))]
    name: String,
    /// What it is for, in a sentence.
    description: Option<String>,
    /// Words to find it by.
    tags: Option<Vec<String>>,
    /// How long the swarm runs before anything counts. Nothing unless given.
    warmup: Option<Duration>,
    /// How long it is measured.
    duration: Duration,
    /// Longest wall clock time of the whole run. Warm-up, duration and a minute unless given.
    timeout: Option<Duration>,
}

/// How it is run.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Run {
    /// What carries the bytes.
    #[schemars(extend("enum" = ["webtransport"], "default" = "webtransport"))]
    network: Option<String>,
    /// What every random choice is derived from.
    #[schemars(extend("default" = 1))]
    seed: Option<u64>,
    /// UDP port of the first agent, the others follow; 0 for any free ones.
    #[schemars(extend("default" = 0))]
    first_port: Option<u16>,
}

/// Who is connected to whom.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Mesh {
    /// The shape.
    #[schemars(extend("enum" = ["full", "ring", "star", "random"], "default" = "full"))]
    topology: Option<String>,
    /// Peers of each agent; for a random mesh only.
    #[schemars(range(min = 1))]
    degree: Option<u16>,
    /// Group whose first member is the centre; for a star only. The first agent unless given.
    hub: Option<String>,
}

/// Knobs of nodes. Whatever is left out is as the node has it by default.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Node {
    /// How long an observation may wait to share a datagram with others; 0s turns sharing off.
    coalescing_window: Option<Duration>,
    /// How many observations may wait for one peer; beyond it the oldest are dropped.
    #[schemars(range(min = 1, max = 1_000_000))]
    outbox_capacity: Option<u32>,
    /// How long the outbox of a peer may overflow before it is disconnected.
    slow_patience: Option<Duration>,
    /// How many datagrams a peer may send in a second, on average; the rest is dropped unread.
    #[schemars(range(min = 1))]
    max_datagrams_per_second: Option<u32>,
    /// How long a peer may send more than that before it is sent away.
    greedy_patience: Option<Duration>,
    /// How many observations may wait for the agent; beyond it the oldest of whoever has most there are dropped.
    #[schemars(range(min = 1, max = 1_000_000))]
    agent_queue: Option<u32>,
    /// How many bytes of reliable observations are kept for one peer until it has taken them; beyond it the oldest are
    /// dropped.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    reliable_buffer_bytes: Option<u32>,
}

/// Agents of one kind with the same params, or rogues.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [{ "required": ["agent"] }, { "required": ["rogue"], "not": { "required": ["node"] } }])
)]
struct Group {
    /// How many.
    #[schemars(range(min = 1, max = 512), extend("default" = 1))]
    count: Option<u32>,
    /// Kind of agent; `swarm-sim list` names them. Excludes rogue.
    agent: Option<String>,
    /// What bad peers in place of agents do; `swarm-sim list` says more. Excludes agent and node.
    #[schemars(extend("enum" = attacks()))]
    rogue: Option<String>,
    /// What each of them is made of; the kind says what it knows. Rogues know attempts, at_once, rate, size and patience.
    params: Option<serde_json::Map<String, Value>>,
    /// Knobs of their nodes, before those of everybody.
    node: Option<Node>,
    /// Whether they run from the beginning. If not, an event of the timeline starts them.
    #[schemars(extend("default" = true))]
    start: Option<bool>,
}

fn attacks() -> Vec<&'static str> {
    Attack::ALL.iter().map(|attack| attack.name()).collect()
}

/// What happens when.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Timeline {
    /// In any order; what happens at the same time happens in the order of the file.
    events: Option<Vec<Event>>,
}

/// Something that happens at its time.
#[derive(JsonSchema)]
#[schemars(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "it is never made")]
enum Event {
    /// Members of a group ask those of another, taking turns.
    Ask {
        /// When, from the end of the warm-up.
        at: Duration,
        /// Group of those who ask.
        from: String,
        /// Group of those who are asked.
        to: String,
        /// What for.
        capability: String,
        /// Source of questions, which judges the answers too; `swarm-sim list` names them. Excludes payload and
        /// expect.
        questions: Option<String>,
        /// The same text each time.
        payload: Option<String>,
        /// What the answer, all chunks joined, must contain to be right.
        expect: Option<String>,
        /// How many times, all members together.
        #[schemars(range(min = 1, max = 1_000_000), extend("default" = 1))]
        count: Option<u64>,
        /// From one question to the next. As soon as in_flight allows unless given.
        every: Option<Duration>,
        /// Most questions without an answer yet: 1 unless given, in an open loop 1024.
        #[schemars(range(min = 1, max = 1024))]
        in_flight: Option<u64>,
        /// Ask when a question is due, whatever became of the ones before; one too many in flight is not sent.
        #[schemars(extend("default" = false))]
        open_loop: Option<bool>,
        /// Longest time to the end of an answer.
        #[schemars(extend("default" = "10s"))]
        deadline: Option<Duration>,
        /// When whoever asks gives up; less than the deadline. Never unless given.
        cancel_after: Option<Duration>,
        /// How urgent the requests are next to others on the same connection.
        #[schemars(extend("enum" = ["control", "interactive", "bulk"], "default" = "interactive"))]
        lane: Option<String>,
    },
    /// Running agents leave the swarm.
    Stop {
        /// When, from the end of the warm-up.
        at: Duration,
        /// Their group.
        target: String,
        /// How many of the running ones. All unless given.
        pick: Option<Pick>,
    },
    /// Agents that do not run join the swarm.
    Start {
        /// When, from the end of the warm-up.
        at: Duration,
        /// Their group.
        target: String,
        /// How many of those that do not run. All unless given.
        pick: Option<Pick>,
    },
}

/// "one", "all", or how many.
#[derive(JsonSchema)]
#[schemars(transparent, extend("type" = ["string", "integer"], "pattern" = "^(one|all)$", "minimum" = 1))]
struct Pick(Value);

/// What must hold at the end.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Checks {
    /// In the order of the report.
    list: Option<Vec<Check>>,
}

/// Something that must hold at the end of the run.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Check {
    /// What it is about, in your words.
    name: String,
    /// What is measured, such as `request.latency`, `request.latency{group=client}`,
    /// `request.latency{group=client, capability=hello.greet}` or `observation.latency{topic=rover.*}`;
    /// `swarm-sim list` names the metrics.
    metric: String,
    /// What must hold of it, such as `p99 < 800ms`, `>= 99%` or `== 0`.
    check: String,
    /// What it means when it does not hold.
    #[schemars(extend("enum" = ["fail", "warn"], "default" = "fail"))]
    severity: Option<String>,
}
