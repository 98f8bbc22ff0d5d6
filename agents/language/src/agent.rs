//! Serves `language.intent`: reads a sentence word by word and streams what it seems to ask. Keeps no state between
//! requests.

use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Context, Inference, Replies,
};

use crate::messages::{INTENT, TEXT_FEATURE, TextFeature};
use crate::{Features, IntentClassifier, IntentGuesses, LanguageParams, ModelError, Sentence};

/// Tells others what a sentence asks about a digit, with a guess after each word.
///
/// Offers [`INTENT`]. A body that is no sentence is declined; everything that takes time ends with its request.
///
/// ```
/// use agent_language::{LanguageAgent, LanguageParams};
/// use swarm_core::Agent;
///
/// let agent = LanguageAgent::new(LanguageParams::default(), 1)?;
/// assert_eq!(agent.capabilities()[0].capability.name(), "language.intent");
/// # Ok::<(), agent_language::ModelError>(())
/// ```
#[derive(Debug)]
pub struct LanguageAgent {
    classifier: IntentClassifier,
    inference: Inference,
}

impl LanguageAgent {
    /// An agent with a network of its own. Like every agent of the cast it takes params and a seed; it has no knobs and
    /// leaves nothing to chance, so that all are alike.
    ///
    /// # Errors
    /// As [`IntentClassifier::new`].
    pub fn new(_params: LanguageParams, _seed: u64) -> Result<Self, ModelError> {
        Ok(Self { classifier: IntentClassifier::new()?, inference: Inference::new() })
    }

    /// Adds a word and guesses anew. Each word waits for its turn, so that a long sentence does not hold up short ones.
    async fn listen(
        &self,
        mut features: Features,
        token: &str,
    ) -> Result<(Features, IntentGuesses), AgentError> {
        let (classifier, token) = (self.classifier.clone(), token.to_owned());
        let guess = move || {
            features.push_token(&token);
            classifier.classify(&features).map(|guesses| (features, guesses))
        };
        Ok(self.inference.run(guess).await??)
    }
}

impl Agent for LanguageAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        INTENT.parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let sentence = sentence(&mut request).await?;
        let mut features = Features::new();
        let mut tokens = sentence.tokens().peekable();
        while let Some(token) = tokens.next() {
            let guesses;
            (features, guesses) = self.listen(features, token).await?;
            let last = tokens.peek().is_none();
            replies.send_value(TEXT_FEATURE, &TextFeature { token: token.to_owned(), guesses, last }).await?;
        }
        Ok(())
    }
}

/// Takes the body as a sentence; what is none is declined, as it is no failure of ours.
async fn sentence(request: &mut AssistanceRequest) -> Result<Sentence, AgentError> {
    let body = match request.payload(Sentence::MAX_BYTES).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("the sentence is longer than {max} bytes: shorten it")));
        }
        body => body?,
    };
    let text = std::str::from_utf8(&body)
        .map_err(|error| AgentError::declined(format!("the sentence is not text in UTF-8: {error}")))?;
    Sentence::new(text).map_err(|error| AgentError::declined(error.to_string()))
}
