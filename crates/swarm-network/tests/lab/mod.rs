//! Real nodes on the model network, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use swarm_core::trust::RootKey;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistanceRequest, Builder, Context, Observation,
    PeerEvent, Replies, WallClock,
};
use swarm_network::{
    Conditions, Fabric, Fault, FaultId, Host, ModelNetwork, Network, Power, Scope, SharedFabric, Traffic,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long tests wait for something in virtual time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Lab {
    pub(crate) network: Arc<ModelNetwork>,
    pub(crate) fabric: SharedFabric,
    began: Instant,
    _tasks: JoinSet<()>,
}

/// The time of day, which passes as the runtime's clock does.
#[derive(Debug)]
struct Clock(Instant);

impl WallClock for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.0.elapsed()
    }
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Lab {
    /// So many hosts that are up, all of whose links are alike.
    pub(crate) fn new(seed: u64, hosts: u32, conditions: Conditions) -> Self {
        let mut fabric = Fabric::new(seed, hosts as usize, move |_, _| conditions.clone());
        (0..hosts).for_each(|host| fabric.set_power(Host(host), Power::Up));
        let fabric = Arc::new(Mutex::new(fabric));
        let network = ModelNetwork::new(Arc::clone(&fabric));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&network).run());
        Self { network, fabric, began: Instant::now(), _tasks: tasks }
    }

    pub(crate) fn builder(&self, host: u32, agent: impl Agent) -> Builder {
        AgentNode::builder(agent)
            .dev_root(RootKey::from_seed([1; 32]))
            .rng_seed(u64::from(host))
            .wall_clock(Clock(self.began))
    }

    pub(crate) async fn start(&self, host: u32, builder: Builder) -> AgentNode {
        let config = swarm_core::NodeConfig::default();
        builder.start(|speaker| self.network.open(Host(host), speaker, &config)).await.unwrap()
    }

    pub(crate) async fn node(&self, host: u32, agent: impl Agent) -> AgentNode {
        self.start(host, self.builder(host, agent)).await
    }

    pub(crate) fn begin(&self, from: u32, to: u32, both_ways: bool, fault: Fault) -> FaultId {
        let scope = Scope { from: vec![Host(from)], to: vec![Host(to)], both_ways };
        self.fabric.lock().unwrap().begin(scope, fault)
    }

    pub(crate) fn end(&self, fault: FaultId) {
        self.fabric.lock().unwrap().end(fault);
    }

    pub(crate) fn power(&self, host: u32, power: Power) {
        self.fabric.lock().unwrap().set_power(Host(host), power);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.fabric.lock().unwrap().traffic()
    }
}

/// What a [`Witness`] was told.
#[derive(Debug)]
pub(crate) enum Told {
    Observation(Observation),
    Peer(PeerEvent),
}

/// An agent that echoes requests, and tells what it is told.
pub(crate) struct Witness(mpsc::UnboundedSender<Told>);

pub(crate) struct Seen(mpsc::UnboundedReceiver<Told>);

pub(crate) fn witness() -> (Witness, Seen) {
    let (told, seen) = mpsc::unbounded_channel();
    (Witness(told), Seen(seen))
}

impl Agent for Witness {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["test.echo".parse().unwrap()]
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let _ = self.0.send(Told::Observation(observation));
    }

    async fn on_peer(&self, _cx: &Context, event: PeerEvent) {
        let _ = self.0.send(Told::Peer(event));
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        while let Some(chunk) = request.next_chunk().await? {
            replies.send_chunk(chunk).await?;
        }
        Ok(())
    }
}

impl Seen {
    /// The next thing of which `choose` makes something.
    pub(crate) async fn next<T>(&mut self, mut choose: impl FnMut(Told) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = choose(self.0.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it comes in time")
    }

    pub(crate) async fn observation(&mut self) -> Observation {
        self.next(|told| match told {
            Told::Observation(observation) => Some(observation),
            Told::Peer(_) => None,
        })
        .await
    }

    pub(crate) async fn came(&mut self) -> AgentId {
        self.next(|told| match told {
            Told::Peer(PeerEvent::Came(peer)) => Some(peer.id),
            _ => None,
        })
        .await
    }

    pub(crate) async fn went(&mut self) -> AgentId {
        self.next(|told| match told {
            Told::Peer(PeerEvent::Went { peer, .. }) => Some(peer),
            _ => None,
        })
        .await
    }
}
