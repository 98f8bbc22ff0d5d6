//! The feeds of all peers, there and away, and how long they are kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{AgentId, Epoch, TopicName};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::feed::{Feed, Pushed};
use crate::deadline::at;
use crate::mesh::ConnectionKey;
use crate::node::shared::NodeShared;
use crate::node::{NotHanded, Receipt};
use crate::observe::feed_log::FeedLog;
use crate::trace::{Direction, DropReason, Recorder};

/// Who is owed reliable observations. The driver says who comes and goes.
pub(crate) struct Feeds {
    feeds: Mutex<BTreeMap<AgentId, Arc<Feed>>>,
    /// A peer has gone that may come back.
    left: Notify,
    next_feed: AtomicU64,
    buffer_bytes: usize,
    recorder: Arc<Recorder>,
}

impl Feeds {
    /// None yet; each keeps at most so many bytes.
    pub(in crate::node) fn new(buffer_bytes: usize, recorder: Arc<Recorder>) -> Self {
        Self {
            feeds: Mutex::default(),
            left: Notify::new(),
            next_feed: AtomicU64::new(1),
            buffer_bytes,
            recorder,
        }
    }

    /// The feed of a peer that has come, the one that it had if it is still the same life. What was kept for the life
    /// before is lost.
    pub(in crate::node) fn enter(&self, peer: AgentId, epoch: Epoch) -> Arc<Feed> {
        let mut feeds = self.feeds();
        let known = feeds.get(&peer);
        if let Some(known) = known.filter(|known| known.epoch() == epoch) {
            return Arc::clone(known);
        }
        let feed = Arc::new(Feed::new(epoch, self.recorder.peer(peer), Instant::now()));
        // A connection to a life that is over is about to be closed.
        if known.is_none_or(|known| known.epoch() < epoch)
            && let Some(old) = feeds.insert(peer, Arc::clone(&feed))
        {
            drop(feeds);
            self.lose(&old);
        }
        feed
    }

    /// This connection carries the feed from now on.
    pub(in crate::node) fn put_to_use(&self, feed: &Feed, connection: ConnectionKey) {
        feed.carried_by(connection, || {
            FeedLog::new(self.next_feed.fetch_add(1, Ordering::Relaxed), self.buffer_bytes)
        });
    }

    /// The last connection to a peer has ended.
    pub(in crate::node) fn went(&self, peer: AgentId, returning: bool) {
        if returning {
            let feed = self.feeds().get(&peer).cloned();
            if let Some(feed) = feed {
                feed.away(Instant::now());
            }
            self.left.notify_one();
        } else {
            self.forget(peer);
        }
    }

    /// The peer will not come back.
    pub(in crate::node) fn forget(&self, peer: AgentId) {
        let feed = self.feeds().remove(&peer);
        if let Some(feed) = feed {
            self.lose(&feed);
        }
    }

    /// Nothing more is kept for this peer.
    pub(super) fn lose(&self, feed: &Feed) {
        self.recorder.dropped(&feed.tally, Direction::Outgoing, DropReason::PeerLost, feed.close());
    }

    /// Hands what `make` makes to all that want to hear of the topic and are `meant`, in the same order for all.
    pub(super) fn publish(
        &self,
        topic: &TopicName,
        meant: impl Fn(AgentId) -> bool,
        make: impl FnOnce() -> Bytes,
    ) -> Receipt {
        let (mut receipt, mut made_room) = (Receipt::default(), Vec::new());
        let feeds = self.feeds();
        let (encoded, now) = (make(), Instant::now());
        for (peer, feed) in feeds.iter().filter(|(peer, _)| meant(**peer)) {
            let reason = match feed.offer(topic, &encoded, now) {
                Pushed::Kept { lost } => {
                    receipt.handed += 1;
                    made_room.push((Arc::clone(&feed.tally), DropReason::OutboxFull, lost));
                    continue;
                }
                Pushed::Away => continue,
                Pushed::Refused => DropReason::PeerLost,
                Pushed::Unwanted => DropReason::NotSubscribed,
            };
            receipt.not_handed.push(NotHanded { peer: *peer, reason });
            made_room.push((Arc::clone(&feed.tally), reason, 1));
        }
        drop(feeds);
        // Whoever watches is told after the lock is free again.
        for (tally, reason, lost) in made_room {
            self.recorder.dropped(&tally, Direction::Outgoing, reason, lost);
        }
        receipt
    }

    /// Drops what was kept for too long. Gives when to look again.
    fn expire(&self, window: Duration) -> Option<Instant> {
        let now = Instant::now();
        let feeds: Vec<_> = self.feeds().values().cloned().collect();
        let next = feeds.iter().filter_map(|feed| {
            let (lost, next) = feed.expire(now, window);
            self.recorder.dropped(&feed.tally, Direction::Outgoing, DropReason::PeerLost, lost);
            next
        });
        next.min()
    }

    fn clear(&self) {
        let feeds = std::mem::take(&mut *self.feeds());
        feeds.values().for_each(|feed| self.lose(feed));
    }

    fn feeds(&self) -> MutexGuard<'_, BTreeMap<AgentId, Arc<Feed>>> {
        // The map is whole after each of its methods, so a poisoned lock is as good as any.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that nothing is kept for longer than the window, nor longer than the node lives.
pub(in crate::node) async fn expire(shared: Arc<NodeShared>) {
    loop {
        let next = shared.feeds.expire(shared.config.resume_window);
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => break,
            () = shared.feeds.left.notified() => {}
            () = at(next) => {}
        }
    }
    shared.feeds.clear();
}
