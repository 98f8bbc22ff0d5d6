//! What a classifier says of a sentence: the likeliest intents, best first. Knows no model.

use serde::{Deserialize, Serialize};

use crate::Intent;

/// An intent, and how likely it is.
///
/// ```
/// use agent_language::{Intent, IntentGuess};
///
/// let guess = IntentGuess { intent: Intent::Parity, probability: 0.9 };
/// assert!(guess.probability <= 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntentGuess {
    /// What may be asked.
    pub intent: Intent,
    /// 0 to 1.
    pub probability: f32,
}

/// The three likeliest intents, the likeliest first.
///
/// What comes from another node is checked while it is decoded: three different intents, probabilities between 0 and 1
/// in falling order. On the wire it is an array of three [`IntentGuess`]es.
///
/// ```
/// use agent_language::{Intent, IntentGuess, IntentGuesses};
///
/// let guesses = IntentGuesses::try_from([
///     IntentGuess { intent: Intent::Square, probability: 0.7 },
///     IntentGuess { intent: Intent::Double, probability: 0.2 },
///     IntentGuess { intent: Intent::Name, probability: 0.1 },
/// ])?;
/// assert_eq!(guesses.best().intent, Intent::Square);
/// # Ok::<(), agent_language::IntentGuessesError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[IntentGuess; 3]", into = "[IntentGuess; 3]")]
pub struct IntentGuesses([IntentGuess; 3]);

impl IntentGuesses {
    /// The likeliest intent.
    #[must_use]
    pub const fn best(&self) -> IntentGuess {
        let Self([best, ..]) = self;
        *best
    }

    /// All three, the likeliest first.
    #[must_use]
    pub const fn as_slice(&self) -> &[IntentGuess] {
        &self.0
    }

    /// The best three of eight probabilities in the order of [`Intent::ALL`]; of equally likely intents the one that
    /// is listed earlier goes first.
    pub(crate) fn from_probabilities(probabilities: &[f32; 8]) -> Result<Self, IntentGuessesError> {
        let mut all = probabilities.iter();
        let mut ranked = Intent::ALL
            .map(|intent| IntentGuess { intent, probability: all.next().copied().unwrap_or_default() });
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let [first, second, third, ..] = ranked;
        Self::try_from([first, second, third])
    }
}

impl TryFrom<[IntentGuess; 3]> for IntentGuesses {
    type Error = IntentGuessesError;

    fn try_from(guesses: [IntentGuess; 3]) -> Result<Self, IntentGuessesError> {
        let [first, second, third] = guesses;
        let probable = guesses.iter().all(|guess| (0.0..=1.0).contains(&guess.probability));
        let falling = first.probability >= second.probability && second.probability >= third.probability;
        let different =
            first.intent != second.intent && first.intent != third.intent && second.intent != third.intent;
        match (probable, falling && different) {
            (true, true) => Ok(Self(guesses)),
            (false, _) => Err(IntentGuessesError::NotAProbability),
            (true, false) => Err(IntentGuessesError::NotRanked),
        }
    }
}

impl From<IntentGuesses> for [IntentGuess; 3] {
    fn from(guesses: IntentGuesses) -> Self {
        guesses.0
    }
}

/// Why three guesses are not an answer.
///
/// ```
/// use agent_language::{Intent, IntentGuess, IntentGuesses, IntentGuessesError};
///
/// let same = IntentGuess { intent: Intent::Name, probability: 0.3 };
/// assert_eq!(IntentGuesses::try_from([same; 3]), Err(IntentGuessesError::NotRanked));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntentGuessesError {
    /// A probability is not a number from 0 to 1: do not trust the sender's model.
    #[error("a guess has a probability that is not between 0 and 1")]
    NotAProbability,
    /// The guesses repeat an intent or are not in falling order: sort them before sending.
    #[error("the guesses are not three different intents, likeliest first")]
    NotRanked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_three_are_kept_in_falling_order() {
        let kept = IntentGuesses::from_probabilities(&[0.1, 0.0, 0.0, 0.6, 0.1, 0.0, 0.2, 0.0]).unwrap();
        let intents: Vec<Intent> = kept.as_slice().iter().map(|guess| guess.intent).collect();
        assert_eq!(intents, [Intent::Square, Intent::IsPrime, Intent::Name]);
    }

    #[test]
    fn numbers_that_are_no_probabilities_are_refused() {
        let wrong = IntentGuesses::from_probabilities(&[f32::NAN; 8]);
        assert_eq!(wrong, Err(IntentGuessesError::NotAProbability));
    }

    #[test]
    fn guesses_cross_the_wire_unchanged_and_lies_do_not() {
        let sent = IntentGuesses::from_probabilities(&[0.5, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let bytes = rmp_serde::to_vec(&sent).unwrap();
        assert_eq!(rmp_serde::from_slice::<IntentGuesses>(&bytes).unwrap(), sent);

        let lie = rmp_serde::to_vec(&[IntentGuess { intent: Intent::Name, probability: 7.0 }; 3]).unwrap();
        assert!(rmp_serde::from_slice::<IntentGuesses>(&lie).is_err());
    }
}
