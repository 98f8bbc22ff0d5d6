//! Makes one member of the cluster: its agent, its identity, its node.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::SystemTime,
};

use swarm_adversary::{AdversaryError, Outcome};
use swarm_core::trust::RootKey;
use swarm_core::{AgentNode, IdentityKey, NodeConfig, NodeHandle, StartError, SystemClock, WallClock};
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    rehearsal::{broken, kinds, make, member_name, rehearse},
    rogue::{self, Rogue},
};

use crate::{
    Registry, Scenario,
    registry::Kind,
    runner::RunError,
    scenario::{Group, Members, Rogues, Start},
    seed::derive,
    tally::Tally,
};

/// The time of day of a run, the same for all of its nodes: read once from the machine's clock and kept by a clock
/// that never jumps, so that latencies across nodes mean something.
#[derive(Debug, Clone)]
pub(crate) struct RunClock {
    begun_at: SystemTime,
    begun: Instant,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self { begun_at: SystemClock.now(), begun: Instant::now() }
    }
}

impl WallClock for RunClock {
    fn now(&self) -> SystemTime {
        self.begun_at.checked_add(self.begun.elapsed()).unwrap_or(self.begun_at)
    }
}

/// Makes members of a cluster.
pub(crate) struct Launcher {
    scenario: Scenario,
    registry: Registry,
    /// By group; none for rogues.
    kinds: Vec<Option<Arc<Kind>>>,
    /// Which group each member belongs to, and its number in there.
    seats: Vec<(usize, usize)>,
    tally: Arc<Tally>,
    clock: RunClock,
    /// What the nodes run on.
    runtime: Handle,
}

impl Launcher {
    /// Fails when the registry lacks a kind that the scenario was checked against, so another one was meant.
    pub(crate) fn new(
        scenario: &Scenario,
        registry: &Registry,
        tally: &Arc<Tally>,
        clock: &RunClock,
        runtime: Handle,
    ) -> Result<Self, RunError> {
        let kinds = kinds(scenario, registry)?;
        let groups = scenario.groups.iter().enumerate();
        let seats = groups.flat_map(|(group, it)| (0..it.count).map(move |index| (group, index))).collect();
        Ok(Self {
            scenario: scenario.clone(),
            registry: registry.clone(),
            kinds,
            seats,
            tally: tally.clone(),
            clock: clock.clone(),
            runtime,
        })
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub(crate) fn topology_seed(&self) -> u64 {
        derive(self.scenario.seed, "topology", 0)
    }

    /// Whether a member runs from the beginning.
    pub(crate) fn starts(&self, member: usize) -> bool {
        let group = self.seats.get(member).and_then(|(group, _)| self.scenario.groups.get(*group));
        group.is_some_and(|group| group.start == Start::AtOnce)
    }

    /// Whether a member is a rogue.
    pub(crate) fn is_rogue(&self, member: usize) -> bool {
        self.rogues(member).is_some()
    }

    fn rogues(&self, member: usize) -> Option<&Rogues> {
        let group = self.seats.get(member).and_then(|(group, _)| self.scenario.groups.get(*group));
        match group.map(|group| &group.members) {
            Some(Members::Rogues(rogues)) => Some(rogues),
            _ => None,
        }
    }

    /// Lets a rogue loose on these; `None` if the member is none.
    pub(super) fn unleash(
        &self,
        member: usize,
        targets: &[NodeHandle],
    ) -> Option<Result<Rogue, AdversaryError>> {
        let start = rogue::Start {
            rogues: self.rogues(member)?,
            seed: self.member_seed("rogue", member),
            root: self.root(),
            clock: Arc::new(self.clock.clone()),
            runtime: &self.runtime,
        };
        Some(Rogue::start(start, targets))
    }

    /// What became of what a rogue tried.
    pub(super) fn count_rogue(&self, member: usize, outcome: &Outcome) {
        if let Some((group, _)) = self.seats.get(member) {
            self.tally.rogue(*group, outcome);
        }
    }

    /// Finds out whether one agent of each group can be made. Dropping the future gives up.
    pub(crate) async fn rehearse(&self) -> Result<(), RunError> {
        let (scenario, registry) = (self.scenario.clone(), self.registry.clone());
        match self.elsewhere(async move { rehearse(&scenario, &registry) }).await {
            Ok(errors) => errors.into_iter().next().map_or(Ok(()), Err),
            // The rehearsal catches panics; its runtime has ended.
            Err(_) => Err(RunError::Interrupted),
        }
    }

    /// Makes and starts a member. Its identity is the same in every life, its random choices are not. Dropping the
    /// future gives up and leaves nothing running.
    pub(crate) async fn launch(self: Arc<Self>, member: usize, life: u64) -> Result<AgentNode, RunError> {
        let launcher = self.clone();
        match self.elsewhere(async move { launcher.launch_here(member, life).await }).await {
            Ok(launched) => launched,
            Err(error) => Err(self.broken(member, error)),
        }
    }

    /// Runs on the runtime of the nodes, whose tasks belong to the runtime that they are started on.
    async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut task = JoinSet::new();
        task.spawn_on(work, &self.runtime);
        match task.join_next().await {
            Some(ended) => ended,
            // There is one task in the set.
            None => std::future::pending().await,
        }
    }

