//! What handles, contexts and tasks of one node have in common.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rand::RngExt;
use rand::rngs::StdRng;
use swarm_proto::{
    AgentId, Capability, Chunk, Epoch, Hello, Observation, RequestId, Sequence, TopicName, TraceContext,
    UnixMicros, encode_observation,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assist::{
    self, Admission, Answer, FanIn, OutgoingRequest, ReplyStream, Resumables, Route, Served,
};
use super::connection_map::ConnectionMap;
use super::driver::Command;
use super::observe::Feeds;
use super::peer_connection::{Handed, PeerConnection};
use super::{Receipt, agent_task::AgentInbox};
use crate::agent::BoxedAgent;
use crate::assist::latency::Latencies;
use crate::assist::routing::{self, Candidate, Wanted};
use crate::clock::WallClock;
use crate::config::NodeConfig;
use crate::error::{AssistError, PublishError};
use crate::trace::{Recorder, TraceEvent};

/// The parts of a node that many tasks share. The driver alone writes the connection map.
pub(crate) struct NodeShared {
    pub(crate) id: AgentId,
    pub(crate) local_addr: SocketAddr,
    pub(crate) config: NodeConfig,
    pub(crate) agent: BoxedAgent,
    pub(crate) hello: Hello,
    pub(crate) wall_clock: Arc<dyn WallClock>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) connections: ConnectionMap,
    pub(crate) inbox: AgentInbox,
    pub(crate) commands: mpsc::Sender<Command>,
    /// The node is about to stop: agents that wait for it may finish.
    pub(crate) leaving: CancellationToken,
    /// The node stops: nothing new begins, except on behalf of requests that are still served.
    pub(crate) stopping: CancellationToken,
    /// The deadline of stopping has passed: everything ends now.
    pub(crate) killed: CancellationToken,
    /// Tasks that the agent spawned.
    pub(crate) tasks: TaskTracker,
    pub(crate) admission: Arc<Admission>,
    pub(crate) resumables: Resumables,
    pub(crate) requests_made: Arc<Semaphore>,
    pub(crate) sequence: AtomicU64,
    pub(crate) feeds: Feeds,
    pub(crate) rng: Mutex<StdRng>,
    pub(crate) latencies: Mutex<Latencies>,
}

impl NodeShared {
    pub(crate) fn epoch(&self) -> Epoch {
        self.hello.epoch
    }

    /// Ends everything at once.
    pub(crate) fn kill(&self) {
        self.leaving.cancel();
        self.stopping.cancel();
        self.killed.cancel();
        self.tasks.close();
    }

    pub(crate) fn new_request_id(&self) -> RequestId {
        // Drawing cannot leave the generator half changed, so a poisoned lock is as good as any.
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        RequestId::from_random(rng.random())
    }

