//! How much of a path observations may take while streams want it too.
//!
//! In a packet datagrams go before streams, and both share the congestion window: without a bound a flood of
//! observations would leave requests nothing.

use std::time::Duration;

use tokio::time::Instant;

/// What observations may take of the path while something moves on streams.
pub(crate) const BESIDE_STREAMS: f64 = 0.5;

/// What they may take at the most, so that control frames get through.
pub(crate) const OF_A_FLOOD: f64 = 0.9;

/// So much of it may go at once, in seconds.
const BURST: f64 = 0.01;

/// Two datagrams of an Ethernet path may always go at once.
const LEAST_BURST: f64 = 2.0 * 1500.0;

/// A bucket of bytes that fills up at the share of what the path carries.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: f64,
    counted_at: Instant,
}

impl Share {
    pub(crate) fn new(now: Instant) -> Self {
        Self { bytes: LEAST_BURST, counted_at: now }
    }

    /// How many bytes of observations may go now over a path that carries so many a second, of which they have this part.
    pub(crate) fn room(&mut self, now: Instant, path_bytes_per_second: u64, part: f64) -> usize {
        let rate = path_bytes_per_second as f64 * part;
        let passed = now.saturating_duration_since(self.counted_at).min(Duration::from_secs(1)).as_secs_f64();
        self.counted_at = now;
        self.bytes = (self.bytes + rate * passed).min((rate * BURST).max(LEAST_BURST));
        self.bytes as usize
    }

    /// So many went.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.bytes = (self.bytes - bytes as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_take_half_of_the_path_and_no_more() {
        let start = Instant::now();
        let mut share = Share::new(start);
        let (rate, mut went) = (1_000_000, 0);
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            while share.room(now, rate, BESIDE_STREAMS) >= 1400 {
                share.spend(1400);
                went += 1400;
            }
        }
        assert!((490_000..=510_000).contains(&went), "{went} of a path that carries {rate}");
    }

    #[test]
    fn a_slow_path_still_carries_a_datagram_now_and_then() {
        let start = Instant::now();
        let mut share = Share::new(start);
        share.spend(3000);
        assert_eq!(share.room(start, 1000, BESIDE_STREAMS), 0);
        assert!(share.room(start + Duration::from_secs(1), 10_000, BESIDE_STREAMS) >= 1400);
    }
}
