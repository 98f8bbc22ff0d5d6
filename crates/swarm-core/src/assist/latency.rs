//! How long it usually takes until a reply begins, per capability.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use swarm_proto::Capability;

/// How many capabilities are remembered; beyond them the one that was not used for the longest is forgotten.
const CAPABILITIES: usize = 256;

/// How many times of each capability count.
const TIMES: usize = 128;

/// Fewer times say nothing about the slowest of twenty.
const ENOUGH: usize = 8;

/// The last times from a request to its first reply.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    of: BTreeMap<Capability, Times>,
    uses: u64,
}

#[derive(Debug, Default)]
struct Times {
    last: VecDeque<Duration>,
    used_at: u64,
}

impl Latencies {
    pub(crate) fn record(&mut self, capability: &Capability, took: Duration) {
        if !self.of.contains_key(capability) && self.of.len() >= CAPABILITIES {
            self.forget_one();
        }
        self.uses += 1;
        let times = self.of.entry(capability.clone()).or_default();
        times.used_at = self.uses;
        if times.last.len() >= TIMES {
            times.last.pop_front();
        }
        times.last.push_back(took);
    }

    /// What 95 of 100 replies do not exceed (nearest rank), once enough have come.
    pub(crate) fn p95(&self, capability: &Capability) -> Option<Duration> {
        let times = self.of.get(capability).filter(|times| times.last.len() >= ENOUGH)?;
        let mut sorted: Vec<Duration> = times.last.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get((sorted.len() * 95).div_ceil(100) - 1).copied()
    }

    fn forget_one(&mut self) {
        let oldest = self.of.iter().min_by_key(|(_, times)| times.used_at);
        if let Some(capability) = oldest.map(|(capability, _)| capability.clone()) {
            self.of.remove(&capability);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn capability(number: usize) -> Capability {
        format!("test.{number}").parse().unwrap()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_is_known_after_eight() {
        let mut latencies = Latencies::default();
        for n in 1..8 {
            latencies.record(&capability(1), ms(n));
            assert_eq!(latencies.p95(&capability(1)), None);
        }
        latencies.record(&capability(1), ms(8));
        assert_eq!(latencies.p95(&capability(1)), Some(ms(8)));
        assert_eq!(latencies.p95(&capability(2)), None);
    }

    #[test]
    fn only_the_last_times_count() {
        let mut latencies = Latencies::default();
        for n in 0..TIMES as u64 {
            latencies.record(&capability(1), ms(1000 + n));
        }
        for n in 1..=TIMES as u64 {
            latencies.record(&capability(1), ms(n));
        }
        assert_eq!(latencies.p95(&capability(1)), Some(ms(122)));
    }

    #[test]
    fn what_is_used_is_remembered() {
        let mut latencies = Latencies::default();
        for n in 0..8 {
            latencies.record(&capability(0), ms(n));
        }
        for n in 1..1000 {
            latencies.record(&capability(n), ms(1));
            latencies.record(&capability(0), ms(1));
        }
        assert_eq!(latencies.of.len(), CAPABILITIES);
        assert_eq!(latencies.p95(&capability(0)), Some(ms(1)));
        assert!(!latencies.of.contains_key(&capability(500)));
    }

    proptest! {
        #[test]
        fn at_least_95_of_100_do_not_exceed_it(times in prop::collection::vec(0_u64..1000, 8..=TIMES)) {
            let mut latencies = Latencies::default();
            for time in &times {
                latencies.record(&capability(1), ms(*time));
            }
            let p95 = latencies.p95(&capability(1)).unwrap();
            let within = times.iter().filter(|time| ms(**time) <= p95).count();
            prop_assert!(within * 100 >= times.len() * 95);
            let below = times.iter().filter(|time| ms(**time) < p95).count();
            prop_assert!(below * 100 < times.len() * 95, "the smallest such");
        }
    }
}
