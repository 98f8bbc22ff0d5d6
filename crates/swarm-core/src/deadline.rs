//! Moments in the future, however far.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Stands for "never" where a user gives a duration that no clock can hold: about a century.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The moment `pause` after `now`. A pause like [`Duration::MAX`] gives one that nobody lives to see.
pub(crate) fn after(now: Instant, pause: Duration) -> Instant {
    now.checked_add(pause.min(FAR)).unwrap_or(now)
}

/// Waits until `time`; for ever without one. Cancel safe.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_is_longer_than_any_that_is_meant() {
        let now = Instant::now();

        assert_eq!(after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
        assert!(after(now, Duration::MAX) > now + Duration::from_secs(3600 * 24 * 365));
    }
}
