//! The queue between the tasks that take observations in and the task that calls the agent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use swarm_proto::{AgentId, Observation};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::observe::inbox::Inbox;
pub(crate) use crate::observe::inbox::Next;
use crate::trace::DropReason;

/// Takes observations without waiting; what makes room is told to whoever pushed.
#[derive(Debug)]
pub(crate) struct AgentInbox {
    /// `None` once nobody takes anything any more.
    inbox: Mutex<Option<Inbox>>,
    filled: Notify,
}

impl AgentInbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { inbox: Mutex::new(Some(Inbox::new(capacity))), filled: Notify::new() }
    }

    /// Gives whose observation was lost for it, and why: possibly its own, when the agent has stopped.
    pub(crate) fn push(&self, now: Instant, observation: Observation) -> Option<(AgentId, DropReason)> {
        let mut inbox = self.inbox();
        let Some(inbox) = inbox.as_mut() else {
            return Some((observation.origin, DropReason::ShutDown));
        };
        let was_empty = inbox.is_empty();
        let lost = inbox.push(now, observation);
        if was_empty {
            self.filled.notify_one();
        }
        lost
    }

    /// What comes next for the agent, if there is anything.
    pub(crate) fn try_next(&self, expired: impl FnMut(AgentId)) -> Option<Next> {
        self.inbox().as_mut()?.next(Instant::now(), expired)
    }

    /// Waits until something may have come. Cancel safe.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Nothing is taken any more. Gives what nobody took, by origin.
    pub(crate) fn close(&self) -> Vec<(AgentId, u64)> {
        self.inbox().take().map(|mut inbox| inbox.clear()).unwrap_or_default()
    }

    pub(crate) fn forget(&self, origin: AgentId) {
        if let Some(inbox) = self.inbox().as_mut() {
            inbox.forget(origin);
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Inbox>> {
        // The inbox is whole after each of its methods, so a poisoned lock is as good as any.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
