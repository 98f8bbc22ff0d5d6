//! How what a rover says travels: each topic with the delivery class that suits it.

use std::time::Duration;

use swarm_core::{NameError, Topic};

use crate::messages::{EVENT, Event, FLEET_ORDER, Order, TELEMETRY, Telemetry, VIBRATION, Vibration};

/// Where a rover was so long ago is not worth knowing.
const TELEMETRY_LIFE: Duration = Duration::from_secs(1);

/// The topics of rovers and of what is said to them.
///
/// ```
/// let topics = agent_rover::RoverTopics::new();
/// assert!(topics.orders.pattern().matches(&"fleet.order".parse()?));
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RoverTopics {
    /// Only the newest counts, and only while it is fresh.
    pub telemetry: Topic<Telemetry>,
    /// Any may be lost.
    pub vibration: Topic<Vibration>,
    /// None may be lost.
    pub events: Topic<Event>,
    /// Nor may these, which are said to all rovers.
    pub orders: Topic<Order>,
}

impl RoverTopics {
    /// All of them.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the names are constants that are dotted names; a test makes them"
    )]
    pub fn new() -> Self {
        Self::named().expect("dotted names")
    }

    fn named() -> Result<Self, NameError> {
        Ok(Self {
            telemetry: Topic::latest(TELEMETRY)?.expires_after(TELEMETRY_LIFE),
            vibration: Topic::lossy(VIBRATION)?,
            events: Topic::reliable(EVENT)?,
            orders: Topic::reliable(FLEET_ORDER)?,
        })
    }
}

impl Default for RoverTopics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_names_are_names() {
        assert_eq!(RoverTopics::new().events.name().as_str(), EVENT);
    }
}
