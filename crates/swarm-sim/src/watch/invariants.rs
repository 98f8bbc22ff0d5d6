//! What must hold of every run, whatever goes wrong in it: each request ends once, nothing is delivered twice, and nothing is
//! delivered that nobody sent.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use swarm_core::{AgentId, RequestId, Sequence, TraceEvent, UnixMicros};

/// Most observations and deliveries that are remembered, as hashes of eight bytes. What comes later is not looked at.
const MOST_REMEMBERED: usize = 8_000_000;

/// Looks at everything that nodes tell.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    sent: HashSet<u64>,
    delivered: HashSet<u64>,
    /// Whose requests have yet to end: the member and its life.
    open: BTreeMap<RequestId, (usize, u64)>,
    /// Requests of nodes that ended without a word: nobody is left for them to end at.
    forgiven: HashSet<RequestId>,
    broken: Vec<Broken>,
}

/// How often it was broken what must hold of every run.
///
/// ```
/// use swarm_sim::Broken;
///
/// assert_eq!(Broken::default().duplicated, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// Observations that an agent was handed twice in one life.
    pub duplicated: u64,
    /// Observations that an agent was handed and nobody of the run had sent.
    pub strangers: u64,
    /// Ends of requests that had ended or had never begun.
    pub doubled: u64,
    /// Requests that never ended, though their node ended in order.
    pub lost: u64,
}

impl Broken {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            duplicated: self.duplicated + other.duplicated,
            strangers: self.strangers + other.strangers,
            doubled: self.doubled + other.doubled,
            lost: self.lost + other.lost,
        }
    }
}

/// An observation, by what tells it from all others.
type Observed = (AgentId, Sequence, UnixMicros);

impl Invariants {
    pub(crate) fn new(groups: usize) -> Self {
        Self { broken: vec![Broken::default(); groups], ..Self::default() }
    }

    /// A node told something, with the times by its own clock.
    pub(crate) fn hear(
        &mut self,
        node: AgentId,
        (group, member, life): (usize, usize, u64),
        event: &TraceEvent,
    ) {
        let Some(broken) = self.broken.get_mut(group) else { return };
        match event {
            TraceEvent::ObservationSent { sequence, sent_at, .. } if self.sent.len() < MOST_REMEMBERED => {
                self.sent.insert(hash(&(node, *sequence, *sent_at)));
            }
            TraceEvent::ObservationDelivered { origin, sequence, sent_at, .. } => {
                let observed: Observed = (*origin, *sequence, *sent_at);
                if self.sent.len() < MOST_REMEMBERED && !self.sent.contains(&hash(&observed)) {
                    broken.strangers += 1;
                }
                let room = self.delivered.len() < MOST_REMEMBERED;
                if room && !self.delivered.insert(hash(&(member, life, observed))) {
                    broken.duplicated += 1;
                }
            }
            TraceEvent::RequestSent { id, .. } => {
                broken.doubled += u64::from(self.open.insert(*id, (member, life)).is_some());
            }
            TraceEvent::RequestEnded { id, .. } => {
                let was_due = self.open.remove(id).is_some() || self.forgiven.remove(id);
                broken.doubled += u64::from(!was_due);
            }
            _ => {}
        }
    }

    /// A member has ended without a word.
    pub(crate) fn gone(&mut self, member: usize) {
        let of_it = |asker: &(usize, u64)| asker.0 == member;
        let ids: Vec<_> = self.open.iter().filter(|(_, asker)| of_it(asker)).map(|(id, _)| *id).collect();
        for id in ids {
            self.open.remove(&id);
            self.forgiven.insert(id);
        }
    }

    /// What was broken in each group, now that all nodes have ended.
    pub(crate) fn read(&self, group_of: impl Fn(usize) -> Option<usize>) -> Vec<Broken> {
        let mut broken = self.broken.clone();
        for (member, _) in self.open.values() {
            if let Some(broken) = group_of(*member).and_then(|group| broken.get_mut(group)) {
                broken.lost += 1;
            }
        }
        broken
    }
}

/// Hashes are compared within one run alone, and never shown.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swarm_core::{Delivery, Ending, TraceContext};

    use super::*;

    fn agent(number: u8) -> AgentId {
        swarm_core::IdentityKey::from_seed([number; 32]).agent_id()
    }

    fn sent(sequence: u64) -> TraceEvent {
        TraceEvent::ObservationSent {
            topic: "a.b".parse().unwrap(),
            sequence: Sequence::new(sequence),
            sent_at: UnixMicros::new(7),
            delivery: Delivery::Lossy,
            handed: 1,
            dropped: 0,
        }
    }

    fn delivered(sequence: u64) -> TraceEvent {
        TraceEvent::ObservationDelivered {
            origin: agent(1),
            topic: "a.b".parse().unwrap(),
            sequence: Sequence::new(sequence),
            sent_at: UnixMicros::new(7),
            latency: Duration::ZERO,
        }
    }

    #[test]
    fn what_comes_twice_or_from_nobody_is_seen() {
        let mut invariants = Invariants::new(2);
        invariants.hear(agent(1), (0, 0, 1), &sent(1));
        invariants.hear(agent(2), (1, 1, 1), &delivered(1));
        // Another life has heard nothing yet.
        invariants.hear(agent(2), (1, 1, 2), &delivered(1));
        assert_eq!(invariants.read(Some), [Broken::default(); 2]);
        invariants.hear(agent(2), (1, 1, 2), &delivered(1));
        invariants.hear(agent(2), (1, 1, 2), &delivered(2));
        let broken = invariants.read(Some);
        assert_eq!(broken[1], Broken { duplicated: 1, strangers: 1, ..Broken::default() });
    }

    #[test]
    fn each_request_ends_once_unless_its_node_crashed() {
        let mut invariants = Invariants::new(1);
        let begin = |id: u8| TraceEvent::RequestSent {
            id: RequestId::from_random([id; 16]),
            to: agent(2),
            capability: "a.b".parse().unwrap(),
            trace: TraceContext::new([1; 16], [1; 8], true).unwrap(),
        };
        let end = |id: u8| TraceEvent::RequestEnded {
            id: RequestId::from_random([id; 16]),
            to: agent(2),
            capability: "a.b".parse().unwrap(),
            ending: Ending::Completed,
            first_chunk: None,
            elapsed: Duration::ZERO,
        };
        invariants.hear(agent(1), (0, 0, 1), &begin(1));
        assert_eq!(invariants.read(|_| Some(0))[0].lost, 1);
        invariants.hear(agent(1), (0, 0, 1), &end(1));
        assert_eq!(invariants.read(|_| Some(0))[0], Broken::default());
        invariants.hear(agent(1), (0, 0, 1), &end(1));
        assert_eq!(invariants.read(|_| Some(0))[0].doubled, 1);
        invariants.hear(agent(1), (0, 0, 1), &begin(2));
        invariants.gone(0);
        invariants.hear(agent(1), (0, 0, 1), &end(2));
        let broken = invariants.read(|_| Some(0))[0];
        assert_eq!((broken.lost, broken.doubled), (0, 1));
    }
}
