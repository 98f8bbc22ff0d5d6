//! The feeds of all peers, there and away, and how long they are kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{
    AgentId, Delivery, Epoch, MAX_RELIABLE_PAYLOAD_BYTES, Observation, TopicName, encode_observation,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::feed::{Feed, Pushed};
use crate::deadline::at;
use crate::error::PublishError;
use crate::mesh::ConnectionKey;
use crate::node::Receipt;
use crate::node::assist::Served;
use crate::node::shared::NodeShared;
use crate::observe::feed_log::FeedLog;
use crate::trace::{DropReason, Recorder, TraceEvent};

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
        let feed = Arc::new(Feed::new(epoch, Instant::now()));
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
        self.recorder.dropped(DropReason::PeerLost, feed.close());
    }

    /// Hands what `make` makes to all that want to hear of the topic, in the same order for all.
    fn publish(&self, topic: &TopicName, make: impl FnOnce() -> Bytes) -> Receipt {
        let (mut receipt, mut lost) = (Receipt { handed: 0, dropped: 0 }, 0);
        let feeds = self.feeds();
        let (encoded, now) = (make(), Instant::now());
        for feed in feeds.values().filter(|feed| feed.wants(topic)) {
            match feed.push(encoded.clone(), now) {
                Pushed::Kept { lost: made_room } => {
                    receipt.handed += 1;
                    lost += made_room;
                }
                Pushed::Refused => receipt.dropped += 1,
                Pushed::Away => {}
            }
        }
        drop(feeds);
        self.recorder.dropped(DropReason::OutboxFull, lost);
        self.recorder.dropped(DropReason::PeerLost, receipt.dropped as u64);
        receipt
    }

    /// Drops what was kept for too long. Gives when to look again.
    fn expire(&self, window: Duration) -> Option<Instant> {
        let now = Instant::now();
        let expired: Vec<_> = self.feeds().values().map(|feed| feed.expire(now, window)).collect();
        self.recorder.dropped(DropReason::PeerLost, expired.iter().map(|(lost, _)| lost).sum());
        expired.iter().filter_map(|(_, next)| *next).min()
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

impl NodeShared {
    /// Encodes once and gives it to the feed of every peer.
    pub(crate) fn publish_reliable(
        &self,
        on_behalf: Option<&Arc<Served>>,
        topic: TopicName,
        payload: Bytes,
    ) -> Result<Receipt, PublishError> {
        if self.is_closed(on_behalf) {
            return Err(PublishError::ShutDown);
        }
        let (size, max) = (payload.len(), MAX_RELIABLE_PAYLOAD_BYTES);
        if size > max {
            self.recorder.record(TraceEvent::ObservationRefused { topic, size, max });
            return Err(PublishError::TooLarge { size, max });
        }
        let mut sent = None;
        let receipt = self.feeds.publish(&topic, || {
            let observation = self.observe(topic.clone(), payload);
            let observation = Observation { delivery: Delivery::Reliable, ..observation };
            sent = Some((observation.sequence, observation.sent_at));
            encode_observation(&observation)
        });
        if let Some((sequence, sent_at)) = sent {
            let Receipt { handed, dropped } = receipt;
            self.recorder.record(TraceEvent::ObservationSent { topic, sequence, sent_at, handed, dropped });
        }
        Ok(receipt)
    }
}
