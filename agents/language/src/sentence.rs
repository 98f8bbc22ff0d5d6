//! A sentence within bounds, cut into words. Knows no grammar and no intents.

use std::fmt::{self, Display, Formatter};

/// A question in English that is short enough to be looked at and says something.
///
/// ```
/// use agent_language::Sentence;
///
/// let sentence = Sentence::new("Is it even, or odd?")?;
/// assert_eq!(sentence.tokens().count(), 5);
/// assert!(Sentence::new("  ").is_err());
/// # Ok::<(), agent_language::SentenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sentence(String);

impl Sentence {
    /// The longest sentence, in bytes of UTF-8: several times what a person asks at once.
    pub const MAX_BYTES: usize = 4096;

    /// The most words of a sentence; each costs one run of the network when streamed.
    pub const MAX_TOKENS: usize = 256;

    /// Takes a text as a sentence.
    ///
    /// # Errors
    /// [`SentenceError`] if it is longer than [`MAX_BYTES`](Self::MAX_BYTES), has more than
    /// [`MAX_TOKENS`](Self::MAX_TOKENS) words, or has no letter and no digit.
    pub fn new(text: impl Into<String>) -> Result<Self, SentenceError> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(SentenceError::TooLong { bytes: text.len() });
        }
        let tokens = text.split_whitespace().count();
        if tokens > Self::MAX_TOKENS {
            return Err(SentenceError::TooManyTokens { tokens });
        }
        if !text.contains(char::is_alphanumeric) {
            return Err(SentenceError::Empty);
        }
        Ok(Self(text))
    }

    /// The words, separated by white space, with the punctuation that clings to them. At least one.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split_whitespace()
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Sentence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not taken as a sentence.
///
/// ```
/// use agent_language::{Sentence, SentenceError};
///
/// assert_eq!(Sentence::new("?!"), Err(SentenceError::Empty));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SentenceError {
    /// It has no letter and no digit: ask something.
    #[error("the sentence is empty: ask something about the digit")]
    Empty,
    /// It is longer than [`Sentence::MAX_BYTES`]: ask in fewer words.
    #[error("the sentence is {bytes} bytes long: shorten it to {MAX}", MAX = Sentence::MAX_BYTES)]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// It has more words than [`Sentence::MAX_TOKENS`]: ask in fewer words.
    #[error("the sentence has {tokens} words: shorten it to {MAX}", MAX = Sentence::MAX_TOKENS)]
    TooManyTokens {
        /// How many words it has.
        tokens: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_says_nothing_is_refused() {
        for nothing in ["", " \n\t ", "?!… --"] {
            assert_eq!(Sentence::new(nothing), Err(SentenceError::Empty));
        }
    }

    #[test]
    fn the_longest_sentence_is_taken_and_one_byte_more_is_not() {
        assert!(Sentence::new("a".repeat(Sentence::MAX_BYTES)).is_ok());
        let longer = "a".repeat(Sentence::MAX_BYTES + 1);
        assert_eq!(Sentence::new(longer), Err(SentenceError::TooLong { bytes: 4097 }));
    }

    #[test]
    fn the_wordiest_sentence_is_taken_and_one_word_more_is_not() {
        assert!(Sentence::new("is ".repeat(Sentence::MAX_TOKENS)).is_ok());
        let longer = "is ".repeat(Sentence::MAX_TOKENS + 1);
        assert_eq!(Sentence::new(longer), Err(SentenceError::TooManyTokens { tokens: 257 }));
    }
}
