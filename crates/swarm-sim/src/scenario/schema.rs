//! The JSON Schema of scenario files, for editors.
//!
//! The types here only describe: they are never read into. Reading is the business of the modules beside this one,
//! which know the places of things; a test holds the two together.

#![expect(dead_code, reason = "the types exist for the schema that is derived from them")]

mod checks;
mod events;
mod network;
mod values;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;
use swarm_adversary::Attack;

use self::{
    checks::Checks,
    events::Timeline,
    network::Links,
    values::{Duration, Share, Skew},
};
use super::{Design, Network, mesh};

/// The JSON Schema (draft 2020-12) of a scenario file, as `swarm-sim schema` prints it.
///
/// ```
/// assert!(swarm_sim::json_schema().contains("\"$schema\""));
/// ```
#[must_use]
pub fn json_schema() -> String {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(forbid_null))
        .with_transform(RecursiveTransform(allow_params));
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

/// A text with `${name}` may stand wherever a number or a switch may.
fn allow_params(schema: &mut Schema) {
    let Some(kind) = schema.get("type").and_then(Value::as_str) else { return };
    // A constant has no other value, and a map may have any.
    if matches!(kind, "integer" | "number" | "boolean") && schema.get("const").is_none() {
        schema.insert("type".to_owned(), serde_json::json!([kind, "string"]));
        schema.insert("pattern".to_owned(), Value::String(PARAM.to_owned()));
    }
}

/// What a text with a param in it looks like.
const PARAM: &str = "\\$\\{";

/// A swarm, what happens to it, and what must hold.
#[derive(JsonSchema)]
#[schemars(title = "Swarm scenario", deny_unknown_fields)]
struct ScenarioFile {
    /// Version of this format.
    #[schemars(extend("const" = 1))]
    schema: u64,
    /// What the scenario is and how long it takes.
    scenario: About,
    /// How it is run.
    run: Option<Run>,
    /// Values by name, which may stand as ${name} in every text below. --set name=value changes one.
    params: Option<BTreeMap<String, Param>>,
    /// Which values of the params are worth comparing.
    sweep: Option<Sweep>,
    /// Who is connected to whom.
    mesh: Option<Mesh>,
    /// What the links are like without faults. Perfect unless given.
    network: Option<Links>,
    /// Knobs of the nodes of everybody.
    node: Option<Node>,
    /// The agents, in groups of a kind.
    #[schemars(extend("minProperties" = 1))]
    groups: BTreeMap<String, Group>,
    /// What happens when.
    timeline: Option<Timeline>,
    /// What must hold.
    checks: Option<Checks>,
    /// What a run leaves behind.
    output: Option<Output>,
}

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
    /// What carries the bytes: messages in virtual time, the QUIC stack in virtual time, or real sockets.
    #[schemars(extend("enum" = Network::ALL.map(|network| network.to_string()), "default" = "webtransport"))]
    network: Option<String>,
    /// What every random choice is derived from.
    #[schemars(extend("default" = 1))]
    seed: Option<u64>,
    /// How many times it is run, each time with the next seed.
    #[schemars(range(min = 1, max = 10_000), extend("default" = 1))]
    repetitions: Option<u32>,
    /// UDP port of the first agent, the others follow; 0 for any free ones. Means nothing to networks in memory.
    #[schemars(extend("default" = 0))]
    first_port: Option<u16>,
}

/// A text, a number, true or false.
#[derive(JsonSchema)]
#[schemars(transparent, extend("type" = ["string", "number", "boolean"]))]
struct Param(Value);

/// Which values of the params are worth comparing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Sweep {
    /// Each value with each, the first of all and so on, or so many samples: each drawn on its own, or so that all parts of
    /// all ranges come up equally often.
    #[schemars(extend("enum" = Design::names(), "default" = "grid"))]
    design: Option<String>,
    /// By param: an array of values, or for samples a range.
    #[schemars(extend("minProperties" = 1))]
    axes: BTreeMap<String, Axis>,
    /// How many points; for random and lhs only.
    #[schemars(range(min = 1, max = 10_000))]
    samples: Option<u32>,
}

/// The values of one param.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Axis {
    /// These.
    Values(#[schemars(length(min = 1))] Vec<Param>),
    /// All numbers from one to the other; whole ones if both are.
    Range(AxisRange),
}

