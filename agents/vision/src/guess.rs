//! What a classifier says of a picture: the likeliest digits, best first. Knows no model.

use serde::{Deserialize, Serialize};

/// A digit, and how likely it is.
///
/// ```
/// let guess = agent_vision::Guess { digit: 7, probability: 0.9 };
/// assert!(guess.probability <= 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// 0 to 9.
    pub digit: u8,
    /// 0 to 1.
    pub probability: f32,
}

/// The three likeliest digits, the likeliest first.
///
/// What comes from another node is checked while it is decoded: three different digits, probabilities between 0 and 1
/// in falling order. On the wire it is an array of three [`Guess`]es.
///
/// ```
/// use agent_vision::{Guess, Guesses};
///
/// let guesses = Guesses::try_from([
///     Guess { digit: 7, probability: 0.7 },
///     Guess { digit: 1, probability: 0.2 },
///     Guess { digit: 9, probability: 0.1 },
/// ])?;
/// assert_eq!(guesses.best().digit, 7);
/// # Ok::<(), agent_vision::GuessesError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[Guess; 3]", into = "[Guess; 3]")]
pub struct Guesses([Guess; 3]);

impl Guesses {
    /// The likeliest digit.
    #[must_use]
    pub const fn best(&self) -> Guess {
        let Self([best, ..]) = self;
        *best
    }

    /// All three, the likeliest first.
    #[must_use]
    pub const fn as_slice(&self) -> &[Guess] {
        &self.0
    }

    /// The best three of ten probabilities, one per digit; of equally likely digits the smaller goes first.
    pub(crate) fn from_probabilities(probabilities: &[f32; 10]) -> Result<Self, GuessesError> {
        let mut all = (0..).zip(*probabilities).map(|(digit, probability)| Guess { digit, probability });
        let mut ranked: [Guess; 10] = std::array::from_fn(|_| all.next().unwrap_or(NOTHING));
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let [first, second, third, ..] = ranked;
        Self::try_from([first, second, third])
    }
}

/// Fills places that a full array does not have.
const NOTHING: Guess = Guess { digit: 0, probability: 0.0 };

impl TryFrom<[Guess; 3]> for Guesses {
    type Error = GuessesError;

    fn try_from(guesses: [Guess; 3]) -> Result<Self, GuessesError> {
        let [first, second, third] = guesses;
        if let Some(wrong) = guesses.iter().find(|guess| guess.digit > 9) {
            return Err(GuessesError::NotADigit { found: wrong.digit });
        }
        let probable = guesses.iter().all(|guess| (0.0..=1.0).contains(&guess.probability));
        let falling = first.probability >= second.probability && second.probability >= third.probability;
        let different =
            first.digit != second.digit && first.digit != third.digit && second.digit != third.digit;
        match (probable, falling && different) {
            (true, true) => Ok(Self(guesses)),
            (false, _) => Err(GuessesError::NotAProbability),
            (true, false) => Err(GuessesError::NotRanked),
        }
    }
}

impl From<Guesses> for [Guess; 3] {
    fn from(guesses: Guesses) -> Self {
        guesses.0
    }
}

/// Why three guesses are not an answer.
///
/// ```
/// use agent_vision::{Guess, Guesses, GuessesError};
///
/// let same = Guess { digit: 4, probability: 0.3 };
/// assert_eq!(Guesses::try_from([same; 3]), Err(GuessesError::NotRanked));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuessesError {
    /// A guess names something beyond 9: the sender does not speak of decimal digits.
    #[error("a guess names {found}, which is no decimal digit")]
    NotADigit {
        /// What it names.
        found: u8,
    },
    /// A probability is not a number from 0 to 1: do not trust the sender's model.
    #[error("a guess has a probability that is not between 0 and 1")]
    NotAProbability,
    /// The guesses repeat a digit or are not in falling order: sort them before sending.
    #[error("the guesses are not three different digits, likeliest first")]
    NotRanked,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses(three: [(u8, f32); 3]) -> Result<Guesses, GuessesError> {
        Guesses::try_from(three.map(|(digit, probability)| Guess { digit, probability }))
    }

    #[test]
    fn the_likeliest_three_are_kept_in_falling_order() {
        let kept = Guesses::from_probabilities(&[0.0, 0.1, 0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2]).unwrap();
        assert_eq!(kept.as_slice().iter().map(|guess| guess.digit).collect::<Vec<_>>(), [3, 9, 1]);
        assert_eq!(kept.best().digit, 3);
    }

    #[test]
    fn what_is_no_answer_is_refused_with_the_reason() {
        assert_eq!(guesses([(10, 0.5), (1, 0.4), (2, 0.1)]), Err(GuessesError::NotADigit { found: 10 }));
        assert_eq!(guesses([(0, f32::NAN), (1, 0.4), (2, 0.1)]), Err(GuessesError::NotAProbability));
        assert_eq!(guesses([(0, 0.1), (1, 0.4), (2, 0.1)]), Err(GuessesError::NotRanked));
        assert_eq!(guesses([(0, 0.4), (1, 0.3), (0, 0.1)]), Err(GuessesError::NotRanked));
    }

    #[test]
    fn guesses_cross_the_wire_unchanged() {
        let sent = guesses([(0, 0.5), (1, 0.4), (2, 0.1)]).unwrap();
        let bytes = rmp_serde::to_vec(&sent).unwrap();
        assert_eq!(rmp_serde::from_slice::<Guesses>(&bytes).unwrap(), sent);
    }

    #[test]
    fn guesses_that_lie_do_not_cross_the_wire() {
        let lie = [Guess { digit: 77, probability: 0.5 }; 3];
        let bytes = rmp_serde::to_vec(&lie).unwrap();
        assert!(rmp_serde::from_slice::<Guesses>(&bytes).is_err());
    }
}
