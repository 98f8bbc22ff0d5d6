//! How long a request may still take: the whole of it until its deadline, and each pause within it.

use std::time::Duration;

use tokio::time::Instant;

/// Deadline and idle limit of a request, on one side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    deadline: Instant,
    idle_limit: Option<Duration>,
    moved_at: Instant,
}

/// What has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    Deadline,
    Idle,
}

impl Patience {
    pub(crate) fn new(now: Instant, deadline: Instant, idle_limit: Option<Duration>) -> Self {
        Self { deadline, idle_limit, moved_at: now }
    }

    /// Something moved: the pause begins anew.
    pub(crate) fn moved(&mut self, now: Instant) {
        self.moved_at = self.moved_at.max(now);
    }

    /// When to look again.
    pub(crate) fn next_timeout(&self) -> Instant {
        self.idle_until().map_or(self.deadline, |idle_until| idle_until.min(self.deadline))
    }

    pub(crate) fn expired(&self, now: Instant) -> Option<Expired> {
        if now >= self.deadline {
            return Some(Expired::Deadline);
        }
        self.idle_until().filter(|until| now >= *until).map(|_| Expired::Idle)
    }

    fn idle_until(&self) -> Option<Instant> {
        self.idle_limit.map(|limit| crate::deadline::after(self.moved_at, limit))
    }
}
