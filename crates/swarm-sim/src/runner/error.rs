//! Why a run came to nothing.

use std::{ops::Range, time::Duration};

use thiserror::Error;

use crate::registry::BuildError;

/// Why a scenario could not be run. Nothing is left running.
///
/// ```
/// let error = swarm_sim::RunError::Interrupted;
/// assert_eq!(error.to_string(), "interrupted before the swarm was connected");
/// assert!(!error.is_mistake());
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The registry lacks a kind of agent. Run a scenario with the registry that it was parsed with.
    #[error("no agent kind `{kind}` is registered")]
    UnknownKind {
        /// What the scenario calls it.
        kind: String,
    },
    /// The constructor of an agent refused its params, lacked something else, or panicked; or `capabilities` did.
    #[error("agent {member} of kind `{kind}` could not be made: {source}")]
    Build {
        /// Which agent: its group and number.
        member: String,
        /// What kind of agent.
        kind: String,
        /// Where the scenario file has the params of the group or, without any, the group.
        place: Range<usize>,
        /// What its constructor said.
        source: BuildError,
    },
    /// A port of the scenario cannot be used, most likely because another program uses it.
    #[error("UDP port {port} for {member} cannot be used: {source}")]
    Port {
        /// Which agent: its group and number.
        member: String,
        /// Which port.
        port: u16,
        /// Where the scenario file names the first port, if it does.
        place: Option<Range<usize>>,
        /// What the system said.
        source: std::io::Error,
    },
    /// A node could not start.
    #[error("agent {member} could not start: {source}")]
    Start {
        /// Which agent: its group and number.
        member: String,
        /// Why.
        source: swarm_core::StartError,
    },
    /// The mesh did not form in time. The machine may be too slow for so many agents.
    #[error("the mesh did not form within {within:?}: {who}{}", said(last_error))]
    NotConnected {
        /// Who misses whom.
        who: String,
        /// How long it was given.
        within: Duration,
        /// What the last dial that failed said.
        last_error: Option<String>,
    },
    /// The directory for what nodes keep over a crash could not be made.
    #[error("no directory for the state of nodes could be made: {0}")]
    StateDirectory(#[source] std::io::Error),
    /// The file for the log cannot be written.
    #[error("the log {} cannot be written: {source}", path.display())]
    EventLog {
        /// Which file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No runtime could be made.
    #[error("failed to start the runtime: {0}")]
    Runtime(#[source] std::io::Error),
    /// Somebody ended the run before it had begun.
    #[error("interrupted before the swarm was connected")]
    Interrupted,
    /// The `timeout` of the scenario passed before the run had begun. Raise it, or use fewer agents.
    #[error("the timeout of {0:?} passed before the swarm was connected")]
    TimedOut(Duration),
}

impl RunError {
    /// Whether the scenario or the command line ought to be changed, rather than the run be tried again.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::UnknownKind { .. }
            | Self::Build { .. }
            | Self::Port { .. }
            | Self::Start { .. }
            | Self::EventLog { .. } => true,
            Self::NotConnected { .. }
            | Self::StateDirectory(_)
            | Self::Runtime(_)
            | Self::Interrupted
            | Self::TimedOut(_) => false,
        }
    }
}

fn said(last_error: &Option<String>) -> String {
    last_error.as_ref().map(|error| format!(" (last dial that failed: {error})")).unwrap_or_default()
}
