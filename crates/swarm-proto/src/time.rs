//! A moment as observations carry it. Reads no clock: moments come from outside.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Microseconds since the start of 1970 (UTC), by the sender's clock. Clocks of two agents need not agree.
///
/// ```
/// use std::time::Duration;
/// use swarm_proto::UnixMicros;
///
/// let (sent, received) = (UnixMicros::new(1_000), UnixMicros::new(3_500));
/// assert_eq!(received.saturating_since(sent), Duration::from_micros(2_500));
/// assert_eq!(sent.saturating_since(received), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMicros(u64);

impl UnixMicros {
    /// The moment this many microseconds after the start of 1970 (UTC).
    #[must_use]
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment of a system clock, cut to whole microseconds; one before 1970 becomes the start of 1970.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Microseconds since the start of 1970 (UTC).
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it, as happens between two clocks.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since the start of 1970 (UTC). Says from when until when a grant holds.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use swarm_proto::UnixSeconds;
///
/// let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_200);
/// assert_eq!(UnixSeconds::from_system_time(noon), UnixSeconds::new(43_200));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The moment this many seconds after the start of 1970 (UTC).
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The moment of a system clock, cut to whole seconds; one before 1970 becomes the start of 1970.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// Seconds since the start of 1970 (UTC).
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// So much later, or as late as can be said.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_time_is_cut_to_microseconds() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_999);

        assert_eq!(UnixMicros::from_system_time(time), UnixMicros::new(1));
    }

    #[test]
    fn a_time_before_1970_becomes_its_start() {
        let time = UNIX_EPOCH - Duration::from_secs(1);

        assert_eq!(UnixMicros::from_system_time(time), UnixMicros::new(0));
    }
}
