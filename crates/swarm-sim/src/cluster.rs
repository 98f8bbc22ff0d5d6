//! The agents of a run, each a node of its own at an address of its own.
//!
//! A cluster starts nodes, connects them as the topology says, and lets members stop and start. When that happens is
//! the runner's business, and so is what is counted. Rogues among the members are not connected to anybody: they are let
//! loose on those whom they would be connected to.
//!
//! ```text
//!            launch            connected
//!  Stopped ──────────► Starting ──────────► Running
//!     ▲                                        │ stop
//!     └──────────── Stopping ◄─────────────────┘
//!       has stopped    └── launch: starts again as soon as it has stopped
//! ```

mod launch;
mod rehearsal;
mod rogue;
mod roster;
mod wiring;

use std::{mem, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use swarm_adversary::Outcome;
use swarm_core::{AgentNode, NodeHandle};
use swarm_network::Power;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{rogue::Rogue, wiring::Wiring};
pub(crate) use launch::{Launcher, Surroundings};
pub(crate) use rehearsal::rehearse;
pub(crate) use roster::Roster;

use crate::{Scenario, runner::RunError, watch::Overlay};

/// How many nodes start, and how many dials are under way, at once. Each costs a handshake's worth of CPU on either
/// side, so more at once would only make all of them late.
const AT_ONCE: usize = 16;

/// In virtual time nothing is late for being done together.
fn at_once(scenario: &Scenario) -> usize {
    if scenario.network.is_virtual() { scenario.members() } else { AT_ONCE }
}

/// How long a node may take to stop: to let requests end that it is serving, and to say goodbye.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// How much longer it is waited for a node that does not keep to its deadline, as one cannot whose agent holds on to
/// the threads that it needs.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// All agents of a scenario, whether they run or not.
pub(crate) struct Cluster {
    launcher: Arc<Launcher>,
    roster: Arc<Roster>,
    wiring: Wiring,
    /// By the number of the member.
    members: Vec<Presence>,
    /// Who should be connected to whom while both run: dialler and target.
    pairs: Vec<(usize, usize)>,
    /// Starts and stops under way.
    changes: JoinSet<Change>,
    /// How many members were started since the beginning.
    lives: u64,
    /// Nobody waits for newcomers any more.
    ending: CancellationToken,
}

/// Where a member is between running and not.
enum Presence {
    Stopped,
    Starting,
    Running(Member),
    Stopping { starts_again: bool },
}

enum Member {
    Node(AgentNode),
    Rogue(Rogue),
}

/// A member has finished starting or stopping.
struct Change {
    member: usize,
    /// The node, if it runs now.
    node: Option<AgentNode>,
    /// What became of what it tried, if it was a rogue.
    outcome: Option<Outcome>,
    /// What did not go well.
    complaint: Option<String>,
}

impl Cluster {
    /// Starts everybody who runs from the beginning and connects them. Dropping the future ends what was started.
    pub(crate) async fn start(launcher: Launcher) -> Result<Self, RunError> {
        launcher.rehearse().await?;
        let scenario = launcher.scenario();
        let members = scenario.members();
        let roster = Arc::new(Roster::new(scenario));
        let mut cluster = Self {
            wiring: Wiring::new(roster.clone(), at_once(scenario)),
            roster,
            members: (0..members).map(|_| Presence::Stopped).collect(),
            pairs: scenario.topology.pairs(members, launcher.topology_seed()),
            changes: JoinSet::new(),
            lives: 0,
            ending: CancellationToken::new(),
            launcher: Arc::new(launcher),
        };
        cluster.launch_first().await?;
        cluster.wiring.connect(&cluster.pairs).await?;
        let rogues = (0..members).filter(|member| cluster.launcher.starts(*member));
        rogues.collect::<Vec<_>>().into_iter().for_each(|member| cluster.unleash(member));
        Ok(cluster)
    }

    /// Who runs, for those who ask.
    pub(crate) fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// How many connections the topology gives to those who run.
    pub(crate) fn connections(&self) -> usize {
        let runs = |member| self.roster.get(member).is_some();
        self.pairs.iter().filter(|(a, b)| runs(*a) && runs(*b)).count()
    }

    /// The share of the pairs that the topology connects, and of which both run, that is connected; `None` if there are
    /// none.
    #[expect(clippy::cast_precision_loss, reason = "pairs of a swarm stay far below 2^53")]
    pub(crate) fn converged(&self, overlay: &Overlay) -> Option<f64> {
        let runs = |member| self.roster.get(member).is_some();
        let wanted: Vec<_> = self.pairs.iter().filter(|(a, b)| runs(*a) && runs(*b)).collect();
        let there =
            wanted.iter().filter(|(a, b)| overlay.connections().contains(&(*a.min(b), *a.max(b)))).count();
        (!wanted.is_empty()).then(|| there as f64 / wanted.len() as f64)
    }

    /// Those of these members that could stop.
    pub(crate) fn running(&self, among: &[usize]) -> Vec<usize> {
        self.members(among, |presence| matches!(presence, Presence::Running(_)))
    }

    /// Those of these members that could start, those included that have yet to stop.
    pub(crate) fn stopped(&self, among: &[usize]) -> Vec<usize> {
        let fits =
            |presence: &_| matches!(presence, Presence::Stopped | Presence::Stopping { starts_again: false });
        self.members(among, fits)
    }

    /// Begins to stop a member that runs. It is not asked any more from now on.
    pub(crate) fn stop(&mut self, member: usize) {
        let Some(presence) = self.members.get_mut(member) else { return };
        match mem::replace(presence, Presence::Stopping { starts_again: false }) {
            Presence::Running(Member::Node(node)) => {
                self.roster.leave(member);
                self.changes.spawn(stop(node, member, self.roster.name(member)));
            }
            Presence::Running(Member::Rogue(rogue)) => {
                self.changes.spawn(async move {
                    Change { member, node: None, outcome: Some(rogue.stop().await), complaint: None }
                });
            }
            other => *presence = other,
        }
    }

    /// Ends a member that runs without a word: its host is gone before its node is.
    pub(crate) fn crash(&mut self, member: usize, keep_state: bool) {
        let Some(presence) = self.members.get_mut(member) else { return };
        match mem::replace(presence, Presence::Stopped) {
            Presence::Running(Member::Node(node)) => {
                self.launcher.venue().set_power(member, Power::Down);
                self.roster.leave(member);
                self.launcher.watch().crashed(member);
                drop(node);
                if !keep_state {
                    self.launcher.forget(member);
                }
            }
            other => *presence = other,
        }
    }

    /// What makes and starts members.
    pub(crate) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Begins to start a member that does not run, or will once it has stopped. It is asked once it is connected.
    pub(crate) fn launch(&mut self, member: usize) {
        match self.members.get_mut(member) {
            Some(Presence::Stopping { starts_again }) => *starts_again = true,
            Some(Presence::Stopped) if self.launcher.is_rogue(member) => self.unleash(member),
            Some(presence @ Presence::Stopped) => {
                *presence = Presence::Starting;
                self.lives += 1;
                let newcomer = Newcomer { member, life: self.lives, pairs: self.pairs_of(member) };
                let (launcher, wiring) = (self.launcher.clone(), self.wiring.clone());
                let (roster, ending) = (self.roster.clone(), self.ending.clone());
                self.changes.spawn(newcomer.join(launcher, roster, wiring, ending));
            }
            Some(Presence::Starting | Presence::Running(_)) | None => {}
        }
    }

    /// Waits until a member has finished starting or stopping, and says what did not go well with it; `None` if no
    /// member is about to. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Option<Result<(), String>> {
        let change = match self.changes.join_next().await? {
            Ok(change) => change,
            // An agent's constructor that panics is a defect of whoever registered it.
            Err(error) => return Some(Err(format!("an agent could not start or stop: {error}"))),
        };
        if let Some(outcome) = change.outcome {
            self.launcher.count_rogue(change.member, &outcome);
        }
        self.settle(change.member, change.node);
        Some(change.complaint.map_or(Ok(()), Err))
    }

    /// Stops everybody, all at once, but rogues first: whoever stops would seem to have sent them away. Gives the
    /// complaints of those who could not in order.
    pub(crate) async fn shut_down(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        self.ending.cancel();
        for member in (0..self.members.len()).filter(|member| self.launcher.is_rogue(*member)) {
            if let Some(Presence::Running(Member::Rogue(rogue))) =
                self.members.get_mut(member).map(|presence| mem::replace(presence, Presence::Stopped))
            {
                self.launcher.count_rogue(member, &rogue.stop().await);
            }
        }
        for presence in &mut self.members {
            if let Presence::Stopping { starts_again } = presence {
                *starts_again = false;
            }
        }
        // Those who were just starting are running then.
        loop {
            (0..self.members.len()).for_each(|member| self.stop(member));
            match self.changed().await {
                Some(changed) => complaints.extend(changed.err()),
                None => return complaints,
            }
        }
    }

    fn settle(&mut self, member: usize, node: Option<AgentNode>) {
        match &node {
            Some(node) => self.roster.join(member, node.handle()),
            None => {
                self.roster.leave(member);
                self.launcher.watch().gone(member);
                self.launcher.venue().set_power(member, Power::Down);
            }
        }
        let Some(presence) = self.members.get_mut(member) else { return };
        let now = node.map_or(Presence::Stopped, |node| Presence::Running(Member::Node(node)));
        let before = mem::replace(presence, now);
        if matches!(before, Presence::Stopping { starts_again: true }) {
            self.launch(member);
        }
    }

    /// The pairs of a member, which dials in all of them: those who run may have given up on it long ago.
    fn pairs_of(&self, member: usize) -> Vec<(usize, usize)> {
        let pairs = self.pairs.iter().filter(|(a, b)| *a == member || *b == member);
        pairs.map(|(a, b)| (member, if *a == member { *b } else { *a })).collect()
    }

    /// Lets a rogue that does not run loose on whomever it would be connected to, or on everybody if that is nobody.
    fn unleash(&mut self, member: usize) {
        let neighbours = self.pairs_of(member).into_iter().map(|(_, neighbour)| neighbour);
        let mut targets = self.running_among(neighbours);
        if targets.is_empty() {
            targets = self.running_among(0..self.members.len());
        }
        let unleashed = self.launcher.unleash(member, &targets);
        let Some(presence) = self.members.get_mut(member) else { return };
        // Every node of a run is on this machine, and there are not more of them than an adversary takes on.
        if let Some(Ok(rogue)) = unleashed {
            *presence = Presence::Running(Member::Rogue(rogue));
        }
    }

    fn running_among(&self, members: impl Iterator<Item = usize>) -> Vec<NodeHandle> {
        members.filter_map(|member| self.roster.get(member)).collect()
    }

    fn members(&self, among: &[usize], fits: impl Fn(&Presence) -> bool) -> Vec<usize> {
        let fits = |member: &usize| self.members.get(*member).is_some_and(&fits);
        among.iter().copied().filter(fits).collect()
    }

    async fn launch_first(&mut self) -> Result<(), RunError> {
        let launcher = &self.launcher;
        let first =
            (0..self.members.len()).filter(|member| launcher.starts(*member) && !launcher.is_rogue(*member));
        let nodes: Vec<_> =
            stream::iter(first)
                .map(|member| async move {
                    Ok::<_, RunError>((member, launcher.clone().launch(member, 0).await?))
                })
                .buffer_unordered(at_once(launcher.scenario()))
                .try_collect()
                .await?;
        nodes.into_iter().for_each(|(member, node)| self.settle(member, Some(node)));
        Ok(())
    }
}

