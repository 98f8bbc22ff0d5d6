//! Hears all orders and finds out whether ever two commanded. Obeys nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use swarm_core::{Agent, AgentId, Context, NameError, Observation, TopicPattern};
use tokio::time::Instant;

use crate::WitnessParams;
use crate::messages::{Order, PlatoonTopics};

/// What it measures for each order: 1 if somebody else commands in the same term, or a later one has begun; else 0.
pub const RIVALS: &str = "platoon.rivals";

/// What it measures for each order: for how many milliseconds it had heard none from anybody.
pub const SILENCE: &str = "platoon.silence";

/// Terms that are remembered: more than a platoon has while an order is on its way.
const TERMS: usize = 1024;

/// Somebody outside of the platoon who hears its commanders, on whichever side of a cut they are.
///
/// ```
/// use agent_platoon::{WitnessAgent, WitnessParams};
/// use swarm_core::Agent;
///
/// let witness = WitnessAgent::new(WitnessParams::default())?;
/// assert_eq!(witness.subscriptions(), ["platoon.order".parse()?]);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct WitnessAgent {
    topics: PlatoonTopics,
    log: Mutex<Log>,
}

/// Who commanded when.
#[derive(Debug)]
struct Log {
    grace: Duration,
    /// The commander of each term, and when it was first heard.
    terms: BTreeMap<u64, (AgentId, Instant)>,
    heard: Option<Instant>,
}

impl WitnessAgent {
    /// A witness that has heard nothing yet.
    ///
    /// # Errors
    /// Never: the topics have constant names.
    pub fn new(params: WitnessParams) -> Result<Self, NameError> {
        let log = Log { grace: params.grace, terms: BTreeMap::new(), heard: None };
        Ok(Self { topics: PlatoonTopics::new()?, log: Mutex::new(log) })
    }
}

impl Log {
    /// Whether an order comes from somebody who should not command.
    fn is_rival(&mut self, from: AgentId, order: Order, now: Instant) -> bool {
        let over = self.terms.range(order.term.saturating_add(1)..).next();
        let is_late = over.is_some_and(|(_, (_, since))| now.saturating_duration_since(*since) > self.grace);
        let (commander, _) = *self.terms.entry(order.term).or_insert((from, now));
        while self.terms.len() > TERMS {
            self.terms.pop_first();
        }
        is_late || commander != from
    }

    /// How long nothing was heard before this order.
    fn silence(&mut self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.heard.replace(now)?))
    }
}

impl Agent for WitnessAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.topics.orders.pattern()]
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        let Some(Ok(order)) = self.topics.orders.read(&observation) else { return };
        let now = Instant::now();
        let (rival, silence) = {
            // Nothing in there panics half-way, so a poisoned lock is as good as any.
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            (log.is_rival(observation.origin, order, now), log.silence(now))
        };
        cx.measure(RIVALS, f64::from(u8::from(rival)));
        if let Some(silence) = silence {
            cx.measure(SILENCE, silence.as_secs_f64() * 1e3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_in_a_term_are_rivals_and_so_is_who_goes_on_after_its_term() {
        let (id, now) = (|n| AgentId::from_key_digest([n; 32]), Instant::now());
        let ms = |ms| now + Duration::from_millis(ms);
        let mut log = Log { grace: Duration::from_millis(100), terms: BTreeMap::new(), heard: None };
        let order = |term| Order { term, number: 1 };
        assert!(!log.is_rival(id(1), order(1), ms(0)));
        assert!(log.is_rival(id(2), order(1), ms(1)), "there is a commander in this term");
        assert!(!log.is_rival(id(2), order(2), ms(200)));
        assert!(!log.is_rival(id(1), order(1), ms(250)), "it was on its way");
        assert!(log.is_rival(id(1), order(1), ms(301)), "it still commands");
        assert!(!log.is_rival(id(2), order(2), ms(302)));
    }

    #[test]
    fn silence_is_from_one_order_to_the_next() {
        let now = Instant::now();
        let mut log = Log { grace: Duration::ZERO, terms: BTreeMap::new(), heard: None };
        assert_eq!(log.silence(now), None);
        assert_eq!(log.silence(now + Duration::from_secs(2)), Some(Duration::from_secs(2)));
    }
}
