//! Compares two teams that search the same place.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use swarm_core::{Agent, Context, NameError, Observation, Topic, TopicPattern};

use crate::RefereeParams;
use crate::messages::{Finished, TeamTopics};

/// What it measures once both teams have finished: how many times faster the one was than the other.
pub const SPEEDUP: &str = "search.speedup";

/// Hears when teams have finished, and measures how much sooner one knew everything than another.
///
/// A team has finished when the first of its members knows everything. Of a team that shares nothing that is the luckiest,
/// so the comparison is on the safe side.
///
/// ```
/// use agent_searcher::{RefereeAgent, RefereeParams};
/// use swarm_core::Agent;
///
/// let referee = RefereeAgent::new(RefereeParams { team: "pack".into(), against: "loner".into() })?;
/// assert_eq!(referee.subscriptions(), ["search.*.finished".parse()?]);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct RefereeAgent {
    params: RefereeParams,
    finishes: [Topic<Finished>; 2],
    pattern: TopicPattern,
    /// What each team took, in milliseconds; its first finish counts.
    took: Mutex<BTreeMap<String, u64>>,
}

impl RefereeAgent {
    /// A referee who compares these two.
    ///
    /// # Errors
    /// When the name of a team is not one that a topic can have in it.
    pub fn new(params: RefereeParams) -> Result<Self, NameError> {
        let finishes = [TeamTopics::new(&params.team)?.finished, TeamTopics::new(&params.against)?.finished];
        Ok(Self { params, finishes, pattern: TeamTopics::anybody_finished()?, took: Mutex::default() })
    }

    /// Notes that somebody has finished. Gives the comparison if it is the first of the second team.
    fn note(&self, finished: Finished) -> Option<f64> {
        // Nothing in here panics half-way, so a poisoned lock is as good as any.
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        if took.contains_key(&finished.team) {
            return None;
        }
        took.insert(finished.team, finished.after_ms);
        let (team, against) = (took.get(&self.params.team)?, took.get(&self.params.against)?);
        Some(*against as f64 / (*team).max(1) as f64)
    }
}

impl Agent for RefereeAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.pattern.clone()]
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        for topic in &self.finishes {
            if let Some(Ok(finished)) = topic.read(&observation)
                && let Some(speedup) = self.note(finished)
            {
                cx.measure(SPEEDUP, speedup);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_team_counts_and_both_are_needed() {
        let params = RefereeParams { team: "pack".to_owned(), against: "loner".to_owned() };
        let referee = RefereeAgent::new(params).unwrap();
        let finished = |team: &str, after_ms| Finished { team: team.to_owned(), after_ms, found: 0 };
        assert_eq!(referee.note(finished("pack", 2_000)), None);
        assert_eq!(referee.note(finished("pack", 9_000)), None);
        assert_eq!(referee.note(finished("loner", 5_000)), Some(2.5));
        assert_eq!(referee.note(finished("loner", 6_000)), None, "it is said once");
    }
}