async fn stop(node: AgentNode, member: usize, name: String) -> Change {
    let within = STOP_DEADLINE.saturating_add(STOP_GRACE);
    let complaint = match tokio::time::timeout(within, node.shutdown(STOP_DEADLINE)).await {
        Ok(stopped) => stopped.err().map(|error| format!("{name}: {error}")),
        Err(_) => Some(format!("{name} did not stop within {within:?}: an agent may block its thread")),
    };
    Change { member, node: None, outcome: None, complaint }
}

/// A member on its way to the others.
struct Newcomer {
    member: usize,
    life: u64,
    /// Whom it should be connected to.
    pairs: Vec<(usize, usize)>,
}

impl Newcomer {
    async fn join(
        self,
        launcher: Arc<Launcher>,
        roster: Arc<Roster>,
        wiring: Wiring,
        ending: CancellationToken,
    ) -> Change {
        let member = self.member;
        let late = || format!("{} had yet to join when the run ended", roster.name(member));
        let launched = tokio::select! {
            biased;
            launched = launcher.launch(member, self.life) => launched.map_err(|error| error.to_string()),
            () = ending.cancelled() => Err(late()),
        };
        let node = match launched {
            Ok(node) => node,
            Err(complaint) => {
                return Change { member, node: None, outcome: None, complaint: Some(complaint) };
            }
        };
        roster.arrive(member, node.handle());
        let complaint = tokio::select! {
            biased;
            () = ending.cancelled() => Some(late()),
            connected = wiring.connect(&self.pairs) => connected.err().map(|error| error.to_string()),
        };
        Change { member, node: Some(node), outcome: None, complaint }
    }
}
