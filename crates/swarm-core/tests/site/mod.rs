//! A requester among workers that all do the same, each in its own way.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistError, AssistanceRequest, Capacity, Chunk,
    Context, IdleAgent, NodeConfig, OutgoingRequest, Replies, ReplyStream, Route,
};
use tokio::sync::{Semaphore, mpsc};

use crate::common::{PATIENCE, node, node_with, stop};

/// What a worker tells the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Asked {
        name: &'static str,
        capability: String,
        trace_id: [u8; 16],
    },
    /// The request was over before its work was.
    Cancelled(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers with its name, in so many chunks.
    Answer(usize),
    Decline,
    /// Says that it works, and fails.
    NoteAndFail,
    /// Says its name and then nothing more.
    BeginAndHang,
    /// Answers once there is a permit.
    Wait(Arc<Semaphore>),
    /// Whoever is asked first of all that share this never answers, the others do.
    HangIfFirst(Arc<AtomicBool>),
    /// Answers without end.
    Flood,
}

struct Worker {
    name: &'static str,
    offers: Vec<Advertisement>,
    capacity: Capacity,
    does: Does,
    told: mpsc::UnboundedSender<Told>,
}

struct Guard<'a>(&'a Worker, bool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.1 {
            let _ = self.0.told.send(Told::Cancelled(self.0.name));
        }
    }
}

impl Agent for Worker {
    fn capabilities(&self) -> Vec<Advertisement> {
        self.offers.clone()
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    async fn on_request(
        &self,
        _cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let (capability, trace_id) = (request.capability().to_string(), request.trace().trace_id());
        let _ = self.told.send(Told::Asked { name: self.name, capability, trace_id });
        let mut guard = Guard(self, false);
        match &self.does {
            Does::Answer(times) => {
                for _ in 0..*times {
                    replies.send("name", self.name).await?;
                }
            }
            Does::Decline => {
                guard.1 = true;
                return Err(AgentError::declined("not today"));
            }
            Does::NoteAndFail => {
                guard.1 = true;
                replies.progress("working", Some(1))?;
                tokio::task::yield_now().await;
                return Err(AgentError::failed("it broke"));
            }
            Does::BeginAndHang => {
                replies.send("name", self.name).await?;
                std::future::pending::<()>().await;
            }
            Does::Wait(permits) => {
                permits.acquire().await?.forget();
                replies.send("name", self.name).await?;
            }
            Does::HangIfFirst(asked) => {
                if !asked.swap(true, Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                replies.send("name", self.name).await?;
            }
            Does::Flood => loop {
                replies.send("name", self.name).await?;
            },
        }
        guard.1 = true;
        Ok(())
    }
}

/// A requester with workers around it.
pub(crate) struct Site {
    pub(crate) requester: AgentNode,
    /// Of the workers that are still to come.
    pub(crate) config: NodeConfig,
    pub(crate) workers: BTreeMap<&'static str, AgentNode>,
    tell: mpsc::UnboundedSender<Told>,
    pub(crate) told: mpsc::UnboundedReceiver<Told>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            requester: node(IdleAgent).await,
            config: NodeConfig::default(),
            workers: BTreeMap::new(),
            tell,
            told,
        }
    }

    pub(crate) async fn with(self, name: &'static str, does: Does) -> Self {
        self.with_offers(name, does, Capacity::default(), ["work.do".parse().unwrap()]).await
    }

    pub(crate) async fn with_offers(
        mut self,
        name: &'static str,
        does: Does,
        capacity: Capacity,
        offers: impl IntoIterator<Item = Advertisement>,
    ) -> Self {
        let (offers, told) = (offers.into_iter().collect(), self.tell.clone());
        let agent = Worker { name, offers, capacity, does, told };
        let worker = node_with(agent, self.config.clone()).await;
        self.requester.connect(&worker.url()).await.unwrap();
        self.workers.insert(name, worker);
        self
    }

    pub(crate) fn worker(&self, name: &str) -> &AgentNode {
        self.workers.get(name).unwrap()
    }

    pub(crate) fn id(&self, name: &str) -> AgentId {
        self.worker(name).id()
    }

    pub(crate) async fn route(
        &self,
        route: Route,
        request: OutgoingRequest,
    ) -> Result<ReplyStream, AssistError> {
        tokio::time::timeout(PATIENCE, self.requester.route(route, request)).await.unwrap()
    }

    pub(crate) async fn next_told(&mut self) -> Told {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    pub(crate) async fn next_asked(&mut self) -> &'static str {
        match self.next_told().await {
            Told::Asked { name, .. } => name,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the worker's load, as the requester knows it, fits.
    pub(crate) async fn until_load(&self, name: &str, fits: impl Fn(u16) -> bool) {
        let id = self.id(name);
        let known = async {
            while !self.requester.peers().iter().any(|peer| peer.id == id && fits(peer.load)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        stop([self.requester].into_iter().chain(self.workers.into_values())).await;
    }
}

/// A request that every worker offers to do.
pub(crate) fn work() -> OutgoingRequest {
    OutgoingRequest::new("work.do".parse().unwrap())
}

/// Who sent this.
pub(crate) fn name_in(chunk: &Chunk) -> String {
    String::from_utf8(chunk.payload.to_vec()).unwrap()
}
