//! Quantities, as a schema can describe them.

use schemars::JsonSchema;
use serde_json::Value;

/// A number and a unit, such as 500ms, 10s or 1m 30s.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["500ms", "10s", "1m 30s"]))]
pub(super) struct Duration(#[schemars(length(min = 2))] String);

/// One duration or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Moments {
    /// Once.
    Once(Duration),
    /// Several times.
    Several(#[schemars(length(min = 1))] Vec<Duration>),
}

/// A duration, or durations that differ: 20ms, 10ms..60ms, normal(20ms, 5ms), pareto(5ms, 1.5).
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["20ms", "10ms..60ms", "normal(20ms, 5ms)", "pareto(5ms, 1.5)"]))]
pub(super) struct Distribution(#[schemars(length(min = 2))] String);

/// A latency as a distribution of durations, or how much more, as in +100ms.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["20ms", "10ms..60ms", "normal(20ms, 5ms)", "+100ms"]))]
pub(super) struct Latency(#[schemars(length(min = 2))] String);

/// A number from 0 to 1, or a percentage such as 5%.
#[derive(JsonSchema)]
#[schemars(
    transparent,
    extend("type" = ["number", "string"], "minimum" = 0, "maximum" = 1, "examples" = [0.05, "5%"])
)]
pub(super) struct Share(Value);

/// A number and a unit: bit, kbit, mbit or gbit, in a second.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["800kbit", "5mbit"]))]
pub(super) struct Bandwidth(#[schemars(length(min = 4))] String);

/// How many in a second: a number or a percentage of all, as in 5/s or 1%/s.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["5/s", "1%/s"]))]
pub(super) struct Rate(#[schemars(length(min = 3))] String);

/// A duration, or uniform(-D, D) with the same one twice.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["200ms", "uniform(-200ms, 200ms)"]))]
pub(super) struct Skew(#[schemars(length(min = 2))] String);

/// A group, zone:NAME, one member as in rover[3], or * for everybody.
#[derive(JsonSchema)]
#[schemars(transparent, extend("examples" = ["rover", "zone:edge", "rover[3]", "*"]))]
pub(super) struct Target(#[schemars(length(min = 1))] String);

/// "one", "all", "minority", "majority", a percentage, or how many. The seed chooses.
#[derive(JsonSchema)]
#[schemars(
    transparent,
    extend(
        "type" = ["string", "integer"],
        "pattern" = "^(random:)?(one|all|minority|majority|[0-9.]+ *%|[0-9]+)$|\\$\\{",
        "minimum" = 1
    )
)]
pub(super) struct Pick(Value);
