//! The queues between the tasks that know what happened and the task that calls the agent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use swarm_proto::{AgentId, Observation};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::observe::inbox::{Inbox, Next};
use crate::peer::PeerEvent;
use crate::trace::DropReason;

/// Peer events are rare; observations may fill their queue without pushing them out.
const PEER_EVENTS: usize = 256;

/// Takes what happens without waiting; what makes room is told to whoever pushed, and to the agent.
#[derive(Debug)]
pub(crate) struct AgentInbox {
    /// `None` once nobody takes anything any more.
    queues: Mutex<Option<Queues>>,
    filled: Notify,
}

#[derive(Debug)]
struct Queues {
    peer_events: VecDeque<PeerEvent>,
    missed_peer_events: u64,
    observations: Inbox,
}

/// What the agent is to be told.
#[derive(Debug)]
pub(crate) enum Told {
    Peer(PeerEvent),
    Observed(Observation),
    /// So many observations or peer events made room because the agent is too slow.
    Lagged(u64),
}

impl Queues {
    fn is_empty(&self) -> bool {
        self.peer_events.is_empty() && self.missed_peer_events == 0 && self.observations.is_empty()
    }

    fn push_peer_event(&mut self, event: PeerEvent) {
        if self.peer_events.len() >= PEER_EVENTS {
            self.peer_events.pop_front();
            self.missed_peer_events += 1;
        }
        self.peer_events.push_back(event);
    }

    /// What happened to peers comes before observations.
    fn next(&mut self, expired: impl FnMut(AgentId)) -> Option<Told> {
        if self.missed_peer_events > 0 {
            return Some(Told::Lagged(std::mem::take(&mut self.missed_peer_events)));
        }
        if let Some(event) = self.peer_events.pop_front() {
            return Some(Told::Peer(event));
        }
        Some(match self.observations.next(Instant::now, expired)? {
            Next::Lagged(missed) => Told::Lagged(missed),
            Next::Observation(observation) => Told::Observed(observation),
        })
    }
}

impl AgentInbox {
    pub(crate) fn new(capacity: usize) -> Self {
        let (peer_events, observations) = (VecDeque::new(), Inbox::new(capacity));
        let queues = Queues { peer_events, missed_peer_events: 0, observations };
        Self { queues: Mutex::new(Some(queues)), filled: Notify::new() }
    }

    /// Observations came in. Gives whose were lost for them, and why: possibly themselves, when the agent has stopped.
    pub(crate) fn observed(
        &self,
        now: Instant,
        observations: Vec<Observation>,
    ) -> Vec<(AgentId, DropReason)> {
        let mut queues = self.queues();
        let Some(queues) = queues.as_mut() else {
            return observations.iter().map(|late| (late.origin, DropReason::ShutDown)).collect();
        };
        let was_empty = queues.is_empty();
        let pushed = observations.into_iter().map(|observation| queues.observations.push(now, observation));
        let lost = pushed.flatten().collect();
        if was_empty && !queues.is_empty() {
            self.filled.notify_one();
        }
        lost
    }

    /// A peer came or went. An agent that has stopped need not know.
    pub(crate) fn peer(&self, event: PeerEvent) {
        if let Some(queues) = self.queues().as_mut() {
            queues.push_peer_event(event);
            self.filled.notify_one();
        }
    }

    /// What comes next for the agent; `expired` is called for whatever waited too long before it.
    pub(crate) fn next(&self, expired: impl FnMut(AgentId)) -> Option<Told> {
        self.queues().as_mut()?.next(expired)
    }

    /// Waits until something may have come. Cancel safe.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Nothing is taken any more. Gives the observations that nobody took, by origin.
    pub(crate) fn close(&self) -> Vec<(AgentId, u64)> {
        self.queues().take().map(|mut queues| queues.observations.clear()).unwrap_or_default()
    }

    pub(crate) fn forget(&self, origin: AgentId) {
        if let Some(queues) = self.queues().as_mut() {
            queues.observations.forget(origin);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Option<Queues>> {
        // The queues are whole after each of their methods, so a poisoned lock is as good as any.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
