//! What must hold, as a schema can describe it.

use schemars::JsonSchema;
use serde_json::Value;

use super::values::Duration;

/// What must hold.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Checks {
    /// In the order of the report.
    list: Option<Vec<Check>>,
}

/// Something that must hold: a metric and what must hold of it at the end, an expression that must hold always or
/// eventually, or a check in Rust.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [
        { "required": ["metric", "check"] },
        { "required": ["always"] },
        { "required": ["eventually"] },
        { "required": ["custom"] }
    ])
)]
struct Check {
    /// What it is about, in your words.
    name: String,
    /// What is measured, such as `request.latency`, `request.latency{group=client}`,
    /// `request.latency{group=client, capability=hello.greet}` or `observation.latency{topic=rover.*}`;
    /// `swarm-sim list` names the metrics.
    metric: Option<String>,
    /// What must hold of it, such as `p99 < 800ms`, `>= 99%` or `== 0`.
    check: Option<String>,
    /// A metric and what must hold of it at every moment: `request.lost == 0`.
    always: Option<String>,
    /// A metric and what must hold of it at some moment: `overlay.components == 1`.
    eventually: Option<String>,
    /// Name of a check in Rust; `swarm-sim list` names them.
    custom: Option<String>,
    /// What the check in Rust is told. With custom only.
    params: Option<serde_json::Map<String, Value>>,
    /// Which part of the run counts: steady, 20s..40s, a label of the timeline, or after(LABEL). With metric or always only.
    /// All of it unless given.
    during: Option<String>,
    /// From when on: the end of what has this label, or a time. With eventually only. The beginning unless given.
    after: Option<String>,
    /// How long it may take from then on. With eventually only. To the end of the run unless given.
    within: Option<Duration>,
    /// What it means when it does not hold.
    #[schemars(extend("enum" = ["fail", "warn"], "default" = "fail"))]
    severity: Option<String>,
    /// Whether the run ends as soon as it is known not to hold: with always, eventually or a count that has an upper bound.
    #[schemars(extend("default" = false))]
    abort_on_fail: Option<bool>,
}
