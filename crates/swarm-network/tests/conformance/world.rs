//! A network of each kind, hosts on it, and what may go wrong between them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use swarm_core::proto::CloseCode;
use swarm_core::transport::{Connection, ConnectionLost, Speaker, Transport};
use swarm_core::trust::{Access, Credentials, RootKey};
use swarm_core::{Agent, AgentNode, IdentityKey, NodeConfig, StartError, SwarmName, WallClock};
use swarm_network::{
    Change, Conditions, Distribution, Fabric, Fault, FaultId, Host, ModelNetwork, Network, Power,
    QuicNetwork, RealNetwork, Scope, SharedFabric,
};
use tokio::runtime::{Builder, RngSeed};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Longer than anything takes that should happen; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a packet takes where a test does not say otherwise.
pub(crate) const LATENCY: Duration = Duration::from_millis(2);

const HOSTS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Model,
    Quic,
    Real,
}

/// Runs a test on a network of this kind.
pub(crate) fn run(kind: Kind, test: impl AsyncFnOnce(World)) {
    let mut runtime = Builder::new_current_thread();
    match kind {
        Kind::Real => runtime.enable_all(),
        Kind::Model | Kind::Quic => {
            runtime.enable_time().start_paused(true).rng_seed(RngSeed::from_bytes(b"conformance"))
        }
    };
    runtime.build().unwrap().block_on(async {
        let test = test(World::new(kind));
        tokio::time::timeout(2 * PATIENCE, test).await.expect("the test ends");
    });
}

pub(crate) struct World {
    pub(crate) kind: Kind,
    network: Arc<dyn Network>,
    fabric: SharedFabric,
    clock: Clock,
    _moving: AbortOnDropHandle<()>,
}

