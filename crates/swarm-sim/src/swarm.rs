//! A swarm inside an ordinary test: real nodes and agents on a network in memory, in virtual time.
//!
//! A [`Swarm`] stands still until it is told how long to run, so a test says what happens when, and hours pass in
//! milliseconds. The same seed gives the same run. `docs/testing-agents.md` shows how to test agents with it.

mod builder;
mod error;
mod member;
mod witness;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_core::{
    Agent, AgentId, AssistError, Chunk, NodeHandle, OutgoingRequest, PublishError, Receipt, TopicName,
};
use swarm_network::{
    Change, Conditions, Distribution, Fabric, Fault, FaultId, Network, Power, Scope, SharedFabric, Traffic,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub use self::builder::SwarmBuilder;
pub use self::error::{NotYet, TasksLeft};
use self::member::{Life, Seat};
pub use self::witness::Seen;
pub(crate) use self::witness::Sights;
use crate::clock::{self, RunClock};
use crate::venue::host;
use crate::watchdog::Watchdog;

/// How long a dial of two members may take, tries included, in virtual time.
const DIAL_PATIENCE: Duration = Duration::from_secs(30);

/// From one try to the next.
const DIAL_PAUSE: Duration = Duration::from_millis(100);

/// How often [`Swarm::run_until`] looks.
const LOOK: Duration = Duration::from_millis(10);

/// How long nodes may take to stop in order, in virtual time.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// A member of a [`Swarm`].
///
/// ```
/// use swarm_core::IdleAgent;
/// use swarm_sim::{Member, Swarm};
///
/// let mut swarm = Swarm::new();
/// let (a, b): (Member, Member) = (swarm.add("a", || IdleAgent), swarm.add("b", || IdleAgent));
/// assert_ne!(a, b);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member(usize);

/// A swarm inside an ordinary test.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::IdleAgent;
/// use swarm_sim::Swarm;
///
/// let mut swarm = Swarm::new();
/// let (a, b) = (swarm.add("a", || IdleAgent), swarm.add("b", || IdleAgent));
/// swarm.connect(a, b);
///
/// swarm.broadcast(a, "weather.rain", "it begins").unwrap();
/// swarm.run_for(Duration::from_secs(1));
/// assert_eq!(swarm.seen(b).len(), 1);
///
/// let cut = swarm.cut(&[a], &[b]);
/// swarm.broadcast(a, "weather.rain", "it pours").unwrap();
/// swarm.run_until(Duration::from_secs(10), |swarm| swarm.node(a).peers().is_empty()).unwrap();
/// swarm.heal(cut);
/// swarm.run_until(Duration::from_secs(30), |swarm| swarm.node(a).peers().len() == 1).unwrap();
/// assert_eq!(swarm.seen(b).len(), 1);
/// ```
///
/// It makes a runtime of its own, so it cannot be used inside `#[tokio::test]`. When a test panics while it holds one, the
/// seed and the command that repeats the run are printed.
pub struct Swarm {
    seed: u64,
    network: Arc<dyn Network>,
    fabric: SharedFabric,
    seats: Vec<Seat>,
    /// Who was connected to whom, so that whoever starts again finds back.
    pairs: Vec<(Member, Member)>,
    /// What runs beside the nodes: the network, and dials of members that started again.
    tasks: JoinSet<()>,
    clock: RunClock,
    builder: SwarmBuilder,
    _watchdog: Watchdog,
    runtime: Runtime,
}

impl Swarm {
    /// A swarm without members on the network `model`, all of whose links are like a LAN. Its seed is 1, or what the
    /// environment has in `SWARM_SEED`.
    ///
    /// # Panics
    /// If the system gives no runtime, or one runs here already.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins to build a swarm with a seed, a network, links or nodes of its own.
    #[must_use]
    pub fn builder() -> SwarmBuilder {
        SwarmBuilder::default()
    }

    /// What every random choice is derived from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Starts a node with an agent. `make` is called again whenever it starts again: what an agent knew dies with it.
    ///
    /// # Panics
    /// When the node cannot start.
    pub fn add<A: Agent>(&mut self, name: &str, make: impl Fn() -> A + Send + 'static) -> Member {
        let member = Member(self.seats.len());
        self.seats.push(Seat::new(self, member, name, Box::new(move || swarm_core::BoxedAgent::new(make()))));
        self.start(member);
        member
    }

    /// Connects two members and waits until both know it, for as much virtual time as it takes.
    ///
    /// # Panics
    /// When it takes longer than 30 s, or one of them does not run.
    pub fn connect(&mut self, a: Member, b: Member) {
        self.pairs.push((a, b));
        let (from, to) = (self.node(a), self.node(b));
        let connected =
            self.runtime.block_on(async { tokio::time::timeout(DIAL_PATIENCE, dial(from, to)).await });
        assert!(
            connected.is_ok(),
            "{} and {} were not connected within {DIAL_PATIENCE:?}",
            self.name(a),
            self.name(b)
        );
    }

    /// Connects everybody who runs with everybody else.
    ///
    /// # Panics
    /// As [`Self::connect`].
    pub fn connect_all(&mut self) {
        let running: Vec<_> = self.running().collect();
        for (place, a) in running.iter().enumerate() {
            for b in running.iter().skip(place + 1) {
                self.connect(*a, *b);
            }
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Lets time pass until something is true, and says how long that took.
    ///
    /// # Errors
    /// If it was not within that time.
    pub fn run_until(&mut self, within: Duration, what: impl Fn(&Self) -> bool) -> Result<Duration, NotYet> {
        let begun = self.now();
        while !what(self) {
            if self.now().saturating_sub(begun) >= within {
                return Err(NotYet { within, seed: self.seed });
            }
            self.run_for(LOOK);
        }
        Ok(self.now().saturating_sub(begun))
    }

    /// Lets time pass until a future is done. What it spawns by itself runs on the swarm's runtime.
    pub fn block_on<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// How much virtual time has passed.
    #[must_use]
    pub fn now(&self) -> Duration {
        let _in_virtual_time = self.runtime.enter();
        self.clock.elapsed()
    }

    /// What a member is called.
    #[must_use]
    pub fn name(&self, member: Member) -> &str {
        self.seats.get(member.0).map_or("nobody", |seat| &seat.name)
    }

    /// The node of a member.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn node(&self, member: Member) -> NodeHandle {
        let node = self.seats.get(member.0).and_then(Seat::node);
        #[expect(clippy::panic, reason = "a test that asks one who does not run is wrong")]
        node.unwrap_or_else(|| panic!("{} does not run", self.name(member)))
    }

    /// Everybody who runs.
    pub fn running(&self) -> impl Iterator<Item = Member> {
        (0..self.seats.len()).map(Member).filter(|member| self.is_running(*member))
    }

    /// Whether a member runs.
    #[must_use]
    pub fn is_running(&self, member: Member) -> bool {
        self.seats.get(member.0).is_some_and(|seat| seat.node().is_some())
    }

    /// Which member an agent is.
    #[must_use]
    pub fn member(&self, agent: AgentId) -> Option<Member> {
        self.seats.iter().position(|seat| seat.agent_id == agent).map(Member)
    }

    /// What the agent of a member was handed in all of its lives, the oldest first; at most 100,000 observations.
    #[must_use]
    pub fn seen(&self, member: Member) -> Vec<Seen> {
        self.seats.get(member.0).map(|seat| seat.seen.all()).unwrap_or_default()
    }

    /// Broadcasts an observation.
    ///
    /// # Errors
    /// Those of [`NodeHandle::broadcast_observation`].
    ///
    /// # Panics
    /// When the member does not run.
    pub fn broadcast<T>(
        &mut self,
        member: Member,
        topic: T,
        payload: impl Into<Bytes>,
    ) -> Result<Receipt, PublishError>
    where
        T: TryInto<TopicName>,
        PublishError: From<T::Error>,
    {
        let _in_virtual_time = self.runtime.enter();
        self.node(member).broadcast_observation(topic, payload)
    }

    /// Asks a member for assistance and lets time pass until the whole answer is there, or none comes.
    ///
    /// # Errors
    /// How the request ended, if not with an answer.
    ///
    /// # Panics
    /// When whoever asks does not run.
    pub fn ask(
        &mut self,
        from: Member,
        to: Member,
        capability: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Vec<Chunk>, AssistError> {
        let request = OutgoingRequest::new(capability.parse()?).payload(payload);
        self.request(from, to, request)
    }

    /// As [`Self::ask`], with a request that has a deadline, a body or a lane of its own.
    ///
    /// # Errors
    /// How the request ended, if not with an answer.
    ///
    /// # Panics
    /// When whoever asks does not run.
    pub fn request(
        &mut self,
        from: Member,
        to: Member,
        request: OutgoingRequest,
    ) -> Result<Vec<Chunk>, AssistError> {
        let to = self.seats.get(to.0).map(|seat| seat.agent_id);
        let node = self.node(from);
        self.runtime.block_on(async move {
            let Some(to) = to else { return Err(AssistError::ShutDown) };
            let mut reply = node.request(to, request).await?;
            let mut chunks = Vec::new();
            while let Some(chunk) = reply.next_chunk().await? {
                chunks.push(chunk);
            }
            Ok(chunks)
        })
    }

    /// Cuts all links between some and others, both ways.
    pub fn cut(&mut self, some: &[Member], others: &[Member]) -> FaultId {
        self.begin(some, others, Fault::Cut)
    }

    /// Cuts some off from everybody else, those included who come later.
    pub fn isolate(&mut self, members: &[Member]) -> FaultId {
        let others: Vec<_> =
            (0..self.builder.most).map(Member).filter(|other| !members.contains(other)).collect();
        self.cut(members, &others)
    }

    /// Makes the links between some and others worse, or better, both ways.
    pub fn shape(&mut self, some: &[Member], others: &[Member], change: Change) -> FaultId {
        self.begin(some, others, Fault::Shape(change))
    }

    /// Ends what was cut or shaped.
    pub fn heal(&mut self, fault: FaultId) {
        self.fabric().end(fault);
    }

    /// What the link from one to another is like now; `None` if it is cut, or one of them is down or paused.
    #[must_use]
    pub fn conditions(&self, from: Member, to: Member) -> Option<Conditions> {
        self.fabric().conditions(host(from.0), host(to.0))
    }

    /// What the network has carried so far. Its digest is the same for the same run.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.fabric().traffic()
    }

    /// Ends a node without a word.
    pub fn crash(&mut self, member: Member) {
        self.fabric().set_power(host(member.0), Power::Down);
        if let Some(seat) = self.seats.get_mut(member.0) {
            let _in_virtual_time = self.runtime.enter();
            drop(seat.life.take());
        }
        // Its tasks end when they are next looked at, which takes no time.
        self.run_for(Duration::from_millis(1));
    }

    /// Stops a node in order: its agent is told, and its peers hear goodbye.
    pub fn stop(&mut self, member: Member) {
        let Some(Life { node }) = self.seats.get_mut(member.0).and_then(|seat| seat.life.take()) else {
            return;
        };
        // Requests that had to be given up at the deadline have their endings.
        let _ = self.runtime.block_on(async { node.shutdown(STOP_DEADLINE).await });
        self.fabric().set_power(host(member.0), Power::Down);
    }

    /// Starts a member that was stopped or has crashed, with the same identity and a new agent. It dials whomever it was
    /// connected to, in the background.
    ///
    /// # Panics
    /// When the node cannot start.
    pub fn restart(&mut self, member: Member) {
        if self.is_running(member) {
            self.crash(member);
        }
        self.start(member);
        let mine = self.pairs.iter().filter(|(a, b)| *a == member || *b == member);
        let others: Vec<_> = mine.map(|(a, b)| if *a == member { *b } else { *a }).collect();
        let running: Vec<_> = others.into_iter().filter(|other| self.is_running(*other)).collect();
        for other in running {
            let dial = dial(self.node(member), self.node(other));
            let bounded = async move { drop(tokio::time::timeout(DIAL_PATIENCE, dial).await) };
            self.tasks.spawn_on(bounded, self.runtime.handle());
        }
    }

    /// Holds a member up: nothing reaches it or leaves it, and its agent is not called, until it is resumed.
    pub fn pause(&mut self, member: Member) {
        self.fabric().pause(host(member.0));
        self.seats.get(member.0).into_iter().for_each(|seat| seat.gate.pause(true));
    }

    /// Lets a member go on that was paused. One that has crashed meanwhile stays down.
    pub fn resume(&mut self, member: Member) {
        self.fabric().resume(host(member.0));
        self.seats.get(member.0).into_iter().for_each(|seat| seat.gate.pause(false));
    }

    /// Lets each call of an agent wait for so long first; `None` lets it be as quick as it is.
    pub fn slow(&mut self, member: Member, delay: Option<Distribution>) {
        self.seats.get(member.0).into_iter().for_each(|seat| seat.gate.slow(delay));
    }

    /// Sets the clock of a member wrong: so many microseconds ahead, or behind if negative, and so many millionths faster.
    pub fn set_clock(&mut self, member: Member, offset_micros: i64, drift_ppm: f64) {
        let _in_virtual_time = self.runtime.enter();
        let error = clock::Error { offset_micros, drift_ppm };
        self.seats.get(member.0).into_iter().for_each(|seat| seat.clock.set(error));
    }

    /// Stops everybody in order, and sees whether anything is left running.
    ///
    /// # Errors
    /// When tasks are left.
    pub fn shut_down(mut self) -> Result<(), TasksLeft> {
        for member in self.running().collect::<Vec<_>>() {
            self.stop(member);
        }
        self.tasks.abort_all();
        let tasks = std::mem::take(&mut self.tasks);
        self.runtime.block_on(async move {
            drop(tasks);
            tokio::time::sleep(STOP_DEADLINE).await;
        });
        match self.runtime.metrics().num_alive_tasks() {
            0 => Ok(()),
            tasks => Err(TasksLeft { tasks, seed: self.seed }),
        }
    }

    /// Runs a test with each of these seeds.
    ///
    /// ```
    /// use swarm_sim::Swarm;
    ///
    /// Swarm::with_seeds(0..3, |builder| {
    ///     let swarm = builder.build();
    ///     assert!(swarm.seed() < 3);
    /// });
    /// ```
    ///
    /// # Panics
    /// When the test does, after the seed was printed.
    pub fn with_seeds(seeds: impl IntoIterator<Item = u64>, test: impl Fn(SwarmBuilder)) {
        for seed in builder::seeds(seeds) {
            test(Self::builder().seed(seed));
        }
    }

    fn begin(&mut self, some: &[Member], others: &[Member], fault: Fault) -> FaultId {
        let hosts = |members: &[Member]| members.iter().map(|member| host(member.0)).collect();
        self.fabric().begin(Scope { from: hosts(some), to: hosts(others), both_ways: true }, fault)
    }

    fn start(&mut self, member: Member) {
        self.fabric().set_power(host(member.0), Power::Up);
        let Some(seat) = self.seats.get_mut(member.0) else { return };
        // What was paused has ended.
        seat.gate.pause(false);
        let starting = seat.starting(&self.builder, self.seed);
        let (network, config) = (self.network.clone(), self.builder.config.clone());
        let started = self.runtime.block_on(async {
            starting.start(|speaker| network.open(host(member.0), speaker, &config)).await
        });
        match started {
            Ok(node) => seat.life = Some(Life { node }),
            #[expect(clippy::panic, reason = "a test whose swarm cannot start is over")]
            Err(error) => panic!("{} could not start: {error}", seat.name),
        }
    }

    fn fabric(&self) -> MutexGuard<'_, Fabric> {
        self.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Swarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error::tell(self.seed, self.runtime.block_on(async { self.clock.elapsed() }));
        }
        let _in_virtual_time = self.runtime.enter();
        self.seats.iter_mut().for_each(|seat| drop(seat.life.take()));
        self.tasks.abort_all();
    }
}

impl std::fmt::Debug for Swarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members: BTreeMap<_, _> =
            (0..self.seats.len()).map(|at| (self.name(Member(at)), self.is_running(Member(at)))).collect();
        f.debug_struct("Swarm").field("seed", &self.seed).field("running", &members).finish_non_exhaustive()
    }
}

/// Until both know each other.
async fn dial(from: NodeHandle, to: NodeHandle) {
    let knows = |one: &NodeHandle, other: AgentId| one.peers().iter().any(|peer| peer.id == other);
    loop {
        if knows(&from, to.id()) && knows(&to, from.id()) {
            return;
        }
        if from.connect(&to.url()).await.is_err() || !knows(&to, from.id()) {
            tokio::time::sleep(DIAL_PAUSE).await;
        }
    }
}
