//! Which peers are known to have which sealed observation: those that sent it, and those that got it from here. Nobody is
//! passed what it has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use swarm_proto::{AgentId, Epoch, Observation, Sequence};

/// How many observations are remembered. Of one that is forgotten peers may get a second copy, which they drop.
const OBSERVATIONS: usize = 1024;

/// Which observation: origin, life, number.
type Identity = (AgentId, Epoch, Sequence);

/// Who has what.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    holders: BTreeMap<Identity, BTreeSet<AgentId>>,
    /// In the order in which they came.
    by_age: VecDeque<Identity>,
}

impl Holders {
    /// A peer has it, which is known to be what its origin made.
    pub(crate) fn add(&mut self, observation: &Observation, peer: AgentId) {
        let identity = identity(observation);
        if !self.holders.contains_key(&identity) {
            self.by_age.push_back(identity);
            if self.by_age.len() > OBSERVATIONS
                && let Some(oldest) = self.by_age.pop_front()
            {
                self.holders.remove(&oldest);
            }
        }
        self.holders.entry(identity).or_default().insert(peer);
    }

    /// A peer says that it has it, too. Whoever says so of what nobody has costs no memory.
    pub(crate) fn add_to_known(&mut self, observation: &Observation, peer: AgentId) {
        if let Some(holders) = self.holders.get_mut(&identity(observation)) {
            holders.insert(peer);
        }
    }

    /// Whether it is known that a peer has it.
    pub(crate) fn has(&self, observation: &Observation, peer: AgentId) -> bool {
        self.holders.get(&identity(observation)).is_some_and(|holders| holders.contains(&peer))
    }
}

fn identity(observation: &Observation) -> Identity {
    (observation.origin, observation.epoch, observation.sequence)
}

#[cfg(test)]
mod tests {
    use swarm_proto::{Delivery, UnixMicros};

    use super::*;

    fn agent(number: u8) -> AgentId {
        AgentId::from_key_digest([number; 32])
    }

    fn observation(sequence: u64) -> Observation {
        Observation {
            origin: agent(1),
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

    #[test]
    fn it_is_known_of_each_who_has_it() {
        let mut holders = Holders::default();
        holders.add(&observation(1), agent(2));
        holders.add(&observation(1), agent(3));
        holders.add_to_known(&observation(1), agent(4));
        holders.add_to_known(&observation(2), agent(4));

        let of = |sequence| {
            let has = |peer: &AgentId| holders.has(&observation(sequence), *peer);
            (1..6).map(agent).filter(has).collect::<Vec<_>>()
        };
        assert_eq!(of(1), [agent(2), agent(3), agent(4)]);
        assert_eq!(of(2), []);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut holders = Holders::default();
        let many = OBSERVATIONS as u64 + 10;
        (0..many).for_each(|sequence| holders.add(&observation(sequence), agent(2)));

        let known = (0..many).filter(|sequence| holders.has(&observation(*sequence), agent(2))).count();
        assert_eq!((known, holders.holders.len()), (OBSERVATIONS, OBSERVATIONS));
        assert!(!holders.has(&observation(0), agent(2)));
    }
}
