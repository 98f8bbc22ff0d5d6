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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    proptest! {
        /// The reference keeps the last move and compares.
        #[test]
        fn it_expires_at_the_deadline_or_a_limit_after_the_last_move(
            deadline in 0_u32..500,
            limit in proptest::option::of(0_u32..100),
            pauses in proptest::collection::vec((0_u32..40, any::<bool>()), 1..40),
        ) {
            let start = Instant::now();
            let (mut now, mut moved_at) = (start, start);
            let mut patience = Patience::new(start, start + MS * deadline, limit.map(|limit| MS * limit));
            for (pause, moves) in pauses {
                now += MS * pause;
                if moves {
                    patience.moved(now);
                    moved_at = now;
                }
                let idle = limit.is_some_and(|limit| now - moved_at >= MS * limit);
                let expected = match now - start >= MS * deadline {
                    true => Some(Expired::Deadline),
                    false => idle.then_some(Expired::Idle),
                };
                prop_assert_eq!(patience.expired(now), expected);
                // Whoever waits until then misses nothing, and does not look for nothing either.
                let next = patience.next_timeout();
                prop_assert!(patience.expired(next).is_some());
                prop_assert!(next == start || patience.expired(next - MS).is_none() || next <= now);
            }
        }
    }

    #[test]
    fn a_move_that_is_reported_late_shortens_nothing() {
        let start = Instant::now();
        let mut patience = Patience::new(start, start + MS * 1000, Some(MS * 10));
        patience.moved(start + MS * 8);
        patience.moved(start + MS * 2);

        assert_eq!(patience.expired(start + MS * 17), None);
        assert_eq!(patience.expired(start + MS * 18), Some(Expired::Idle));
    }

    #[test]
    fn the_longest_limit_is_none() {
        let start = Instant::now();
        let patience = Patience::new(start, start + MS, Some(Duration::MAX));

        assert_eq!(patience.next_timeout(), start + MS);
    }
}
