//! What waits for the agent.
//!
//! Each origin has a queue of its own, and they take turns: whoever floods the agent waits behind itself. When all
//! together are full, the oldest of the longest queue makes room.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use swarm_proto::{AgentId, Observation};
use tokio::time::Instant;

use super::waiting::{Front, Waiting, Waits};
use crate::trace::DropReason;

/// The queues of all origins.
#[derive(Debug)]
pub(crate) struct Inbox {
    capacity: usize,
    len: usize,
    queues: BTreeMap<AgentId, Waiting<Observation>>,
    /// Origins that have something waiting, in the order of their turns.
    turns: VecDeque<AgentId>,
    /// Origins that will not come back: their queues go once they are empty.
    gone: BTreeSet<AgentId>,
    /// What made room since the agent was last told.
    lagged: u64,
}

/// What comes next for the agent.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// So many made room because the agent is too slow.
    Lagged(u64),
    Observation(Observation),
}

impl Inbox {
    /// At most `capacity` wait at once.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            len: 0,
            queues: BTreeMap::new(),
            turns: VecDeque::new(),
            gone: BTreeSet::new(),
            lagged: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0 && self.lagged == 0
    }

    /// Takes an observation. Gives whose observation was lost for it, and why.
    pub(crate) fn push(&mut self, now: Instant, observation: Observation) -> Option<(AgentId, DropReason)> {
        let (origin, waits) = (observation.origin, Waits::of(&observation, now));
        let queue = self.queues.entry(origin).or_default();
        let was_empty = queue.is_empty();
        if queue.push(observation, waits).is_some() {
            return Some((origin, DropReason::Replaced));
        }
        self.len += 1;
        if was_empty {
            self.turns.push_back(origin);
        }
        (self.len > self.capacity).then(|| (self.make_room().unwrap_or(origin), DropReason::AgentLagged))
    }

    /// Of several that are equally long, the queue whose turn is furthest gives way.
    fn make_room(&mut self) -> Option<AgentId> {
        let length = |origin: &AgentId| self.queues.get(origin).map_or(0, Waiting::len);
        let longest = self.turns.iter().copied().max_by_key(length)?;
        self.pop_of(longest);
        self.lagged += 1;
        if self.is_served(longest) {
            self.turns.retain(|origin| *origin != longest);
        }
        Some(longest)
    }

    /// Whether nothing of this origin waits any more. Then nothing is kept of it either, if it is gone.
    fn is_served(&mut self, origin: AgentId) -> bool {
        let served = self.queues.get(&origin).is_none_or(Waiting::is_empty);
        if served && self.gone.remove(&origin) {
            self.queues.remove(&origin);
        }
        served
    }

    fn pop_of(&mut self, origin: AgentId) -> Option<Observation> {
        let observation = self.queues.get_mut(&origin)?.pop();
        self.len -= usize::from(observation.is_some());
        observation
    }

    /// What comes next; `expired` is called for each origin whose observation had waited too long before it.
    pub(crate) fn next(
        &mut self,
        now: impl Fn() -> Instant,
        mut expired: impl FnMut(AgentId),
    ) -> Option<Next> {
        if self.lagged > 0 {
            return Some(Next::Lagged(std::mem::take(&mut self.lagged)));
        }
        while let Some(origin) = self.turns.pop_front() {
            let observation = self.next_of(&now, origin, &mut expired);
            if !self.is_served(origin) {
                self.turns.push_back(origin);
            }
            if let Some(observation) = observation {
                return Some(Next::Observation(observation));
            }
        }
        None
    }

    fn next_of(
        &mut self,
        now: &impl Fn() -> Instant,
        origin: AgentId,
        expired: &mut impl FnMut(AgentId),
    ) -> Option<Observation> {
        while let Front::Expired = self.queues.get(&origin)?.front(now) {
            self.pop_of(origin);
            expired(origin);
        }
        self.pop_of(origin)
    }

    /// Takes back the memory of an origin that will not come back, once its queue is empty.
    pub(crate) fn forget(&mut self, origin: AgentId) {
        if self.queues.contains_key(&origin) {
            self.gone.insert(origin);
            self.is_served(origin);
        }
    }

    /// Everything that waits, by origin, for nobody will take it.
    pub(crate) fn clear(&mut self) -> Vec<(AgentId, u64)> {
        self.turns.clear();
        self.len = 0;
        let queues = std::mem::take(&mut self.queues).into_iter();
        queues
            .filter(|(_, queue)| !queue.is_empty())
            .map(|(origin, queue)| (origin, queue.len() as u64))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use swarm_proto::{Delivery, Epoch, Key, Sequence, UnixMicros};

    use super::*;

    fn agent(number: u8) -> AgentId {
        AgentId::from_key_digest([number; 32])
    }

    fn observation(origin: u8, sequence: u64) -> Observation {
        Observation {
            origin: agent(origin),
            epoch: Epoch::new(1),
            sequence: Sequence::new(sequence),
            topic: "t".parse().unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: bytes::Bytes::new(),
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
        }
    }

    fn taken(inbox: &mut Inbox, now: Instant) -> Vec<(AgentId, u64)> {
        let mut all = Vec::new();
        while let Some(next) = inbox.next(|| now, |_| {}) {
            if let Next::Observation(observation) = next {
                all.push((observation.origin, observation.sequence.get()));
            }
        }
        all
    }

    #[test]
    fn origins_take_turns() {
        let (now, mut inbox) = (Instant::now(), Inbox::new(100));
        for sequence in 1..=3 {
            inbox.push(now, observation(1, sequence));
        }
        inbox.push(now, observation(2, 1));

        assert_eq!(taken(&mut inbox, now), [(agent(1), 1), (agent(2), 1), (agent(1), 2), (agent(1), 3)]);
    }

    #[test]
    fn whoever_floods_loses_its_own_oldest() {
        let (now, mut inbox) = (Instant::now(), Inbox::new(4));
        inbox.push(now, observation(1, 1));
        for sequence in 1..=3 {
            assert_eq!(inbox.push(now, observation(2, sequence)), None);
        }

        assert_eq!(inbox.push(now, observation(2, 4)), Some((agent(2), DropReason::AgentLagged)));

        assert_eq!(inbox.next(|| now, |_| {}), Some(Next::Lagged(1)));
        assert_eq!(taken(&mut inbox, now), [(agent(1), 1), (agent(2), 2), (agent(2), 3), (agent(2), 4)]);
    }

    #[test]
    fn what_waited_too_long_is_passed_over_and_counted() {
        let (now, mut inbox) = (Instant::now(), Inbox::new(10));
        let expires_ms = std::num::NonZeroU32::new(20);
        inbox.push(now, Observation { expires_ms, ..observation(1, 1) });
        inbox.push(now, observation(1, 2));

        let mut expired = Vec::new();
        let next = inbox.next(|| now + Duration::from_millis(20), |origin| expired.push(origin));

        assert_eq!(next, Some(Next::Observation(observation(1, 2))));
        assert_eq!(expired, [agent(1)]);
    }

    #[test]
    fn nothing_is_kept_of_origins_that_are_gone() {
        let (now, mut inbox) = (Instant::now(), Inbox::new(2));
        for origin in [1, 2] {
            inbox.push(now, observation(origin, 1));
            inbox.forget(agent(origin));
        }
        assert_eq!(inbox.push(now, observation(3, 1)), Some((agent(3), DropReason::AgentLagged)));
        inbox.forget(agent(3));

        assert_eq!(taken(&mut inbox, now), [(agent(1), 1), (agent(2), 1)]);
        assert!(inbox.queues.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push { origin: u8, key: Option<u8>, expires_ms: Option<u32> },
        Next,
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u8..4, proptest::option::of(0_u8..3), proptest::option::of(1_u32..50))
                .prop_map(|(origin, key, expires_ms)| Step::Push { origin, key, expires_ms }),
            Just(Step::Next),
            (1_u64..30).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// However it goes, each one is delivered or counted, in the order of its origin, and no more wait than may.
        #[test]
        fn nothing_is_lost_without_being_counted(steps in proptest::collection::vec(step(), 1..300)) {
            let (mut now, mut inbox) = (Instant::now(), Inbox::new(8));
            let (mut pushed, mut lost, mut told) = (0_u64, 0_u64, 0_u64);
            let mut delivered = BTreeMap::<AgentId, Vec<u64>>::new();
            let mut next = |inbox: &mut Inbox, now, lost: &mut u64, told: &mut u64| match inbox.next(|| now, |_| *lost += 1) {
                Some(Next::Lagged(count)) => *told += count,
                Some(Next::Observation(o)) => delivered.entry(o.origin).or_default().push(o.sequence.get()),
                None => {}
            };
            let mut lagged = 0;
            for step in steps {
                match step {
                    Step::Push { origin, key, expires_ms } => {
                        pushed += 1;
                        let delivery = key.map_or(Delivery::Lossy, |key| Delivery::Latest {
                            key: Key::try_from(key.to_string().as_str()).unwrap(),
                        });
                        let expires_ms = expires_ms.and_then(std::num::NonZeroU32::new);
                        let dropped = inbox.push(now, Observation { delivery, expires_ms, ..observation(origin, pushed) });
                        lost += u64::from(dropped.is_some());
                        lagged += u64::from(matches!(dropped, Some((_, DropReason::AgentLagged))));
                    }
                    Step::Next => next(&mut inbox, now, &mut lost, &mut told),
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                }
                prop_assert!(inbox.len <= 8);
            }
            while !inbox.is_empty() {
                next(&mut inbox, now, &mut lost, &mut told);
            }
            prop_assert_eq!(pushed, lost + delivered.values().map(|all| all.len() as u64).sum::<u64>());
            prop_assert_eq!(lagged, told);
            // A replacement may be younger than what comes behind it, so only what is lossy is in order; each comes once.
            for all in delivered.values() {
                let mut once = all.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), all.len());
            }
        }
    }
}
