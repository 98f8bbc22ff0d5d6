//! What a test is told when something does not hold, and how it gets the same run again.

use std::io::Write;
use std::time::Duration;

use thiserror::Error;

/// Something was not true within its time.
///
/// ```
/// use std::time::Duration;
/// use swarm_sim::Swarm;
///
/// let error = Swarm::new().run_until(Duration::from_secs(1), |_| false).unwrap_err();
/// assert_eq!(error.to_string(), "it was not true within 1s of virtual time (seed 1)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it was not true within {within:?} of virtual time (seed {seed})")]
#[non_exhaustive]
pub struct NotYet {
    /// How long it was given.
    pub within: Duration,
    /// The seed of the swarm.
    pub seed: u64,
}

/// Something went on after everybody had stopped.
///
/// ```
/// use swarm_sim::{Swarm, TasksLeft};
///
/// let stopped: Result<(), TasksLeft> = Swarm::new().shut_down();
/// assert!(stopped.is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{tasks} tasks go on after everybody has stopped (seed {seed})")]
#[non_exhaustive]
pub struct TasksLeft {
    /// How many.
    pub tasks: usize,
    /// The seed of the swarm.
    pub seed: u64,
}

/// Says on standard error how to get the run again in which a test has failed.
pub(super) fn tell(seed: u64, at: Duration) {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main").unwrap_or("<the test>");
    // Whoever reads it may be gone.
    let _ = writeln!(
        std::io::stderr(),
        "the swarm of this test had seed {seed} and was {at:?} old; again: {}={seed} cargo test -- --exact {test}",
        super::builder::SEED_VARIABLE,
    );
}
