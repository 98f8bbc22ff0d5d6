//! What a member is at the moment, with what it has to remember for that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use swarm_core::AgentId;

use super::ORDERS_UNDER_WAY;

#[derive(Debug)]
pub(super) enum Role {
    /// It has just begun to live.
    Joining(Joining),
    Following,
    Standing(Standing),
    Commanding(Command),
}

#[derive(Debug, Default)]
pub(super) struct Joining {
    /// The number of the question under way.
    pub(super) round: Option<u64>,
    /// What was answered to it.
    pub(super) answers: BTreeMap<AgentId, Option<u64>>,
}

#[derive(Debug)]
pub(super) struct Standing {
    pub(super) term: u64,
    pub(super) trial: bool,
    /// Of others.
    pub(super) votes: BTreeSet<AgentId>,
    pub(super) since: Duration,
}

/// What a commander knows of those who obey.
#[derive(Debug)]
pub(super) struct Command {
    number: u64,
    /// Orders and when they were given, the newest last.
    given: VecDeque<(u64, Duration)>,
    /// When the newest order was given of which each has said that it obeys.
    obeyed: BTreeMap<AgentId, Duration>,
}

impl Command {
    /// Whoever votes is bound as by an order of the moment at which it was asked.
    pub(super) fn won(votes: impl Iterator<Item = AgentId>, asked: Duration) -> Self {
        Self { number: 0, given: VecDeque::new(), obeyed: votes.map(|voter| (voter, asked)).collect() }
    }

    /// The number of a new order.
    pub(super) fn next(&mut self, now: Duration) -> u64 {
        self.number += 1;
        self.given.push_back((self.number, now));
        if self.given.len() > ORDERS_UNDER_WAY {
            self.given.pop_front();
        }
        self.number
    }

    pub(super) fn obeyed(&mut self, by: AgentId, number: u64) {
        let Some((_, given)) = self.given.iter().find(|(order, _)| *order == number) else { return };
        let newest = self.obeyed.entry(by).or_insert(*given);
        *newest = (*newest).max(*given);
    }

    /// Until when a majority is bound to it, itself among them.
    pub(super) fn lease_until(&self, majority: usize, lease: Duration) -> Duration {
        let mut since: Vec<_> = self.obeyed.values().copied().collect();
        since.sort_unstable_by(|a, b| b.cmp(a));
        // Of the majority it is one itself, and the last of the others is at this place.
        let last = majority.saturating_sub(2);
        since.get(last).map_or(Duration::ZERO, |since| *since + lease)
    }
}
