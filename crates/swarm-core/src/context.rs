//! What an agent can do from inside a call.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use swarm_proto::{AgentId, Capability, CapabilityPattern, Chunk, Observation, TopicName};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{AssistError, PublishError};
use crate::node::{
    Answer, FanIn, NodeHandle, NodeShared, OutgoingObservation, OutgoingRequest, Receipt, ReplyStream, Route,
    Served,
};
use crate::topic::Topic;
use crate::trace::TraceEvent;

/// An agent's way to its node and to its peers. Cheap to clone, and safe to keep in tasks of its own.
///
/// It can do all that its [`NodeHandle`] can. Inside [`on_request`](crate::Agent::on_request) it belongs to that request:
/// it is cancelled with it, and requests made through it inherit its deadline and the rest of its budget. The handle
/// itself belongs to no request.
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
    node: NodeHandle,
    /// Fires when the agent should come to an end.
    cancelled: CancellationToken,
    /// Fires when its tasks are ended.
    ended: CancellationToken,
    /// The request that it belongs to.
    served: Option<Arc<Served>>,
}

impl Context {
    pub(crate) fn of_node(shared: Arc<NodeShared>) -> Self {
        let (cancelled, ended) = (shared.leaving.clone(), shared.killed.clone());
        Self { node: NodeHandle { shared }, cancelled, ended, served: None }
    }

    pub(crate) fn of_request(
        shared: Arc<NodeShared>,
        cancelled: CancellationToken,
        served: Arc<Served>,
    ) -> Self {
        Self { node: NodeHandle { shared }, ended: cancelled.clone(), cancelled, served: Some(served) }
    }

    /// Sends a small message to every connected peer that subscribed to its topic. Never waits; it may be lost on the way.
    ///
    /// # Errors
    /// See [`PublishError`]. With no peers, one of at most 1,200 bytes succeeds, and the receipt says that nobody got it.
    pub fn broadcast_observation<T>(
        &self,
        topic: T,
        payload: impl Into<Bytes>,
    ) -> Result<Receipt, PublishError>
    where
        T: TryInto<TopicName>,
        PublishError: From<T::Error>,
    {
        self.broadcast(OutgoingObservation::new(topic.try_into()?, payload))
    }

