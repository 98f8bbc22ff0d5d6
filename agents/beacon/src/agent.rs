//! The behaviour of a beacon.

use std::time::Duration;

use bytes::Bytes;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use swarm_core::{Agent, Context, Key, OutgoingObservation, TopicPattern};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{Class, Params};

/// What its observations are about unless its params say otherwise.
pub const TOPIC: &str = "beacon.tick";

/// An agent that broadcasts at a steady rate.
///
/// The first observation comes somewhere within the first period, as the seed says, so that many beacons do not tick
/// all at once.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use agent_beacon::{Beacon, Params};
/// use swarm_core::AgentNode;
///
/// let node = AgentNode::dev(Beacon::new(Params::default(), 42)).bind("127.0.0.1:0".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Beacon {
    params: Params,
    period: Duration,
    phase: Duration,
    payload: Bytes,
}

impl Beacon {
    /// A beacon with these params; the seed decides its phase and what its payload is filled with.
    #[must_use]
    pub fn new(params: Params, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let period = Duration::from_secs_f64(1.0 / params.rate_hz);
        let mut payload = vec![0; usize::from(params.payload_bytes)];
        let phase = period.mul_f64(rng.random());
        rng.fill_bytes(&mut payload);
        Self { params, period, phase, payload: Bytes::from(payload) }
    }
}

impl Agent for Beacon {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.params.subscriptions.clone()
    }

    async fn on_start(&self, cx: &Context) {
        let first = Instant::now() + self.phase;
        cx.spawn(tick(cx.clone(), self.params.clone(), first, self.period, self.payload.clone()));
    }
}

async fn tick(cx: Context, params: Params, first: Instant, period: Duration, payload: Bytes) {
    let mut ticks = tokio::time::interval_at(first, period);
    // What a busy machine missed is not made up for: it would come all at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while cx.run_until_cancelled(ticks.tick()).await.is_some() {
        for topic in params.topics.iter().flat_map(|topic| std::iter::repeat_n(topic, params.at_once.into()))
        {
            // The params keep payloads small enough for every path; nothing else can be wrong but that the node stops.
            let observation = OutgoingObservation::new(topic.clone(), payload.clone());
            let observation = match params.delivery {
                Class::Lossy => observation,
                Class::Latest => observation.latest(Key::default()),
                Class::Reliable => observation.reliable(),
            };
            let _ = cx.broadcast(if params.signed { observation.signed() } else { observation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_spread_the_phases_over_the_period() {
        let params = Params { rate_hz: 10.0, ..Params::default() };
        let phases: Vec<_> = (0..100).map(|seed| Beacon::new(params.clone(), seed).phase).collect();
        let early = phases.iter().filter(|phase| **phase < Duration::from_millis(50)).count();
        assert!((30..70).contains(&early), "{early}");
        assert!(phases.iter().all(|phase| *phase < Duration::from_millis(100)));
    }

    #[test]
    fn the_same_seed_makes_the_same_beacon() {
        let beacon = |seed| Beacon::new(Params::default(), seed);
        assert_eq!(beacon(7).payload, beacon(7).payload);
        assert_eq!(beacon(7).phase, beacon(7).phase);
        assert_ne!(beacon(7).payload, beacon(8).payload);
    }
}
