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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    proptest! {
        /// Whoever tells when it is due: the peer is never far off for long, and never told too often.
        #[test]
        fn a_peer_knows_the_load_closely_and_hears_of_it_seldom(
            changes in proptest::collection::vec((0_u32..150, prop_oneof![Just(0_u16), 0_u16..300]), 1..60),
        ) {
            let mut report = LoadReport::default();
            let (mut now, mut load, mut told, mut told_at) = (Instant::now(), 0, 0, None::<Instant>);
            for (pause, next) in changes {
                let until = now + MS * pause;
                while let Some(due) = report.due(now, load).filter(|due| *due <= until) {
                    prop_assert!(due >= now && told_at.is_none_or(|at| due - at >= PAUSE));
                    (now, told, told_at) = (due, load, Some(due));
                    report.told(due, load);
                }
                let may_wait = report.due(until, load).is_some();
                prop_assert!(may_wait || (load.abs_diff(told) < WORTH_TELLING && (load == 0) == (told == 0)));
                prop_assert!(!may_wait || told_at.is_some_and(|at| until - at < PAUSE));
                (now, load) = (until, next);
            }
        }

        #[test]
        fn the_hint_is_bounded_and_grows_with_the_line(
            took in proptest::collection::vec(0_u64..100_000_000, 0..20),
            waiting in 0_usize..100_000,
            at_once in 0_usize..2000,
        ) {
            let mut time = ServiceTime::default();
            took.iter().for_each(|us| time.served(Duration::from_micros(*us)));
            let hint = time.retry_after(waiting, at_once);

            prop_assert!((ServiceTime::SHORTEST..=ServiceTime::LONGEST).contains(&hint));
            prop_assert!(time.retry_after(waiting + 1, at_once) >= hint);
            prop_assert!(time.retry_after(waiting, at_once + 1) <= hint);
        }
    }

    #[test]
    fn load_is_a_share_of_what_is_served_at_once() {
        assert_eq!((percent(0, 4), percent(1, 4), percent(6, 4)), (0, 25, 150));
        assert_eq!((percent(1, 0), percent(usize::MAX, 1)), (100, u16::MAX));
    }

    #[test]
    fn a_hint_follows_what_requests_take() {
        let mut time = ServiceTime::default();
        time.served(MS * 800);
        assert_eq!((time.retry_after(0, 1), time.retry_after(3, 2)), (MS * 800, MS * 1600));

        (0..40).for_each(|_| time.served(MS * 100));
        assert!(time.retry_after(0, 1) < MS * 110, "{:?}", time.retry_after(0, 1));
    }
}
