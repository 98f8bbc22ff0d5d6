//! Where the time of day comes from.
//!
//! Decisions use monotonic time that is handed to them, waits use tokio's clock; both can be steered by a simulation.
//! The time of day serves epochs, times of origin and certificates alone, and comes in through [`WallClock`].

use std::fmt::Debug;
use std::time::SystemTime;

/// Tells the time of day.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use swarm_core::WallClock;
///
/// #[derive(Debug)]
/// struct Noon;
///
/// impl WallClock for Noon {
///     fn now(&self) -> SystemTime {
///         SystemTime::UNIX_EPOCH + Duration::from_secs(12 * 3600)
///     }
/// }
/// ```
pub trait WallClock: Debug + Send + Sync + 'static {
    /// The time of day now.
    fn now(&self) -> SystemTime;
}

/// The clock of the machine.
///
/// ```
/// use swarm_core::{SystemClock, WallClock};
///
/// assert!(SystemClock.now() > std::time::SystemTime::UNIX_EPOCH);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
