//! Listens to all nodes of a run and passes on what they tell: to the tallies, the overlay, the record and the log.
//!
//! Nodes tell the time by their own clocks, which may be wrong; here it becomes the true time.

mod event_log;
mod invariants;
mod overlay;
mod recorder;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rustc_hash::FxHashMap;
use swarm_core::{AgentId, TraceEvent, TraceSink};

pub(crate) use self::event_log::EventLog;
pub use self::invariants::Broken;
pub(crate) use self::invariants::Invariants;
pub(crate) use self::overlay::Overlay;
pub(crate) use self::recorder::{Moment, Recorder, micros};
use crate::clock::{MemberClock, RunClock};
use crate::tally::Tally;

/// All that listens to the nodes of a run.
pub(crate) struct Watch {
    clock: RunClock,
    /// Which group each member belongs to.
    groups: Vec<usize>,
    /// That of the run as a whole first, then one for each part of it that a check looks at.
    tallies: Vec<Arc<Tally>>,
    overlay: Mutex<Overlay>,
    recorder: Option<Mutex<Recorder>>,
    log: Option<Mutex<EventLog>>,
    invariants: Option<Mutex<Invariants>>,
    /// How often each member was started.
    lives: Vec<AtomicU64>,
    members: RwLock<FxHashMap<AgentId, Known>>,
}

/// An agent of the run.
#[derive(Debug, Clone)]
struct Known {
    member: usize,
    group: usize,
    clock: MemberClock,
}

impl Watch {
    pub(crate) fn new(
        clock: RunClock,
        groups: Vec<usize>,
        tallies: Vec<Arc<Tally>>,
        recorder: Option<Recorder>,
        log: Option<EventLog>,
        invariants: Option<Invariants>,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            overlay: Mutex::new(Overlay::new(groups.len())),
            lives: groups.iter().map(|_| AtomicU64::new(0)).collect(),
            invariants: invariants.map(Mutex::new),
            groups,
            tallies,
            recorder: recorder.map(Mutex::new),
            log: log.map(Mutex::new),
            members: RwLock::default(),
        })
    }

    /// What the node of a member is to tell in its next life.
    pub(crate) fn sink(self: &Arc<Self>, member: usize) -> impl TraceSink + use<> {
        let group = self.groups.get(member).copied().unwrap_or_default();
        let life = self.lives.get(member).map_or(0, |lives| lives.fetch_add(1, Ordering::Relaxed));
        Ear { watch: self.clone(), member, group, life }
    }

    /// Says which member an agent is, and by what clock it goes.
    pub(crate) fn enlist(&self, agent: AgentId, member: usize, clock: MemberClock) {
        let Some(group) = self.groups.get(member).copied() else { return };
        let known = Known { member, group, clock };
        self.members.write().unwrap_or_else(PoisonError::into_inner).insert(agent, known);
        if let Some(mut recorder) = self.recorder() {
            recorder.named(member, agent);
        }
    }

    /// A member has ended without a word.
    pub(crate) fn crashed(&self, member: usize) {
        if let Some(mut invariants) = self.invariants() {
            invariants.gone(member);
        }
        self.gone(member);
    }

    /// A member has ended.
    pub(crate) fn gone(&self, member: usize) {
        let at = self.clock.elapsed();
        let left = self.overlay().forget(member);
        if let Some(mut recorder) = self.recorder() {
            left.into_iter().for_each(|peer| recorder.connected(at, member, peer, false));
        }
    }

    /// Writes a line of the runner's own into the log.
    pub(crate) fn note(&self, text: &str) {
        if let Some(mut log) = self.log() {
            log.note(self.clock.elapsed(), text);
        }
    }

    /// Who is connected to whom.
    pub(crate) fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept for reports, if anything is.
    pub(crate) fn recorder(&self) -> Option<MutexGuard<'_, Recorder>> {
        self.recorder.as_ref().map(|recorder| recorder.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was broken in each group, if anybody looks. To be asked when all nodes have ended.
    pub(crate) fn broken(&self) -> Option<Vec<Broken>> {
        Some(self.invariants()?.read(|member| self.groups.get(member).copied()))
    }

    fn invariants(&self) -> Option<MutexGuard<'_, Invariants>> {
        self.invariants.as_ref().map(|invariants| invariants.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log, if one is written.
    pub(crate) fn log(&self) -> Option<MutexGuard<'_, EventLog>> {
        self.log.as_ref().map(|log| log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn member(&self, agent: AgentId) -> Option<usize> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        members.get(&agent).map(|known| known.member)
    }

    fn knows(&self, member: usize, peer: AgentId, came: bool) {
        let Some(peer) = self.member(peer) else { return };
        let changed = self.overlay().knows(member, peer, came);
        if let Some(mut recorder) = self.recorder().filter(|_| changed) {
            recorder.connected(self.clock.elapsed(), member, peer, came);
        }
    }

    /// Puts the times in an event right. Gives the group of the agent whose observation it is about, if it is of the run.
    fn corrected(&self, node: AgentId, event: &mut TraceEvent) -> Option<usize> {
        let (origin, sent_at) = match event {
            TraceEvent::ObservationSent { sent_at, .. } => (node, sent_at),
            TraceEvent::ObservationPassedOn { origin, sent_at, .. }
            | TraceEvent::ObservationDelivered { origin, sent_at, .. } => (*origin, sent_at),
            TraceEvent::ObservationDropped { peer, .. } => {
                let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
                return members.get(peer).map(|known| known.group);
            }
            _ => return None,
        };
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let known = members.get(&origin)?;
        if known.clock.is_off() {
            *sent_at = known.clock.true_time(*sent_at);
        }
        if let TraceEvent::ObservationDelivered { sent_at, latency, .. } = event {
            *latency = Duration::from_micros(self.clock.micros().get().saturating_sub(sent_at.get()));
        }
        Some(known.group)
    }

    fn hear(&self, node: AgentId, (group, member, life): (usize, usize, u64), mut event: TraceEvent) {
        if let Some(mut invariants) = self.invariants() {
            invariants.hear(node, (group, member, life), &event);
        }
        let about = self.corrected(node, &mut event);
        if let Some(mut log) = self.log() {
            log.event(self.clock.elapsed(), member, &event);
        }
        match &event {
            TraceEvent::PeerCame { peer } => self.knows(member, *peer, true),
            TraceEvent::PeerWent { peer, .. } => self.knows(member, *peer, false),
            _ => {}
        }
        if let Some(mut recorder) = self.recorder() {
            recorder.hear(self.clock.elapsed(), member, group, &event, |agent| self.member(agent));
            if let (TraceEvent::ObservationDelivered { .. }, Some(origin)) = (&event, about) {
                recorder.heard_of(origin);
            }
        }
        let Some((whole, parts)) = self.tallies.split_first() else { return };
        for part in parts {
            part.record(group, about, event.clone());
        }
        whole.record(group, about, event);
    }
}

/// What listens to the node of one member.
struct Ear {
    watch: Arc<Watch>,
    member: usize,
    group: usize,
    life: u64,
}

impl TraceSink for Ear {
    fn record(&self, node: AgentId, event: TraceEvent) {
        self.watch.hear(node, (self.group, self.member, self.life), event);
    }
}
