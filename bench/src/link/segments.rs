//! How a stream of TCP moves over a path that loses segments. No proxy can take a segment from the kernel's stream, so
//! this plays the sender: segments of 1,448 bytes leave within a congestion window that grows and halves as NewReno's
//! does, a lost one arrives a round trip later, and nothing behind it arrives before it. That is kind to TCP: a loss at
//! the end of a flight costs it more than one round trip in truth.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::contender::LinkSettings;

/// With timestamps, on Ethernet.
pub(super) const SEGMENT_BYTES: usize = 1448;
/// RFC 6928.
const INITIAL_WINDOW: f64 = 10.0;
const SMALLEST_WINDOW: f64 = 2.0;

/// One direction of one connection. The time comes in, no clock is asked.
#[derive(Debug)]
pub struct Segments {
    rng: StdRng,
    loss: f64,
    delay: Duration,
    /// In segments per round trip.
    window: f64,
    /// Below it the window doubles with each round trip.
    threshold: f64,
    /// The round trip that is under way, and how many segments have left in it.
    round_began: Instant,
    left: f64,
    lost_in_round: bool,
    last_arrival: Instant,
}

/// When bytes leave the sender, and when they arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// Before it nothing more may leave.
    pub leaves: Instant,
    /// After all that was sent before.
    pub arrives: Instant,
}

impl Segments {
    /// A stream that is new now.
    pub fn new(settings: LinkSettings, now: Instant) -> Self {
        Self {
            rng: StdRng::seed_from_u64(settings.seed),
            loss: settings.loss,
            delay: settings.delay(),
            window: INITIAL_WINDOW,
            threshold: f64::INFINITY,
            round_began: now,
            left: 0.0,
            lost_in_round: false,
            last_arrival: now,
        }
    }

    /// Sends so many bytes that were written at once.
    pub fn pass(&mut self, now: Instant, bytes: usize) -> Passage {
        let mut leaves = now;
        for _ in 0..bytes.div_ceil(SEGMENT_BYTES) {
            leaves = self.leave(leaves);
            let late = self.round_trip() * self.attempts_lost();
            self.last_arrival = self.last_arrival.max(leaves + self.delay + late);
        }
        Passage { leaves, arrives: self.last_arrival }
    }

    fn round_trip(&self) -> Duration {
        self.delay * 2
    }

    /// When the next segment leaves, at the earliest at `now`.
    fn leave(&mut self, now: Instant) -> Instant {
        let round_ends = self.round_began + self.round_trip();
        let full = self.left >= self.window.floor();
        let leaves = if full { now.max(round_ends) } else { now.max(self.round_began) };
        if leaves >= round_ends {
            // A window that was not used does not grow.
            if full && !self.lost_in_round {
                self.window =
                    if self.window < self.threshold { self.window * 2.0 } else { self.window + 1.0 };
            }
            self.round_began = leaves;
            self.left = 0.0;
            self.lost_in_round = false;
        }
        self.left += 1.0;
        leaves
    }

    /// How often a segment is lost before it arrives. The window halves once per round trip at most.
    fn attempts_lost(&mut self) -> u32 {
        let mut lost = 0;
        while self.rng.random_bool(self.loss) {
            lost += 1;
        }
        if lost > 0 && !self.lost_in_round {
            self.lost_in_round = true;
            self.window = (self.window / 2.0).max(SMALLEST_WINDOW);
            self.threshold = self.window;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(10);

    fn settings(loss: f64) -> LinkSettings {
        LinkSettings { delay_ms: 10, loss, seed: 7 }
    }

    #[test]
    fn without_loss_everything_arrives_after_the_delay() {
        let start = Instant::now();
        let mut stream = Segments::new(settings(0.0), start);

        let passage = stream.pass(start, 3 * SEGMENT_BYTES);

        assert_eq!(passage, Passage { leaves: start, arrives: start + DELAY });
    }

    #[test]
    fn a_full_window_waits_for_the_next_round_trip_and_doubles() {
        let start = Instant::now();
        let mut stream = Segments::new(settings(0.0), start);

        let window = stream.pass(start, 10 * SEGMENT_BYTES);
        let next = stream.pass(start, 20 * SEGMENT_BYTES);
        let third = stream.pass(start, SEGMENT_BYTES);

        assert_eq!(window.leaves, start);
        assert_eq!(next.leaves, start + 2 * DELAY);
        assert_eq!(third.leaves, start + 4 * DELAY);
    }

    #[test]
    fn a_lost_segment_holds_up_what_is_behind_it() {
        let start = Instant::now();
        let mut stream = Segments::new(settings(0.3), start);
        // Far apart, so that the window does not matter.
        let sent = |n: u32| start + DELAY * n;

        let arrivals: Vec<_> = (0..200).map(|n| stream.pass(sent(n), 1).arrives).collect();

        assert!(arrivals.is_sorted());
        let lost = (0..200).filter(|n| arrivals[*n as usize] > sent(*n) + DELAY).count();
        assert!((60..200).contains(&lost), "those lost and those behind them: {lost}");
    }

    #[test]
    fn loss_halves_the_window() {
        let start = Instant::now();
        let (mut clean, mut lossy) =
            (Segments::new(settings(0.0), start), Segments::new(settings(0.05), start));

        let sent_clean = clean.pass(start, 1000 * SEGMENT_BYTES).leaves;
        let sent_lossy = lossy.pass(start, 1000 * SEGMENT_BYTES).leaves;

        assert!(sent_lossy - start > (sent_clean - start) * 3);
    }

    #[test]
    fn the_same_seed_loses_the_same() {
        let start = Instant::now();
        let arrive = || {
            let mut stream = Segments::new(settings(0.1), start);
            (0..100).map(|_| stream.pass(start, 1000).arrives - start).collect::<Vec<_>>()
        };

        assert_eq!(arrive(), arrive());
    }
}
