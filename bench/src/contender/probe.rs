//! Finds out when what node 0 sends reaches every other node.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Heard, Problem};

/// The first eight bytes of a probe, as a big-endian number: no payload of a workload begins like this.
const MARK: u64 = u64::MAX;

/// As large as the payloads of the workloads, so that it takes the same way.
const LENGTH: usize = 256;

/// Until the next probe, should one have come too early for somebody.
const PERIOD: Duration = Duration::from_millis(10);

/// A mesh that is not up by then is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// Stands between a contender and the harness: keeps probes back, and remembers whom they have reached.
pub struct Probe {
    heard: Heard,
    reached: Vec<AtomicBool>,
    news: Notify,
}

impl Probe {
    pub fn new(nodes: usize, heard: Heard) -> Self {
        Self { heard, reached: (0..nodes).map(|_| AtomicBool::new(false)).collect(), news: Notify::new() }
    }

    /// Passes on what arrived at a node, unless it is a probe.
    pub fn arrived(&self, node: usize, payload: &[u8]) {
        if payload.first_chunk() != Some(&MARK.to_be_bytes()) {
            return (self.heard)(node, payload);
        }
        if self.reached.get(node).is_some_and(|reached| !reached.swap(true, Ordering::Relaxed)) {
            self.news.notify_one();
        }
    }

    /// Lets node 0 send probes until every other node has got one.
    pub async fn until_all_reached<F, S>(&self, send: S) -> Result<(), Problem>
    where
        F: Future<Output = Result<(), Problem>>,
        S: Fn(Bytes) -> F,
    {
        let deadline = Instant::now() + DEADLINE;
        for number in 0_u64.. {
            let next = Instant::now() + PERIOD;
            // Each is another, as some tell messages apart by what is in them.
            let mut probe = MARK.to_be_bytes().to_vec();
            probe.extend(number.to_be_bytes());
            probe.resize(LENGTH, 0);
            timeout_at(deadline, send(probe.into())).await.map_err(|_| "a probe was not sent in time")??;
            loop {
                let silent = self.reached.iter().skip(1).filter(|reached| !reached.load(Ordering::Relaxed));
                let silent = silent.count();
                if silent == 0 {
                    return Ok(());
                }
                if Instant::now() >= deadline {
                    return Err(format!("{silent} nodes get nothing").into());
                }
                if timeout_at(next, self.news.notified()).await.is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}
