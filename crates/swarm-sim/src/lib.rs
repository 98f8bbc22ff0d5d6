//! Runs swarms from scenario files and checks what must hold.
//!
//! A [`Scenario`] says who takes part, how they are connected, what happens when, and what must hold at the end. A
//! [`Registry`] says which kinds of agents there are: the runner itself knows none but one that does nothing.
//! [`run`] starts every agent as a node of its own and gives a [`RunSummary`]; [`report`] shows it.
//!
//! A program with agents of your own takes a few lines:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use swarm_core::{Agent, Context, Observation};
//! use swarm_sim::{NoParams, Registry, Setup};
//!
//! struct Listener;
//!
//! impl Agent for Listener {
//!     async fn on_observation(&self, cx: &Context, observation: Observation) {
//!         cx.measure("payload_bytes", observation.payload.len() as f64);
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     let registry = Registry::new()
//!         .agent("listener", "measures what it hears", |_: Setup<'_, NoParams>| Ok(Listener));
//!     swarm_sim::cli::main(&registry)
//! }
//! ```
//!
//! What this crate never does: know a concrete agent, be needed by `swarm-core`, or start anything of a scenario that
//! is not wholly valid. `docs/scenarios.md` describes the files.

pub mod cli;
pub mod quantity;
pub mod report;
pub mod soak;

mod check;
mod clock;
mod cluster;
mod event;
mod gate;
mod memory;
mod metric;
mod nearest;
mod record;
mod registry;
mod runner;
mod scenario;
mod seed;
mod shrink;
mod stopwatch;
mod summary;
mod swarm;
mod tally;
mod topology;
mod venue;
mod watch;
mod watchdog;

pub use check::{
    After, Aggregate, Bound, Check, CheckKind, CheckOutcome, Comparison, Condition, ConditionError, Severity,
    Unit, Verdict, Window,
};
pub use event::{Phase, Progress, RunEvent};
pub use metric::{Metric, Shape};
pub use nearest::nearest;
pub use record::{
    GroupSample, Happening, LifeState, RECORD_FORMAT, RecordedCheck, RecordedConnection, RecordedGroup,
    RecordedLife, RecordedMember, RecordedRequest, RunRecord, Runner, Sample,
};
pub use registry::{BuildError, CheckInput, NoParams, Question, Registry, Setup};
pub use report::Paint;
pub use runner::{LogTo, RunError, RunOptions, run};
pub use scenario::{
    Action, Agents, Artifact, Ask, Axis, ClockError, Content, Design, Event, Fault, Group, Links,
    LinksBetween, MOST_AGENTS, Members, Network, NodeSettings, Output, Overrides, Pick, Ports, Problem, Rate,
    Rogues, SCHEMA, Scenario, ScenarioErrors, Start, Sweep, Target, UnknownNetwork, Warning, Way,
    files_beside, json_schema,
};
pub use shrink::{Candidate, ScenarioSize, ShrinkError, Shrinker};
pub use summary::{End, GroupSummary, RunSummary};
pub use swarm::{Member, NotYet, Seen, Swarm, SwarmBuilder, TasksLeft};
pub use swarm_adversary::{Attack, Plan};
pub use tally::{Durations, Figures, NOT_SENT, Numbers, RogueFigures, TopicFigures, World};
pub use topology::{Topology, TopologyError};

pub use watch::Broken;

/// Compiles the code of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-agents.md")]
struct WritingAgents;

/// Compiles the code of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/scenarios.md")]
struct Scenarios;

/// Runs the tests of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing-agents.md")]
struct TestingAgents;
