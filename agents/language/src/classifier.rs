//! Tells what is asked with a small network that is compiled into the program.
//!
//! Never reads files, never learns: training happens elsewhere, once.

use std::error::Error;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueView, op_registry};
use serde::{Deserialize, Serialize};

use crate::{Features, IntentGuesses, IntentGuessesError, Sentence};

/// The trained network in ONNX form.
static MODEL: &[u8] = include_bytes!("../model/intents.onnx");

/// Guesses what a sentence asks.
///
/// Clones share the network and the one thread that it computes on: of several guesses at once, one is computed and the
/// others wait. Each guess blocks the calling thread for some tens of microseconds, and follows from the words alone.
///
/// ```
/// use agent_language::{Features, Intent, IntentClassifier, Sentence};
///
/// let classifier = IntentClassifier::new()?;
/// let sentence = Sentence::new("Could you tell me whether it is even or odd?")?;
/// let features: Features = sentence.tokens().collect();
/// assert_eq!(classifier.classify(&features)?.best().intent, Intent::Parity);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct IntentClassifier {
    model: Arc<Model>,
    /// One thread: a network this small gains nothing from more, and waking them costs more than its arithmetic.
    thread: Arc<ThreadPool>,
    features: NodeId,
    intents: NodeId,
}

impl IntentClassifier {
    /// Prepares the network for use, which takes about a millisecond.
    ///
    /// # Errors
    /// [`ModelError`] if the network within the program cannot be used, which its tests rule out.
    pub fn new() -> Result<Self, ModelError> {
        Self::load(MODEL)
    }

    /// What the words so far ask. Without words it is what is asked most.
    ///
    /// # Errors
    /// [`ClassifyError`] if the network fails.
    pub fn classify(&self, features: &Features) -> Result<IntentGuesses, ClassifyError> {
        let input = ValueView::from_shape([1, Features::DIMENSIONS], features.as_slice())
            .map_err(|error| ClassifyError::Run(error.into()))?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.thread)));
        let [answer] = self
            .model
            .run_n(vec![(self.features, input.into())], [self.intents], Some(options))
            .map_err(|error| ClassifyError::Run(error.into()))?;
        let (_, probabilities) = answer.into_shape_vec::<f32, 2>().map_err(|_| ClassifyError::WrongShape)?;
        let row = probabilities.as_slice().try_into().map_err(|_| ClassifyError::WrongShape)?;
        Ok(IntentGuesses::from_probabilities(row)?)
    }

    /// A guess after each word, computed as the iterator is advanced; the last one is that of the whole sentence.
    ///
    /// ```
    /// use agent_language::{Intent, IntentClassifier, Sentence};
    ///
    /// let classifier = IntentClassifier::new()?;
    /// let sentence = Sentence::new("Please square the digit")?;
    /// let guesses: Vec<_> = classifier.stream(&sentence).collect::<Result<_, _>>()?;
    /// assert_eq!(guesses.len(), 4);
    /// assert_eq!(guesses[3].guesses.best().intent, Intent::Square);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream<'a>(
        &'a self,
        sentence: &'a Sentence,
    ) -> impl Iterator<Item = Result<TokenGuess, ClassifyError>> + use<'a> {
        let mut features = Features::new();
        sentence.tokens().map(move |token| {
            features.push_token(token);
            Ok(TokenGuess { token: token.to_owned(), guesses: self.classify(&features)? })
        })
    }

    fn load(bytes: &'static [u8]) -> Result<Self, ModelError> {
        let operators = op_registry!(Add, Div, Gemm, ReduceL2, Relu, Softmax);
        let model = ModelOptions::with_ops(operators)
            .load_static_slice(bytes)
            .map_err(|error| ModelError::Unreadable(error.into()))?;
        let node = |name| model.find_node(name).ok_or(ModelError::MissingNode { name });
        let (features, intents) = (node("features")?, node("intents")?);
        let thread = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self { model: Arc::new(model), thread, features, intents })
    }
}

impl Debug for IntentClassifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntentClassifier")
            .field("weights", &self.model.total_params())
            .finish_non_exhaustive()
    }
}

/// A word of a sentence, and what the sentence seems to ask up to and with it.
///
/// ```
/// use agent_language::{IntentClassifier, Sentence};
///
/// let classifier = IntentClassifier::new()?;
/// let sentence = Sentence::new("spell it")?;
/// let words: Result<Vec<String>, _> =
///     classifier.stream(&sentence).map(|guess| guess.map(|guess| guess.token)).collect();
/// assert_eq!(words?, ["spell", "it"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenGuess {
    /// The word as it was written, with its punctuation.
    pub token: String,
    /// The likeliest intents so far.
    pub guesses: IntentGuesses,
}

/// Why the network cannot be prepared. Either way the program was built with a wrong model file: train it anew.
///
/// ```
/// let error = agent_language::ModelError::MissingNode { name: "intents" };
/// assert!(error.to_string().contains("intents"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The model file is damaged or needs operators that are not built in.
    #[error("the intent model cannot be read: build with the model that training wrote")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
    /// The model lacks an input or output.
    #[error("the intent model has no node named {name}: build with the model that training wrote")]
    MissingNode {
        /// The name that was looked for.
        name: &'static str,
    },
}

/// Why a sentence could not be classified. None of these depends on what the sentence says.
///
/// ```
/// let error = agent_language::ClassifyError::WrongShape;
/// assert!(error.to_string().contains("one probability per intent"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The network stopped while computing.
    #[error("the intent model failed while computing")]
    Run(#[source] Box<dyn Error + Send + Sync>),
    /// The network's output is not one number per intent: model and program do not belong together.
    #[error(
        "the intent model did not return one probability per intent: build with the model that training wrote"
    )]
    WrongShape,
    /// The network's output is not made of probabilities: model and program do not belong together.
    #[error("the intent model returned an unusable answer: build with the model that training wrote")]
    Answer(#[from] IntentGuessesError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_refused() {
        assert!(matches!(IntentClassifier::load(b"not a model"), Err(ModelError::Unreadable(_))));
    }

    #[test]
    fn no_words_still_get_an_answer() {
        assert!(IntentClassifier::new().unwrap().classify(&Features::new()).is_ok());
    }

    #[test]
    fn the_longest_sentence_is_answered_to_its_end() {
        let sentence = Sentence::new("prime ".repeat(Sentence::MAX_TOKENS)).unwrap();
        let classifier = IntentClassifier::new().unwrap();
        assert_eq!(classifier.stream(&sentence).filter(Result::is_ok).count(), Sentence::MAX_TOKENS);
    }
}
