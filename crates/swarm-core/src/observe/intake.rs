//! Which of the observations that come in are worth handing on.

use std::collections::{BTreeMap, BTreeSet};

use swarm_proto::{AgentId, Epoch, Observation, Sequence};

use super::duplicates::Window;
use super::waiting::Slot;
use crate::trace::DropReason;

/// Topics and keys of which one origin's newest is remembered. With more, the one that was not heard of for longest is
/// forgotten.
const SLOTS_PER_ORIGIN: usize = 1024;

/// What is known of the observations of all origins.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    origins: BTreeMap<AgentId, Life>,
}

/// What came of one origin's present life.
#[derive(Debug, Default)]
struct Life {
    epoch: Option<Epoch>,
    lossy: Window,
    newest: Newest,
}

impl Intake {
    /// Whether an observation that this peer sent should go on to the agent, and if not, why.
    pub(crate) fn admit(&mut self, from: AgentId, observation: &Observation) -> Result<(), DropReason> {
        if observation.origin != from {
            // Nothing is relayed yet.
            return Err(DropReason::Forged);
        }
        let life = self.origins.entry(from).or_default();
        if life.epoch > Some(observation.epoch) {
            return Err(DropReason::Duplicate);
        }
        if life.epoch < Some(observation.epoch) {
            *life = Life { epoch: Some(observation.epoch), ..Life::default() };
        }
        match Slot::of(observation) {
            // One that took over an early turn comes before those that waited behind it, however many numbers lie
            // between: in one window with them it would make them look known.
            Some(slot) => life.newest.take(slot, observation.sequence),
            None if life.lossy.is_new(observation.sequence) => Ok(()),
            None => Err(DropReason::Duplicate),
        }
    }

    /// Drops what is known of an origin that will not come back.
    pub(crate) fn forget(&mut self, origin: AgentId) {
        self.origins.remove(&origin);
    }
}

/// The newest of each topic and key.
#[derive(Debug, Default)]
struct Newest {
    by_slot: BTreeMap<Slot, Sequence>,
    by_age: BTreeSet<(Sequence, Slot)>,
    /// The highest that was forgotten.
    forgotten: Option<Sequence>,
}

impl Newest {
    fn take(&mut self, slot: Slot, sequence: Sequence) -> Result<(), DropReason> {
        match self.by_slot.get(&slot) {
            Some(known) if *known == sequence => return Err(DropReason::Duplicate),
            Some(known) if *known > sequence => return Err(DropReason::Outdated),
            Some(known) => drop(self.by_age.remove(&(*known, slot.clone()))),
            // A newer one may have come and been forgotten.
            None if self.forgotten >= Some(sequence) => return Err(DropReason::Outdated),
            None if self.by_slot.len() >= SLOTS_PER_ORIGIN => self.forget_oldest(),
            None => {}
        }
        self.by_slot.insert(slot.clone(), sequence);
        self.by_age.insert((sequence, slot));
        Ok(())
    }

    fn forget_oldest(&mut self) {
        if let Some((sequence, slot)) = self.by_age.pop_first() {
            self.by_slot.remove(&slot);
            self.forgotten = self.forgotten.max(Some(sequence));
        }
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
    fn one_that_overtakes_thousands_costs_nobody_behind_it() {
        let mut intake = Intake::default();
        let lossy = |sequence| Observation { delivery: Delivery::Lossy, ..latest(1, sequence, "") };

        for observation in [latest(1, 5000, "busy"), latest(1, 2, "quiet"), lossy(3)] {
            assert_eq!(intake.admit(agent(1), &observation), Ok(()));
        }
        for observation in [latest(1, 5000, "busy"), latest(1, 2, "quiet"), lossy(3)] {
            assert_eq!(intake.admit(agent(1), &observation), Err(DropReason::Duplicate));
        }
    }

    #[test]
    fn a_new_life_begins_anew_in_every_class() {
        let mut intake = Intake::default();
        let lossy =
            |epoch, sequence| Observation { delivery: Delivery::Lossy, ..latest(epoch, sequence, "") };
        let mut admit = |observation| intake.admit(agent(1), &observation);

        assert_eq!(admit(lossy(1, 9)), Ok(()));
        assert_eq!(admit(latest(2, 1, "arm")), Ok(()));
        assert_eq!(admit(lossy(2, 9)), Ok(()));
        assert_eq!(admit(lossy(1, 10)), Err(DropReason::Duplicate), "of a life that is over");
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

        // Of one that was forgotten, or of several with one number, nothing comes twice or stays for ever.
        assert_eq!(intake.admit(agent(1), &latest(1, 7, "7")), Err(DropReason::Outdated));
        for key in 0..3000 {
            intake.admit(agent(1), &latest(1, 9999, &format!("same {key}"))).unwrap_or_default();
        }

        let newest = &intake.origins[&agent(1)].newest;
        assert_eq!((newest.by_slot.len(), newest.by_age.len()), (SLOTS_PER_ORIGIN, SLOTS_PER_ORIGIN));
        intake.forget(agent(1));
        assert!(intake.origins.is_empty());
    }
}
