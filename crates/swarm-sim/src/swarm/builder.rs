//! What a swarm of a test begins with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_core::NodeConfig;
use swarm_network::{Conditions, Fabric, ModelNetwork, QuicNetwork};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Member, Swarm};
use crate::clock::RunClock;
use crate::scenario::Network;
use crate::seed::derive;
use crate::venue::virtual_runtime;
use crate::watchdog::Watchdog;

/// The variable of the environment that has the seed of every swarm, to get a run again.
pub(super) const SEED_VARIABLE: &str = "SWARM_SEED";

/// Most members, unless it says otherwise.
const MOST_MEMBERS: usize = 1024;

/// The longest a test may take, in real time.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What links are like from one member to another.
type Links = Arc<dyn Fn(Member, Member) -> Conditions + Send + Sync>;

/// What a swarm of a test begins with. Everything has a default.
///
/// ```
/// use swarm_network::Conditions;
/// use swarm_sim::{Network, Swarm};
///
/// let swarm = Swarm::builder()
///     .seed(7)
///     .network(Network::Quic)
///     .links(Conditions::profile("wifi").unwrap())
///     .build();
/// assert_eq!(swarm.seed(), 7);
/// ```
#[derive(Clone)]
pub struct SwarmBuilder {
    seed: Option<u64>,
    network: Network,
    links: Links,
    pub(super) config: NodeConfig,
    pub(super) most: usize,
    timeout: Duration,
}

impl Default for SwarmBuilder {
    fn default() -> Self {
        // Whoever dials is the test's own business.
        let mut config = NodeConfig::default();
        config.mesh.introduce = false;
        let lan = Conditions::profile("lan").unwrap_or_default();
        Self {
            seed: None,
            network: Network::Model,
            links: Arc::new(move |_, _| lan.clone()),
            config,
            most: MOST_MEMBERS,
            timeout: TIMEOUT,
        }
    }
}

impl SwarmBuilder {
    /// What every random choice is derived from. Default 1. What the environment has in `SWARM_SEED` takes its place.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The network: [`Network::Model`], which is the default, or [`Network::Quic`], which sends every packet that a real
    /// network would see, and takes longer. On [`Network::WebTransport`] time cannot be steered: `quic` takes its place.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// What all links are like. Default: those of a LAN.
    #[must_use]
    pub fn links(self, conditions: Conditions) -> Self {
        self.links_between(move |_, _| conditions.clone())
    }

    /// What the link from one member to another is like.
    #[must_use]
    pub fn links_between(
        mut self,
        links: impl Fn(Member, Member) -> Conditions + Send + Sync + 'static,
    ) -> Self {
        self.links = Arc::new(links);
        self
    }

    /// The knobs of all nodes. Introductions are off by default: members are connected as the test says.
    #[must_use]
    pub fn config(mut self, config: NodeConfig) -> Self {
        self.config = config;
        self
    }

    /// The longest it may live, in real time. Default 5 minutes: then the process is aborted, as nothing else can end an
    /// agent that blocks its thread.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds it, without members.
    ///
    /// # Panics
    /// If the system gives no runtime, or one runs here already.
    #[must_use]
    #[expect(clippy::expect_used, reason = "without a runtime a test is over")]
    pub fn build(self) -> Swarm {
        let seed = seed_of_the_environment().or(self.seed).unwrap_or(1);
        let runtime = virtual_runtime(seed).expect("no runtime could be made");
        let links = self.links.clone();
        let between = move |from: swarm_network::Host, to: swarm_network::Host| {
            links(Member(from.0 as usize), Member(to.0 as usize))
        };
        let fabric = Arc::new(Mutex::new(Fabric::new(derive(seed, "links", 0), self.most, between)));
        let mut tasks = JoinSet::new();
        let entered = runtime.enter();
        let clock = RunClock::virtual_time();
        let network: Arc<dyn swarm_network::Network> = match self.network {
            Network::Model => {
                let network = ModelNetwork::new(fabric.clone());
                tasks.spawn_on(network.clone().run(), runtime.handle());
                network
            }
            Network::Quic | Network::WebTransport => {
                let network = QuicNetwork::new(fabric.clone(), derive(seed, "quic", 0));
                tasks.spawn_on(network.clone().run(), runtime.handle());
                network
            }
        };
        drop(entered);
        let late = CancellationToken::new();
        let watchdog = Watchdog::guard(self.timeout, late, move || {
            super::error::tell(seed, Duration::ZERO);
            std::process::abort();
        });
        Swarm {
            seed,
            network,
            fabric,
            seats: Vec::new(),
            pairs: Vec::new(),
            tasks,
            clock,
            builder: self,
            _watchdog: watchdog,
            runtime,
        }
    }
}

impl std::fmt::Debug for SwarmBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwarmBuilder")
            .field("seed", &self.seed)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

fn seed_of_the_environment() -> Option<u64> {
    std::env::var(SEED_VARIABLE).ok()?.trim().parse().ok()
}

/// The seeds to try: one, if the environment says which.
pub(super) fn seeds(seeds: impl IntoIterator<Item = u64>) -> Vec<u64> {
    match seed_of_the_environment() {
        Some(seed) => vec![seed],
        None => seeds.into_iter().collect(),
    }
}