    /// Sends an observation with a delivery class of its own choice to every peer that subscribed. Never waits. A reliable
    /// one is also kept for subscribers that were lost and may come back; the receipt counts them.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn broadcast(&self, observation: OutgoingObservation) -> Result<Receipt, PublishError> {
        self.node.shared.publish(self.served.as_ref(), observation)
    }

    /// Sends a value to every peer that subscribed to its topic, in the way that the topic says. Never waits.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish<T: Serialize>(&self, topic: &Topic<T>, value: &T) -> Result<Receipt, PublishError> {
        self.broadcast(topic.observation(value)?)
    }

    /// Passes a signed observation of another on to every connected peer that subscribed, may have it, and is not known to
    /// have it. Never waits. Who made it stays who made it; peers believe its signature, not this node. It goes eight hops
    /// at most. Reliable ones are kept for peers as [`Self::broadcast`] keeps them.
    ///
    /// ```
    /// use swarm_core::{Agent, Context, Observation};
    ///
    /// struct Relay;
    ///
    /// impl Agent for Relay {
    ///     async fn on_observation(&self, cx: &Context, observation: Observation) {
    ///         let _ = cx.pass_on(&observation);
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PublishError::NotSigned`], [`PublishError::HopLimit`], [`PublishError::NotMember`],
    /// [`PublishError::OriginNotPermitted`] or [`PublishError::ShutDown`].
    pub fn pass_on(&self, observation: &Observation) -> Result<Receipt, PublishError> {
        self.node.shared.pass_on(self.served.as_ref(), observation)
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
        self.node.shared.request(self.served.clone(), peer, request).await
    }

    /// Asks whoever offers a capability, or one that matches a pattern, with the default [`Route`].
    ///
    /// ```
    /// use swarm_core::{AssistError, Context};
    ///
    /// async fn classify(cx: &Context, picture: Vec<u8>) -> Result<usize, AssistError> {
    ///     let mut replies = cx.request_capability("vision.*", picture).await?;
    ///     let mut bytes = 0;
    ///     while let Some(chunk) = replies.next_chunk().await? {
    ///         bytes += chunk.payload.len();
    ///     }
    ///     Ok(bytes)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Self::route`].
    pub async fn request_capability<P>(
        &self,
        pattern: P,
        payload: impl Into<Bytes>,
    ) -> Result<ReplyStream, AssistError>
    where
        P: TryInto<CapabilityPattern>,
        AssistError: From<P::Error>,
    {
        self.route(Route::new(), OutgoingRequest::new(pattern.try_into()?).payload(payload)).await
    }

    /// Asks whoever offers it, as the route says, and waits until a reply has begun, so that peers that are busy or lost
    /// are passed over. What came of it is the first thing that the stream gives. The deadline holds for all attempts
    /// together, and their spans have one parent. A request with a body stream is sent once only.
    ///
    /// ```
    /// use swarm_core::{AssistError, Context, OutgoingRequest, ReplyStream, Route};
    ///
    /// async fn translate(cx: &Context, text: String) -> Result<ReplyStream, AssistError> {
    ///     let request = OutgoingRequest::new("language.translate@2".parse()?).payload(text).idempotency_key("t-17");
    ///     cx.route(Route::new().attribute("to", "fr").hedge(), request).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AssistError::NoSuchCapability`] if no connected peer offers it; if all are busy [`AssistError::Busy`] with the
    /// shortest hint; else how the attempts ended, the most telling of several: [`Self::request_first`] has the order.
    /// Cancel safe: dropping it cancels what is under way.
    pub async fn route(&self, route: Route, request: OutgoingRequest) -> Result<ReplyStream, AssistError> {
        self.node.shared.route(self.served.clone(), &route, request).await
    }

    /// Asks every peer that offers it, once per offer that matches, and joins their replies; at most
    /// [`NodeConfig::max_fan_out`](crate::NodeConfig::max_fan_out), the least loaded. Peers that could not be asked are
    /// sources that end with the error; with nobody to ask the stream is at its end. Of the route only the attributes
    /// count. A request with a body stream goes to one peer only. Nothing is sent before the stream is polled.
    ///
    /// ```
    /// use swarm_core::{AgentError, Context, FanInItem, OutgoingRequest, Route};
    ///
    /// async fn vote(cx: &Context, question: &'static str) -> Result<usize, AgentError> {
    ///     let request = OutgoingRequest::new("council.vote".parse()?).payload(question);
    ///     let (mut votes, mut replies) = (0, cx.request_all(Route::new(), request)?);
    ///     while let Some(event) = replies.next_event().await {
    ///         votes += usize::from(event.what == FanInItem::Ended(Ok(())));
    ///     }
    ///     Ok(votes)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AssistError::NoSuchCapability`] when nobody offers it, [`AssistError::ShutDown`] when this node stops. How each
    /// reply ends is told by the events.
    pub fn request_all(&self, route: Route, request: OutgoingRequest) -> Result<FanIn, AssistError> {
        self.node.shared.request_all(self.served.clone(), &route, request)
    }

    /// Asks as [`Self::request_all`] does, for the first reply that completes; the others are cancelled. Each may take
    /// at most `max_bytes`, counting label, payload and 64 more bytes of each piece; all that are under way are held.
    ///
    /// ```
    /// use swarm_core::{Answer, AssistError, Context, OutgoingRequest, Route};
    ///
    /// async fn locate(cx: &Context) -> Result<Answer, AssistError> {
    ///     cx.request_first(Route::new(), OutgoingRequest::new("beacon.locate".parse()?), 4096).await
    /// }
    /// ```
    ///
    /// # Errors
    /// If no reply completes, the most telling of their endings: what an agent said (failed, declined), what is wrong with
    /// the request or an answer (too large, malformed, hop limit), out of time (deadline, idle), lost or cancelled, busy
    /// with the shortest hint, not asked at all (overloaded, shut down, not connected), and last
    /// [`AssistError::NoSuchCapability`], which is also the error if nobody offers it. Of equal ones the first counts.
    /// Cancel safe: dropping it cancels all.
    pub async fn request_first(
        &self,
        route: Route,
        request: OutgoingRequest,
        max_bytes: usize,
    ) -> Result<Answer, AssistError> {
        self.request_first_good(route, request, max_bytes, |_| true).await
    }

    /// As [`Self::request_first`], but only an answer that is good counts.
    ///
    /// ```
    /// use swarm_core::{Answer, AssistError, Context, OutgoingRequest, Route};
    ///
    /// async fn look_up(cx: &Context, word: String) -> Result<Answer, AssistError> {
    ///     let request = OutgoingRequest::new("dictionary.look-up".parse()?).payload(word);
    ///     cx.request_first_good(Route::new(), request, 64 << 10, |chunks| !chunks.is_empty()).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Self::request_first`]; [`AssistError::NoGoodAnswer`] before all others if replies completed and none was good.
    pub async fn request_first_good(
        &self,
        route: Route,
        request: OutgoingRequest,
        max_bytes: usize,
        good: impl Fn(&[Chunk]) -> bool + Send,
    ) -> Result<Answer, AssistError> {
        self.node.shared.request_first(self.served.clone(), &route, request, max_bytes, good).await
    }

    /// Runs a task of the agent. Inside a request it ends with the request. Outside it ends with the node, after the
    /// requests that were still being served: a task that should end sooner waits for [`Self::cancelled`].
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (ended, shared) = (self.ended.clone(), Arc::clone(&self.node.shared));
        self.node.shared.tasks.spawn(async move {
            shared.guard("a task", ended.run_until_cancelled(task)).await;
        });
    }

    /// Waits until this context comes to an end: the node is told to stop, or the request was cancelled or is over.
    /// Cancel safe.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Runs a future until this context [comes to an end](Self::cancelled): `None` if that came first. Cancel safe if the
    /// future is.
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_core::Context;
    ///
    /// async fn beat(cx: Context) {
    ///     let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ///     while cx.run_until_cancelled(ticks.tick()).await.is_some() {
    ///         let _ = cx.broadcast_observation("heart.beat", "thump");
    ///     }
    /// }
    /// ```
    pub async fn run_until_cancelled<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.cancelled.run_until_cancelled(future).await
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
        self.node.shared.recorder.record(TraceEvent::Measured { name, value });
    }
}

impl Deref for Context {
    type Target = NodeHandle;

    fn deref(&self) -> &NodeHandle {
        &self.node
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id())
            .field("cancelled", &self.is_cancelled())
            .field("deadline", &self.deadline())
            .finish()
    }
}
