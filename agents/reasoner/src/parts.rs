//! The two parts of a question as they arrive: which came, which is missing. Never looks inside of them.

use bytes::Bytes;
use swarm_core::Chunk;
use swarm_core::proto::DecodeError;

use crate::messages::{IMAGE, Question, SENTENCE};

/// A part of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Image(Bytes),
    Sentence(Bytes),
}

/// Which parts of one question have come.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    image: bool,
    sentence: bool,
}

/// Why a body is no question.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartsError {
    #[error("a chunk is labelled {0:?}: send one labelled \"image\" and one labelled \"sentence\"")]
    UnknownLabel(String),
    #[error("the {0} came twice: send each part in one chunk")]
    Twice(&'static str),
    #[error("the body ended without the {0}")]
    Missing(&'static str),
    #[error("a chunk without a label is no question: send a map with image and sentence ({0})")]
    Unreadable(#[from] DecodeError),
}

impl Parts {
    /// Takes the next chunk of the body, which holds one part or both.
    pub(crate) fn accept(&mut self, chunk: Chunk) -> Result<Vec<Part>, PartsError> {
        match chunk.label.as_str() {
            IMAGE => Ok(vec![self.image(chunk.payload)?]),
            SENTENCE => Ok(vec![self.sentence(chunk.payload)?]),
            "" => {
                let Question { image, sentence } = chunk.decode()?;
                Ok(vec![self.image(image)?, self.sentence(sentence.into())?])
            }
            _ => Err(PartsError::UnknownLabel(chunk.label)),
        }
    }

    /// Takes the end of the body.
    pub(crate) fn end(&self) -> Result<(), PartsError> {
        match (self.image, self.sentence) {
            (true, true) => Ok(()),
            (false, _) => Err(PartsError::Missing(IMAGE)),
            (true, false) => Err(PartsError::Missing(SENTENCE)),
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.image && self.sentence
    }

    fn image(&mut self, image: Bytes) -> Result<Part, PartsError> {
        once(&mut self.image, IMAGE)?;
        Ok(Part::Image(image))
    }

    fn sentence(&mut self, sentence: Bytes) -> Result<Part, PartsError> {
        once(&mut self.sentence, SENTENCE)?;
        Ok(Part::Sentence(sentence))
    }
}

fn once(came: &mut bool, part: &'static str) -> Result<(), PartsError> {
    if std::mem::replace(came, true) { Err(PartsError::Twice(part)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Chunk {
        Chunk::new(IMAGE, "pixels")
    }

    fn sentence() -> Chunk {
        Chunk::new(SENTENCE, "words")
    }

    #[test]
    fn the_parts_come_in_either_order() {
        for order in [[image(), sentence()], [sentence(), image()]] {
            let mut parts = Parts::default();
            for chunk in order {
                assert!(!parts.is_complete());
                assert_eq!(parts.accept(chunk).unwrap().len(), 1);
            }
            assert!(parts.is_complete());
        }
    }

    #[test]
    fn one_chunk_without_a_label_holds_both() {
        let question = Question { image: "pixels".into(), sentence: "words".to_owned() };
        let mut parts = Parts::default();
        let both = parts.accept(Chunk::encode("", &question).unwrap()).unwrap();
        assert_eq!(both, [Part::Image("pixels".into()), Part::Sentence("words".into())]);
        assert!(parts.is_complete());
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let mut parts = Parts::default();
        assert_eq!(parts.accept(Chunk::new("sound", "")), Err(PartsError::UnknownLabel("sound".into())));
        assert!(matches!(parts.accept(Chunk::new("", "\u{1}")), Err(PartsError::Unreadable(_))));
        assert_eq!(parts.end(), Err(PartsError::Missing(IMAGE)));
        parts.accept(image()).unwrap();
        assert_eq!(parts.accept(image()), Err(PartsError::Twice(IMAGE)));
        assert_eq!(parts.end(), Err(PartsError::Missing(SENTENCE)));
    }
}
