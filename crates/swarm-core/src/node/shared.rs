//! What handles, contexts and tasks of one node have in common.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use rand::RngExt;
use rand::rngs::StdRng;
use swarm_proto::{
    AgentId, Capability, Chunk, Epoch, Grant, Hello, MAX_SUBSCRIPTIONS, RequestId, Revocations, Signed,
    TopicName, TopicPattern, TraceContext, UnixMicros, UnixSeconds,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assist::{
    self, Admission, Answer, FanIn, OutgoingRequest, ReplyStream, Resumables, Route, Served,
};
use super::connection_map::ConnectionMap;
use super::driver::Command;
use super::guests::GuestBook;
use super::observe::{AgentInbox, Feeds, ReliableInbox};
use crate::agent::BoxedAgent;
use crate::assist::latency::Latencies;
use crate::assist::routing::{self, Candidate, Wanted};
use crate::clock::WallClock;
use crate::config::NodeConfig;
use crate::door::Door;
use crate::error::{AssistError, SubscribeError};
use crate::identity::{IdentityKey, agent_id_of_subject};
use crate::observe::holders::Holders;
use crate::observe::intake::Intake;
use crate::observe::subscriptions::Subscriptions;
use crate::repeats;
use crate::trace::{Recorder, TraceEvent};
use crate::transport::Transport;
use crate::trust::{Access, GrantError, Invitation, InviteError, OriginGrants, RevocationError};

/// The parts of a node that many tasks share. The driver alone writes the connection map.
pub(crate) struct NodeShared {
    pub(crate) id: AgentId,
    pub(crate) local_addr: SocketAddr,
    pub(crate) config: NodeConfig,
    pub(crate) agent: BoxedAgent,
    /// What does not change of what the node says of itself.
    pub(crate) hello: Hello,
    /// What the agent wants to hear of.
    pub(crate) subscriptions: watch::Sender<Subscriptions>,
    pub(crate) intake: Mutex<Intake>,
    /// Who has which of the observations that may be passed on.
    pub(crate) holders: Mutex<Holders>,
    /// What origins may do whose observations others pass on.
    pub(super) origins: Mutex<OriginGrants>,
    /// More is known of them now.
    pub(crate) origins_changed: watch::Sender<()>,
    pub(crate) door: Mutex<Door>,
    pub(crate) wall_clock: Arc<dyn WallClock>,
    pub(crate) identity: Arc<IdentityKey>,
    /// As long as the driver keeps it.
    pub(crate) transport: Weak<dyn Transport>,
    /// Whose grants count, and this node's own.
    pub(crate) access: Arc<Access>,
    /// Something else counts now.
    pub(crate) access_changed: watch::Sender<()>,
    /// Those that show no certificate; `None` if the node takes none.
    pub(crate) guests: Option<Arc<GuestBook>>,
    /// Stays on this machine.
    pub(crate) local_only: bool,
    /// Is to do the same again from the same seed, in the same order.
    pub(crate) repeats: bool,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) connections: ConnectionMap,
    pub(crate) inbox: AgentInbox,
    pub(crate) reliable_inbox: ReliableInbox,
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

    /// What somebody is to sign who says that it has a key.
    pub(crate) fn new_nonce(&self) -> [u8; 32] {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Lets somebody in for a while, at this node alone.
    pub(crate) fn invite(&self, invitation: Invitation) -> Result<Signed<Grant>, InviteError> {
        if self.guests.is_none() {
            return Err(InviteError::NoGuests);
        }
        let bearer = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        invitation.sign(&self.identity, self.access.swarm(), bearer, self.unix_seconds())
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

    /// The time by which grants are judged.
    pub(crate) fn unix_seconds(&self) -> UnixSeconds {
        UnixSeconds::from_system_time(self.wall_clock.now())
    }

    /// The time by which observations are judged.
    pub(crate) fn unix_micros(&self) -> UnixMicros {
        UnixMicros::from_system_time(self.wall_clock.now())
    }

    /// Shows this grant from now on, and tells the peers.
    pub(crate) fn renew(&self, grant: Signed<Grant>) -> Result<(), GrantError> {
        self.access.renew(grant, self.unix_seconds())?;
        self.access_changed.send_replace(());
        Ok(())
    }

    /// Heeds this list from now on, and tells the peers. False if it is known.
    pub(crate) fn revoke(&self, list: Signed<Revocations>) -> Result<bool, RevocationError> {
        let new = self.access.revoke(list)?;
        if new {
            self.access_changed.send_replace(());
        }
        Ok(new)
    }

    /// Runs something of the agent's. A panic ends that, is counted, and goes no further: then there is no output.
    pub(crate) async fn guard<T>(&self, method: &'static str, call: impl Future<Output = T>) -> Option<T> {
        let output = AssertUnwindSafe(repeats::scope(self.repeats, call)).catch_unwind().await;
        if output.is_err() {
            tracing::error!(agent = %self.id, method, "the agent panicked");
            self.recorder.record(TraceEvent::AgentPanicked { method });
        }
        output.ok()
    }

    /// Does what waits for a disk, which may be slow, on another thread; in place where a run is to repeat, since nobody knows
    /// when a thread is done. `None` if it broke down or the runtime is about to end.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.repeats {
            return Some(work());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that leaves the order to a thread"
        )]
        let done = tokio::task::spawn_blocking(work);
        done.await.ok()
    }

    /// How many requests of others are being served.
    pub(crate) fn serving(&self) -> usize {
        self.admission.serving()
    }

    /// Whether nothing new may begin. What is done for a request that is being served may finish while the node stops.
    pub(crate) fn is_closed(&self, on_behalf: Option<&Arc<Served>>) -> bool {
        match on_behalf {
            None => self.stopping.is_cancelled(),
            Some(_) => self.killed.is_cancelled(),
        }
    }

    /// What to say of this node now. Subscriptions that do not fit follow on the control stream.
    pub(crate) fn hello(&self) -> Hello {
        let subscriptions = self.subscriptions.borrow().patterns().to_vec();
        let whole = Hello { subscriptions, ..self.hello.clone() };
        if whole.encode().is_ok() { whole } else { Hello { subscriptions: Vec::new(), ..whole } }
    }

    /// Wants to hear of this too, from now on.
    pub(crate) fn subscribe(&self, pattern: TopicPattern) -> Result<(), SubscribeError> {
        let mut added = true;
        self.subscriptions.send_if_modified(|subscriptions| {
            let before = subscriptions.patterns().len();
            added = subscriptions.add(pattern);
            subscriptions.patterns().len() != before
        });
        if added { Ok(()) } else { Err(SubscribeError::TooMany { max: MAX_SUBSCRIPTIONS }) }
    }

    /// Wants to hear of this no more. False if it was not subscribed to.
    pub(crate) fn unsubscribe(&self, pattern: &TopicPattern) -> bool {
        self.subscriptions.send_if_modified(|subscriptions| subscriptions.remove(pattern))
    }

    /// What is known of the observations that came in.
    pub(crate) fn intake(&self) -> MutexGuard<'_, Intake> {
        // The intake is whole after each of its methods, so a poisoned lock is as good as any.
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has what of the observations that may be passed on.
    pub(crate) fn holders(&self) -> MutexGuard<'_, Holders> {
        // At worst somebody gets a second copy, so a poisoned lock is as good as any.
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The grant of an origin, as far as it is known here.
    pub(crate) fn grant_of(&self, origin: AgentId) -> Option<Arc<Signed<Grant>>> {
        self.origins().get(origin).cloned()
    }

    /// Takes the grant of an origin, whoever tells it, if it counts everywhere.
    pub(crate) fn learn_grant(&self, grant: &Signed<Grant>) -> Result<AgentId, GrantError> {
        let origin = agent_id_of_subject(&grant.statement().subject);
        // Most are told many times, and a look at a signature costs more than this.
        if self.grant_of(origin).is_some_and(|known| *known == *grant) {
            return Ok(origin);
        }
        self.access.admit(grant, self.unix_seconds())?;
        self.origins().learn(origin, Arc::new(grant.clone()));
        self.origins_changed.send_replace(());
        Ok(origin)
    }

    /// Takes the grant of a peer's certificate, whose signature the handshake has looked at.
    pub(crate) fn learn_shown(&self, grant: &Arc<Signed<Grant>>) {
        let origin = agent_id_of_subject(&grant.statement().subject);
        let is_known = self.grant_of(origin).is_some_and(|known| known == *grant);
        if !is_known && self.access.holds(grant.statement(), self.unix_seconds()).is_ok() {
            self.origins().learn(origin, Arc::clone(grant));
            self.origins_changed.send_replace(());
        }
    }

    /// Whether a grant that was admitted before holds now, and covers publishing this.
    pub(crate) fn may_publish(&self, grant: &Signed<Grant>, topic: &TopicName) -> bool {
        let grant = grant.statement();
        grant.permissions.may_publish(topic) && self.access.holds(grant, self.unix_seconds()).is_ok()
    }

    fn origins(&self) -> MutexGuard<'_, OriginGrants> {
        // It is whole after each of its methods, so a poisoned lock is as good as any.
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn door(&self) -> MutexGuard<'_, Door> {
        // The door is whole after each of its methods, so a poisoned lock is as good as any.
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connected peers want to hear of a topic.
    pub(crate) fn subscribers(&self, topic: &TopicName) -> usize {
        self.connections.all().iter().filter(|connection| connection.wants(topic)).count()
    }

    /// A peer that will not come back: nothing of it is kept.
    pub(crate) fn forget(&self, peer: AgentId) {
        self.intake().forget(peer);
        self.inbox.forget(peer);
        self.recorder.forget(peer);
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

impl std::fmt::Debug for NodeShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeShared").field("id", &self.id).finish_non_exhaustive()
    }
}
