//! The sums of what happened, of a node and of each of its peers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use swarm_proto::AgentId;

use super::{Direction, DropReason, Ending, RefusedReason, TraceEvent, TraceSink};

/// The sums of what happened at a node since it started.
///
/// ```
/// use swarm_core::{Counters, DropReason};
///
/// fn lost_to_slow_peers(counters: &Counters) -> u64 {
///     counters.observations_dropped.get(&DropReason::OutboxFull).copied().unwrap_or_default()
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Observations that the agent broadcast.
    pub observations_sent: u64,
    /// Observations that were too large for everybody.
    pub observations_refused: u64,
    /// Observations of others that the agent passed on.
    pub observations_passed_on: u64,
    /// Observations taken for peers, passed on or its own: one broadcast to three peers counts three.
    pub observations_handed: u64,
    /// Observations handed to the agent.
    pub observations_delivered: u64,
    /// Observations lost at this node, by reason, whichever way they were going; those that a peer does not want count
    /// as well.
    pub observations_dropped: BTreeMap<DropReason, u64>,
    /// The same by peer, for peers that are connected or may come back.
    pub peers: BTreeMap<AgentId, PeerCounters>,
    /// Gaps in reliable observations that the agent was told of.
    pub observation_gaps: u64,
    /// Requests that the agent made.
    pub requests_sent: u64,
    /// Requests that the agent made and that are over, by ending.
    pub requests_ended: BTreeMap<Ending, u64>,
    /// Requests of others that are over, by ending.
    pub requests_served: BTreeMap<Ending, u64>,
    /// Strangers who did not become peers, by reason.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Calls in which the agent panicked.
    pub agent_panics: u64,
}

/// The observations between this node and one peer.
///
/// ```
/// fn arrives(counters: &swarm_core::PeerCounters) -> bool {
///     counters.outgoing.passed > counters.outgoing.dropped.values().sum()
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCounters {
    /// From our agent to the peer.
    pub outgoing: Flow,
    /// From the peer to our agent.
    pub incoming: Flow,
}

/// The observations that went one way.
///
/// ```
/// use swarm_core::Flow;
///
/// fn all(flow: &Flow) -> u64 {
///     flow.passed + flow.dropped.values().sum::<u64>()
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// Outgoing: handed to the network, or taken by the peer if they are reliable. Incoming: delivered to the agent.
    pub passed: u64,
    /// Lost at this node, by reason. `passed` and these together are all that there were and that do not wait any more,
    /// but for [`DropReason::RateLimited`] and [`DropReason::Malformed`], which count datagrams.
    pub dropped: BTreeMap<DropReason, u64>,
}

/// One way, counted without a lock.
#[derive(Debug, Default)]
struct FlowTally {
    passed: AtomicU64,
    dropped: Drops,
}

/// One counter per reason.
#[derive(Debug)]
struct Drops([AtomicU64; DropReason::ALL.len()]);

impl Default for Drops {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; DropReason::ALL.len()])
    }
}

impl Drops {
    fn add(&self, reason: DropReason, count: u64) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn sums(&self) -> BTreeMap<DropReason, u64> {
        let counted = self.0.iter().map(|counter| counter.load(Ordering::Relaxed));
        DropReason::ALL.iter().copied().zip(counted).filter(|(_, count)| *count > 0).collect()
    }
}

impl FlowTally {
    fn sums(&self) -> Flow {
        Flow { passed: self.passed.load(Ordering::Relaxed), dropped: self.dropped.sums() }
    }
}

/// The counters of one peer. They outlive its connections.
#[derive(Debug)]
pub(crate) struct PeerTally {
    pub(crate) peer: AgentId,
    outgoing: FlowTally,
    incoming: FlowTally,
}

impl PeerTally {
    fn new(peer: AgentId) -> Self {
        Self { peer, outgoing: FlowTally::default(), incoming: FlowTally::default() }
    }

    fn flow(&self, direction: Direction) -> &FlowTally {
        match direction {
            Direction::Outgoing => &self.outgoing,
            Direction::Incoming => &self.incoming,
        }
    }

    /// So many went on their way.
    pub(crate) fn passed(&self, direction: Direction, count: u64) {
        self.flow(direction).passed.fetch_add(count, Ordering::Relaxed);
    }
}

/// Counts what happens and passes it on.
pub(crate) struct Recorder {
    node: AgentId,
    sink: Option<Box<dyn TraceSink>>,
    sent: AtomicU64,
    passed_on: AtomicU64,
    handed: AtomicU64,
    delivered: AtomicU64,
    dropped: Drops,
    peers: Mutex<BTreeMap<AgentId, Arc<PeerTally>>>,
    /// What happens rarely, or only when something is wrong.
    rare: Mutex<Counters>,
}

