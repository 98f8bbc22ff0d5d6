//! How what a rover says travels: each topic with the delivery class that suits it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swarm_core::{NameError, Topic};

use crate::messages::{EVENT, Event, FLEET_ORDER, Order, TELEMETRY, Telemetry, VIBRATION, Vibration};

/// Where a rover was so long ago is not worth knowing.
const TELEMETRY_LIFE: Duration = Duration::from_secs(1);

/// The topics of rovers and of what is said to them.
///
/// ```
/// use agent_rover::{RoverTopics, Surety};
///
/// let topics = RoverTopics::new(Surety::Reliable);
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

/// How what must not be lost travels.
///
/// ```
/// assert_eq!(agent_rover::Surety::default(), agent_rover::Surety::Reliable);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Surety {
    /// Once and in order, or the receiver learns how many are missing.
    #[default]
    Reliable,
    /// As everything else: to see what that costs.
    Lossy,
}

impl RoverTopics {
    /// Events and orders are as sure as that.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the names are constants that are dotted names; a test makes them"
    )]
    pub fn new(surety: Surety) -> Self {
        Self::named(surety).expect("dotted names")
    }

    fn named(surety: Surety) -> Result<Self, NameError> {
        Ok(Self {
            telemetry: Topic::latest(TELEMETRY)?.expires_after(TELEMETRY_LIFE),
            vibration: Topic::lossy(VIBRATION)?,
            events: sure(EVENT, surety)?,
            orders: sure(FLEET_ORDER, surety)?,
        })
    }
}

fn sure<T>(name: &str, surety: Surety) -> Result<Topic<T>, NameError> {
    match surety {
        Surety::Reliable => Topic::reliable(name),
        Surety::Lossy => Topic::lossy(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surety_has_its_topics() {
        for surety in [Surety::Reliable, Surety::Lossy] {
            assert_eq!(RoverTopics::new(surety).events.name().as_str(), EVENT);
        }
    }
}
