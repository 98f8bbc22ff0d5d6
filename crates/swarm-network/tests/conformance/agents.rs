//! What the nodes of these tests do.

use std::time::Duration;

use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Context, Observation, PeerEvent, Replies,
};
use tokio::sync::mpsc;

use crate::world::PATIENCE;

/// What an agent was told.
#[derive(Debug)]
pub(crate) enum Told {
    Observed(Observation),
    Peer(PeerEvent),
    /// A call of `on_request` has begun.
    Asked,
    /// And is over, whoever ended it.
    Over,
}

/// Tells a test what it is told, and serves a few capabilities.
pub(crate) struct Witness(mpsc::UnboundedSender<Told>);

pub(crate) struct Seen(mpsc::UnboundedReceiver<Told>);

pub(crate) fn witness() -> (Witness, Seen) {
    let (told, seen) = mpsc::unbounded_channel();
    (Witness(told), Seen(seen))
}

struct TellOver<'a>(&'a Witness);

impl Drop for TellOver<'_> {
    fn drop(&mut self) {
        self.0.tell(Told::Over);
    }
}

impl Witness {
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Agent for Witness {
    fn capabilities(&self) -> Vec<Advertisement> {
        ["test.echo", "test.count", "test.decline", "test.fail", "test.hang"]
            .map(|name| name.parse().unwrap())
            .into()
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        self.tell(Told::Observed(observation));
    }

    async fn on_peer(&self, _cx: &Context, event: PeerEvent) {
        self.tell(Told::Peer(event));
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let _over = TellOver(self);
        self.tell(Told::Asked);
        match request.capability().name() {
            "test.decline" => Err(AgentError::declined("not today")),
            "test.fail" => Err(AgentError::failed("it broke")),
            "test.hang" => std::future::pending().await,
            "test.count" => {
                let mut bytes = 0;
                while let Some(chunk) = request.next_chunk().await? {
                    bytes += chunk.payload.len();
                }
                Ok(replies.send("", bytes.to_string()).await?)
            }
            _ => {
                while let Some(chunk) = request.next_chunk().await? {
                    replies.send_chunk(chunk).await?;
                }
                Ok(())
            }
        }
    }
}

impl Seen {
    /// Waits for the next thing that fits, passing over what does not.
    pub(crate) async fn next<T>(&mut self, mut fits: impl FnMut(Told) -> Option<T>) -> T {
        let find = async {
            loop {
                let told = self.0.recv().await.expect("the agent is still there");
                if let Some(found) = fits(told) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("the agent is told in time")
    }

    pub(crate) async fn observation(&mut self) -> Observation {
        self.next(|told| if let Told::Observed(observation) = told { Some(observation) } else { None }).await
    }

    pub(crate) async fn peer(&mut self) -> PeerEvent {
        self.next(|told| if let Told::Peer(event) = told { Some(event) } else { None }).await
    }

    pub(crate) async fn asked(&mut self) {
        self.next(|told| matches!(told, Told::Asked).then_some(())).await;
    }

    pub(crate) async fn over(&mut self) {
        self.next(|told| matches!(told, Told::Over).then_some(())).await;
    }

    /// Whether nothing more has come.
    pub(crate) fn nothing(&mut self) -> bool {
        self.0.try_recv().is_err()
    }

    /// The payloads of all observations that have come so far.
    pub(crate) fn payloads(&mut self) -> Vec<Vec<u8>> {
        let told = std::iter::from_fn(|| self.0.try_recv().ok());
        told.filter_map(|told| match told {
            Told::Observed(observation) => Some(observation.payload.to_vec()),
            _ => None,
        })
        .collect()
    }
}

/// Stops them all, in order.
pub(crate) async fn stop(nodes: impl IntoIterator<Item = AgentNode>) {
    for node in nodes {
        node.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}