    /// A trace in which the next request would be the first span.
    pub(crate) fn new_span(&self) -> TraceContext {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // All but one draw in 2^64 give one.
            if let Some(span) = TraceContext::new(rng.random(), rng.random(), false) {
                return span;
            }
        }
    }

    /// Runs something of the agent's. A panic ends that, is counted, and goes no further: then there is no output.
    pub(crate) async fn guard<T>(&self, method: &'static str, call: impl Future<Output = T>) -> Option<T> {
        let output = AssertUnwindSafe(call).catch_unwind().await;
        if output.is_err() {
            tracing::error!(agent = %self.id, method, "the agent panicked");
            self.recorder.record(TraceEvent::AgentPanicked { method });
        }
        output.ok()
    }

    /// How many requests of others are being served.
    pub(crate) fn serving(&self) -> usize {
        self.admission.serving()
    }

    /// Whether nothing new may begin. What is done for a request that is being served may finish while the node stops.
    pub(super) fn is_closed(&self, on_behalf: Option<&Arc<Served>>) -> bool {
        match on_behalf {
            None => self.stopping.is_cancelled(),
            Some(_) => self.killed.is_cancelled(),
        }
    }

    /// Encodes once and hands to the outbox of every peer.
    pub(crate) fn publish(
        &self,
        on_behalf: Option<&Arc<Served>>,
        topic: TopicName,
        payload: Bytes,
    ) -> Result<Receipt, PublishError> {
        if self.is_closed(on_behalf) {
            return Err(PublishError::ShutDown);
        }
        let observation = self.observe(topic, payload);
        let encoded = encode_observation(&observation);
        let connections = self.connections.all();
        if let Some(max) = nobody_can_carry(&encoded, &connections) {
            let (topic, size) = (observation.topic, encoded.len());
            self.recorder.record(TraceEvent::ObservationRefused { topic, size, max });
            return Err(PublishError::TooLarge { size, max });
        }
        let receipt = self.hand_out(&encoded, &connections);
        self.recorder.record(TraceEvent::ObservationSent {
            topic: observation.topic,
            sequence: observation.sequence,
            sent_at: observation.sent_at,
            handed: receipt.handed,
            dropped: receipt.dropped,
        });
        Ok(receipt)
    }

    pub(super) fn observe(&self, topic: TopicName, payload: Bytes) -> Observation {
        Observation {
            origin: self.id,
            epoch: self.epoch(),
            sequence: Sequence::new(self.sequence.fetch_add(1, Ordering::Relaxed)),
            topic,
            sent_at: UnixMicros::from_system_time(self.wall_clock.now()),
            hops: 0,
            payload,
            delivery: swarm_proto::Delivery::Lossy,
            expires_ms: None,
        }
    }

    fn hand_out(&self, encoded: &Bytes, connections: &[Arc<PeerConnection>]) -> Receipt {
        let now = Instant::now();
        let mut receipt = Receipt { handed: 0, dropped: 0 };
        for connection in connections {
            match connection.publish(now, encoded.clone()) {
                Handed::Taken => receipt.handed += 1,
                Handed::TooLarge | Handed::Gone => receipt.dropped += 1,
            }
        }
        receipt
    }

    /// A reply has begun this long after its request.
    pub(crate) fn reply_began(&self, capability: &Capability, took: Duration) {
        self.latencies().record(capability, took);
    }

    /// How long it takes until a reply begins, but for the slowest of twenty; `None` if too few came so far.
    pub(crate) fn usual_latency(&self, capability: &Capability) -> Option<Duration> {
        self.latencies().p95(capability)
    }

    fn latencies(&self) -> MutexGuard<'_, Latencies> {
        // At worst one time is missing, so a poisoned lock is as good as any.
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_to(&self, on_behalf: Option<&Arc<Served>>) -> Result<(), AssistError> {
        if self.is_closed(on_behalf) { Err(AssistError::ShutDown) } else { Ok(()) }
    }

    /// The offers of peers that are what is wanted, sorted by peer.
    pub(crate) fn candidates(&self, wanted: &Wanted) -> Vec<Candidate> {
        let connections = self.connections.all();
        let mut candidates = Vec::new();
        for connection in connections.iter() {
            candidates.extend(connection.candidates(wanted));
        }
        candidates
    }

    /// Chooses whom to ask, but for those that were.
    pub(crate) fn choose<'a>(&self, candidates: &'a [Candidate], tried: &[AgentId]) -> Option<&'a Candidate> {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        routing::choose(candidates, tried, &mut *rng)
    }

    /// Opens a request to a peer and sends its head.
    pub(crate) async fn request(
        self: &Arc<Self>,
        on_behalf: Option<Arc<Served>>,
        peer: AgentId,
        request: OutgoingRequest,
    ) -> Result<ReplyStream, AssistError> {
        self.open_to(on_behalf.as_ref())?;
        assist::open(self, on_behalf, peer, request).await
    }

    /// Opens a request to whoever offers it, and waits until a reply begins.
    pub(crate) async fn route(
        self: &Arc<Self>,
        on_behalf: Option<Arc<Served>>,
        route: &Route,
        request: OutgoingRequest,
    ) -> Result<ReplyStream, AssistError> {
        self.open_to(on_behalf.as_ref())?;
        assist::route(self, on_behalf, route, request).await
    }

    /// Asks all who offer it.
    pub(crate) fn request_all(
        self: &Arc<Self>,
        on_behalf: Option<Arc<Served>>,
        route: &Route,
        request: OutgoingRequest,
    ) -> Result<FanIn, AssistError> {
        self.open_to(on_behalf.as_ref())?;
        assist::request_all(self, on_behalf, route, request)
    }

    /// Asks all who offer it, for the first whole answer that is good.
    pub(crate) async fn request_first(
        self: &Arc<Self>,
        on_behalf: Option<Arc<Served>>,
        route: &Route,
        request: OutgoingRequest,
        max_bytes: usize,
        good: impl Fn(&[Chunk]) -> bool + Send,
    ) -> Result<Answer, AssistError> {
        self.open_to(on_behalf.as_ref())?;
        assist::request_first(self, on_behalf, route, request, max_bytes, good).await
    }
}

/// The most that any path carries, when that is less than the observation needs. Without peers nothing is too large
/// that a full-size packet could carry.
fn nobody_can_carry(encoded: &Bytes, connections: &[Arc<PeerConnection>]) -> Option<usize> {
    const LARGEST_WITHOUT_PEERS: usize = 1200;
    let max = connections
        .iter()
        .map(|connection| connection.max_observation_bytes())
        .max()
        .unwrap_or(LARGEST_WITHOUT_PEERS);
    (encoded.len() > max).then_some(max)
}

impl std::fmt::Debug for NodeShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeShared").field("id", &self.id).finish_non_exhaustive()
    }
}