/// The same time of day at the beginning of each test, which no machine's clock shows: certificates that were made by this one
/// hold by no other.
#[derive(Debug, Clone)]
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(930_000_000) + self.0.elapsed()
    }
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "whoever holds the handle owns the task")]
    fn new(kind: Kind) -> Self {
        let link = |_, _| {
            let mut link = Conditions::default();
            link.latency = Distribution::Constant(LATENCY);
            link
        };
        let fabric = Arc::new(Mutex::new(Fabric::new(7, HOSTS, link)));
        let (network, moving): (Arc<dyn Network>, _) = match kind {
            Kind::Model => {
                let network = ModelNetwork::new(Arc::clone(&fabric));
                (Arc::clone(&network) as _, tokio::spawn(network.run()))
            }
            Kind::Quic => {
                let network = QuicNetwork::new(Arc::clone(&fabric), 7);
                (Arc::clone(&network) as _, tokio::spawn(network.run()))
            }
            Kind::Real => {
                let network = RealNetwork::new(Some(Arc::clone(&fabric)), 0);
                (Arc::clone(&network) as _, tokio::spawn(network.run()))
            }
        };
        Self { kind, network, fabric, clock: Clock(Instant::now()), _moving: AbortOnDropHandle::new(moving) }
    }

    /// Whether time passes only where somebody waits, so that durations are exact.
    pub(crate) fn is_virtual(&self) -> bool {
        self.kind != Kind::Real
    }

    pub(crate) fn fabric(&self) -> MutexGuard<'_, Fabric> {
        self.fabric.lock().unwrap()
    }

    pub(crate) fn power(&self, host: u32, power: Power) {
        self.fabric().set_power(Host(host), power);
    }

    /// Cuts all links between these and those.
    pub(crate) fn cut(&self, from: &[u32], to: &[u32]) -> FaultId {
        self.fabric().begin(scope(from, to, true), Fault::Cut)
    }

    pub(crate) fn cut_one_way(&self, from: &[u32], to: &[u32]) -> FaultId {
        self.fabric().begin(scope(from, to, false), Fault::Cut)
    }

    pub(crate) fn heal(&self, fault: FaultId) {
        self.fabric().end(fault);
    }

    /// Changes all links, from now on.
    pub(crate) fn shape(&self, change: impl FnOnce(&mut Change)) -> FaultId {
        let all: Vec<u32> = (0..HOSTS as u32).collect();
        let mut changed = Change::default();
        change(&mut changed);
        self.fabric().begin(scope(&all, &all, false), Fault::Shape(changed))
    }

    /// A node that notices soon when somebody is gone.
    pub(crate) async fn node(&self, host: u32, agent: impl Agent) -> AgentNode {
        self.node_with(host, agent, config()).await
    }

    pub(crate) async fn node_with(&self, host: u32, agent: impl Agent, config: NodeConfig) -> AgentNode {
        self.try_node(host, agent, config).await.unwrap()
    }

    pub(crate) async fn try_node(
        &self,
        host: u32,
        agent: impl Agent,
        config: NodeConfig,
    ) -> Result<AgentNode, StartError> {
        self.power(host, Power::Up);
        let node = AgentNode::builder(agent)
            .dev_root(root())
            .identity(identity(host))
            .rng_seed(u64::from(host))
            .wall_clock(self.clock.clone())
            .config(config.clone());
        node.start(|speaker| self.network.open(Host(host), speaker, &config)).await
    }

    /// Connects two nodes, however often that has to be tried, until both know.
    pub(crate) async fn connect(&self, a: &AgentNode, b: &AgentNode) {
        let connecting = async { while a.connect(&b.url()).await.is_err() {} };
        tokio::time::timeout(PATIENCE, connecting).await.expect("they meet");
        b.ready(1, PATIENCE).await.unwrap();
    }

    pub(crate) fn address(&self, node: &AgentNode) -> SocketAddr {
        format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()
    }

    /// A bare transport, without a node.
    pub(crate) fn transport(&self, host: u32) -> Box<dyn Transport> {
        self.transport_with(host, &config())
    }

    pub(crate) fn transport_with(&self, host: u32, config: &NodeConfig) -> Box<dyn Transport> {
        self.power(host, Power::Up);
        let now = self.clock.now();
        let credentials = Credentials::dev(&root(), SwarmName::default(), identity(host), now).unwrap();
        let speaker = Speaker {
            identity: Arc::clone(credentials.identity()),
            access: Arc::new(Access::new(&credentials)),
            guests: false,
            wall_clock: Arc::new(self.clock.clone()),
        };
        self.network.open(Host(host), &speaker, config).unwrap()
    }

    /// Two transports, and both ends of a connection that the first has dialled.
    pub(crate) async fn pair(&self) -> Pair {
        let (near, far) = (self.transport(0), self.transport(1));
        let accept = async { far.accept().await.unwrap().accept().await.unwrap() };
        let dial = near.dial(far.local_addr(), Some(identity(1).agent_id()));
        let (dialled, accepted) = tokio::join!(dial, accept);
        Pair { dialled: dialled.unwrap(), accepted, _transports: [near, far] }
    }

    /// Whether this is what the other end hears of a close. The library of real WebTransport may be faster to close its own
    /// end than anybody is to ask why.
    pub(crate) fn tells(&self, lost: &ConnectionLost, code: CloseCode, reason: &str) -> bool {
        match lost {
            ConnectionLost::Failed(_) => self.kind != Kind::Model,
            lost => *lost == ConnectionLost::ClosedByPeer { code, reason: reason.to_owned() },
        }
    }

    /// Waits until it is so, and tells how long that took.
    pub(crate) async fn until(&self, what: &str, so: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        let waiting = async {
            while !so() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
        began.elapsed()
    }
}

pub(crate) struct Pair {
    pub(crate) dialled: Box<dyn Connection>,
    pub(crate) accepted: Box<dyn Connection>,
    _transports: [Box<dyn Transport>; 2],
}

fn scope(from: &[u32], to: &[u32], both_ways: bool) -> Scope {
    let hosts = |numbers: &[u32]| numbers.iter().copied().map(Host).collect();
    Scope { from: hosts(from), to: hosts(to), both_ways }
}

pub(crate) fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = IDLE_TIMEOUT;
    config.mesh.backoff_max = Duration::from_millis(300);
    config
}

pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

fn root() -> RootKey {
    RootKey::from_seed([99; 32])
}

pub(crate) fn identity(host: u32) -> IdentityKey {
    let mut seed = [5; 32];
    seed[..4].copy_from_slice(&host.to_be_bytes());
    IdentityKey::from_seed(seed)
}
