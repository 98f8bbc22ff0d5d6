//! Serves `vision.classify`: looks at a picture twice and streams what it sees. Keeps no state between requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use swarm_core::proto::{EncodeError, to_vec};
use swarm_core::{
    Advertisement, Agent, AgentError, Artefact, AssistanceRequest, BatchConfig, Batcher, BodyError, Context,
    Inference, Replies,
};

use crate::messages::{CLASSIFY, IMAGE_FEATURE, ImageFeature, Pass};
use crate::{ClassifyError, DigitClassifier, Guesses, Image, ImageError, ModelError, VisionParams};

/// Reads digits from pictures for others: a coarse guess at once, a refined one after.
///
/// Offers [`CLASSIFY`]. A body that is no picture is declined; everything that takes time ends with its request.
///
/// ```
/// use agent_vision::{VisionAgent, VisionParams};
/// use swarm_core::Agent;
///
/// let agent = VisionAgent::new(VisionParams::default(), 1)?;
/// assert_eq!(agent.capabilities()[0].capability.name(), "vision.classify");
/// # Ok::<(), agent_vision::ModelError>(())
/// ```
pub struct VisionAgent {
    params: VisionParams,
    classifier: DigitClassifier,
    inference: Inference,
    /// The refined pass, which takes eight pictures in hardly more time than one.
    refined: Batcher<(), Image, Guesses>,
    /// Runs the batches, once the agent has started.
    worker: Mutex<Option<Worker>>,
}

type Worker = Pin<Box<dyn Future<Output = ()> + Send>>;

impl VisionAgent {
    /// An agent with a network of its own. Like every agent of the cast it takes a seed; it leaves nothing to chance, so
    /// that all seeds are alike.
    ///
    /// # Errors
    /// As [`DigitClassifier::new`].
    pub fn new(params: VisionParams, _seed: u64) -> Result<Self, ModelError> {
        let (classifier, inference) = (DigitClassifier::new()?, Inference::new());
        let mut config = BatchConfig::default();
        // What comes while a batch is computed is company enough: nobody waits for more.
        config.max_wait = Duration::ZERO;
        let (refined, worker) = Batcher::new(config, {
            let (classifier, inference) = (classifier.clone(), inference.clone());
            move |(), images| refine(classifier.clone(), inference.clone(), images)
        });
        Ok(Self { params, classifier, inference, refined, worker: Mutex::new(Some(Box::pin(worker))) })
    }

    async fn look_roughly(&self, image: &Image) -> Result<ImageFeature, AgentError> {
        let (classifier, image) = (self.classifier.clone(), image.clone());
        let guesses = self.inference.run(move || classifier.coarse(&image)).await??;
        Ok(ImageFeature { pass: Pass::Coarse, guesses })
    }

    async fn look_well(&self, image: Image) -> Result<ImageFeature, AgentError> {
        let guesses = self.refined.submit((), image).await?;
        Ok(ImageFeature { pass: Pass::Refined, guesses })
    }
}

/// Gives nothing when the model fails, and then each request of the batch does.
async fn refine(classifier: DigitClassifier, inference: Inference, images: Vec<Image>) -> Vec<Guesses> {
    let refined: Result<Vec<Guesses>, ClassifyError> =
        inference.run(move || classifier.refined_batch(&images)).await.unwrap_or_else(|_| Ok(Vec::new()));
    refined.unwrap_or_default()
}

impl Agent for VisionAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        CLASSIFY.parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        // It is taken out whole, so a poisoned lock is as good as any.
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            cx.spawn(worker);
        }
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let image = picture(&mut request).await?;
        let coarse = self.look_roughly(&image).await?;
        replies.artefact(artefact(&coarse)?).await?;
        tokio::time::sleep(self.params.think).await;
        let refined = self.look_well(image).await?;
        replies.artefact(artefact(&refined)?).await?;
        Ok(())
    }
}

impl fmt::Debug for VisionAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VisionAgent").field("params", &self.params).finish_non_exhaustive()
    }
}

/// A pass as a revision of what is seen, so that a slow requester is not sent a draft when there is better.
fn artefact(feature: &ImageFeature) -> Result<Artefact, EncodeError> {
    let (revision, quality) = match feature.pass {
        // Right seven times in ten.
        Pass::Coarse => (1, 70),
        Pass::Refined => (2, 100),
    };
    Ok(Artefact::new(IMAGE_FEATURE, revision, quality, to_vec(feature)?))
}

/// Takes the body as a picture; what is none is declined, as it is no failure of ours.
async fn picture(request: &mut AssistanceRequest) -> Result<Image, AgentError> {
    match request.payload(Image::BYTES).await {
        Ok(body) => {
            Image::from_bytes(&body).map_err(|error: ImageError| AgentError::declined(error.to_string()))
        }
        Err(BodyError::TooLarge { max }) => {
            Err(AgentError::declined(format!("an image of more than {max} bytes is not wanted: send {max}")))
        }
        Err(error) => Err(error.into()),
    }
}
