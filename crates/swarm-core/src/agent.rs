//! The behaviour that a user writes.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use swarm_proto::{Advertisement, Observation, TopicPattern};

use crate::context::Context;
use crate::error::AgentError;
use crate::node::{AssistanceRequest, Replies};
use crate::observe::Gap;
use crate::peer::PeerEvent;

/// What an agent does when something happens. Implementers write plain `async fn`; every method has a default.
///
/// Observations and peer events come one at a time, so a slow method delays the next call of its kind: hand long work
/// to [`Context::spawn`]. Requests are served concurrently, each in a task of its own. All methods take `&self`; state
/// that changes goes behind a lock or an atomic. A panic ends the call that it happened in and nothing else.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use swarm_core::{Agent, Context, Observation};
///
/// #[derive(Default)]
/// struct Counter(AtomicU64);
///
/// impl Agent for Counter {
///     async fn on_observation(&self, _cx: &Context, observation: Observation) {
///         if observation.topic.as_str() == "rover.position" {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Agent: Send + Sync + 'static {
    /// What this agent can do for others. Asked once, when the node starts.
    fn capabilities(&self) -> Vec<Advertisement> {
        Vec::new()
    }

    /// What this agent wants to hear of when the node starts, at most 64 patterns; by default everything. Peers send it
    /// nothing else. Asked once. [`NodeHandle::subscribe`](crate::NodeHandle::subscribe) and
    /// [`NodeHandle::unsubscribe`](crate::NodeHandle::unsubscribe) change it later.
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![TopicPattern::everything()]
    }

    /// How many requests this agent can serve at once, and how many more may wait for their turn. Asked once, when the
    /// node starts; by default as many as [`NodeConfig`](crate::NodeConfig) allows, which is also the most.
    fn capacity(&self) -> Capacity {
        Capacity::default()
    }

    /// The node has started; there may be no peers yet. Observations wait until this returns.
    fn on_start(&self, cx: &Context) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }

    /// A peer broadcast something. One at a time; peers that have several waiting take turns. Of one peer, lossy ones come in
    /// the order of arrival, reliable ones in that of publishing, and a latest one in the turn of what it replaced.
    fn on_observation(&self, cx: &Context, observation: Observation) -> impl Future<Output = ()> + Send {
        let _ = (cx, observation);
        async {}
    }

    /// The agent is slower than what comes in: the oldest `missed` observations or peer events that waited are lost.
    /// [`NodeHandle::peers`](crate::NodeHandle::peers) always tells who is there.
    fn on_lagged(&self, cx: &Context, missed: u64) -> impl Future<Output = ()> + Send {
        let _ = (cx, missed);
        async {}
    }

    /// Reliable observations of one origin are lost for good. In order with those that came: before the one that follows
    /// the gap, and not before that has come. What is lost with the life of an origin is no gap: [`Self::on_peer`] tells
    /// that it went.
    fn on_gap(&self, cx: &Context, gap: Gap) -> impl Future<Output = ()> + Send {
        let _ = (cx, gap);
        async {}
    }

    /// A peer came or went. One at a time, before observations that wait.
    fn on_peer(&self, cx: &Context, event: PeerEvent) -> impl Future<Output = ()> + Send {
        let _ = (cx, event);
        async {}
    }

    /// A peer asks for one of the [capabilities](Self::capabilities). Send chunks while they form; what is returned
    /// ends the request. When the requester cancels or its deadline passes, this future is dropped at its next await,
    /// and with it every request that it made itself.
    ///
    /// # Errors
    /// [`AgentError::declined`] or [`AgentError::failed`]; any other error becomes a failure through `?`.
    fn on_request(
        &self,
        cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> impl Future<Output = Result<(), AgentError>> + Send {
        let _ = (cx, request, replies);
        async { Err(AgentError::declined("this agent serves no requests")) }
    }

    /// The node stops. Peers are still connected; there is time until the deadline given to `shutdown`.
    fn on_stop(&self, cx: &Context) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }
}

/// How many requests an agent takes.
///
/// ```
/// use swarm_core::Capacity;
///
/// // A model that runs two at a time, and makes nobody wait for more than four turns.
/// let capacity = Capacity { at_once: 2, waiting: 8 };
/// assert!(Capacity::default().at_once > capacity.at_once);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Requests that are served at once, at least 1.
    pub at_once: usize,
    /// Requests that wait for one of those places, in the order of arrival; one peer has at most half of them. Beyond
    /// them the answer is `Busy`.
    pub waiting: usize,
}

