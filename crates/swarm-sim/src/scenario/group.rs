//! Who takes part: groups of agents and of rogues.

use std::ops::Range;
use std::time::Duration;

use swarm_adversary::{Attack, Plan};

use super::NodeSettings;

/// Agents of one kind with the same params, or rogues.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = "schema = 1\nscenario = { name = 'x', duration = '1s' }\ngroups.sitter = { agent = 'idle' }";
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.groups[0].start, swarm_sim::Start::AtOnce);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// What the rest of the file calls it.
    pub name: String,
    /// How many, at least one.
    pub count: usize,
    /// What they are.
    pub members: Members,
    /// Knobs of their nodes: those of the group, and those of everybody where it has none.
    pub node: NodeSettings,
    /// Where they are, for links and faults between zones.
    pub zone: Option<String>,
    /// When they start.
    pub start: Start,
    /// How far their clocks are off.
    pub clock: ClockError,
    /// Where the file has the params or, without any, the group, for complaints about agents that cannot be made.
    pub place: Range<usize>,
}

/// When the members of a group start. Times count from the beginning of the warm-up.
///
/// ```
/// assert_eq!(swarm_sim::Start::default(), swarm_sim::Start::AtOnce);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Start {
    /// Before anything else: they are connected when the warm-up begins.
    #[default]
    AtOnce,
    /// When an event of the timeline starts them.
    Never,
    /// All of them then: `at(3s)`.
    At(Duration),
    /// One after the other, evenly, within this time: `spread(10s)`.
    Spread(Duration),
    /// So many in a second, evenly: `rate(50/s)`.
    Rate(f64),
    /// So many in a second on average, at random: `poisson(20/s)`.
    Poisson(f64),
}

/// How far the clocks of a group are off the true time.
///
/// ```
/// assert_eq!(swarm_sim::ClockError::default().drift_ppm, 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ClockError {
    /// How far at most, either way; each member's clock is off by its own amount, which the seed decides.
    pub skew: Duration,
    /// How many millionths faster they are at most, or slower; again each its own.
    pub drift_ppm: f64,
}

/// What the members of a group are.
///
/// ```
/// use swarm_sim::{Members, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "1s" }
/// groups.sitter = { agent = "idle" }
/// groups.thief = { rogue = "stolen-id" }
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert!(matches!(&scenario.groups[0].members, Members::Agents(agents) if agents.kind == "idle"));
/// assert_eq!(scenario.groups[1].members.to_string(), "stolen-id");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Members {
    /// Nodes with an agent each.
    Agents(Agents),
    /// Bad peers.
    Rogues(Rogues),
}

impl Members {
    /// Whether they are bad peers.
    #[must_use]
    pub const fn are_rogues(&self) -> bool {
        matches!(self, Self::Rogues(_))
    }
}

impl std::fmt::Display for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agents(agents) => f.write_str(&agents.kind),
            Self::Rogues(rogues) => rogues.attack.fmt(f),
        }
    }
}

/// What agents of a group are made of.
///
/// See [`Members`] for an example.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Agents {
    /// Their kind, which is registered.
    pub kind: String,
    /// What each of them is made of; understood by the kind.
    pub params: toml::Table,
}

/// What rogues of a group do, each to all agents that the topology connects it to, or to everybody if there are none.
///
/// See [`Members`] for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rogues {
    /// Their attack.
    pub attack: Attack,
    /// How much of it each does to each.
    pub plan: Plan,
}
