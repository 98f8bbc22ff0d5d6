//! A small swarm around a reasoner, for the tests.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_reasoner::messages::REASON;
use agent_reasoner::{ReasonerAgent, ReasonerParams};
use agent_vision::messages::{CLASSIFY, IMAGE_FEATURE, ImageFeature, Pass};
use agent_vision::{Guess, Guesses};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistError, AssistanceRequest, Chunk, Context, IdleAgent,
    OutgoingRequest, Replies, ReplyStream,
};
use tokio::sync::{Notify, Semaphore};

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// A requester and a reasoner with the peers that it is given.
pub(crate) struct Stage {
    requester: AgentNode,
    reasoner: AgentNode,
    peers: Vec<AgentNode>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let reasoner = node(ReasonerAgent::new(ReasonerParams::default(), 1)).await;
        let requester = node(IdleAgent).await;
        requester.connect(&reasoner.url()).await.unwrap();
        Self { requester, reasoner, peers: Vec::new() }
    }

    pub(crate) async fn with(mut self, agent: impl Agent) -> Self {
        let peer = node(agent).await;
        self.reasoner.connect(&peer.url()).await.unwrap();
        self.peers.push(peer);
        self
    }

    pub(crate) async fn ask(&self, request: OutgoingRequest) -> ReplyStream {
        self.requester.request(self.reasoner.id(), request).await.unwrap()
    }

    pub(crate) fn reasoner(&self) -> &AgentNode {
        &self.reasoner
    }

    pub(crate) async fn stop(self) {
        for node in [self.requester, self.reasoner].into_iter().chain(self.peers) {
            node.shutdown(PATIENCE).await.unwrap();
        }
    }
}

async fn node(agent: impl Agent) -> AgentNode {
    AgentNode::dev(agent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

pub(crate) fn request() -> OutgoingRequest {
    OutgoingRequest::new(REASON.parse().unwrap())
}

/// The rest of a reply.
pub(crate) async fn rest(mut replies: ReplyStream) -> Result<Vec<Chunk>, AssistError> {
    let mut chunks = Vec::new();
    while let Some(chunk) = replies.next_chunk().await? {
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// Sees a 7 wherever it looks, and pauses after the coarse pass until it is let on.
#[derive(Clone, Default)]
pub(crate) struct PausingEyes {
    cues: Arc<Cues>,
}

struct Cues {
    go_on: Semaphore,
    interrupted: Notify,
    time_left: Mutex<Option<Duration>>,
}

impl Default for Cues {
    fn default() -> Self {
        Self { go_on: Semaphore::new(0), interrupted: Notify::new(), time_left: Mutex::new(None) }
    }
}

impl PausingEyes {
    pub(crate) fn go_on(&self) {
        self.cues.go_on.add_permits(1);
    }

    /// How much time the last request had when it came.
    pub(crate) fn time_left(&self) -> Duration {
        self.cues.time_left.lock().unwrap().expect("it was asked")
    }

    /// Waits until a request ended during the pause.
    pub(crate) async fn interrupted(&self) {
        let interrupted = self.cues.interrupted.notified();
        tokio::time::timeout(PATIENCE, interrupted).await.expect("cancelling travels on");
    }
}

struct Pause<'a> {
    interrupted: &'a Notify,
    over: bool,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.interrupted.notify_one();
        }
    }
}

impl Agent for PausingEyes {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![CLASSIFY.parse().unwrap()]
    }

    async fn on_request(
        &self,
        cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        *self.cues.time_left.lock().unwrap() = cx.time_left();
        let guesses = [(7, 0.9), (1, 0.06), (9, 0.04)];
        let guesses = Guesses::try_from(guesses.map(|(digit, probability)| Guess { digit, probability }))?;
        replies.send_value(IMAGE_FEATURE, &ImageFeature { pass: Pass::Coarse, guesses }).await?;
        let mut pause = Pause { interrupted: &self.cues.interrupted, over: false };
        self.cues.go_on.acquire().await?.forget();
        pause.over = true;
        replies.send_value(IMAGE_FEATURE, &ImageFeature { pass: Pass::Refined, guesses }).await?;
        Ok(())
    }
}

/// Offers to see, and fails at it.
pub(crate) struct BlindEyes;

impl Agent for BlindEyes {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![CLASSIFY.parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &Context,
        _request: AssistanceRequest,
        _replies: &mut Replies,
    ) -> Result<(), AgentError> {
        Err(AgentError::failed("it is dark"))
    }
}
