//! Which of the observations that come in are worth handing on.

use std::collections::BTreeMap;

use swarm_proto::{AgentId, Epoch, Observation, Sequence};

use super::duplicates::Duplicates;
use super::waiting::Slot;
use crate::trace::DropReason;

/// Topics and keys of which one origin's newest is remembered. With more, the one that was not heard of for longest is
/// forgotten.
const SLOTS_PER_ORIGIN: usize = 1024;

/// What is known of the observations of all origins.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    duplicates: Duplicates,
    newest: BTreeMap<AgentId, Newest>,
}

impl Intake {
    /// Whether an observation that this peer sent should go on to the agent, and if not, why.
    pub(crate) fn admit(&mut self, from: AgentId, observation: &Observation) -> Result<(), DropReason> {
        if observation.origin != from {
            // Nothing is relayed yet.
            return Err(DropReason::Forged);
        }
        if !self.duplicates.is_new(observation) {
            return Err(DropReason::Duplicate);
        }
        let Some(slot) = Slot::of(observation) else { return Ok(()) };
        let newest = self.newest.entry(from).or_default();
        if newest.is_newer(slot, observation.epoch, observation.sequence) {
            Ok(())
        } else {
            Err(DropReason::Outdated)
        }
    }

    /// Drops what is known of an origin that will not come back.
    pub(crate) fn forget(&mut self, origin: AgentId) {
        self.duplicates.forget(origin);
        self.newest.remove(&origin);
    }
}

/// The newest of each topic and key of one origin's present life.
#[derive(Debug, Default)]
struct Newest {
    epoch: Option<Epoch>,
    by_slot: BTreeMap<Slot, Sequence>,
    by_age: BTreeMap<Sequence, Slot>,
}

impl Newest {
    fn is_newer(&mut self, slot: Slot, epoch: Epoch, sequence: Sequence) -> bool {
        if self.epoch != Some(epoch) {
            *self = Self { epoch: Some(epoch), ..Self::default() };
        }
        match self.by_slot.get(&slot) {
            Some(known) if *known > sequence => return false,
            Some(known) => drop(self.by_age.remove(known)),
            None if self.by_slot.len() >= SLOTS_PER_ORIGIN => {
                if let Some((_, forgotten)) = self.by_age.pop_first() {
                    self.by_slot.remove(&forgotten);
                }
            }
            None => {}
        }
        self.by_slot.insert(slot.clone(), sequence);
        self.by_age.insert(sequence, slot);
        true
    }
}

#[cfg(test)]
mod tests {
    use swarm_proto::{Delivery, Key, UnixMicros};

    use super::*;

    fn agent(number: u8) -> AgentId {
        AgentId::from_key_digest([number; 32])
    }

    fn latest(epoch: u64, sequence: u64, key: &str) -> Observation {
        Observation {
            origin: agent(1),
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
            topic: "t".parse().unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: bytes::Bytes::new(),
            delivery: Delivery::Latest { key: Key::try_from(key).unwrap() },
            expires_ms: None,
        }
    }

    #[test]
    fn an_older_value_does_not_follow_a_newer_one() {
        let mut intake = Intake::default();
        let mut admit = |observation| intake.admit(agent(1), &observation);

        assert_eq!(admit(latest(1, 2, "arm")), Ok(()));
        assert_eq!(admit(latest(1, 1, "leg")), Ok(()), "another key");
        assert_eq!(admit(latest(1, 2, "arm")), Err(DropReason::Duplicate));
        assert_eq!(admit(latest(1, 0, "arm")), Err(DropReason::Outdated));
        assert_eq!(admit(latest(2, 1, "arm")), Ok(()), "another life");
        assert_eq!(admit(latest(1, 9, "arm")), Err(DropReason::Duplicate), "of a life that is over");
    }

    #[test]
    fn what_is_lossy_may_come_in_any_order() {
        let mut intake = Intake::default();
        for sequence in [5, 3, 4] {
            let lossy = Observation { delivery: Delivery::Lossy, ..latest(1, sequence, "") };
            assert_eq!(intake.admit(agent(1), &lossy), Ok(()));
        }
    }

    #[test]
    fn nobody_speaks_for_another() {
        assert_eq!(Intake::default().admit(agent(2), &latest(1, 1, "")), Err(DropReason::Forged));
    }

    #[test]
    fn what_is_remembered_of_one_origin_is_bounded() {
        let mut intake = Intake::default();
        for sequence in 1..=3000 {
            intake.admit(agent(1), &latest(1, sequence, &sequence.to_string())).unwrap();
        }

        let newest = &intake.newest[&agent(1)];
        assert_eq!((newest.by_slot.len(), newest.by_age.len()), (SLOTS_PER_ORIGIN, SLOTS_PER_ORIGIN));
        intake.forget(agent(1));
        assert!(intake.newest.is_empty());
    }
}
