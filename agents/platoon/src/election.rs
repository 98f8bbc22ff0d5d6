//! Who commands. Words and the time come in, words and orders go out; nothing waits, nothing is sent.
//!
//! ```text
//!              enough have answered               alarm                  a majority would           a majority does
//!   Joining ──────────────────────────► Following ──────► Standing(trial) ────────► Standing(real) ────────► Commanding
//!                                           ▲                  │ over                   │ over                  │ lease is over,
//!                                           └──────────────────┴────────────────────────┴───────────────────────┘ or term is
//! ```
//!
//! - **One commander in a term**: each member votes once in a term, and it takes a majority to win it. A member that has just
//!   begun to live does not know how it voted before. It waits until whoever it may have voted for has won or given up,
//!   asks the others for the term, and votes in later ones only. That holds as long as a minority at a time has forgotten.
//! - **One commander at a time**: whoever obeys an order or votes promises to vote for nobody else while the lease lasts. A
//!   commander counts its lease from before its order was sent, and a tenth shorter, so it is over before any promise is.

mod role;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use swarm_core::AgentId;

use self::role::{Command, Joining, Role, Standing};
use crate::messages::{Order, Word};

/// Orders of which nobody has said that they are obeyed are remembered up to this number: more than a lease has.
const ORDERS_UNDER_WAY: usize = 64;

/// How a platoon elects.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// How many members there are, whether they live or not.
    pub(crate) members: usize,
    /// For how long a member that has obeyed is bound to its commander.
    pub(crate) lease: Duration,
    /// From one order to the next.
    pub(crate) beat: Duration,
    /// How long it waits before it stands itself, beside the lease, at least.
    pub(crate) patience: Duration,
}

/// Something to say to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    Order(Order),
    Word(Word),
}

/// One member's part in all elections.
#[derive(Debug)]
pub(crate) struct Election {
    me: AgentId,
    rules: Rules,
    rng: Xoshiro256PlusPlus,
    term: u64,
    /// For whom it has voted in this term. For itself, too, if it does not know.
    vote: Option<AgentId>,
    /// Until when it votes for nobody but `bound_to`.
    bound_until: Duration,
    bound_to: Option<AgentId>,
    role: Role,
    /// When to do something without being told.
    alarm: Duration,
}

impl Election {
    pub(crate) fn new(me: AgentId, rules: Rules, seed: u64, now: Duration) -> Self {
        // By then whoever it may have voted for has won or given up, even by a clock that is slow.
        let alarm = now + 2 * rules.lease;
        let role = Role::Joining(Joining::default());
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { me, rules, rng, term: 0, vote: None, bound_until: Duration::ZERO, bound_to: None, role, alarm }
    }

    /// When [`Self::wake`] wants to be called.
    pub(crate) fn alarm(&self) -> Duration {
        self.alarm
    }

    /// In which term it is.
    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    /// Whether it commands.
    pub(crate) fn commands(&self, now: Duration) -> bool {
        matches!(&self.role, Role::Commanding(command) if now < command.lease_until(self.majority(), self.lease()))
    }

    /// Nothing but time has passed.
    pub(crate) fn wake(&mut self, now: Duration) -> Vec<Say> {
        if now < self.alarm {
            return Vec::new();
        }
        let (majority, lease) = (self.majority(), self.lease());
        match &mut self.role {
            Role::Joining(joining) => {
                let round = self.rng.random();
                *joining = Joining { round: Some(round), answers: BTreeMap::new() };
                self.alarm = now + self.rules.beat;
                vec![Say::Word(Word::Join { round })]
            }
            Role::Following => self.stand(now, true),
            Role::Commanding(command) if now < command.lease_until(majority, lease) => {
                self.order(now).into_iter().collect()
            }
            // Not enough have answered, or not enough obey.
            Role::Standing(_) | Role::Commanding(_) => {
                self.follow(now);
                Vec::new()
            }
        }
    }

    /// Somebody has given an order.
    pub(crate) fn hear_order(&mut self, from: AgentId, order: Order, now: Duration) -> Vec<Say> {
        let Order { term, number } = order;
        if term < self.term {
            return vec![Say::Word(Word::Over { term: self.term })];
        }
        if term > self.term {
            self.enter(term, now);
        }
        // It has won this term, so we have not.
        if !matches!(self.role, Role::Joining(_) | Role::Following) {
            self.follow(now);
        }
        self.bind(from, now);
        if matches!(self.role, Role::Following) {
            self.alarm = now + self.pause();
        }
        vec![Say::Word(Word::Obey { to: from, term, number })]
    }