impl Recorder {
    pub(crate) fn new(node: AgentId, sink: Option<Box<dyn TraceSink>>) -> Self {
        Self {
            node,
            sink,
            sent: AtomicU64::new(0),
            passed_on: AtomicU64::new(0),
            handed: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            dropped: Drops::default(),
            peers: Mutex::default(),
            rare: Mutex::new(Counters::default()),
        }
    }

    /// The counters of a peer, which begin at zero when it is new.
    pub(crate) fn peer(&self, peer: AgentId) -> Arc<PeerTally> {
        Arc::clone(self.peers().entry(peer).or_insert_with(|| Arc::new(PeerTally::new(peer))))
    }

    /// The peer will not come back; the sums of the node stay.
    pub(crate) fn forget(&self, peer: AgentId) {
        self.peers().remove(&peer);
    }

    pub(crate) fn record(&self, event: TraceEvent) {
        self.count(&event);
        self.tell(|| event);
    }

    /// Makes the event only if somebody watches.
    fn tell(&self, event: impl FnOnce() -> TraceEvent) {
        if let Some(sink) = &self.sink {
            sink.record(self.node, event());
        }
    }

    pub(crate) fn dropped(&self, peer: &PeerTally, direction: Direction, reason: DropReason, count: u64) {
        if count > 0 {
            peer.flow(direction).dropped.add(reason, count);
            self.dropped.add(reason, count);
            self.tell(|| TraceEvent::ObservationDropped { direction, peer: peer.peer, reason, count });
        }
    }

    /// As [`Self::dropped`], where only the peer's name is at hand. What it counted is gone if it was forgotten meanwhile.
    pub(crate) fn dropped_of(&self, peer: AgentId, direction: Direction, reason: DropReason, count: u64) {
        let known = self.peers().get(&peer).cloned();
        self.dropped(&known.unwrap_or_else(|| Arc::new(PeerTally::new(peer))), direction, reason, count);
    }

    /// An observation was made, and taken for so many peers.
    pub(crate) fn sent(&self, handed: usize, event: impl FnOnce() -> TraceEvent) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.handed.fetch_add(handed as u64, Ordering::Relaxed);
        self.tell(event);
    }

    /// An observation of another origin was passed on, and taken for so many peers.
    pub(crate) fn passed_on(&self, handed: usize, event: impl FnOnce() -> TraceEvent) {
        self.passed_on.fetch_add(1, Ordering::Relaxed);
        self.handed.fetch_add(handed as u64, Ordering::Relaxed);
        self.tell(event);
    }

    /// An observation is handed to the agent.
    pub(crate) fn delivered(&self, peer: AgentId, event: impl FnOnce() -> TraceEvent) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if let Some(peer) = self.peers().get(&peer) {
            peer.passed(Direction::Incoming, 1);
        }
        self.tell(event);
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut counters = self.rare().clone();
        counters.observations_sent = self.sent.load(Ordering::Relaxed);
        counters.observations_passed_on = self.passed_on.load(Ordering::Relaxed);
        counters.observations_handed = self.handed.load(Ordering::Relaxed);
        counters.observations_delivered = self.delivered.load(Ordering::Relaxed);
        counters.observations_dropped = self.dropped.sums();
        for (peer, tally) in self.peers().iter() {
            let flows = PeerCounters { outgoing: tally.outgoing.sums(), incoming: tally.incoming.sums() };
            counters.peers.insert(*peer, flows);
        }
        counters
    }

    fn count(&self, event: &TraceEvent) {
        match event {
            TraceEvent::ObservationGap { .. } => self.rare().observation_gaps += 1,
            TraceEvent::ObservationRefused { .. } => self.rare().observations_refused += 1,
            TraceEvent::RequestSent { .. } => self.rare().requests_sent += 1,
            TraceEvent::RequestEnded { ending, .. } => {
                *self.rare().requests_ended.entry(*ending).or_default() += 1;
            }
            TraceEvent::RequestServed { ending, .. } => {
                *self.rare().requests_served.entry(*ending).or_default() += 1;
            }
            TraceEvent::Refused { reason } => *self.rare().refused.entry(*reason).or_default() += 1,
            TraceEvent::AgentPanicked { .. } => self.rare().agent_panics += 1,
            // Those that are frequent are counted by the methods that record them.
            TraceEvent::ObservationSent { .. }
            | TraceEvent::ObservationPassedOn { .. }
            | TraceEvent::ObservationDelivered { .. }
            | TraceEvent::ObservationDropped { .. }
            | TraceEvent::PeerCame { .. }
            | TraceEvent::PeerWent { .. }
            | TraceEvent::Measured { .. } => {}
        }
    }

    fn rare(&self) -> MutexGuard<'_, Counters> {
        // Counting cannot leave the counters half changed, so a poisoned lock is as good as any.
        self.rare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<AgentId, Arc<PeerTally>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("node", &self.node).finish_non_exhaustive()
    }
}
