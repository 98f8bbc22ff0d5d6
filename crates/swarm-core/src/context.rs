//! What an agent can do from inside a call.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{AgentId, Capability, Topic};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{AssistError, PublishError};
use crate::node::{NodeShared, OutgoingRequest, Receipt, ReplyStream, Served};
use crate::peer::PeerInfo;
use crate::trace::TraceEvent;

/// An agent's way to its node and to its peers. Cheap to clone, and safe to keep in tasks of its own.
///
/// Inside [`on_request`](crate::Agent::on_request) it belongs to that request: it is cancelled with it, and requests
/// made through it inherit its deadline and the rest of its budget.
///
/// ```
/// use swarm_core::{Agent, Context, PeerEvent};
///
/// struct Greeter;
///
/// impl Agent for Greeter {
///     async fn on_peer(&self, cx: &Context, event: PeerEvent) {
///         if let PeerEvent::Came(peer) = event {
///             let _ = cx.broadcast_observation("greeter.hello", format!("welcome, {}", peer.id));
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Context {
    node: Arc<NodeShared>,
    /// Fires when the agent should come to an end.
    cancelled: CancellationToken,
    /// Fires when its tasks are ended.
    ended: CancellationToken,
    /// The request that it belongs to.
    served: Option<Arc<Served>>,
}

impl Context {
    pub(crate) fn of_node(node: Arc<NodeShared>) -> Self {
        let (cancelled, ended) = (node.leaving.clone(), node.killed.clone());
        Self { node, cancelled, ended, served: None }
    }

    pub(crate) fn of_request(
        node: Arc<NodeShared>,
        cancelled: CancellationToken,
        served: Arc<Served>,
    ) -> Self {
        Self { node, ended: cancelled.clone(), cancelled, served: Some(served) }
    }

    /// The id of this agent.
    pub fn id(&self) -> AgentId {
        self.node.id
    }

    /// The peers that are connected now, sorted by id.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.node.connections.peers()
    }

    /// Sends a small message to every peer that is connected now. Never waits; it may be lost on the way.
    ///
    /// # Errors
    /// See [`PublishError`]. With no peers, one of at most 1,200 bytes succeeds, and the receipt says that nobody got it.
    pub fn broadcast_observation<T>(
        &self,
        topic: T,
        payload: impl Into<Bytes>,
    ) -> Result<Receipt, PublishError>
    where
        T: TryInto<Topic>,
        PublishError: From<T::Error>,
    {
        self.node.publish(self.served.as_ref(), topic.try_into()?, payload.into())
    }

    /// Asks one peer for assistance. The reply streams back; dropping it cancels the request.
    ///
    /// # Errors
    /// See [`AssistError`]; most of them come later, as the last item of the stream. Cancel safe.
    pub async fn request_assistance<C>(
        &self,
        peer: AgentId,
        capability: C,
        payload: impl Into<Bytes>,
    ) -> Result<ReplyStream, AssistError>
    where
        C: TryInto<Capability>,
        AssistError: From<C::Error>,
    {
        self.request(peer, OutgoingRequest::new(capability.try_into()?.into()).payload(payload)).await
    }

    /// Asks one peer for assistance, with a streamed body, or a budget of its own.
    ///
    /// # Errors
    /// As [`Self::request_assistance`].
    pub async fn request(&self, peer: AgentId, request: OutgoingRequest) -> Result<ReplyStream, AssistError> {
        self.node.request(self.served.clone(), peer, request).await
    }

    /// Runs a task of the agent. Inside a request it ends with the request. Outside it ends with the node, after the
    /// requests that were still being served: a task that should end sooner waits for [`Self::cancelled`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (ended, node) = (self.ended.clone(), Arc::clone(&self.node));
        self.node.tasks.spawn(async move {
            node.guard("a task", ended.run_until_cancelled(task)).await;
        });
    }

    /// Waits until this context comes to an end: the node is told to stop, or the request was cancelled or is over.
    /// Cancel safe.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Whether this context has come to an end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// When the request must be done; `None` outside of requests.
    pub fn deadline(&self) -> Option<Instant> {
        self.served.as_ref().map(|served| served.budget.deadline)
    }

    /// How much time is left of the request; `None` outside of requests.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Reports a number of the agent's own to whoever [traces](crate::TraceSink) the node.
    pub fn measure(&self, name: &'static str, value: f64) {
        self.node.recorder.record(TraceEvent::Measured { name, value });
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.node.id)
            .field("cancelled", &self.is_cancelled())
            .field("deadline", &self.deadline())
            .finish()
    }
}
