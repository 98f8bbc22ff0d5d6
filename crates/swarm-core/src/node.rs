//! Waits: the tasks around an agent, and the handles that programs hold.
//!
//! ```text
//! AgentNode ── stop/kill tokens ── driver (one task): mesh, connection map, timer, dials, handshakes, connections
//!                                   ├─ agent task: observations and peer events, one at a time
//!                                   └─ connection task per connection: control stream, what is told to the peer
//!                                       ├─ datagram task: observations both ways, the outbox's timer
//!                                       ├─ feed writer: what the peer is owed of reliable observations
//!                                       └─ responder task per stream of the peer: a request, or the peer's feed
//!              one task that looks for new credentials in their directory, if they came from one
//!              one task that gives up what was kept for peers that stay away
//!              requester: no task of its own, the caller polls the reply stream
//! ```
//!
//! What a file here never does: decide who is dialled or which connection stays (that is [`crate::mesh`]), or name a
//! transport.

mod agent_task;
mod assist;
mod builder;
mod connection;
mod connection_map;
mod control;
mod driver;
mod framing;
mod guests;
mod handshake;
mod observe;
mod peer_connection;
mod peer_url;
mod renewal;
mod shared;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use swarm_proto::{
    AgentId, Capability, CapabilityPattern, Chunk, Grant, Observation, Revocations, Signed, TopicName,
    TopicPattern,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use self::assist::Served;
pub use self::assist::{
    Answer, AssistanceRequest, FanIn, FanInEvent, FanInItem, OutgoingRequest, Replies, ReplyStream, Route,
};
pub use self::builder::Builder;
use self::driver::Command;
pub use self::observe::{NotHanded, OutgoingObservation, Receipt};
pub use self::peer_url::{PeerUrl, PeerUrlError};
pub(crate) use self::shared::NodeShared;
use crate::agent::{Agent, BoxedAgent};
use crate::error::{AssistError, ConnectError, PublishError, ReadyError, ShutdownError, SubscribeError};
use crate::peer::PeerInfo;
use crate::topic::Topic;
use crate::trace::Counters;
use crate::trust::{GrantError, Invitation, InviteError, RevocationError, TrustAnchor};

/// How long `shutdown` waits for tasks of the agent that were told to end.
const TASK_GRACE: Duration = Duration::from_secs(1);

/// A running node: owns the agent's tasks and connections.
///
/// It can do all that its [`NodeHandle`] can. Dropping it ends everything at once; [`AgentNode::shutdown`] does it in
/// order.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use swarm_core::{AgentNode, IdleAgent};
///
/// let node = AgentNode::dev(IdleAgent).bind("127.0.0.1:0".parse()?).await?;
/// println!("listening at {}", node.url());
/// node.shutdown(Duration::from_secs(2)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AgentNode {
    handle: NodeHandle,
    driver: JoinHandle<usize>,
}

impl AgentNode {
    /// Begins to build a node for local work: it trusts a root that all programs of this user on this machine share, and is
    /// reached from this machine alone. Everything is checked as elsewhere.
    pub fn dev(agent: impl Agent) -> Builder {
        Self::builder(agent).dev()
    }

    /// Begins to build a node around an agent. It needs [`credentials`](Builder::credentials).
    pub fn builder(agent: impl Agent) -> Builder {
        Builder::new(BoxedAgent::new(agent))
    }

    /// A handle that can be cloned and kept by others.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Stops in order: the agent is told, peers hear goodbye, requests being served may finish until `deadline`, and
    /// nothing is left running afterwards.
    ///
    /// # Errors
    /// When requests had to be given up at the deadline. The node has stopped all the same.
    pub async fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        let (reply, done) = oneshot::channel();
        let command = Command::Shutdown { deadline, reply };
        let aborted = match self.handle.shared.commands.send(command).await {
            Ok(()) => done.await.unwrap_or_default(),
            Err(_) => 0,
        };
        // Whatever became of the driver, nothing outlives it.
        let _ = (&mut self.driver).await;
        self.handle.shared.kill();
        // Tasks end at their next await; one that never awaits is not waited for.
        let _ = tokio::time::timeout(TASK_GRACE, self.handle.shared.tasks.wait()).await;
        if aborted > 0 { Err(ShutdownError { aborted }) } else { Ok(()) }
    }
}

