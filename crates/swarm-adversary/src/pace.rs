//! So many acts a second, evenly.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Tells how many acts are due.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: u64,
    begun: Instant,
    done: u64,
    ticks: Interval,
}

impl Pace {
    pub(crate) fn new(rate: u32) -> Self {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { rate: rate.into(), begun: Instant::now(), done: 0, ticks }
    }

    /// Waits until some are due, and tells how many: at most a tenth of a second's, and what was missed beyond that stays
    /// undone. Cancel safe.
    pub(crate) async fn due(&mut self) -> u64 {
        loop {
            self.ticks.tick().await;
            let so_far = Instant::now().saturating_duration_since(self.begun).as_micros();
            let so_far = u64::try_from(so_far).unwrap_or(u64::MAX);
            let wanted = self.rate.saturating_mul(so_far) / 1_000_000 + 1;
            let due = wanted.saturating_sub(self.done).min(self.rate / 10 + 1);
            if due > 0 {
                self.done = wanted;
                return due;
            }
        }
    }

    /// Waits until the next one is due. Cancel safe.
    pub(crate) async fn next(&mut self) {
        let at = Duration::from_micros(self.done.saturating_mul(1_000_000) / self.rate);
        tokio::time::sleep_until(self.begun + at).await;
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_as_many_acts_as_the_rate_says() {
        for rate in [7, 1000, 50_000] {
            let (mut pace, mut acts) = (Pace::new(rate), 0);
            let _ = tokio::time::timeout(Duration::from_secs(1), async {
                loop {
                    acts += pace.due().await;
                }
            })
            .await;
            assert!(acts.abs_diff(rate.into()) <= u64::from(rate / 100) + 1, "{acts} of {rate}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_made_up_for_all_at_once() {
        let mut pace = Pace::new(1000);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(pace.due().await, 101);
    }
}
