//! How bulk makes room for what is urgent on the same connection, beyond the order in which streams are sent: what is on
//! its way already cannot be overtaken, so less of it is put there while others are in a hurry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// After something urgent has moved, bulk holds back for this long.
const HURRY: Duration = Duration::from_millis(5);

/// While it holds back, one piece goes this often, over all requests of the connection: it is never starved.
const PAUSE: Duration = Duration::from_millis(1);

/// The traffic of one connection, as far as it matters for who holds back. Times are microseconds since it began.
#[derive(Debug)]
pub(crate) struct Courtesy {
    began: Instant,
    /// Until when something urgent that has moved matters.
    hurry_until: AtomicU64,
    /// When the next piece of bulk may go, of whichever request, if others are in a hurry then.
    next_piece: AtomicU64,
}

impl Courtesy {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, hurry_until: AtomicU64::new(0), next_piece: AtomicU64::new(0) }
    }

    /// Something urgent has moved, in either direction.
    pub(crate) fn urgent(&self, now: Instant) {
        self.hurry_until.fetch_max(self.micros(now + HURRY), Ordering::Relaxed);
    }

    /// When the next piece of bulk may go, which is then taken to go; `None` for at once.
    pub(crate) fn next_piece(&self, now: Instant) -> Option<Instant> {
        let now = self.micros(now);
        if now >= self.hurry_until.load(Ordering::Relaxed) {
            return None;
        }
        let pause = u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX);
        let advance = |next: u64| Some(next.max(now).saturating_add(pause));
        let taken = self.next_piece.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
        let turn = taken.unwrap_or(now).max(now);
        (turn > now).then(|| self.began + Duration::from_micros(turn))
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bulk_takes_turns_while_others_are_in_a_hurry_and_a_little_longer() {
        let now = Instant::now();
        let courtesy = Courtesy::new(now);

        assert_eq!(courtesy.next_piece(now), None);
        courtesy.urgent(now);
        assert_eq!(courtesy.next_piece(now), None);
        assert_eq!(courtesy.next_piece(now), Some(now + PAUSE));
        assert_eq!(courtesy.next_piece(now), Some(now + 2 * PAUSE));
        assert_eq!(courtesy.next_piece(now + 3 * PAUSE), None);
        assert_eq!(courtesy.next_piece(now + HURRY), None);
        assert_eq!(courtesy.next_piece(now + HURRY), None);
    }
}
