//! The time of a network: since it was made.

use std::time::Duration;

use tokio::time::Instant;

use crate::fabric::nanos;

const NANOS_PER_MS: u64 = 1_000_000;

#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) nanos: u64,
    /// Whole milliseconds that have passed.
    pub(super) ms: u64,
}

impl Now {
    pub(super) fn since(epoch: Instant) -> Self {
        let nanos = nanos(Instant::now().saturating_duration_since(epoch));
        Self { nanos, ms: nanos / NANOS_PER_MS }
    }

    pub(super) fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// The millisecond in which something happens that takes so long from now: rounded up, and at least one. Agents that
    /// answer one another at once would keep the time from passing otherwise.
    pub(super) fn ms_after(self, duration: Duration) -> u64 {
        self.nanos.saturating_add(nanos(duration)).div_ceil(NANOS_PER_MS).max(self.ms + 1)
    }
}