    /// Somebody has said something.
    pub(crate) fn hear(&mut self, from: AgentId, word: Word, now: Duration) -> Vec<Say> {
        match word {
            Word::Stand { term, trial } => self.answer(from, term, trial, now).into_iter().collect(),
            Word::Vote { to, term, trial } if to == self.me => self.count(from, term, trial, now),
            Word::Obey { to, term, number } if to == self.me => {
                if let Role::Commanding(command) = &mut self.role
                    && term == self.term
                {
                    command.obeyed(from, number);
                }
                Vec::new()
            }
            Word::Over { term } => {
                if term > self.term {
                    self.enter(term, now);
                }
                Vec::new()
            }
            Word::Join { round } => {
                let term = (!matches!(self.role, Role::Joining(_))).then_some(self.term);
                vec![Say::Word(Word::Joined { to: from, round, term })]
            }
            Word::Joined { to, round, term } if to == self.me => {
                self.join(from, round, term, now);
                Vec::new()
            }
            Word::Vote { .. } | Word::Obey { .. } | Word::Joined { .. } => Vec::new(),
        }
    }

    /// It is a member like any other once a majority of the others has said what term it is, or all of them have answered:
    /// then either somebody knows, or nobody ever began.
    fn join(&mut self, from: AgentId, round: u64, term: Option<u64>, now: Duration) {
        let (others, majority) = (self.rules.members.saturating_sub(1), self.majority());
        let Role::Joining(joining) = &mut self.role else { return };
        if joining.round != Some(round) || from == self.me {
            return;
        }
        joining.answers.insert(from, term);
        let known = joining.answers.values().flatten();
        if known.clone().count() < majority.min(others) && joining.answers.len() < others {
            return;
        }
        self.term = known.copied().max().unwrap_or(0).max(self.term);
        // It may have voted in this term, so it does not do so again.
        self.vote = Some(self.me);
        self.follow(now);
    }

    /// Votes, unless it may not. Those who stand only on trial are told whether it would.
    fn answer(&mut self, from: AgentId, term: u64, trial: bool, now: Duration) -> Option<Say> {
        if matches!(self.role, Role::Joining(_)) || from == self.me {
            return None;
        }
        // It may have voted in its own term, so whoever wants to know early asks for a later one.
        if term < self.term || (trial && term == self.term) {
            return Some(Say::Word(Word::Over { term: self.term }));
        }
        if self.is_bound(from, now) || self.commands(now) {
            return None;
        }
        if !trial {
            if term > self.term {
                self.enter(term, now);
            }
            if *self.vote.get_or_insert(from) != from {
                return None;
            }
            self.bind(from, now);
            self.alarm = self.alarm.max(now + self.pause());
        }
        Some(Say::Word(Word::Vote { to: from, term, trial }))
    }

    /// Counts a vote, or the word that it would be given.
    fn count(&mut self, from: AgentId, term: u64, trial: bool, now: Duration) -> Vec<Say> {
        let majority = self.majority();
        let Role::Standing(standing) = &mut self.role else { return Vec::new() };
        // After its time is over a vote is void, for whoever gave it may have forgotten.
        if standing.trial != trial || standing.term != term || now >= self.alarm || from == self.me {
            return Vec::new();
        }
        standing.votes.insert(from);
        if standing.votes.len() + 1 < majority {
            return Vec::new();
        }
        if trial {
            return self.stand(now, false);
        }
        self.role = Role::Commanding(Command::won(standing.votes.iter().copied(), standing.since));
        self.order(now).into_iter().collect()
    }

    fn stand(&mut self, now: Duration, trial: bool) -> Vec<Say> {
        let term = self.term + 1;
        if !trial {
            self.term = term;
            self.vote = Some(self.me);
        }
        self.role = Role::Standing(Standing { term, trial, votes: Default::default(), since: now });
        self.alarm = now + self.rules.lease / 2;
        vec![Say::Word(Word::Stand { term, trial })]
    }

    fn order(&mut self, now: Duration) -> Option<Say> {
        let Role::Commanding(command) = &mut self.role else { return None };
        let number = command.next(now);
        self.alarm = now + self.rules.beat;
        Some(Say::Order(Order { term: self.term, number }))
    }

    /// A higher term is there. What it was in the term before it is no more.
    fn enter(&mut self, term: u64, now: Duration) {
        self.term = term;
        self.vote = None;
        if !matches!(self.role, Role::Joining(_) | Role::Following) {
            self.follow(now);
        }
    }

    fn follow(&mut self, now: Duration) {
        self.role = Role::Following;
        self.alarm = now + self.pause();
    }

    /// How long to wait for a commander: never alike, so that not all stand at once.
    fn pause(&mut self) -> Duration {
        self.rules.lease + self.rules.patience + self.rules.lease.mul_f64(self.rng.random_range(0.0..0.5))
    }

    fn bind(&mut self, to: AgentId, now: Duration) {
        self.bound_to = Some(to);
        self.bound_until = now + self.rules.lease;
    }

    fn is_bound(&self, from: AgentId, now: Duration) -> bool {
        now < self.bound_until && self.bound_to != Some(from)
    }

    /// The lease as a commander counts it.
    fn lease(&self) -> Duration {
        self.rules.lease * 9 / 10
    }

    fn majority(&self) -> usize {
        self.rules.members / 2 + 1
    }
}
