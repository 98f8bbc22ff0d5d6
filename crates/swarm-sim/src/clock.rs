//! The clocks of a run: the true one, which all nodes of the run share, and that of each node, which may be wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use swarm_core::{SystemClock, UnixMicros, WallClock};
use tokio::time::Instant;

/// When a run in virtual time begins: any moment would do, if it is the same for every run. 2026-01-01, 00:00 UTC.
const VIRTUAL_BEGINNING: Duration = Duration::from_secs(1_767_225_600);

/// The true time of day of a run. It never jumps, so that latencies across nodes mean something.
#[derive(Debug, Clone)]
pub(crate) struct RunClock {
    begun_at: SystemTime,
    begun: Instant,
}

impl RunClock {
    /// Begins with the time of day of the machine.
    pub(crate) fn of_machine() -> Self {
        Self { begun_at: SystemClock.now(), begun: Instant::now() }
    }

    /// Begins with the same time of day in every run.
    pub(crate) fn virtual_time() -> Self {
        Self { begun_at: SystemTime::UNIX_EPOCH + VIRTUAL_BEGINNING, begun: Instant::now() }
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The time as nodes write it.
    pub(crate) fn micros(&self) -> UnixMicros {
        UnixMicros::from_system_time(self.now())
    }
}

impl WallClock for RunClock {
    fn now(&self) -> SystemTime {
        self.begun_at.checked_add(self.begun.elapsed()).unwrap_or(self.begun_at)
    }
}

/// How far a clock is off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Error {
    /// Ahead of the true time, in microseconds; behind if negative.
    pub(crate) offset_micros: i64,
    /// How many millionths faster than the true time.
    pub(crate) drift_ppm: f64,
}

impl Error {
    fn is_none(self) -> bool {
        self.offset_micros == 0 && self.drift_ppm == 0.0
    }
}

/// The clock of one node, through all of its lives.
#[derive(Debug, Clone)]
pub(crate) struct MemberClock {
    truth: RunClock,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// Since when it has been so far off.
    error: Mutex<(Error, Instant)>,
    /// Whether it is off at all: most never are, and are asked often.
    is_off: AtomicBool,
}

impl MemberClock {
    pub(crate) fn new(truth: RunClock, error: Error) -> Self {
        let since = truth.begun;
        let state = State { error: Mutex::new((error, since)), is_off: AtomicBool::new(!error.is_none()) };
        Self { truth, state: Arc::new(state) }
    }

    /// From now on it is so far off, and drifts so.
    pub(crate) fn set(&self, error: Error) {
        *self.error() = (error, Instant::now());
        self.state.is_off.store(!error.is_none(), Ordering::Relaxed);
    }

    /// How far it is off.
    pub(crate) fn reading(&self) -> Error {
        self.error().0
    }

    /// Whether it shows anything but the true time.
    pub(crate) fn is_off(&self) -> bool {
        self.state.is_off.load(Ordering::Relaxed)
    }

    /// How far ahead it is now, in microseconds.
    #[expect(clippy::cast_possible_truncation, reason = "a drift of millionths stays far below the range")]
    fn ahead_micros(&self) -> i64 {
        if !self.is_off() {
            return 0;
        }
        let (error, since) = *self.error();
        let drifted = since.elapsed().as_secs_f64() * error.drift_ppm;
        error.offset_micros.saturating_add(drifted as i64)
    }

    /// What the true time was when this clock showed that moment, a short while ago.
    pub(crate) fn true_time(&self, shown: UnixMicros) -> UnixMicros {
        UnixMicros::new(shown.get().saturating_add_signed(self.ahead_micros().saturating_neg()))
    }

    fn error(&self) -> MutexGuard<'_, (Error, Instant)> {
        self.state.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WallClock for MemberClock {
    fn now(&self) -> SystemTime {
        let truth = self.truth.now();
        let ahead = self.ahead_micros();
        let off = Duration::from_micros(ahead.unsigned_abs());
        let shown = if ahead < 0 { truth.checked_sub(off) } else { truth.checked_add(off) };
        shown.unwrap_or(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_off_and_drifts_and_the_truth_is_known() {
        let truth = RunClock::virtual_time();
        let clock = MemberClock::new(truth.clone(), Error::default());
        assert_eq!(clock.now(), truth.now());
        clock.set(Error { offset_micros: -5_000_000, drift_ppm: 100.0 });
        assert_eq!(truth.now().duration_since(clock.now()).unwrap(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(10_000)).await;
        // 100 millionths of 10,000 s are one second.
        assert_eq!(truth.now().duration_since(clock.now()).unwrap(), Duration::from_secs(4));
        let shown = UnixMicros::from_system_time(clock.now());
        assert_eq!(clock.true_time(shown), truth.micros());
    }
}
