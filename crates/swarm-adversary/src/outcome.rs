//! What became of an attack.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use swarm_core::proto::EncodeError;
use swarm_core::transport::ConnectionLost;
use swarm_core::{Cause, DialError};

/// What became of an attack, over all targets and attempts.
///
/// ```
/// let outcome = swarm_adversary::Outcome::default();
/// assert!(outcome.is_cut_off());
/// assert_eq!(outcome.longest(), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How many times it began.
    pub attempts: u64,
    /// How many of them a target said hello to.
    pub admitted: u64,
    /// How many ended before a hello, by the target's doing.
    pub refused: u64,
    /// How many were ended by the target after its hello.
    pub sent_away: u64,
    /// How many the target bore as long as they went on.
    pub borne: u64,
    /// How many came to nothing: nobody answered, or this side failed.
    pub failed: u64,
    /// Packets, datagrams or streams that were sent with harm in mind.
    pub acts: u64,
    /// From the first wrong act of each attempt that was refused or sent away to its end, of the first 10,000.
    pub cut_off_after: Vec<Duration>,
    /// In which words attempts were ended, and how often.
    pub words: BTreeMap<String, u64>,
}

/// How many durations are kept.
const MOST_KEPT: usize = 10_000;

impl Outcome {
    /// Whether no attempt was borne.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        self.borne == 0
    }

    /// The longest that it took to cut an attempt off.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        self.cut_off_after.iter().max().copied()
    }

    pub(crate) fn enter(&mut self, ended: Ended) {
        self.attempts += 1;
        self.admitted += u64::from(ended.admitted);
        let count = match (&ended.fate, ended.admitted) {
            (Fate::CutOff(_), true) => &mut self.sent_away,
            (Fate::CutOff(_), false) => &mut self.refused,
            (Fate::Borne, _) => &mut self.borne,
            (Fate::Failed(_), _) => &mut self.failed,
        };
        *count += 1;
        if let (Fate::CutOff(_), Some(after)) = (&ended.fate, ended.after)
            && self.cut_off_after.len() < MOST_KEPT
        {
            self.cut_off_after.push(after);
        }
        if let Fate::CutOff(words) | Fate::Failed(words) = ended.fate {
            *self.words.entry(words).or_default() += 1;
        }
    }

    /// Counts what became of another one too.
    pub fn merge(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.sent_away += other.sent_away;
        self.borne += other.borne;
        self.failed += other.failed;
        self.acts += other.acts;
        let room = MOST_KEPT.saturating_sub(self.cut_off_after.len());
        self.cut_off_after.extend(other.cut_off_after.into_iter().take(room));
        other.words.into_iter().for_each(|(words, count)| *self.words.entry(words).or_default() += count);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, admitted, refused, sent_away, borne, failed, acts, .. } = self;
        write!(
            f,
            "{attempts} attempts, {acts} acts: {admitted} let in, {refused} refused, {sent_away} sent away"
        )?;
        write!(f, ", {borne} borne, {failed} failed")?;
        match self.longest() {
            Some(longest) => write!(f, "; cut off within {longest:.1?}"),
            None => Ok(()),
        }
    }
}

/// How one attempt ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) fate: Fate,
    pub(crate) admitted: bool,
    /// From the first wrong act, if there was time for one.
    pub(crate) after: Option<Duration>,
}

/// What ended an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The target, in these words.
    CutOff(String),
    /// Nothing but the attacker's patience.
    Borne,
    /// This side, or nobody is there.
    Failed(String),
}

impl From<ConnectionLost> for Fate {
    fn from(lost: ConnectionLost) -> Self {
        match lost {
            ConnectionLost::ClosedByPeer { code, .. } => Self::CutOff(code.to_string()),
            ConnectionLost::Silent(_) => Self::CutOff("silence".to_owned()),
            ConnectionLost::Failed(_) => Self::CutOff("connection failed".to_owned()),
            // Nobody here closes anything: a library does when the target ends the session.
            _ => Self::CutOff("session ended".to_owned()),
        }
    }
}

impl From<DialError> for Fate {
    fn from(error: DialError) -> Self {
        match error {
            DialError::NoAnswer => Self::Failed("nobody answered".to_owned()),
            DialError::Refused { .. } => Self::CutOff("handshake refused".to_owned()),
            error => Self::CutOff(cause(&error)),
        }
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

impl From<quinn::ConnectionError> for Fate {
    fn from(error: quinn::ConnectionError) -> Self {
        use quinn::ConnectionError::{ApplicationClosed, ConnectionClosed, LocallyClosed, Reset, TimedOut};
        match error {
            ApplicationClosed(_) => Self::CutOff("closed".to_owned()),
            ConnectionClosed(closed) => Self::CutOff(closed.error_code.to_string()),
            Reset => Self::CutOff("reset".to_owned()),
            TimedOut => Self::CutOff("silence".to_owned()),
            // Nobody here closes anything: a library does when the target ends the session.
            LocallyClosed => Self::CutOff("session ended".to_owned()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<EncodeError> for Fate {
    fn from(error: EncodeError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Cause> for Fate {
    fn from(error: Cause) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Whatever fails on this side.
pub(crate) fn failed(error: impl fmt::Display) -> Fate {
    Fate::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(fate: Fate, admitted: bool) -> Ended {
        Ended { fate, admitted, after: Some(Duration::from_millis(5)) }
    }

    #[test]
    fn an_attempt_is_refused_before_and_sent_away_after_its_welcome() {
        let mut outcome = Outcome::default();
        outcome.enter(ended(Fate::CutOff("reset".into()), false));
        outcome.enter(ended(Fate::CutOff("reset".into()), true));
        outcome.enter(ended(Fate::Failed("nobody answered".into()), false));
        let before = outcome.clone();
        outcome.enter(ended(Fate::Borne, true));

        assert_eq!((outcome.refused, outcome.sent_away, outcome.borne, outcome.failed), (1, 1, 1, 1));
        assert_eq!((outcome.attempts, outcome.admitted), (4, 2));
        assert_eq!(outcome.words["reset"], 2);
        assert_eq!(outcome.longest(), Some(Duration::from_millis(5)));
        assert!(before.is_cut_off() && !outcome.is_cut_off());

        let mut sum = before;
        sum.merge(outcome);
        assert_eq!((sum.attempts, sum.borne, sum.cut_off_after.len()), (7, 1, 4));
    }
}
