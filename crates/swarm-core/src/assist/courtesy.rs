//! How bulk makes room for what is urgent on the same connection, beyond the order in which streams are sent: what is on
//! its way already cannot be overtaken, so less of it is put there while others are in a hurry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// After something urgent has moved, bulk holds back for this long.
const HURRY: Duration = Duration::from_millis(5);

/// While it holds back, one piece goes at most this often: it is never starved.
const PAUSE: Duration = Duration::from_millis(1);

/// The traffic of one connection, as far as it matters for who holds back.
#[derive(Debug)]
pub(crate) struct Courtesy {
    began: Instant,
    /// When something urgent moved last, in microseconds since the beginning, plus one; 0 for never.
    urgent_at: AtomicU64,
}

impl Courtesy {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, urgent_at: AtomicU64::new(0) }
    }

    /// Something urgent has moved, in either direction.
    pub(crate) fn urgent(&self, now: Instant) {
        self.urgent_at.fetch_max(self.micros(now) + 1, Ordering::Relaxed);
    }

    /// Until when the next piece of bulk should wait; `None` if nobody is in a hurry.
    pub(crate) fn hold_back(&self, now: Instant) -> Option<Instant> {
        let urgent_at = self.urgent_at.load(Ordering::Relaxed).checked_sub(1)?;
        let quiet = Duration::from_micros(self.micros(now).saturating_sub(urgent_at));
        (quiet < HURRY).then(|| now + PAUSE)
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bulk_holds_back_while_others_are_in_a_hurry_and_a_little_longer() {
        let now = Instant::now();
        let courtesy = Courtesy::new(now);

        assert_eq!(courtesy.hold_back(now), None);
        courtesy.urgent(now);
        assert_eq!(courtesy.hold_back(now), Some(now + PAUSE));
        assert_eq!(courtesy.hold_back(now + HURRY), None);
    }
}
