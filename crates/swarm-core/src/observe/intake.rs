//! Which of the observations that come in are worth handing on.
//!
//! What its origin sends itself is new or known. What others pass on may be much older than that: it counts while it is
//! fresh, by the clocks of its origin and of this node, and for so long it is remembered, whoever goes meanwhile. What is
//! not remembered any more is not fresh any more either, so nothing is delivered twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use swarm_proto::{AgentId, Delivery, Epoch, Observation, Sequence, UnixMicros};

use super::duplicates::Window;
use super::waiting::Slot;
use crate::trace::DropReason;

/// Topics and keys of which one origin's newest is remembered. With more, the one that was not heard of for longest is
/// forgotten.
const SLOTS_PER_ORIGIN: usize = 1024;

/// Origins of sealed observations that are remembered. With more, whatever is not younger than what is forgotten of one
/// counts as known of all that are not remembered.
pub(crate) const MAX_SEALED_ORIGINS: usize = 4096;

/// How far an origin had come: all that it sealed up to there is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) origin: AgentId,
    pub(crate) epoch: Epoch,
    pub(crate) sequence: Sequence,
}

/// What is known of the observations of all origins.
#[derive(Debug)]
pub(crate) struct Intake {
    origins: BTreeMap<AgentId, Life>,
    /// How far the times of a sealed observation and of its arrival may be apart.
    freshness: Duration,
    /// Of origins that are not remembered, nothing counts that was sealed before.
    not_before: UnixMicros,
    /// Origins of sealed ones, by when their latest was made.
    sealed: BTreeSet<(UnixMicros, AgentId)>,
    /// Something was sealed that is in no marks yet.
    marks_changed: bool,
}

/// What came of one origin's present life.
#[derive(Debug, Default)]
struct Life {
    epoch: Option<Epoch>,
    lossy: Window,
    newest: Newest,
    /// The last reliable one that was sealed.
    reliable: Option<Sequence>,
    sealed: Option<Sealed>,
    /// It is, or was, a peer: it will be forgotten.
    direct: bool,
}

/// What came of it with a seal, in whichever life.
#[derive(Debug, Clone, Copy)]
struct Sealed {
    not_before: UnixMicros,
    /// When the latest was made.
    latest: UnixMicros,
    /// The highest of this life.
    highest: Sequence,
}

impl Intake {
    /// As a node begins at `now`, with what it knew before. What was sealed before `now` is not taken.
    pub(crate) fn new(now: UnixMicros, freshness: Duration, marks: &[Mark]) -> Self {
        let mut intake = Self {
            origins: BTreeMap::new(),
            freshness,
            not_before: now,
            sealed: BTreeSet::new(),
            marks_changed: false,
        };
        // None of them was made later than that, or it would not have been taken.
        let latest = later(now, freshness);
        for mark in marks.iter().take(MAX_SEALED_ORIGINS) {
            let sealed = Sealed { not_before: now, latest, highest: mark.sequence };
            intake.origins.insert(mark.origin, Life::known(*mark, sealed));
            intake.sealed.insert((latest, mark.origin));
        }
        intake
    }

    /// Whether an observation that this peer sent, without a seal, should go on to the agent, and if not, why.
    pub(crate) fn admit(&mut self, from: AgentId, observation: &Observation) -> Result<(), DropReason> {
        if observation.origin != from {
            // Nobody but its origin can vouch for it.
            return Err(DropReason::Forged);
        }
        let life = self.origins.entry(from).or_default();
        if life.epoch > Some(observation.epoch) {
            return Err(DropReason::Duplicate);
        }
        if life.epoch < Some(observation.epoch) {
            life.enter(observation.epoch);
        }
        life.direct = true;
        life.take(observation)
    }

    /// Whether a sealed observation that has come at `now` might be worth a look at its signature.
    pub(crate) fn is_worth_verifying(
        &self,
        now: UnixMicros,
        observation: &Observation,
    ) -> Result<(), DropReason> {
        let made = observation.sent_at;
        let apart = now.saturating_since(made).max(made.saturating_since(now));
        let life = self.origins.get(&observation.origin);
        let not_before =
            life.and_then(|life| life.sealed).map_or(self.not_before, |sealed| sealed.not_before);
        if apart > self.freshness || made < not_before {
            return Err(DropReason::Stale);
        }
        match life {
            Some(life) if life.epoch > Some(observation.epoch) => Err(DropReason::Duplicate),
            Some(life) if life.epoch == Some(observation.epoch) => life.peek(observation),
            _ => Ok(()),
        }
    }