/// As many as the node allows.
impl Default for Capacity {
    fn default() -> Self {
        Self { at_once: usize::MAX, waiting: usize::MAX }
    }
}

impl Capacity {
    pub(crate) fn at_most(self, most: Self) -> Self {
        Self { at_once: self.at_once.min(most.at_once), waiting: self.waiting.min(most.waiting) }
    }
}

/// An agent that does nothing of its own accord: for programs that act through the node's handle.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use swarm_core::{AgentNode, IdleAgent};
///
/// let node = AgentNode::dev(IdleAgent).bind("127.0.0.1:0".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct IdleAgent;

impl Agent for IdleAgent {}

/// Any agent behind one type, for collections and registries of agents of different kinds.
///
/// ```
/// use swarm_core::{Agent, BoxedAgent, IdleAgent};
///
/// let agents: Vec<BoxedAgent> = vec![BoxedAgent::new(IdleAgent), BoxedAgent::new(IdleAgent)];
/// assert!(agents.iter().all(|agent| agent.capabilities().is_empty()));
/// ```
#[derive(Clone)]
pub struct BoxedAgent(Arc<dyn DynAgent>);

impl BoxedAgent {
    /// Puts an agent behind the common type.
    pub fn new(agent: impl Agent) -> Self {
        Self(Arc::new(agent))
    }
}

impl fmt::Debug for BoxedAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxedAgent").field("capabilities", &self.0.capabilities()).finish()
    }
}

/// The object-safe twin of [`Agent`].
trait DynAgent: Send + Sync + 'static {
    fn capabilities(&self) -> Vec<Advertisement>;
    fn subscriptions(&self) -> Vec<TopicPattern>;
    fn capacity(&self) -> Capacity;
    fn on_start<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, ()>;
    fn on_observation<'a>(&'a self, cx: &'a Context, observation: Observation) -> BoxFuture<'a, ()>;
    fn on_lagged<'a>(&'a self, cx: &'a Context, missed: u64) -> BoxFuture<'a, ()>;
    fn on_gap<'a>(&'a self, cx: &'a Context, gap: Gap) -> BoxFuture<'a, ()>;
    fn on_peer<'a>(&'a self, cx: &'a Context, event: PeerEvent) -> BoxFuture<'a, ()>;
    fn on_request<'a>(
        &'a self,
        cx: &'a Context,
        request: AssistanceRequest,
        replies: &'a mut Replies,
    ) -> BoxFuture<'a, Result<(), AgentError>>;
    fn on_stop<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, ()>;
}

impl<A: Agent> DynAgent for A {
    fn capabilities(&self) -> Vec<Advertisement> {
        Agent::capabilities(self)
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        Agent::subscriptions(self)
    }

    fn capacity(&self) -> Capacity {
        Agent::capacity(self)
    }

    fn on_start<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_start(self, cx))
    }

    fn on_observation<'a>(&'a self, cx: &'a Context, observation: Observation) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_observation(self, cx, observation))
    }

    fn on_lagged<'a>(&'a self, cx: &'a Context, missed: u64) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_lagged(self, cx, missed))
    }

    fn on_gap<'a>(&'a self, cx: &'a Context, gap: Gap) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_gap(self, cx, gap))
    }

    fn on_peer<'a>(&'a self, cx: &'a Context, event: PeerEvent) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_peer(self, cx, event))
    }

    fn on_request<'a>(
        &'a self,
        cx: &'a Context,
        request: AssistanceRequest,
        replies: &'a mut Replies,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        Box::pin(Agent::on_request(self, cx, request, replies))
    }

    fn on_stop<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(Agent::on_stop(self, cx))
    }
}

impl Agent for BoxedAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        self.0.capabilities()
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.0.subscriptions()
    }

    fn capacity(&self) -> Capacity {
        self.0.capacity()
    }

    async fn on_start(&self, cx: &Context) {
        self.0.on_start(cx).await;
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        self.0.on_observation(cx, observation).await;
    }

    async fn on_lagged(&self, cx: &Context, missed: u64) {
        self.0.on_lagged(cx, missed).await;
    }

    async fn on_gap(&self, cx: &Context, gap: Gap) {
        self.0.on_gap(cx, gap).await;
    }

    async fn on_peer(&self, cx: &Context, event: PeerEvent) {
        self.0.on_peer(cx, event).await;
    }

    async fn on_request(
        &self,
        cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        self.0.on_request(cx, request, replies).await
    }

    async fn on_stop(&self, cx: &Context) {
        self.0.on_stop(cx).await;
    }
}