/// All numbers from one to the other; whole ones if both are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AxisRange {
    /// The least.
    from: f64,
    /// The most.
    to: f64,
}

/// Who is connected to whom.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Mesh {
    /// The shape.
    #[schemars(extend("enum" = mesh::names(), "default" = "full"))]
    topology: Option<String>,
    /// Group whose first member is the centre; for a star only. The first agent unless given.
    hub: Option<String>,
    /// Children of each; for a tree only.
    #[schemars(range(min = 1))]
    fanout: Option<u16>,
    /// How many stand in a row; for a grid only.
    #[schemars(range(min = 1))]
    width: Option<u16>,
    /// Whether the last of each row and column is a neighbour of the first; for a grid only.
    #[schemars(extend("default" = false))]
    wrap: Option<bool>,
    /// Peers of each agent; for a random mesh and, even and at least 4, for a small world.
    #[schemars(range(min = 1))]
    degree: Option<u16>,
    /// Share of connections that lead elsewhere; for a small world only.
    rewire: Option<Share>,
    /// Connections of each newcomer to those before it; for a scale-free mesh only.
    #[schemars(range(min = 1))]
    links: Option<u16>,
    /// How far agents hear one another, at random places of a square with sides of length 1; for a geometric mesh only.
    #[schemars(range(max = 2), extend("exclusiveMinimum" = 0))]
    radius: Option<f64>,
    /// Name of a list of edges beside the scenario: two members in each line, by number or as in rover[3].
    file: Option<String>,
    /// Of a partial view only.
    options: Option<PartialView>,
}

/// What a partial view is made of.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PartialView {
    /// Peers of each agent, chosen by the seed.
    #[schemars(range(min = 1))]
    active: u16,
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
    extend("oneOf" = [
        { "required": ["agent"] },
        { "required": ["rogue"], "not": { "anyOf": [{ "required": ["node"] }, { "required": ["clock"] }] } }
    ])
)]
struct Group {
    /// How many; at most 512 in all groups on webtransport, 1,000 on quic, 20,000 on model.
    #[schemars(range(min = 1, max = 20_000), extend("default" = 1))]
    count: Option<u32>,
    /// Kind of agent; `swarm-sim list` names them. Excludes rogue.
    agent: Option<String>,
    /// What bad peers in place of agents do; `swarm-sim list` says more. Excludes agent, node and clock. On webtransport
    /// only.
    #[schemars(extend("enum" = attacks()))]
    rogue: Option<String>,
    /// What each of them is made of; the kind says what it knows. Rogues know attempts, at_once, rate, size and patience.
    params: Option<serde_json::Map<String, Value>>,
    /// Knobs of their nodes, before those of everybody.
    node: Option<Node>,
    /// Where they are, for links and faults between zones.
    zone: Option<String>,
    /// Whether they run from the beginning, or when they start: at(3s), spread(10s), rate(50/s), poisson(20/s). If false,
    /// an event of the timeline starts them.
    start: Option<Start>,
    /// How far their clocks are off.
    clock: Option<Clock>,
}

/// true, false, at(3s), spread(10s), rate(50/s) or poisson(20/s).
#[derive(JsonSchema)]
#[schemars(
    transparent,
    extend(
        "type" = ["boolean", "string"],
        "default" = true,
        "pattern" = "^(at|spread|rate|poisson)\\(.+\\)$|\\$\\{"
    )
)]
struct Start(Value);

/// How far clocks are off, each by its own amount, which the seed decides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Clock {
    /// How far at most, either way.
    skew: Option<Skew>,
    /// How many millionths faster at most, or slower.
    #[schemars(range(min = 0, max = 100_000), extend("default" = 0))]
    drift_ppm: Option<f64>,
}

fn attacks() -> Vec<&'static str> {
    Attack::ALL.iter().map(|attack| attack.name()).collect()
}

/// What a run leaves behind.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Output {
    /// What is written.
    artifacts: Option<Vec<Artifact>>,
    /// From one sample of the figures to the next, at least 10ms. As suits the length of the run unless given.
    sample: Option<Duration>,
}

/// One of the things that a run can leave behind.
#[derive(JsonSchema)]
#[schemars(transparent, extend("enum" = super::Artifact::names()))]
struct Artifact(String);