    /// An agent's constructor or `capabilities` that panics is a defect of whoever registered it.
    fn broken(&self, member: usize, error: JoinError) -> RunError {
        let seat = self.seats.get(member).copied().unwrap_or_default();
        match (error.try_into_panic(), self.scenario.groups.get(seat.0)) {
            (Ok(panic), Some(group)) => broken(group, seat.1, &*panic),
            _ => RunError::Interrupted,
        }
    }

    async fn launch_here(&self, member: usize, life: u64) -> Result<AgentNode, RunError> {
        let missing = || RunError::UnknownKind { kind: format!("of agent {member}") };
        let (number, index) = *self.seats.get(member).ok_or_else(missing)?;
        let group = self.scenario.groups.get(number).ok_or_else(missing)?;
        let kind = self.kinds.get(number).and_then(Option::as_ref).ok_or_else(missing)?;
        let agent = make(group, kind, index, self.member_seed("agent", member))?;
        let port = self.scenario.ports.of_member(member);
        let node = AgentNode::builder(agent)
            .dev_root(self.root())
            .identity(self.identity(member))
            .rng_seed(derive(self.member_seed("node", member), "life", life))
            .config(config(group))
            .wall_clock(self.clock.clone())
            .trace(self.tally.sink(number))
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .await
            .map_err(|source| self.start_error(member_name(group, index), port, source))?;
        self.tally.enlist(node.id(), number);
        Ok(node)
    }

    fn start_error(&self, member: String, port: u16, source: StartError) -> RunError {
        match source {
            StartError::Bind(swarm_core::transport::webtransport::BindError::Socket { source, .. })
                if port != 0 =>
            {
                RunError::Port { member, port, place: self.scenario.ports.place.clone(), source }
            }
            source => RunError::Start { member, source },
        }
    }

    /// Who says who belongs to the swarm of this run.
    fn root(&self) -> RootKey {
        RootKey::from_seed(key_seed(derive(self.scenario.seed, "root", 0)))
    }

    fn identity(&self, member: usize) -> IdentityKey {
        IdentityKey::from_seed(key_seed(self.member_seed("identity", member)))
    }

    fn member_seed(&self, part: &str, member: usize) -> u64 {
        derive(self.scenario.seed, part, member as u64)
    }
}

/// As long as the seed of a key must be.
fn key_seed(of: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    for (part, bytes) in (0..).zip(seed.chunks_mut(8)) {
        bytes.copy_from_slice(&derive(of, "part", part).to_be_bytes());
    }
    seed
}

/// The dials of the cluster alone make the topology: introductions would have everybody dial everybody twice.
fn config(group: &Group) -> NodeConfig {
    let mut config = NodeConfig::default();
    group.node.apply(&mut config);
    config.mesh.introduce = false;
    config
}
