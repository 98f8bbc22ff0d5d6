//! Heeds what is put into the directory of credentials while the node runs: a new grant, a new list of revocations.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use swarm_proto::{Grant, Revocations, Signed, Statement};

use super::shared::NodeShared;
use crate::trust::{FileError, RevocationError, files};

/// How often it is looked: what is revoked must be so within two seconds.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until the node ends.
pub(super) async fn watch(shared: Arc<NodeShared>, directory: PathBuf) {
    let mut grant = Watched::<Grant>::new(directory.join(files::GRANT));
    let mut revocations = Watched::<Revocations>::new(directory.join(files::REVOCATIONS));
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Some(grant) = grant.changed(&shared).await
            && let Err(error) = shared.renew(grant)
        {
            tracing::error!(agent = %shared.id, %error, "the new grant does not count, the old one stays");
        }
        match revocations.changed(&shared).await.map(|list| shared.revoke(list)) {
            // What a peer has told may be newer.
            None | Some(Ok(_) | Err(RevocationError::Older { .. })) => {}
            Some(Err(error)) => {
                tracing::error!(agent = %shared.id, %error, "the list of revocations does not count");
            }
        }
    }
}

/// A file that may be replaced.
struct Watched<T> {
    path: PathBuf,
    seen: Option<Stamp>,
    holds: std::marker::PhantomData<T>,
}

/// Tells one version of a file from another, as well as can be done without reading it.
type Stamp = (SystemTime, u64);

impl<T: Statement + Send + 'static> Watched<T> {
    /// As it is now is known.
    fn new(path: PathBuf) -> Self {
        Self { seen: stamp(&path), path, holds: std::marker::PhantomData }
    }

    /// What it holds, if that is something else than before.
    async fn changed(&mut self, shared: &NodeShared) -> Option<Signed<T>> {
        let (path, seen) = (self.path.clone(), self.seen);
        let read = shared.blocking(move || {
            let now = stamp(&path);
            (now, (now != seen && now.is_some()).then(|| files::read_signed(&path)))
        });
        let (now, read): (_, Option<Result<Signed<T>, FileError>>) = read.await?;
        self.seen = now;
        match read? {
            Ok(signed) => Some(signed),
            Err(error) => {
                tracing::error!(%error, "a file of credentials cannot be used");
                None
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
