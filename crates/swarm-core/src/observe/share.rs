//! How much of a path observations may take while streams want it too.
//!
//! In a packet datagrams go before streams, and both share the congestion window: without a bound a flood of
//! observations would leave requests nothing. But the window grows only while it is full, so a bound that nobody else
//! makes use of would keep the path as narrow as it is thought to be. Therefore observations make room for a moment, now
//! and then, and leave it to streams for as long as these make use of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Path;

/// What observations may take of the path while something moves on streams.
const SHARE: f64 = 0.5;

/// So much of it may go at once, in seconds.
const BURST: f64 = 0.01;

/// Two datagrams of an Ethernet path may always go at once.
const LEAST_BURST: f64 = 2.0 * 1500.0;

/// How long they make room to see whether streams take it, at least: what waits in QUIC must have gone before.
const PAUSE: Duration = Duration::from_millis(20);

/// One part in so many of the time goes to such pauses.
const PAUSED: u32 = 5;

/// Streams that have moved are thought to move on for two round trips, and at least so long.
const MOVING: Duration = Duration::from_millis(50);

/// A bucket of bytes that fills up at the share of what the path carries.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: f64,
    counted_at: Instant,
    stream_frames: u64,
    moving_until: Instant,
    paused_until: Instant,
    next_pause: Instant,
}

impl Share {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            bytes: LEAST_BURST,
            counted_at: now,
            stream_frames: 0,
            moving_until: now,
            paused_until: now,
            next_pause: now,
        }
    }

    /// How many bytes of observations may go now over this path; `usize::MAX` if nobody else wants it.
    pub(crate) fn room(&mut self, now: Instant, path: Path) -> usize {
        let rate = path.bytes_per_second as f64 * SHARE;
        let passed = now.saturating_duration_since(self.counted_at).min(Duration::from_secs(1)).as_secs_f64();
        self.counted_at = now;
        self.bytes = (self.bytes + rate * passed).min((rate * BURST).max(LEAST_BURST));
        if path.stream_frames != self.stream_frames {
            self.stream_frames = path.stream_frames;
            self.moving_until = now + MOVING.max(2 * path.round_trip);
        }
        if now >= self.next_pause {
            let pause = pause_on(path);
            self.paused_until = now + pause;
            self.next_pause = now + PAUSED * pause;
        }
        if now < self.moving_until.max(self.paused_until) { self.bytes as usize } else { usize::MAX }
    }

    /// So many went.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.bytes = (self.bytes - bytes as f64).max(0.0);
    }
}

/// So long that a path carries what may always wait for it, and at most a second.
fn pause_on(path: Path) -> Duration {
    let to_carry = 2.0 * LEAST_BURST / (path.bytes_per_second.max(1) as f64);
    Duration::from_secs_f64(to_carry.min(1.0)).max(PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 1_000_000;

    fn path(bytes_per_second: u64, stream_frames: u64) -> Path {
        Path { bytes_per_second, round_trip: Duration::from_millis(10), stream_frames }
    }

    /// What goes in a second over a path that carries `RATE`. Streams send a frame whenever `moves` says so of a
    /// millisecond and whether datagrams left room in it.
    fn went_in_a_second(mut moves: impl FnMut(u64, bool) -> bool) -> u64 {
        let start = Instant::now();
        let mut share = Share::new(start);
        let (mut went, mut frames) = (0, 0);
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            let carried = RATE * (ms + 1) / 1000;
            while went + 1400 <= carried && share.room(now, path(RATE, frames)) >= 1400 {
                share.spend(1400);
                went += 1400;
            }
            frames += u64::from(moves(ms, went + 1400 <= carried));
        }
        went
    }

    #[test]
    fn beside_streams_observations_take_half_of_the_path_and_no_more() {
        let went = went_in_a_second(|_, _| true);

        assert!((490_000..=520_000).contains(&went), "{went} of a path that carries {RATE}");
    }

    #[test]
    fn without_streams_they_take_nearly_all_of_it() {
        let went = went_in_a_second(|_, _| false);

        assert!(went > 850_000, "{went} of a path that carries {RATE}");
    }

    #[test]
    fn streams_that_get_nothing_of_a_flood_are_noticed() {
        // They begin late, and move only where there is room.
        let mut moved = Vec::new();
        went_in_a_second(|ms, room| {
            let moves = ms > 300 && room;
            moved.extend(moves.then_some(ms));
            moves
        });

        assert!(moved.first() < Some(&420), "{moved:?}");
        assert!(moved.len() > 250, "{} of 700 ms", moved.len());
    }

    #[test]
    fn a_slow_path_still_carries_a_datagram_now_and_then() {
        let start = Instant::now();
        let mut share = Share::new(start);
        share.spend(3000);
        assert_eq!(share.room(start, path(1000, 1)), 0);
        assert!(share.room(start + Duration::from_secs(1), path(10_000, 2)) >= 1400);
    }
}