impl Deref for AgentNode {
    type Target = NodeHandle;

    fn deref(&self) -> &NodeHandle {
        &self.handle
    }
}

impl Drop for AgentNode {
    /// The driver ends by itself then, and closes every connection without a goodbye.
    fn drop(&mut self) {
        self.handle.shared.kill();
    }
}

/// A way to a node that many can share. It does not keep the node alive: once the node has stopped there are no peers,
/// and what is asked of it fails with a shut-down error.
///
/// ```
/// use swarm_core::{NodeHandle, PublishError, Receipt};
///
/// fn beat(node: &NodeHandle) -> Result<Receipt, PublishError> {
///     node.broadcast_observation("heart.beat", "thump")
/// }
/// ```
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) shared: Arc<NodeShared>,
}

impl NodeHandle {
    /// The id of the node's agent.
    pub fn id(&self) -> AgentId {
        self.shared.id
    }

    /// Where others can reach the node. With a wildcard address (`0.0.0.0`) put in one that others can dial.
    pub fn url(&self) -> PeerUrl {
        PeerUrl::from(self.shared.local_addr)
    }

    /// The peers that are connected now, sorted by id.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.shared.connections.peers()
    }

    /// What happened since the node started, in numbers.
    pub fn counters(&self) -> Counters {
        self.shared.recorder.counters()
    }

    /// Dials a node and waits until both have said hello. Its peers are then introduced, so one call joins a full mesh.
    /// When the connection is lost later it is made again by itself, for a minute.
    ///
    /// # Errors
    /// See [`ConnectError`]. Dropping the future gives the attempt up or leaves the connection; both are safe.
    pub async fn connect(&self, url: &PeerUrl) -> Result<AgentId, ConnectError> {
        let mut last = ConnectError::NoAddress { host: url.host().to_owned() };
        for address in url.resolve().await? {
            let (reply, connected) = oneshot::channel();
            let command = Command::Connect { address, reply };
            self.shared.commands.send(command).await.map_err(|_| ConnectError::ShutDown)?;
            match connected.await {
                Ok(Ok(peer)) => return Ok(peer),
                Ok(Err(error)) => last = error,
                Err(_) => return Err(ConnectError::ShutDown),
            }
        }
        Err(last)
    }

    /// Waits until at least `min_peers` are connected, so that nobody broadcasts into an empty room unknowingly. Whether
    /// they want to hear of a topic is another question: see [`Self::subscribers`]. Cancel safe.
    ///
    /// # Errors
    /// When they did not come within the time.
    pub async fn ready(&self, min_peers: usize, within: Duration) -> Result<(), ReadyError> {
        let enough = self.shared.connections.at_least(min_peers);
        let waited = tokio::time::timeout(within, enough).await;
        waited.map_err(|_| ReadyError { wanted: min_peers, have: self.shared.connections.len() })
    }

    /// Whom this node trusts about its swarm.
    pub fn trust_anchor(&self) -> &TrustAnchor {
        self.shared.access.anchor()
    }

    /// What this node may do.
    pub fn grant(&self) -> Arc<Signed<Grant>> {
        self.shared.access.grant()
    }

    /// Shows another grant from now on, one that holds for longer for example. Peers are told, and no connection is lost.
    ///
    /// ```
    /// use swarm_core::NodeHandle;
    /// use swarm_core::proto::{Grant, Signed};
    /// use swarm_core::trust::GrantError;
    ///
    /// fn renew(node: &NodeHandle, grant: Signed<Grant>) -> Result<(), GrantError> {
    ///     node.renew_grant(grant)
    /// }
    /// ```
    ///
    /// # Errors
    /// If it does not count now, or is for another agent. The old one stays then.
    pub fn renew_grant(&self, grant: Signed<Grant>) -> Result<(), GrantError> {
        self.shared.renew(grant)
    }

    /// Lets a guest in for a while: a browser or a script, which needs no certificate. The text of the grant is the token that
    /// it shows, in the header `authorization` behind `Bearer `, or in the query as `t`. It counts at this node alone, and
    /// once, unless it is for a key. The node must take [guests](Builder::guests).
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_core::NodeHandle;
    /// use swarm_core::proto::Permissions;
    /// use swarm_core::trust::{Invitation, InviteError};
    ///
    /// fn link(node: &NodeHandle) -> Result<String, InviteError> {
    ///     let eyes = Permissions { subscribe: vec!["map.**".parse().unwrap()], ..Permissions::default() };
    ///     let grant = node.invite(Invitation::new(eyes, Duration::from_secs(300)))?;
    ///     Ok(format!("{}?t={grant}", node.url()))
    /// }
    /// ```
    ///
    /// # Errors
    /// If the node takes no guests, or the invitation would hold for too long or permit too much.
    pub fn invite(&self, invitation: Invitation) -> Result<Signed<Grant>, InviteError> {
        self.shared.invite(invitation)
    }

    /// SHA-256 of the certificates that the node shows now or is about to show: what a web page gives to
    /// `serverCertificateHashes`, as no browser trusts their issuer. The next one is among them a day before it is shown. They
    /// change when the node gets another grant. None once it has stopped. The example `page` makes use of them.
    pub fn certificate_hashes(&self) -> Vec<[u8; 32]> {
        self.shared.transport.upgrade().map(|transport| transport.certificate_hashes()).unwrap_or_default()
    }

    /// Heeds a list of revocations from now on: connections to whoever is on it end, and peers are told, who tell theirs.
    /// False if the list is known already.
    ///
    /// ```
    /// use swarm_core::NodeHandle;
    /// use swarm_core::proto::{Revocations, Signed};
    /// use swarm_core::trust::RevocationError;
    ///
    /// fn revoke(node: &NodeHandle, list: Signed<Revocations>) -> Result<bool, RevocationError> {
    ///     node.revoke(list)
    /// }
    /// ```
    ///
    /// # Errors
    /// If it is older than the one that is known, or no root of the swarm signed it. Nothing changes then.
    pub fn revoke(&self, list: Signed<Revocations>) -> Result<bool, RevocationError> {
        self.shared.revoke(list)
    }

    /// Sends a small message to every connected peer that subscribed to its topic. See [`Context::broadcast_observation`].
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// [`Context::broadcast_observation`]: crate::Context::broadcast_observation
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
        self.shared.publish(None, observation)
    }

    /// Sends a value to every peer that subscribed to its topic, in the way that the topic says. Never waits.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish<T: Serialize>(&self, topic: &Topic<T>, value: &T) -> Result<Receipt, PublishError> {
        self.broadcast(topic.observation(value)?)
    }

    /// Passes a signed observation of another on to every connected peer that subscribed, may have it, and is not known to
    /// have it. See [`Context::pass_on`].
    ///
    /// # Errors
    /// See [`Context::pass_on`].
    ///
    /// [`Context::pass_on`]: crate::Context::pass_on
    pub fn pass_on(&self, observation: &Observation) -> Result<Receipt, PublishError> {
        self.shared.pass_on(None, observation)
    }

    /// Waits until the outboxes of all peers are at most half full, so that who publishes as fast as it can loses nothing to
    /// full outboxes. A peer that is not there within `patience` is passed over until it has caught up: it delays a
    /// publisher once, and loses its oldest. Reliable observations have queues of their own, which it does not look at.
    /// Cancel safe.
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_core::{NodeHandle, PublishError};
    ///
    /// async fn stream(node: &NodeHandle, frames: Vec<Vec<u8>>) -> Result<(), PublishError> {
    ///     for frame in frames {
    ///         node.broadcast_observation("camera.frame", frame)?;
    ///         node.paced(Duration::from_millis(50)).await;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn paced(&self, patience: Duration) {
        self.shared.paced(patience).await;
    }

    /// Wants to hear of what a pattern means too, from now on; peers are told. At most 64 patterns. Never waits: what peers
    /// publish before they have heard of it does not come.
    ///
    /// ```
    /// use swarm_core::{NodeHandle, SubscribeError};
    ///
    /// fn watch_the_arms(node: &NodeHandle) -> Result<(), SubscribeError> {
    ///     node.subscribe("arm.*.angle")
    /// }
    /// ```
    ///
    /// # Errors
    /// When it is no pattern, or one too many.
    pub fn subscribe<P>(&self, pattern: P) -> Result<(), SubscribeError>
    where
        P: TryInto<TopicPattern>,
        SubscribeError: From<P::Error>,
    {
        self.shared.subscribe(pattern.try_into()?)
    }

    /// Wants to hear no more of what this very pattern means. False if it was not subscribed to. A node hears of
    /// everything (`**`) unless its agent says otherwise. Never waits: what waits for the agent already is still told, what
    /// comes later is dropped and counted.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn unsubscribe<P>(&self, pattern: P) -> Result<bool, SubscribeError>
    where
        P: TryInto<TopicPattern>,
        SubscribeError: From<P::Error>,
    {
        Ok(self.shared.unsubscribe(&pattern.try_into()?))
    }

    /// What this node wants to hear of now, sorted.
    pub fn subscriptions(&self) -> Vec<TopicPattern> {
        self.shared.subscriptions.borrow().patterns().to_vec()
    }

    /// How many connected peers want to hear of a topic, as far as they have said so.
    pub fn subscribers(&self, topic: &TopicName) -> usize {
        self.shared.subscribers(topic)
    }

    /// Asks one peer for assistance. See [`Context::request_assistance`].
    ///
    /// # Errors
    /// See [`AssistError`].
    ///
    /// [`Context::request_assistance`]: crate::Context::request_assistance
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

    /// Asks one peer for assistance, with a streamed body, a deadline or metadata of its own.
    ///
    /// # Errors
    /// See [`AssistError`].
    pub async fn request(&self, peer: AgentId, request: OutgoingRequest) -> Result<ReplyStream, AssistError> {
        self.shared.request(None, peer, request).await
    }

    /// Asks whoever offers a capability, or one that matches a pattern. See [`Context::request_capability`].
    ///
    /// # Errors
    /// As [`Self::route`].
    ///
    /// [`Context::request_capability`]: crate::Context::request_capability
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

    /// Asks whoever offers it, as the route says. See [`Context::route`].
    ///
    /// # Errors
    /// See [`Context::route`].
    ///
    /// [`Context::route`]: crate::Context::route
    pub async fn route(&self, route: Route, request: OutgoingRequest) -> Result<ReplyStream, AssistError> {
        self.shared.route(None, &route, request).await
    }

    /// Asks every peer that offers it, and joins their replies. See [`Context::request_all`].
    ///
    /// # Errors
    /// See [`Context::request_all`].
    ///
    /// [`Context::request_all`]: crate::Context::request_all
    pub fn request_all(&self, route: Route, request: OutgoingRequest) -> Result<FanIn, AssistError> {
        self.shared.request_all(None, &route, request)
    }

    /// The first whole answer of all who offer it. See [`Context::request_first`].
    ///
    /// # Errors
    /// See [`Context::request_first`].
    ///
    /// [`Context::request_first`]: crate::Context::request_first
    pub async fn request_first(
        &self,
        route: Route,
        request: OutgoingRequest,
        max_bytes: usize,
    ) -> Result<Answer, AssistError> {
        self.request_first_good(route, request, max_bytes, |_| true).await
    }

    /// The first whole answer that is good. See [`Context::request_first_good`].
    ///
    /// # Errors
    /// See [`Context::request_first`].
    ///
    /// [`Context::request_first`]: crate::Context::request_first
    /// [`Context::request_first_good`]: crate::Context::request_first_good
    pub async fn request_first_good(
        &self,
        route: Route,
        request: OutgoingRequest,
        max_bytes: usize,
        good: impl Fn(&[Chunk]) -> bool + Send,
    ) -> Result<Answer, AssistError> {
        self.shared.request_first(None, &route, request, max_bytes, good).await
    }
}

impl fmt::Debug for NodeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeHandle").field("id", &self.shared.id).finish_non_exhaustive()
    }
}
