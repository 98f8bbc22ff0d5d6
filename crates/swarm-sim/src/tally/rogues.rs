//! What became of what rogues tried.

use std::collections::BTreeMap;

use swarm_adversary::Outcome;

use super::Durations;

/// What became of what rogues tried, from the start of the run on. What was under way at the end is not counted.
///
/// ```
/// let nobody = swarm_sim::RogueFigures::default();
/// assert_eq!((nobody.attempts, nobody.cut_off.count()), (0, 0));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RogueFigures {
    /// How many times they began.
    pub attempts: u64,
    /// How many of them a node said hello to.
    pub admitted: u64,
    /// How many a node ended before its hello.
    pub refused: u64,
    /// How many a node ended after its hello.
    pub sent_away: u64,
    /// How many went on for as long as they wanted.
    pub borne: u64,
    /// How many came to nothing by themselves.
    pub failed: u64,
    /// Packets, datagrams and streams with harm in mind.
    pub acts: u64,
    /// From the first wrong act of those that were refused or sent away to their end.
    pub cut_off: Durations,
    /// In which words attempts were ended, and how often.
    pub words: BTreeMap<String, u64>,
}

impl RogueFigures {
    pub(super) fn enter(&mut self, outcome: &Outcome) {
        self.attempts += outcome.attempts;
        self.admitted += outcome.admitted;
        self.refused += outcome.refused;
        self.sent_away += outcome.sent_away;
        self.borne += outcome.borne;
        self.failed += outcome.failed;
        self.acts += outcome.acts;
        outcome.cut_off_after.iter().for_each(|after| self.cut_off.record(*after));
        for (words, count) in &outcome.words {
            *self.words.entry(words.clone()).or_default() += count;
        }
    }

    pub(super) fn merge(&mut self, others: &Self) {
        self.attempts += others.attempts;
        self.admitted += others.admitted;
        self.refused += others.refused;
        self.sent_away += others.sent_away;
        self.borne += others.borne;
        self.failed += others.failed;
        self.acts += others.acts;
        self.cut_off.merge(&others.cut_off);
        for (words, count) in &others.words {
            *self.words.entry(words.clone()).or_default() += count;
        }
    }
}
