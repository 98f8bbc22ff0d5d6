//! Agents that broke the rules, and until when they are not wanted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use swarm_proto::AgentId;

/// How many are remembered. Beyond it the one that was sent away first may come back.
pub(super) const MOST_SENT_AWAY: usize = 1024;

/// Stands for "for ever" where a user gives a period that no clock can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The list, in the order in which they may come back.
#[derive(Debug)]
pub(super) struct SentAway {
    period: Duration,
    agents: VecDeque<(AgentId, Instant)>,
}

impl SentAway {
    pub(super) fn new(period: Duration) -> Self {
        Self { period, agents: VecDeque::new() }
    }

    pub(super) fn add(&mut self, now: Instant, agent: AgentId) {
        self.agents.retain(|(other, until)| *other != agent && *until > now);
        while self.agents.len() >= MOST_SENT_AWAY {
            self.agents.pop_front();
        }
        self.agents.push_back((agent, now + self.period.min(LONGEST)));
    }

    pub(super) fn until(&self, agent: AgentId) -> Option<Instant> {
        self.agents.iter().find(|(other, _)| *other == agent).map(|(_, until)| *until)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.agents.len()
    }
}