    /// Whether a sealed observation whose signature is right should go on to the agent, and if not, why.
    pub(crate) fn admit_sealed(
        &mut self,
        now: UnixMicros,
        observation: &Observation,
    ) -> Result<(), DropReason> {
        self.is_worth_verifying(now, observation)?;
        self.forget_stale(now);
        let not_before = self.not_before;
        let life = self.origins.entry(observation.origin).or_default();
        if life.epoch < Some(observation.epoch) {
            life.enter(observation.epoch);
        }
        life.take(observation)?;
        let (latest, highest) = (observation.sent_at, observation.sequence);
        let known = life.sealed.unwrap_or(Sealed { not_before, latest, highest });
        self.sealed.remove(&(known.latest, observation.origin));
        let latest = known.latest.max(latest);
        life.sealed = Some(Sealed { latest, highest: known.highest.max(highest), ..known });
        self.sealed.insert((latest, observation.origin));
        self.marks_changed = true;
        self.keep_within_bounds();
        Ok(())
    }

    /// Drops what is known of an origin that will not come back, but for what others may still pass on.
    pub(crate) fn forget(&mut self, origin: AgentId) {
        if let Some(life) = self.origins.get_mut(&origin) {
            life.direct = false;
            if life.sealed.is_none() {
                self.origins.remove(&origin);
            }
        }
    }

    /// How far all origins have come, if that has changed since it was last asked.
    pub(crate) fn marks(&mut self) -> Option<Vec<Mark>> {
        if !std::mem::take(&mut self.marks_changed) {
            return None;
        }
        let mark = |origin: &AgentId| {
            let life = self.origins.get(origin)?;
            Some(Mark { origin: *origin, epoch: life.epoch?, sequence: life.sealed?.highest })
        };
        Some(self.sealed.iter().filter_map(|(_, origin)| mark(origin)).collect())
    }

    /// What is so old that it is not fresh need not be remembered.
    fn forget_stale(&mut self, now: UnixMicros) {
        while let Some((latest, origin)) = self.sealed.first().copied()
            && now.saturating_since(latest) > self.freshness
        {
            self.forget_sealed(latest, origin);
        }
    }

    fn keep_within_bounds(&mut self) {
        if self.sealed.len() > MAX_SEALED_ORIGINS
            && let Some((latest, origin)) = self.sealed.first().copied()
        {
            self.not_before = self.not_before.max(UnixMicros::new(latest.get().saturating_add(1)));
            self.forget_sealed(latest, origin);
        }
    }

    fn forget_sealed(&mut self, latest: UnixMicros, origin: AgentId) {
        self.sealed.remove(&(latest, origin));
        if let Some(life) = self.origins.get_mut(&origin) {
            life.sealed = None;
            if !life.direct {
                self.origins.remove(&origin);
            }
        }
    }
}

impl Life {
    /// As it was at this mark.
    fn known(mark: Mark, sealed: Sealed) -> Self {
        Self {
            epoch: Some(mark.epoch),
            lossy: Window::seen_up_to(mark.sequence),
            newest: Newest { forgotten: Some(mark.sequence), ..Newest::default() },
            reliable: Some(mark.sequence),
            sealed: Some(sealed),
            direct: false,
        }
    }

    /// What was known of the life before does not count in this one.
    #[cold]
    fn enter(&mut self, epoch: Epoch) {
        let sealed = self.sealed.map(|sealed| Sealed { highest: Sequence::new(0), ..sealed });
        *self = Self { epoch: Some(epoch), sealed, direct: self.direct, ..Self::default() };
    }

    fn take(&mut self, observation: &Observation) -> Result<(), DropReason> {
        let sequence = observation.sequence;
        let is_new = match (&observation.delivery, Slot::of(observation)) {
            // One that took over an early turn comes before those that waited behind it, however many numbers lie
            // between: in one window with them it would make them look known.
            (_, Some(slot)) => return self.newest.take(slot, sequence),
            // Whoever passes them on does so in their order, and so each comes first by the way that is ahead.
            (Delivery::Reliable, None) => {
                let last = self.reliable.max(Some(sequence));
                std::mem::replace(&mut self.reliable, last) < Some(sequence)
            }
            (_, None) => self.lossy.is_new(sequence),
        };
        if is_new { Ok(()) } else { Err(DropReason::Duplicate) }
    }

    /// What [`Self::take`] would say of one of this life.
    fn peek(&self, observation: &Observation) -> Result<(), DropReason> {
        let sequence = observation.sequence;
        let is_new = match Slot::of(observation) {
            Some(slot) => return self.newest.peek(&slot, sequence),
            None if observation.delivery == Delivery::Reliable => self.reliable < Some(sequence),
            None => self.lossy.would_be_new(sequence),
        };
        if is_new { Ok(()) } else { Err(DropReason::Duplicate) }
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
    fn peek(&self, slot: &Slot, sequence: Sequence) -> Result<(), DropReason> {
        match self.by_slot.get(slot) {
            Some(known) if *known == sequence => Err(DropReason::Duplicate),
            Some(known) if *known > sequence => Err(DropReason::Outdated),
            // A newer one may have come and been forgotten.
            None if self.forgotten >= Some(sequence) => Err(DropReason::Outdated),
            _ => Ok(()),
        }
    }

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

/// So much later, or as late as can be said.
fn later(time: UnixMicros, by: Duration) -> UnixMicros {
    UnixMicros::new(time.get().saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
