//! Connects running members as the topology says, and waits until both ends know it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use swarm_core::{AgentId, NodeHandle};
use tokio::{sync::Semaphore, time::Instant};

use super::Roster;
use crate::runner::RunError;

/// How long a mesh may take to form, and as much more for each of its connections as a handshake takes a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_PER_PAIR: Duration = Duration::from_millis(20);

/// How long to wait before looking again who is connected.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Makes the connections of a cluster. Clones share one bound on the dials under way.
#[derive(Clone)]
pub(super) struct Wiring {
    roster: Arc<Roster>,
    dials: Arc<Semaphore>,
}

/// One end of a connection.
#[derive(Clone)]
struct End {
    name: Arc<str>,
    handle: NodeHandle,
}

impl Wiring {
    pub(super) fn new(roster: Arc<Roster>, at_once: usize) -> Self {
        Self { roster, dials: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Connects the pairs of which both are on the roster, until nobody misses anybody or patience ends. A dial that
    /// fails is tried again while there is time. Whoever leaves the roster meanwhile is not missed any more.
    pub(super) async fn connect(&self, pairs: &[(usize, usize)]) -> Result<(), RunError> {
        let patience = PATIENCE + PATIENCE_PER_PAIR * u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        let deadline = Instant::now() + patience;
        let mut last_error = None;
        loop {
            let missing = missing(&self.present(pairs));
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(not_connected(&missing, patience, last_error));
            }
            // Dials that nobody waits for any more end with their future.
            if let Ok(error) = tokio::time::timeout_at(deadline, self.dial_all(missing)).await {
                last_error = error.or(last_error);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn present(&self, pairs: &[(usize, usize)]) -> Vec<(End, End)> {
        let end =
            |member| Some(End { name: self.roster.name(member).into(), handle: self.roster.get(member)? });
        pairs.iter().filter_map(|(a, b)| Some((end(*a)?, end(*b)?))).collect()
    }

    /// Gives the last error, if there was one.
    async fn dial_all(&self, pairs: Vec<(End, End)>) -> Option<String> {
        let mut dials: FuturesUnordered<_> =
            pairs.into_iter().map(|(dialler, target)| self.dial(dialler, target)).collect();
        let mut last_error = None;
        while let Some(error) = dials.next().await {
            last_error = error.or(last_error);
        }
        last_error
    }

    async fn dial(&self, dialler: End, target: End) -> Option<String> {
        // The semaphore is never closed; if it were, there would be no bound and nothing worse.
        let _permit = self.dials.acquire().await;
        let dialled = dialler.handle.connect(&target.handle.url()).await;
        dialled.err().map(|error| format!("{} to {}: {}", dialler.name, target.name, with_causes(&error)))
    }
}

/// The pairs of which one end does not know the other.
fn missing(pairs: &[(End, End)]) -> Vec<(End, End)> {
    let mut peers: BTreeMap<AgentId, BTreeSet<AgentId>> = BTreeMap::new();
    for end in pairs.iter().flat_map(|(a, b)| [a, b]) {
        peers
            .entry(end.handle.id())
            .or_insert_with(|| end.handle.peers().into_iter().map(|peer| peer.id).collect());
    }
    let knows =
        |a: &End, b: &End| peers.get(&a.handle.id()).is_some_and(|peers| peers.contains(&b.handle.id()));
    pairs.iter().filter(|(a, b)| !knows(a, b) || !knows(b, a)).cloned().collect()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn not_connected(missing: &[(End, End)], within: Duration, last_error: Option<String>) -> RunError {
    /// More would not help anybody.
    const MOST_NAMED: usize = 5;
    let named: Vec<_> =
        missing.iter().take(MOST_NAMED).map(|(a, b)| format!("{} misses {}", a.name, b.name)).collect();
    let more = missing.len().saturating_sub(MOST_NAMED);
    let and_more = if more > 0 { format!(" and {more} more pairs") } else { String::new() };
    RunError::NotConnected { who: named.join(", ") + &and_more, within, last_error }
}
