//! Makes one member of the cluster: its agent, its identity, its node.

use std::{path::PathBuf, sync::Arc};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use swarm_adversary::{AdversaryError, Outcome};
use swarm_core::trust::RootKey;
use swarm_core::{AgentNode, BoxedAgent, IdentityKey, NodeConfig, NodeHandle, StartError};
use swarm_network::Power;
use tempfile::TempDir;
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinSet},
};

use super::{
    rehearsal::{broken, kinds, make, member_name, rehearse},
    rogue::{self, Rogue},
};

use crate::{
    Registry, Scenario,
    clock::{self, MemberClock, RunClock},
    gate::{Gate, Gated},
    registry::Kind,
    runner::RunError,
    scenario::{Action, ClockError, Fault, Group, Members, Rogues, Start},
    seed::{derive, key_seed},
    tally::Tally,
    venue::{Venue, host},
    watch::Watch,
};

/// What a run takes place with.
pub(crate) struct Surroundings {
    pub(crate) venue: Arc<Venue>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) clock: RunClock,
    /// What the nodes run on.
    pub(crate) runtime: Handle,
}

/// Makes members of a cluster.
pub(crate) struct Launcher {
    scenario: Scenario,
    registry: Registry,
    /// By group; none for rogues.
    kinds: Vec<Option<Arc<Kind>>>,
    /// Which group each member belongs to, and its number in there.
    seats: Vec<(usize, usize)>,
    around: Surroundings,
    /// By member, for all of its lives.
    clocks: Vec<MemberClock>,
    gates: Vec<Arc<Gate>>,
    /// Where nodes keep what outlives a crash, if any is to.
    states: Option<TempDir>,
}

impl Launcher {
    /// Fails when the registry lacks a kind that the scenario was checked against, so another one was meant.
    pub(crate) fn new(
        scenario: &Scenario,
        registry: &Registry,
        around: Surroundings,
    ) -> Result<Self, RunError> {
        let kinds = kinds(scenario, registry)?;
        let groups = scenario.groups.iter().enumerate();
        let seats: Vec<_> =
            groups.flat_map(|(group, it)| (0..it.count).map(move |index| (group, index))).collect();
        let errors = scenario.groups.iter().flat_map(|it| (0..it.count).map(|_| it.clock));
        let clocks =
            errors.enumerate().map(|(member, error)| clock_of(scenario, member, error, &around.clock));
        let gates = (0..seats.len() as u64).map(|member| Gate::new(derive(scenario.seed, "gate", member)));
        Ok(Self {
            clocks: clocks.collect(),
            gates: gates.map(Arc::new).collect(),
            states: keeps_state(scenario).then(TempDir::new).transpose().map_err(RunError::StateDirectory)?,
            scenario: scenario.clone(),
            registry: registry.clone(),
            kinds,
            seats,
            around,
        })
    }

    /// The clock of a member.
    pub(crate) fn clock(&self, member: usize) -> Option<&MemberClock> {
        self.clocks.get(member)
    }

    /// What holds up the calls of a member.
    pub(crate) fn gate(&self, member: usize) -> Option<&Gate> {
        self.gates.get(member).map(|gate| &**gate)
    }

    /// Where the run takes place.
    pub(crate) fn venue(&self) -> &Arc<Venue> {
        &self.around.venue
    }

    /// What listens to the nodes.
    pub(crate) fn watch(&self) -> &Arc<Watch> {
        &self.around.watch
    }

    /// Throws away what a member has kept.
    pub(crate) fn forget(&self, member: usize) {
        if let Some(state) = self.state(member) {
            // What was never kept cannot be thrown away.
            let _ = std::fs::remove_dir_all(state);
        }
    }

    fn state(&self, member: usize) -> Option<PathBuf> {
        Some(self.states.as_ref()?.path().join(member.to_string()))
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
            clock: Arc::new(self.around.clock.clone()),
            runtime: &self.around.runtime,
        };
        Some(Rogue::start(start, targets))
    }

    /// What became of what a rogue tried.
    pub(super) fn count_rogue(&self, member: usize, outcome: &Outcome) {
        if let Some((group, _)) = self.seats.get(member) {
            self.around.tally.rogue(*group, outcome);
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
        task.spawn_on(work, &self.around.runtime);
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
        let clock = self.clocks.get(member).ok_or_else(missing)?.clone();
        let agent = self.gated(member, make(group, kind, index, self.member_seed("agent", member))?);
        let (config, Surroundings { venue, watch, .. }) = (config(group), &self.around);
        let builder = AgentNode::builder(agent)
            .dev_root(self.root())
            .identity(self.identity(member))
            .rng_seed(derive(self.member_seed("node", member), "life", life))
            .config(config.clone())
            .wall_clock(clock.clone())
            .trace(watch.sink(member));
        let builder = match self.state(member) {
            Some(state) => builder.state_directory(state),
            None => builder,
        };
        watch.enlist(self.identity(member).agent_id(), member, clock);
        venue.set_power(member, Power::Up);
        // What was paused has ended.
        self.gate(member).into_iter().for_each(|gate| gate.pause(false));
        let network = venue.network();
        let started = builder.start(|speaker| network.open(host(member), speaker, &config)).await;
        started.map_err(|source| self.start_error(member_name(group, index), member, source))
    }

    /// Behind its gate, if anything ever holds it up.
    fn gated(&self, member: usize, agent: BoxedAgent) -> BoxedAgent {
        let holds_up = |action: &_| matches!(action, Action::Fault(Fault::Pause { .. } | Fault::Slow { .. }));
        match self.gates.get(member) {
            Some(gate) if self.scenario.timeline.iter().any(|event| holds_up(&event.action)) => {
                BoxedAgent::new(Gated { agent, gate: gate.clone(), seen: None })
            }
            _ => agent,
        }
    }

    fn start_error(&self, name: String, member: usize, source: StartError) -> RunError {
        let port = self.scenario.ports.of_member(member);
        match source {
            StartError::Bind(swarm_core::transport::webtransport::BindError::Socket { source, .. })
                if port != 0 =>
            {
                RunError::Port { member: name, port, place: self.scenario.ports.place.clone(), source }
            }
            source => RunError::Start { member: name, source },
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

/// Whether anybody is to find again what it had kept.
fn keeps_state(scenario: &Scenario) -> bool {
    let keeps = |action: &_| matches!(action, Action::Fault(Fault::Crash { keep_state: true, .. }));
    scenario.timeline.iter().any(|event| keeps(&event.action))
}

/// The clock of a member: off by an amount of its own, within what its group has.
fn clock_of(scenario: &Scenario, member: usize, most: ClockError, truth: &RunClock) -> MemberClock {
    let mut rng = StdRng::seed_from_u64(derive(scenario.seed, "clock", member as u64));
    let skew = i64::try_from(most.skew.as_micros()).unwrap_or(i64::MAX);
    let offset_micros = if skew == 0 { 0 } else { rng.random_range(-skew..=skew) };
    let drift_ppm =
        if most.drift_ppm == 0.0 { 0.0 } else { rng.random_range(-most.drift_ppm..=most.drift_ppm) };
    MemberClock::new(truth.clone(), clock::Error { offset_micros, drift_ppm })
}

/// The dials of the cluster alone make the topology: introductions would have everybody dial everybody twice.
fn config(group: &Group) -> NodeConfig {
    let mut config = NodeConfig::default();
    group.node.apply(&mut config);
    config.mesh.introduce = false;
    config
}
