//! Agents and nodes that several tests use.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[cfg(target_os = "linux")]
pub(crate) mod apart;
pub(crate) mod guest;
pub(crate) mod link;
pub(crate) mod observing;
pub(crate) mod raw;
pub(crate) mod serving;
pub(crate) mod siege;
pub(crate) mod spoofed;
pub(crate) mod stranger;
pub(crate) mod virtual_time;
pub(crate) mod wire;

use std::sync::Mutex;
use std::time::Duration;

use swarm_core::trust::RootKey;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Builder, Context, IdleAgent, NodeConfig,
    Observation, PeerEvent, Replies,
};
use tokio::sync::mpsc;

/// Long enough for anything that should happen on a busy machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Who says who belongs to the swarm of the tests.
pub(crate) fn root() -> RootKey {
    RootKey::from_seed([99; 32])
}

/// A node of that swarm that may do everything.
pub(crate) fn dev(agent: impl Agent) -> Builder {
    AgentNode::builder(agent).dev_root(root())
}

/// What an agent was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Started,
    Observed(Observation),
    Peer(PeerEvent),
    Lagged(u64),
    Asked(String),
    /// `on_request` was dropped before its end.
    Cancelled,
    Stopped,
}

/// Tells a test what it is told, and serves a few capabilities.
pub(crate) struct Witness {
    told: mpsc::UnboundedSender<Told>,
}

pub(crate) struct Seen(Mutex<mpsc::UnboundedReceiver<Told>>);

pub(crate) fn witness() -> (Witness, Seen) {
    let (told, seen) = mpsc::unbounded_channel();
    (Witness { told }, Seen(Mutex::new(seen)))
}

impl Seen {
    /// Waits for the next thing that fits, passing over what does not.
    pub(crate) async fn next<T>(&mut self, mut fits: impl FnMut(Told) -> Option<T>) -> T {
        let seen = self.0.get_mut().unwrap();
        let find = async {
            loop {
                let told = seen.recv().await.expect("the agent is still there");
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

    pub(crate) fn drain(&mut self) -> Vec<Told> {
        let seen = self.0.get_mut().unwrap();
        std::iter::from_fn(|| seen.try_recv().ok()).collect()
    }
}

impl Witness {
    fn tell(&self, told: Told) {
        let _ = self.told.send(told);
    }
}

struct TellWhenDropped<'a>(&'a Witness, bool);

impl Drop for TellWhenDropped<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.tell(Told::Cancelled);
        }
    }
}

impl Agent for Witness {
    fn capabilities(&self) -> Vec<Advertisement> {
        ["test.echo", "test.decline", "test.fail", "test.panic", "test.hang", "test.count"]
            .map(|name| name.parse().unwrap())
            .into()
    }

    async fn on_start(&self, _cx: &Context) {
        self.tell(Told::Started);
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if observation.topic.as_str() == "test.panic" {
            panic!("as asked");
        }
        self.tell(Told::Observed(observation));
    }

    async fn on_lagged(&self, _cx: &Context, missed: u64) {
        self.tell(Told::Lagged(missed));
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
        let mut guard = TellWhenDropped(self, false);
        self.tell(Told::Asked(request.capability().name().to_owned()));
        match request.capability().name() {
            "test.echo" => {
                while let Some(chunk) = request.next_chunk().await? {
                    replies.send_chunk(chunk).await?;
                }
            }
            "test.count" => {
                let mut bytes = 0;
                while let Some(chunk) = request.next_chunk().await? {
                    bytes += chunk.payload.len();
                }
                replies.send("count", bytes.to_string()).await?;
            }
            "test.decline" => {
                guard.1 = true;
                return Err(AgentError::declined("not today"));
            }
            "test.fail" => {
                guard.1 = true;
                "x".parse::<u8>()?;
            }
            "test.panic" => {
                guard.1 = true;
                panic!("as asked")
            }
            _ => {
                replies.send("begun", "").await?;
                std::future::pending::<()>().await;
            }
        }
        guard.1 = true;
        Ok(())
    }

    async fn on_stop(&self, _cx: &Context) {
        self.tell(Told::Stopped);
    }
}

/// A node on loopback around an agent.
pub(crate) async fn node(agent: impl Agent) -> AgentNode {
    node_with(agent, NodeConfig::default()).await
}

pub(crate) async fn node_with(agent: impl Agent, config: NodeConfig) -> AgentNode {
    dev(agent).config(config).bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Two that are connected, whoever of them dialled.
pub(crate) async fn pair(agent: impl Agent, dialled: bool) -> (AgentNode, AgentNode) {
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    if dialled {
        a.connect(&b.url()).await.unwrap();
    } else {
        b.connect(&a.url()).await.unwrap();
    }
    a.ready(1, PATIENCE).await.unwrap();
    (a, b)
}

pub(crate) async fn stop(nodes: impl IntoIterator<Item = AgentNode>) {
    for node in nodes {
        node.shutdown(PATIENCE).await.unwrap();
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A reliable observation.
pub(crate) fn reliable(topic: &str, payload: impl Into<bytes::Bytes>) -> swarm_core::OutgoingObservation {
    swarm_core::OutgoingObservation::new(topic.parse().unwrap(), payload).reliable()
}
