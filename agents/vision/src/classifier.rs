//! Reads digits from pictures with a small network that is compiled into the program.
//!
//! One graph, two outputs: `coarse` is a softmax regression on averaged blocks of pixels, `refined` a network with
//! hidden layers on all pixels. Never reads files, never learns: training happens elsewhere, once.

use std::error::Error;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueView, op_registry};

use crate::{Guesses, GuessesError, Image};

/// The trained network in ONNX form.
static MODEL: &[u8] = include_bytes!("../model/digits.onnx");

/// Guesses which digit a picture shows.
///
/// Clones share the network and the one thread that it computes on: of several calls at once, one computes and the
/// others wait. Each call blocks the calling thread for some tens of microseconds, and results follow from the picture
/// alone.
///
/// ```
/// use agent_vision::{DigitClassifier, DigitPainter};
///
/// let classifier = DigitClassifier::new()?;
/// let picture = DigitPainter::new(1).draw(8);
/// let early = classifier.coarse(&picture)?;
/// let late = classifier.refined(&picture)?;
/// assert_eq!(late.best().digit, 8);
/// # let _ = early;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DigitClassifier {
    model: Arc<Model>,
    /// One thread: a network this small gains nothing from more, and waking them costs more than its arithmetic.
    thread: Arc<ThreadPool>,
    image: NodeId,
    coarse: NodeId,
    refined: NodeId,
}

impl DigitClassifier {
    /// Prepares the network for use, which takes about a millisecond.
    ///
    /// # Errors
    /// [`ModelError`] if the network within the program cannot be used, which its tests rule out.
    pub fn new() -> Result<Self, ModelError> {
        Self::load(MODEL)
    }

    /// A first guess, from averaged blocks of pixels: right seven times in ten. Computes nothing of the refined part.
    ///
    /// # Errors
    /// [`ClassifyError`] if the network fails.
    pub fn coarse(&self, image: &Image) -> Result<Guesses, ClassifyError> {
        self.run_one(image, self.coarse)
    }

    /// The better guess, from all pixels.
    ///
    /// # Errors
    /// [`ClassifyError`] if the network fails.
    pub fn refined(&self, image: &Image) -> Result<Guesses, ClassifyError> {
        self.run_one(image, self.refined)
    }

    /// Refined guesses for many pictures at once, in their order: cheaper than one by one.
    ///
    /// # Errors
    /// [`ClassifyError`] if the network fails; then there is no answer for any of the pictures.
    pub fn refined_batch(&self, images: &[Image]) -> Result<Vec<Guesses>, ClassifyError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels: Vec<u8> = images.iter().flat_map(Image::as_bytes).copied().collect();
        self.run(&pixels, images.len(), self.refined)
    }

    fn load(bytes: &'static [u8]) -> Result<Self, ModelError> {
        let operators = op_registry!(AveragePool, Cast, Flatten, Gemm, Mul, Relu, Softmax);
        let model = ModelOptions::with_ops(operators)
            .load_static_slice(bytes)
            .map_err(|error| ModelError::Unreadable(error.into()))?;
        let node = |name| model.find_node(name).ok_or(ModelError::MissingNode { name });
        let (image, coarse, refined) = (node("image")?, node("coarse")?, node("refined")?);
        let thread = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self { model: Arc::new(model), thread, image, coarse, refined })
    }

    fn run_one(&self, image: &Image, output: NodeId) -> Result<Guesses, ClassifyError> {
        let guesses = self.run(image.as_bytes(), 1, output)?;
        guesses.first().copied().ok_or(ClassifyError::WrongShape)
    }

    /// Runs that part of the graph that `output` needs, and no other.
    fn run(&self, pixels: &[u8], count: usize, output: NodeId) -> Result<Vec<Guesses>, ClassifyError> {
        let input = ValueView::from_shape([count, 1, Image::SIDE, Image::SIDE], pixels)
            .map_err(|error| ClassifyError::Run(error.into()))?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.thread)));
        let [answer] = self
            .model
            .run_n(vec![(self.image, input.into())], [output], Some(options))
            .map_err(|error| ClassifyError::Run(error.into()))?;
        let (shape, probabilities) =
            answer.into_shape_vec::<f32, 2>().map_err(|_| ClassifyError::WrongShape)?;
        if shape != [count, 10] {
            return Err(ClassifyError::WrongShape);
        }
        let (rows, _) = probabilities.as_chunks::<10>();
        rows.iter().map(|row| Ok(Guesses::from_probabilities(row)?)).collect()
    }
}

impl Debug for DigitClassifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigitClassifier").field("weights", &self.model.total_params()).finish_non_exhaustive()
    }
}

/// Why the network cannot be prepared. Either way the program was built with a wrong model file: train it anew.
///
/// ```
/// let error = agent_vision::ModelError::MissingNode { name: "coarse" };
/// assert!(error.to_string().contains("coarse"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The model file is damaged or needs operators that are not built in.
    #[error("the digit model cannot be read: build with the model that training wrote")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
    /// The model lacks an input or output.
    #[error("the digit model has no node named {name}: build with the model that training wrote")]
    MissingNode {
        /// The name that was looked for.
        name: &'static str,
    },
}

/// Why a picture could not be classified. None of these depends on what the picture shows.
///
/// ```
/// let error = agent_vision::ClassifyError::WrongShape;
/// assert!(error.to_string().contains("ten probabilities"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The network stopped while computing.
    #[error("the digit model failed while computing")]
    Run(#[source] Box<dyn Error + Send + Sync>),
    /// The network's output is not ten numbers per picture: model and program do not belong together.
    #[error(
        "the digit model did not return ten probabilities per image: build with the model that training wrote"
    )]
    WrongShape,
    /// The network's output is not made of probabilities: model and program do not belong together.
    #[error("the digit model returned an unusable answer: build with the model that training wrote")]
    Answer(#[from] GuessesError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigitPainter;

    #[test]
    fn a_file_that_is_no_model_is_refused() {
        assert!(matches!(DigitClassifier::load(b"not a model"), Err(ModelError::Unreadable(_))));
    }

    #[test]
    fn a_batch_is_answered_like_its_pictures_one_by_one() {
        let classifier = DigitClassifier::new().unwrap();
        let images: Vec<Image> = DigitPainter::new(9).take(20).map(|(image, _)| image).collect();
        let batch = classifier.refined_batch(&images).unwrap();
        assert_eq!(batch.len(), images.len());
        for (image, together) in images.iter().zip(batch) {
            let alone = classifier.refined(image).unwrap();
            assert_eq!(alone.best().digit, together.best().digit);
            assert!((alone.best().probability - together.best().probability).abs() < 1e-4);
        }
    }

    #[test]
    fn an_empty_batch_is_answered_with_nothing() {
        assert!(DigitClassifier::new().unwrap().refined_batch(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_blank_picture_still_gets_an_answer() {
        let blank = Image::from_bytes(&[0; Image::BYTES]).unwrap();
        let classifier = DigitClassifier::new().unwrap();
        assert!(classifier.coarse(&blank).is_ok() && classifier.refined(&blank).is_ok());
    }
}
