//! Serves `vision.classify`: looks at a picture twice and streams what it sees. Keeps no state between requests.

use swarm_core::{Agent, AgentError, AssistanceRequest, BodyError, Capability, Context, Replies};

use crate::inference::Inference;
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
/// assert_eq!(agent.capabilities()[0].name(), "vision.classify");
/// # Ok::<(), agent_vision::ModelError>(())
/// ```
#[derive(Debug)]
pub struct VisionAgent {
    params: VisionParams,
    classifier: DigitClassifier,
    inference: Inference,
}

impl VisionAgent {
    /// An agent with a network of its own. Like every agent of the cast it takes a seed; it leaves nothing to chance, so
    /// that all seeds are alike.
    ///
    /// # Errors
    /// As [`DigitClassifier::new`].
    pub fn new(params: VisionParams, _seed: u64) -> Result<Self, ModelError> {
        Ok(Self { params, classifier: DigitClassifier::new()?, inference: Inference::new() })
    }

    async fn look(&self, image: &Image, pass: Pass) -> Result<ImageFeature, AgentError> {
        let (classifier, image) = (self.classifier.clone(), image.clone());
        let guesses = self.inference.run(move || guess(&classifier, &image, pass)).await??;
        Ok(ImageFeature { pass, guesses })
    }
}

impl Agent for VisionAgent {
    fn capabilities(&self) -> Vec<Capability> {
        CLASSIFY.parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let image = picture(&mut request).await?;
        let coarse = self.look(&image, Pass::Coarse).await?;
        replies.send_value(IMAGE_FEATURE, &coarse).await?;
        tokio::time::sleep(self.params.think).await;
        let refined = self.look(&image, Pass::Refined).await?;
        replies.send_value(IMAGE_FEATURE, &refined).await?;
        Ok(())
    }
}

fn guess(classifier: &DigitClassifier, image: &Image, pass: Pass) -> Result<Guesses, ClassifyError> {
    match pass {
        Pass::Coarse => classifier.coarse(image),
        Pass::Refined => classifier.refined(image),
    }
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
