//! What the nodes have heard. Recording one payload costs a clock, a lock that nobody else wants, and a few additions.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::{CreationError, Histogram};

use crate::clock::now_ns;
use crate::contender::{Heard, Problem};
use crate::payload::Stamp;
use crate::seen::Seen;

/// Latencies above a minute count as a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// The ears of all nodes.
pub struct Hearing {
    phase: AtomicU16,
    ears: Vec<Mutex<Ear>>,
}

struct Ear {
    latency_ns: Histogram<u32>,
    duplicates: u64,
    last_ns: u64,
    /// By sender.
    seen: Vec<Seen>,
}

/// What was heard in one phase, by all nodes together.
#[derive(Debug)]
pub struct Summary {
    /// Payloads that arrived, each counted once per node.
    pub delivered: u64,
    /// What a node heard once more.
    pub duplicates: u64,
    /// When the last one arrived, as of [`now_ns`].
    pub last_ns: u64,
    latency_ns: Histogram<u32>,
}

impl Hearing {
    /// For so many nodes, in phase 0.
    pub fn new(nodes: usize) -> Result<Arc<Self>, Problem> {
        let ears = (0..nodes).map(|_| Ear::new(nodes).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self { phase: AtomicU16::new(0), ears }))
    }

    /// For a contender.
    pub fn heard(self: &Arc<Self>) -> Heard {
        let hearing = Arc::clone(self);
        Arc::new(move |node, payload| hearing.record(node, payload))
    }

    /// Forgets what was heard, and from now on what was sent before. Gives the number of the phase, for its stamps.
    pub fn begin(&self) -> u16 {
        let phase = self.phase.fetch_add(1, Ordering::Relaxed) + 1;
        for ear in &self.ears {
            lock(ear).clear();
        }
        phase
    }

    /// How many payloads this node has heard.
    pub fn count(&self, node: usize) -> u64 {
        self.ears.get(node).map_or(0, |ear| lock(ear).latency_ns.len())
    }

    /// How many payloads all nodes have heard.
    pub fn total(&self) -> u64 {
        (0..self.ears.len()).map(|node| self.count(node)).sum()
    }

    /// What was heard since the phase began.
    pub fn summary(&self) -> Result<Summary, Problem> {
        let (mut duplicates, mut last_ns, mut latency_ns) = (0, 0, histogram()?);
        for ear in &self.ears {
            let ear = lock(ear);
            duplicates += ear.duplicates;
            last_ns = last_ns.max(ear.last_ns);
            latency_ns.add(&ear.latency_ns)?;
        }
        Ok(Summary { delivered: latency_ns.len(), duplicates, last_ns, latency_ns })
    }

    fn record(&self, node: usize, payload: &[u8]) {
        let Some(stamp) = Stamp::read(payload) else { return };
        if stamp.phase == self.phase.load(Ordering::Relaxed)
            && let Some(ear) = self.ears.get(node)
        {
            let now = now_ns();
            lock(ear).record(now, stamp);
        }
    }
}

impl Ear {
    fn new(nodes: usize) -> Result<Self, Problem> {
        let latency_ns = histogram()?;
        Ok(Self { latency_ns, duplicates: 0, last_ns: 0, seen: vec![Seen::default(); nodes] })
    }

    fn clear(&mut self) {
        self.latency_ns.reset();
        self.duplicates = 0;
        self.last_ns = 0;
        self.seen.fill(Seen::default());
    }

    fn record(&mut self, now: u64, stamp: Stamp) {
        let Some(seen) = self.seen.get_mut(usize::from(stamp.from)) else { return };
        if seen.is_new(stamp.number) {
            self.last_ns = now;
            self.latency_ns.saturating_record(now.saturating_sub(stamp.sent_ns));
        } else {
            self.duplicates += 1;
        }
    }
}

impl Summary {
    /// In microseconds; 0 if nothing was heard.
    pub fn percentile_us(&self, percentile: f64) -> f64 {
        self.latency_ns.value_at_percentile(percentile) as f64 / 1e3
    }

    /// Of so many that should have been delivered, in percent.
    pub fn loss_percent(&self, expected: u64) -> f64 {
        if expected == 0 { 0.0 } else { 100.0 * (1.0 - self.delivered as f64 / expected as f64) }
    }
}

fn histogram() -> Result<Histogram<u32>, CreationError> {
    Histogram::new_with_bounds(1, LONGEST_NS, 2)
}

/// Recording cannot leave an ear half changed, so a poisoned lock is as good as any.
fn lock(ear: &Mutex<Ear>) -> MutexGuard<'_, Ear> {
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(heard: &Heard, to: usize, number: u64, phase: u16) {
        heard(to, &Stamp { sent_ns: 0, number, from: 0, phase }.payload());
    }

    #[test]
    fn duplicates_and_what_is_late_are_not_delivered() {
        let hearing = Hearing::new(3).unwrap();
        let heard = hearing.heard();
        let phase = hearing.begin();

        say(&heard, 1, 0, phase);
        say(&heard, 1, 0, phase);
        say(&heard, 2, 0, phase);
        say(&heard, 2, 1, phase - 1);

        let summary = hearing.summary().unwrap();
        assert_eq!((summary.delivered, summary.duplicates), (2, 1));
        assert_eq!(summary.loss_percent(4), 50.0);
        assert!(summary.percentile_us(99.0) > 0.0);
    }

    #[test]
    fn a_phase_begins_with_nothing_heard() {
        let hearing = Hearing::new(2).unwrap();
        let heard = hearing.heard();
        let first = hearing.begin();
        say(&heard, 1, 0, first);

        let second = hearing.begin();

        assert_eq!(hearing.total(), 0);
        say(&heard, 1, 0, second);
        assert_eq!(hearing.count(1), 1);
    }
}
