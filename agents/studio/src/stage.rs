//! Serves `studio.sound`, `studio.words` and `studio.picture`. Keeps nothing but the layers of a few pictures.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use swarm_core::proto::from_slice;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Context, Replies, TopicPattern,
};
use tokio::time::{Instant, sleep_until};

use crate::messages::{FRAME, LAYER, PICTURE, SOUND, Take, WORD, WORDS};
use crate::scene::FRAME_LENGTH;
use crate::{Scene, StageParams};

/// Bytes of what is wanted: several times what it takes.
const MAX_TAKE_BYTES: usize = 256;

/// Pictures whose layers are kept, as they are asked for more than once.
const PICTURES: usize = 8;

/// Has scenes: plays their sound at its pace, says their words, and hands out their pictures in layers.
///
/// ```
/// use agent_studio::{StageAgent, StageParams};
/// use swarm_core::Agent;
///
/// assert_eq!(StageAgent::new(StageParams::default()).capabilities().len(), 3);
/// ```
#[derive(Debug)]
pub struct StageAgent {
    params: StageParams,
    /// The last ones that were asked for, the newest last.
    pictures: Mutex<VecDeque<(u64, Vec<Bytes>)>>,
}

impl StageAgent {
    /// A stage with these params. All stages have the same scenes.
    #[must_use]
    pub fn new(params: StageParams) -> Self {
        Self { params, pictures: Mutex::default() }
    }

    fn layers(&self, scene: u64) -> Vec<Bytes> {
        // Nothing in here panics half-way, so a poisoned lock is as good as any.
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, layers)) = pictures.iter().find(|(number, _)| *number == scene) {
            return layers.clone();
        }
        let layers = Scene(scene).layers();
        pictures.push_back((scene, layers.clone()));
        if pictures.len() > PICTURES {
            pictures.pop_front();
        }
        layers
    }

    async fn play(&self, scene: u64, replies: &mut Replies) -> Result<(), AgentError> {
        let mut next = Instant::now();
        for frame in Scene(scene).sound() {
            // What waits for a slow way is made up for afterwards: sound has its time.
            sleep_until(next).await;
            replies.send(FRAME, frame).await?;
            next += FRAME_LENGTH;
        }
        Ok(())
    }

    async fn say(&self, scene: u64, replies: &mut Replies) -> Result<(), AgentError> {
        for word in Scene(scene).words() {
            replies.send(WORD, word).await?;
            tokio::time::sleep(self.params.word_every).await;
        }
        Ok(())
    }

    async fn show(&self, take: Take, replies: &mut Replies) -> Result<(), AgentError> {
        let (skipped, wanted) = (usize::from(take.first), usize::from(take.last.saturating_add(1)));
        for layer in self.layers(take.scene).into_iter().take(wanted).skip(skipped) {
            replies.send(LAYER, layer).await?;
        }
        Ok(())
    }
}

impl Agent for StageAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        [SOUND, WORDS, PICTURE].into_iter().filter_map(|name| name.parse().ok()).collect()
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        Vec::new()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let take = take(&mut request).await?;
        match request.capability().name() {
            SOUND => self.play(take.scene, replies).await,
            WORDS => self.say(take.scene, replies).await,
            _ => self.show(take, replies).await,
        }
    }
}

/// Takes the body as what is wanted; anything else is declined, as it is no failure of ours.
async fn take(request: &mut AssistanceRequest) -> Result<Take, AgentError> {
    let body = match request.payload(MAX_TAKE_BYTES).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("what is wanted takes at most {max} bytes")));
        }
        body => body?,
    };
    from_slice(&body)
        .map_err(|error| AgentError::declined(format!("the body does not say what is wanted: {error}")))
}
