//! What happens, as a schema can describe it.

use schemars::JsonSchema;

use super::{
    network::Shape,
    values::{Distribution, Duration, Moments, Pick, Rate, Target},
};

/// What happens when.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Timeline {
    /// In any order; what happens at the same time happens in the order of the file.
    events: Option<Vec<Event>>,
}

/// When something happens that has no pace of its own.
#[derive(JsonSchema)]
struct When {
    #[schemars(flatten)]
    when: Repeatedly,
    /// What checks and heal call it.
    label: Option<String>,
}

/// When something happens, and how often.
#[derive(JsonSchema)]
struct Repeatedly {
    /// When, from the end of the warm-up.
    at: Moments,
    /// From one time to the next, again and again.
    every: Option<Duration>,
    /// How often at most. Until the run ends unless given.
    #[schemars(range(min = 1, max = 10_000))]
    times: Option<u32>,
}

/// When something happens that paces itself.
#[derive(JsonSchema)]
struct Times {
    /// When, from the end of the warm-up.
    at: Moments,
    /// What checks call it.
    label: Option<String>,
}

/// Whom something concerns.
#[derive(JsonSchema)]
struct Whom {
    /// Whom it concerns.
    target: Target,
    /// How many of them. All unless given.
    pick: Option<Pick>,
}

/// Something that happens at its time.
#[derive(JsonSchema)]
#[schemars(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "it is never made")]
enum Event {
    /// Members of a group ask those of another, taking turns.
    Ask {
        #[schemars(flatten)]
        when: Times,
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
        #[schemars(flatten)]
        when: When,
        /// Within how long, evenly. At once unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
    },
    /// Agents that do not run join the swarm.
    Start {
        #[schemars(flatten)]
        when: When,
        /// Within how long, evenly. At once unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
    },
    /// Nodes end without a word.
    Crash {
        #[schemars(flatten)]
        when: When,
        #[schemars(flatten)]
        whom: Whom,
        /// After how long they start again. Never by itself unless given.
        restart_after: Option<Duration>,
        /// Whether they find what they had kept when they start again.
        #[schemars(extend("default" = false))]
        keep_state: Option<bool>,
    },
    /// Hosts are held up: nothing reaches them, nothing leaves them, their agents do nothing; then all of it happens.
    Pause {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
    },
    /// Some cannot reach others any more.
    Partition {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
        /// From whom they are cut off. From everybody else unless given.
        from: Option<Target>,
        /// Which way, seen from the target.
        #[schemars(extend("enum" = ["both", "out", "in"], "default" = "both"))]
        way: Option<String>,
    },
    /// Links go down and come back, over and over.
    Flap {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
        /// Links to whom. To everybody, one another too, unless given.
        from: Option<Target>,
        /// How long they are down.
        down: Duration,
        /// How long they are up.
        up: Duration,
    },
    /// Links are worse, or better.
    Shape {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
        /// Links to whom. To everybody, one another too, unless given.
        from: Option<Target>,
        /// Which way, seen from the target.
        #[schemars(extend("enum" = ["both", "out", "in"], "default" = "both"))]
        way: Option<String>,
        #[schemars(flatten)]
        shape: Shape,
    },
    /// Agents take longer over everything.
    Slow {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
        /// For how long each call of an agent waits first.
        delay: Distribution,
    },
    /// Agents leave and join all the time.
    Churn {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        /// Whom it concerns.
        target: Target,
        /// How many of them leave in a second. None unless given.
        leave: Option<Rate>,
        /// How many of those that do not run join in a second. None unless given.
        join: Option<Rate>,
        /// Whether they leave without a word.
        #[schemars(extend("default" = false))]
        crash: Option<bool>,
    },
    /// Clocks go wrong.
    Clock {
        #[schemars(flatten)]
        when: When,
        /// How long it lasts. To the end of the run, or until it is healed, unless given.
        #[schemars(rename = "for")]
        lasts: Option<Duration>,
        #[schemars(flatten)]
        whom: Whom,
        /// How far ahead of the true time, or behind it with a minus: 200ms, -1s.
        offset: Option<String>,
        /// How many millionths faster, or slower with a minus.
        #[schemars(range(min = -100_000, max = 100_000))]
        drift_ppm: Option<f64>,
    },
    /// What went wrong ends before its time.
    Heal {
        #[schemars(flatten)]
        when: Repeatedly,
        /// The label of what ends. Everything unless given.
        label: Option<String>,
    },
}
