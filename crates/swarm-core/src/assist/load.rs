//! How busy a node is: what it tells its peers of it, and when whoever was turned away should come back.

use std::time::Duration;

use tokio::time::Instant;

/// Peers are told at most this often.
const PAUSE: Duration = Duration::from_millis(100);

/// What changes by less is not worth telling, unless it comes to nothing.
const WORTH_TELLING: u16 = 10;

/// Requests in service and waiting as a share of those served at once, in percent.
pub(crate) fn percent(served_and_waiting: usize, at_once: usize) -> u16 {
    let share = served_and_waiting.saturating_mul(100) / at_once.max(1);
    u16::try_from(share).unwrap_or(u16::MAX)
}

/// Decides when one peer is told the load.
#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    told: u16,
    not_before: Option<Instant>,
}

impl LoadReport {
    /// When to tell the peer that the load is `load` now; `None` if it knows well enough.
    pub(crate) fn due(&self, now: Instant, load: u16) -> Option<Instant> {
        let worth = load.abs_diff(self.told) >= WORTH_TELLING || (load == 0) != (self.told == 0);
        worth.then(|| self.not_before.map_or(now, |not_before| not_before.max(now)))
    }

    pub(crate) fn told(&mut self, now: Instant, load: u16) {
        self.told = load;
        self.not_before = Some(now + PAUSE);
    }
}

/// How long requests take here, as a moving average, for the hint that goes with `Busy`.
#[derive(Debug, Default)]
pub(crate) struct ServiceTime {
    average: Option<Duration>,
}

impl ServiceTime {
    const WEIGHT: u32 = 8;
    const SHORTEST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(10);

    pub(crate) fn served(&mut self, took: Duration) {
        self.average = Some(match self.average {
            None => took,
            Some(average) => (average * (Self::WEIGHT - 1) + took) / Self::WEIGHT,
        });
    }

    /// When a place is likely to be free for one more behind those who wait.
    pub(crate) fn retry_after(&self, waiting: usize, at_once: usize) -> Duration {
        let one = self.average.unwrap_or(Duration::from_millis(100));
        let turns = (waiting + 1).div_ceil(at_once.max(1));
        one.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX)).clamp(Self::SHORTEST, Self::LONGEST)
    }
}
