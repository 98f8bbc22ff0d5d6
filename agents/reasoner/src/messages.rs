//! What crosses between this agent and others: names, labels and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! reason.answer   body, two chunks in any order:   image: 400 grey pixels, row by row    sentence: UTF-8
//!                 or one chunk without a label:    Question {image, sentence}
//!                 reply, while it forms:           image_feature and text_feature, as vision and language send them
//!                 reply, once both are complete:   thought, thought, answer
//! ```

use agent_language::Intent;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The capability: a question about a picture of a digit.
pub const REASON: &str = "reason.answer";

/// The label of the chunk of the body that is the picture: the body of `vision.classify`.
pub const IMAGE: &str = "image";

/// The label of the chunk of the body that is the question: the body of `language.intent`.
pub const SENTENCE: &str = "sentence";

/// The label of chunks that say what was understood; each carries a [`Thought`].
pub const THOUGHT: &str = "thought";

/// The label of the last chunk of the reply, which carries an [`Answer`].
pub const ANSWER: &str = "answer";

/// Both parts of a question in one chunk, for requesters that send plain bytes. A map with the fields' names on the
/// wire.
///
/// ```
/// use agent_reasoner::messages::Question;
/// use swarm_core::Chunk;
///
/// let question = Question { image: vec![0; 400].into(), sentence: "Is it even?".to_owned() };
/// let chunk = Chunk::encode("", &question)?;
/// assert_eq!(chunk.decode::<Question>()?, question);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The picture, 400 grey pixels row by row; binary on the wire.
    pub image: Bytes,
    /// What is asked about it.
    pub sentence: String,
}

/// Something understood on the way to an answer, for people to read. A map with the fields' names on the wire.
///
/// ```
/// use agent_reasoner::messages::{THOUGHT, Thought};
/// use swarm_core::Chunk;
///
/// let chunk = Chunk::encode(THOUGHT, &Thought { text: "the picture shows 7".to_owned() })?;
/// assert_eq!(chunk.decode::<Thought>()?.text, "the picture shows 7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thought {
    /// In words.
    pub text: String,
}

/// What follows from picture and sentence. A map with the fields' names on the wire.
///
/// ```
/// use agent_language::Intent;
/// use agent_reasoner::messages::{ANSWER, Answer};
/// use swarm_core::Chunk;
///
/// let answer = Answer { digit: 7, intent: Intent::Parity, text: "7 is odd".to_owned(), confidence: 0.9 };
/// assert_eq!(Chunk::encode(ANSWER, &answer)?.decode::<Answer>()?, answer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The digit that the picture shows, 0 to 9.
    pub digit: u8,
    /// What the sentence asks.
    pub intent: Intent,
    /// The answer to it.
    pub text: String,
    /// How likely both are right, 0 to 1: the product of what vision and language say.
    pub confidence: f32,
}
