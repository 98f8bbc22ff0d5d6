//! What crosses between this agent and others: names, labels and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! language.intent   body: a sentence in UTF-8     reply: text_feature {last: false}, …, text_feature {last: true}
//! ```

use serde::{Deserialize, Serialize};

use crate::IntentGuesses;

/// The capability: what does a sentence ask about a digit?
pub const INTENT: &str = "language.intent";

/// The label of the chunks of the reply; each carries a [`TextFeature`].
pub const TEXT_FEATURE: &str = "text_feature";

/// What a sentence seems to ask, up to and with one of its words. A map with the fields' names on the wire; readers
/// ignore keys they do not know.
///
/// ```
/// use agent_language::{Intent, IntentGuess, IntentGuesses};
/// use agent_language::messages::{TEXT_FEATURE, TextFeature};
/// use swarm_core::Chunk;
///
/// let guesses = [(Intent::Name, 0.6), (Intent::Parity, 0.3), (Intent::Spell, 0.1)];
/// let guesses = IntentGuesses::try_from(guesses.map(|(intent, probability)| IntentGuess { intent, probability }))?;
/// let feature = TextFeature { token: "what".to_owned(), guesses, last: false };
/// let chunk = Chunk::encode(TEXT_FEATURE, &feature)?;
/// assert_eq!(chunk.decode::<TextFeature>()?, feature);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextFeature {
    /// The word as it was written, with its punctuation.
    pub token: String,
    /// The likeliest intents so far.
    pub guesses: IntentGuesses,
    /// Whether the sentence ends here: what follows from it is the result.
    pub last: bool,
}
