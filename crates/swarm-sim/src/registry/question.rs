//! Questions that a timeline asks, each with its own idea of a right answer.

use std::fmt;

use bytes::Bytes;
use swarm_core::Chunk;

/// A question with its judge.
///
/// The judge sees the chunks of a complete answer, in order; an answer that never became complete is not right, and
/// no judge is asked about it.
///
/// ```
/// use swarm_sim::Question;
///
/// let question = Question::new("2 + 2", |answer| answer.last().is_some_and(|chunk| chunk.payload == "4"));
/// assert_eq!(question.payload(), "2 + 2");
/// ```
pub struct Question {
    payload: Bytes,
    judge: Box<Judge>,
}

type Judge = dyn FnOnce(&[Chunk]) -> bool + Send;

impl Question {
    /// A question of these bytes, answered rightly if `judge` says so.
    #[must_use]
    pub fn new(payload: impl Into<Bytes>, judge: impl FnOnce(&[Chunk]) -> bool + Send + 'static) -> Self {
        Self { payload: payload.into(), judge: Box::new(judge) }
    }

    /// What is asked.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Whether the answer is right.
    pub(crate) fn judge(self, answer: &[Chunk]) -> bool {
        (self.judge)(answer)
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("payload_bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

/// The questions of one source, in the order of their asking.
pub(crate) type Questions = Box<dyn Iterator<Item = Question> + Send>;

/// A named source of questions.
pub(crate) struct QuestionSource {
    pub(crate) summary: String,
    ask: Box<dyn Fn(u64) -> Questions + Send + Sync>,
}

impl QuestionSource {
    pub(crate) fn new<I>(summary: String, ask: impl Fn(u64) -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Question> + Send + 'static,
    {
        Self { summary, ask: Box::new(move |seed| Box::new(ask(seed))) }
    }

    /// The questions that follow from this seed.
    pub(crate) fn ask(&self, seed: u64) -> Questions {
        (self.ask)(seed)
    }
}
