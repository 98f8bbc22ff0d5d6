//! A bad peer at work. It is no node: nobody asks it, and what it does is counted apart.

use std::{net::SocketAddr, sync::Arc};

use swarm_adversary::{Adversary, AdversaryError, Outcome};
use swarm_core::{NodeHandle, WallClock, trust::RootKey};
use tokio::{runtime::Handle, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::scenario::Rogues;

/// What a rogue starts with.
pub(super) struct Start<'s> {
    pub(super) rogues: &'s Rogues,
    pub(super) seed: u64,
    pub(super) root: RootKey,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) runtime: &'s Handle,
}

/// A bad peer at work. It ends with this.
pub(super) struct Rogue {
    cancel: CancellationToken,
    work: JoinSet<Outcome>,
}

impl Rogue {
    pub(super) fn start(start: Start<'_>, targets: &[NodeHandle]) -> Result<Self, AdversaryError> {
        let Start { rogues, seed, root, clock, runtime } = start;
        let targets = targets.iter().filter_map(address).collect();
        let adversary = Adversary::member(rogues.attack, seed, Arc::new(root), targets)?;
        let adversary = adversary.plan(rogues.plan).wall_clock(clock);
        let (cancel, mut work) = (CancellationToken::new(), JoinSet::new());
        work.spawn_on(adversary.run(cancel.clone()), runtime);
        Ok(Self { cancel, work })
    }

    /// Ends it, and tells what became of its attempts so far.
    pub(super) async fn stop(mut self) -> Outcome {
        self.cancel.cancel();
        match self.work.join_next().await {
            Some(Ok(outcome)) => outcome,
            // One that panicked has nothing to tell.
            _ => Outcome::default(),
        }
    }
}

fn address(node: &NodeHandle) -> Option<SocketAddr> {
    let url = node.url();
    format!("{}:{}", url.host(), url.port()).parse().ok()
}
