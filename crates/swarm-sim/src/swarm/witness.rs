//! What the agents of a test have seen.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_core::Observation;

use crate::clock::RunClock;

/// Most observations that are kept of one member.
const MOST_SEEN: usize = 100_000;

/// An observation that an agent was handed.
///
/// ```
/// use swarm_sim::Seen;
///
/// fn texts(seen: &[Seen]) -> Vec<String> {
///     seen.iter().map(|seen| String::from_utf8_lossy(&seen.observation.payload).into_owned()).collect()
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seen {
    /// When, in virtual time since the swarm was made.
    pub at: Duration,
    /// What.
    pub observation: Observation,
}

/// What the agent of one member has seen.
#[derive(Debug)]
pub(crate) struct Sights {
    clock: RunClock,
    seen: Mutex<VecDeque<Seen>>,
}

impl Sights {
    pub(super) fn new(clock: RunClock) -> Self {
        Self { clock, seen: Mutex::default() }
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.seen().iter().cloned().collect()
    }

    pub(crate) fn add(&self, observation: Observation) {
        let at = self.clock.elapsed();
        let mut seen = self.seen();
        if seen.len() >= MOST_SEEN {
            seen.pop_front();
        }
        seen.push_back(Seen { at, observation });
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
