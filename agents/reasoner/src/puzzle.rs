//! Questions whose answers are known: to ask a swarm and judge what it says. Never asks anybody itself.

use agent_language::{Intent, SentenceWriter};
use agent_vision::{DigitPainter, Image};
use bytes::Bytes;
use swarm_core::Chunk;
use swarm_core::proto::{EncodeError, to_vec};

use crate::arithmetic;
use crate::messages::{ANSWER, Answer, Question};

/// Keeps the drawings away from those of small seeds, which the networks were trained with.
const FAR_FROM_TRAINING: u64 = 0x5eed_0000_0000_0000;

/// A question about a picture, and what there is to know of it.
///
/// ```
/// use agent_reasoner::Puzzles;
///
/// let puzzle = Puzzles::new(1).next().expect("there is no end of them");
/// assert!(puzzle.digit < 10 && puzzle.sentence.len() > 3);
/// assert!(!puzzle.is_solved_by(&[]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Puzzle {
    /// The picture.
    pub image: Image,
    /// What is asked about it, in a wording that the network was not trained with.
    pub sentence: String,
    /// The digit that the picture shows, 0 to 9.
    pub digit: u8,
    /// What the sentence asks.
    pub intent: Intent,
}

impl Puzzle {
    /// The body of a request for `reason.answer` that asks this, to be sent as one chunk without a label.
    ///
    /// # Errors
    /// As [`to_vec`], if the sentence is longer than any frame.
    pub fn payload(&self) -> Result<Bytes, EncodeError> {
        let image = Bytes::copy_from_slice(self.image.as_bytes());
        Ok(to_vec(&Question { image, sentence: self.sentence.clone() })?.into())
    }

    /// Whether the last of these chunks is the right answer: digit, intent and text.
    #[must_use]
    pub fn is_solved_by(&self, reply: &[Chunk]) -> bool {
        let last = reply.last().filter(|chunk| chunk.label == ANSWER);
        let answer = last.and_then(|chunk| chunk.decode::<Answer>().ok());
        answer.is_some_and(|answer| {
            let Answer { digit, intent, text, .. } = answer;
            let right = arithmetic::answer(self.digit, self.intent);
            (digit, intent, Some(text)) == (self.digit, self.intent, right)
        })
    }
}

/// Makes up puzzles, one after another, without end. The same seed makes up the same ones on every machine.
///
/// ```
/// use agent_reasoner::Puzzles;
///
/// let some: Vec<_> = Puzzles::new(7).take(3).collect();
/// assert_eq!(some, Puzzles::new(7).take(3).collect::<Vec<_>>());
/// ```
#[derive(Debug, Clone)]
pub struct Puzzles {
    painter: DigitPainter,
    writer: SentenceWriter,
}

impl Puzzles {
    /// Puzzles that all follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let seed = seed ^ FAR_FROM_TRAINING;
        Self { painter: DigitPainter::new(seed), writer: SentenceWriter::held_out(seed) }
    }
}

impl Iterator for Puzzles {
    type Item = Puzzle;

    fn next(&mut self) -> Option<Puzzle> {
        let ((image, digit), (sentence, intent)) = (self.painter.next()?, self.writer.next()?);
        Some(Puzzle { image, sentence, digit, intent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puzzle() -> Puzzle {
        Puzzles::new(3).next().unwrap()
    }

    fn right() -> Answer {
        let Puzzle { digit, intent, .. } = puzzle();
        Answer { digit, intent, text: arithmetic::answer(digit, intent).unwrap(), confidence: 0.5 }
    }

    fn judged(answer: &Answer) -> bool {
        puzzle().is_solved_by(&[Chunk::new("thought", "hm"), Chunk::encode(ANSWER, answer).unwrap()])
    }

    #[test]
    fn only_the_right_digit_intent_and_text_solve_it() {
        assert!(judged(&right()));
        assert!(!judged(&Answer { digit: (right().digit + 1) % 10, ..right() }));
        assert!(!judged(&Answer { text: "who knows".into(), ..right() }));
        let other = Intent::ALL.into_iter().find(|intent| *intent != right().intent).unwrap();
        assert!(!judged(&Answer { intent: other, ..right() }));
    }

    #[test]
    fn an_answer_that_is_not_last_or_cannot_be_read_solves_nothing() {
        let answer = Chunk::encode(ANSWER, &right()).unwrap();
        assert!(!puzzle().is_solved_by(&[answer.clone(), Chunk::new("thought", "but then")]));
        assert!(!puzzle().is_solved_by(&[Chunk::new(ANSWER, "42")]));
        assert!(!puzzle().is_solved_by(&[Chunk::new("thought", answer.payload)]));
    }

    #[test]
    fn the_payload_holds_the_whole_question() {
        let question: Question = Chunk::new("", puzzle().payload().unwrap()).decode().unwrap();
        assert_eq!(question.image, puzzle().image.as_bytes());
        assert_eq!(question.sentence, puzzle().sentence);
    }

    #[test]
    fn seeds_make_up_different_puzzles() {
        assert_ne!(puzzle(), Puzzles::new(4).next().unwrap());
    }
}
