//! Which commands were executed, in bounded memory, so that none is executed twice.
//!
//! ```text
//! per requester:   highest id ─┐
//!                  ▢▣▣▢▣▣▣▣▣▣▣▣▣    the last 128 ids, one bit each; what lies below is too old to be told
//! ```
//!
//! Pure: knows neither orders nor time.

use std::collections::BTreeMap;

use swarm_core::{AgentId, Epoch};

/// How many ids back a command can be told from its repetition; one bit each.
const WINDOW: u64 = 128;

/// How many requesters are remembered: as many as a node has connections. Beyond it the one that has been silent for
/// longest is forgotten.
const REQUESTERS: usize = 512;

/// What to do with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Execute it.
    New,
    /// Execute it, although a later one was executed before.
    Overtaken,
    /// It was executed: confirm it.
    Repeated,
    /// Nobody knows any more whether it was executed.
    TooOld,
}

/// The commands of all requesters.
#[derive(Debug, Default)]
pub(crate) struct CommandLog {
    requesters: BTreeMap<AgentId, Requester>,
    /// Counts admissions, to know who has been silent for longest.
    turn: u64,
}

#[derive(Debug, Clone, Copy)]
struct Requester {
    epoch: Epoch,
    highest: Option<u64>,
    /// Bit n stands for the id `highest - n`.
    executed: u128,
    last_turn: u64,
}

impl CommandLog {
    /// Decides about a command and remembers it. A new life of a requester numbers its commands anew; commands of an
    /// earlier life are too old.
    pub(crate) fn admit(&mut self, requester: AgentId, epoch: Epoch, id: u64) -> Admission {
        self.turn += 1;
        let turn = self.turn;
        if !self.requesters.contains_key(&requester) {
            self.make_room();
        }
        let known = self.requesters.entry(requester).or_insert_with(|| Requester::new(epoch));
        if epoch > known.epoch {
            *known = Requester::new(epoch);
        }
        known.last_turn = turn;
        if epoch < known.epoch { Admission::TooOld } else { known.admit(id) }
    }

    fn make_room(&mut self) {
        if self.requesters.len() >= REQUESTERS {
            let silent = self.requesters.iter().min_by_key(|(_, known)| known.last_turn);
            if let Some(silent) = silent.map(|(id, _)| *id) {
                self.requesters.remove(&silent);
            }
        }
    }
}

impl Requester {
    fn new(epoch: Epoch) -> Self {
        Self { epoch, highest: None, executed: 0, last_turn: 0 }
    }

    fn admit(&mut self, id: u64) -> Admission {
        match self.highest {
            Some(highest) if id <= highest => self.admit_earlier(highest - id),
            _ => {
                self.advance_to(id);
                Admission::New
            }
        }
    }

    fn admit_earlier(&mut self, age: u64) -> Admission {
        if age >= WINDOW {
            return Admission::TooOld;
        }
        let bit = 1_u128 << age;
        let seen = self.executed & bit != 0;
        self.executed |= bit;
        if seen { Admission::Repeated } else { Admission::Overtaken }
    }

    fn advance_to(&mut self, id: u64) {
        let by = self.highest.and_then(|highest| u32::try_from(id - highest).ok());
        let kept = by.and_then(|by| self.executed.checked_shl(by)).unwrap_or(0);
        self.executed = kept | 1;
        self.highest = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn agent(n: u16) -> AgentId {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&n.to_be_bytes());
        AgentId::from_key_digest(digest)
    }

    fn admit(log: &mut CommandLog, id: u64) -> Admission {
        log.admit(agent(1), Epoch::new(1), id)
    }

    #[test]
    fn a_command_is_new_once() {
        let mut log = CommandLog::default();
        assert_eq!(admit(&mut log, 5), Admission::New);
        assert_eq!(admit(&mut log, 5), Admission::Repeated);
        assert_eq!(admit(&mut log, 6), Admission::New);
        assert_eq!(admit(&mut log, 5), Admission::Repeated);
    }

    #[test]
    fn commands_may_overtake_one_another() {
        let mut log = CommandLog::default();
        assert_eq!(admit(&mut log, 3), Admission::New);
        assert_eq!(admit(&mut log, 1), Admission::Overtaken);
        assert_eq!(admit(&mut log, 2), Admission::Overtaken);
        assert_eq!(admit(&mut log, 1), Admission::Repeated);
    }

    #[test]
    fn what_may_have_been_executed_is_never_new() {
        let mut log = CommandLog::default();
        let mut executed = BTreeSet::new();
        // Steps forth and back of very different sizes, and the largest number there is.
        let ids = (0..4000_u64).map(|n| n + (n * 37) % 150).chain([u64::MAX, 17, u64::MAX, u64::MAX - 1]);
        for id in ids {
            if matches!(admit(&mut log, id), Admission::New | Admission::Overtaken) {
                assert!(executed.insert(id), "{id} twice");
            } else {
                assert!(
                    executed.contains(&id) || executed.range(id + WINDOW..).next().is_some(),
                    "{id} never"
                );
            }
        }
        assert!(executed.len() > 1000);
    }

    #[test]
    fn a_command_far_behind_is_too_old() {
        let mut log = CommandLog::default();
        admit(&mut log, 1000);
        assert_eq!(admit(&mut log, 1000 - WINDOW + 1), Admission::Overtaken);
        assert_eq!(admit(&mut log, 1000 - WINDOW), Admission::TooOld);
    }

    #[test]
    fn a_new_life_begins_anew_and_the_old_one_is_over() {
        let mut log = CommandLog::default();
        assert_eq!(log.admit(agent(1), Epoch::new(1), 7), Admission::New);
        assert_eq!(log.admit(agent(1), Epoch::new(2), 7), Admission::New);
        assert_eq!(log.admit(agent(1), Epoch::new(1), 8), Admission::TooOld);
    }

    #[test]
    fn requesters_do_not_disturb_one_another_and_their_number_is_bounded() {
        let mut log = CommandLog::default();
        for n in 0..2000 {
            assert_eq!(log.admit(agent(n), Epoch::new(1), 0), Admission::New);
            assert_eq!(
                log.admit(agent(0), Epoch::new(1), u64::from(n)),
                if n == 0 { Admission::Repeated } else { Admission::New }
            );
        }
        assert_eq!(log.requesters.len(), REQUESTERS);
        assert_eq!(log.admit(agent(1999), Epoch::new(1), 0), Admission::Repeated);
        assert_eq!(log.admit(agent(0), Epoch::new(1), 1999), Admission::Repeated, "it was never silent");
    }
}
