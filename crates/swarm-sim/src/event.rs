//! What a run tells while it happens. With [`RunSummary`](crate::RunSummary) it is all that a report knows of a run.

use std::time::Duration;

/// Something that happened in a run.
///
/// ```
/// use swarm_sim::RunEvent;
///
/// fn line(event: &RunEvent) -> String {
///     match event {
///         RunEvent::Starting { agents } => format!("{agents} agents start"),
///         RunEvent::Happened { what, .. } => what.clone(),
///         _ => String::new(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// The agents are about to start.
    Starting {
        /// How many.
        agents: usize,
    },
    /// Everybody who runs from the beginning is connected to whom it should be.
    Connected {
        /// How many connections there are.
        connections: usize,
        /// How long it took to start the agents and to connect them.
        took: Duration,
    },
    /// The warm-up is over: from now on things count.
    Measuring,
    /// Time has passed. Comes several times a second, and once when a phase begins.
    Progress(Progress),
    /// An event of the timeline happened.
    Happened {
        /// When, from the end of the warm-up.
        at: Duration,
        /// What, in a few words.
        what: String,
    },
    /// Something is not as the scenario has it; the run goes on.
    Noticed(String),
    /// Somebody wants the run to end early.
    Interrupted,
    /// The window has closed; requests under way may still end.
    Draining {
        /// How many there are.
        open_requests: usize,
    },
    /// The nodes stop.
    Stopping,
}

/// How far a run is.
///
/// ```
/// use swarm_sim::{Phase, RunEvent};
///
/// fn share(event: &RunEvent) -> Option<f64> {
///     let RunEvent::Progress(progress) = event else { return None };
///     (progress.phase == Phase::Measured)
///         .then(|| progress.elapsed.as_secs_f64() / progress.length.as_secs_f64())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// In which part of it.
    pub phase: Phase,
    /// How long that part has lasted.
    pub elapsed: Duration,
    /// How long it will last.
    pub length: Duration,
    /// How much real time has passed since the run was begun.
    pub real: Duration,
    /// Whether the other times are virtual.
    pub is_virtual: bool,
    /// How many agents run.
    pub agents: usize,
    /// Observations sent so far that count.
    pub sent: u64,
    /// Copies of observations delivered so far that count.
    pub delivered: u64,
    /// Requests sent so far that count.
    pub asked: u64,
    /// How many of those were answered.
    pub answered: u64,
}

/// Which part of a run it is in.
///
/// ```
/// assert_eq!(swarm_sim::Phase::Warmup.to_string(), "warm-up");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing counts yet.
    Warmup,
    /// What begins now counts.
    Measured,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Warmup => "warm-up",
            Self::Measured => "measured",
        })
    }
}
