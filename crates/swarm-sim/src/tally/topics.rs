//! What was counted of the observations of one topic.

use std::{collections::BTreeMap, time::Duration};

use swarm_core::TopicName;

use super::Durations;

/// Most topics of one group that are told apart, as each has a histogram. Those that come later count in the totals alone.
pub(super) const MOST_TOPICS: usize = 64;

/// What was counted of the observations of one topic, for one group or for several together.
///
/// ```
/// use swarm_sim::TopicFigures;
///
/// fn hears_all(figures: &TopicFigures) -> bool {
///     figures.copies_delivered == figures.copies_sent
/// }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TopicFigures {
    /// Observations broadcast by the group.
    pub observations_sent: u64,
    /// Copies of them that went to a peer or were meant to, those included that others passed on.
    pub copies_sent: u64,
    /// Copies of them that were handed to an agent of any group.
    pub copies_delivered: u64,
    /// Copies of anybody's that were handed to an agent of this group, and how long they took.
    pub observation_latency: Durations,
    /// How many of those came from the groups of these numbers.
    heard_from: BTreeMap<usize, u64>,
}

impl TopicFigures {
    /// Counts all of the others too.
    pub(super) fn merge(&mut self, others: &Self) {
        self.observations_sent += others.observations_sent;
        self.copies_sent += others.copies_sent;
        self.copies_delivered += others.copies_delivered;
        self.observation_latency.merge(&others.observation_latency);
        for (group, count) in &others.heard_from {
            *self.heard_from.entry(*group).or_default() += count;
        }
    }

    pub(super) fn sent(&mut self, copies: u64) {
        self.observations_sent += 1;
        self.copies_sent = self.copies_sent.saturating_add(copies);
    }

    /// Somebody has passed one of them on.
    pub(super) fn passed_on(&mut self, copies: u64) {
        self.copies_sent = self.copies_sent.saturating_add(copies);
    }

    /// An observation of a group that is known, or of a stranger.
    pub(super) fn delivered(&mut self, origin: Option<usize>, latency: Duration) {
        self.observation_latency.record(latency);
        if let Some(origin) = origin {
            *self.heard_from.entry(origin).or_default() += 1;
        }
    }
}

/// Gives each group the credit for what the others heard of it.
pub(super) fn credit(groups: &mut [BTreeMap<TopicName, TopicFigures>]) {
    let heard: Vec<(TopicName, usize, u64)> = groups
        .iter()
        .flatten()
        .flat_map(|(topic, figures)| {
            figures.heard_from.iter().map(|(group, count)| (topic.clone(), *group, *count))
        })
        .collect();
    for (topic, group, count) in heard {
        if let Some(figures) = groups.get_mut(group).and_then(|topics| topics.get_mut(&topic)) {
            figures.copies_delivered += count;
        }
    }
}
