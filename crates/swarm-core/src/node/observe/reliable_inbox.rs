//! Reliable observations on their way to the agent. Nothing is dropped here: whoever brings one waits for room.

use std::sync::Arc;

use swarm_proto::{AgentId, Observation};
use tokio::sync::mpsc::{self, Permit, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::observe::Gap;

/// How many wait at most; readers keep the rest away.
const QUEUE: usize = 16;

/// How many bytes of them wait at most: two of the longest.
const QUEUE_BYTES: usize = 2 * swarm_proto::MAX_FEED_FRAME_BYTES;

/// What the agent is told next of one origin.
#[derive(Debug)]
pub(in crate::node) struct ReliableItem {
    /// What is missing before it.
    pub(in crate::node) gap: Option<Gap>,
    /// `None` if only the gap is of interest.
    pub(in crate::node) observation: Option<Observation>,
}

/// The readers' end.
#[derive(Debug)]
pub(crate) struct ReliableInbox {
    items: Sender<(ReliableItem, OwnedSemaphorePermit)>,
    bytes: Arc<Semaphore>,
}

/// The agent's end.
#[derive(Debug)]
pub(in crate::node) struct ReliableQueue {
    items: Receiver<(ReliableItem, OwnedSemaphorePermit)>,
}

/// Room for one item.
pub(super) struct Room<'a> {
    slot: Permit<'a, (ReliableItem, OwnedSemaphorePermit)>,
    bytes: OwnedSemaphorePermit,
}

/// The agent has stopped.
#[derive(Debug)]
pub(super) struct Stopped;

impl ReliableInbox {
    pub(in crate::node) fn new() -> (Self, ReliableQueue) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let inbox = Self { items: sender, bytes: Arc::new(Semaphore::new(QUEUE_BYTES)) };
        (inbox, ReliableQueue { items: receiver })
    }

    /// Room for an item of so many bytes, if there is some now.
    pub(super) fn try_room(&self, bytes: usize) -> Option<Room<'_>> {
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(permits(bytes)).ok()?;
        Some(Room { slot: self.items.try_reserve().ok()?, bytes })
    }

    /// Waits for room, in the order of asking. Cancel safe, but for the place in the order.
    pub(super) async fn room(&self, bytes: usize) -> Result<Room<'_>, Stopped> {
        let room = async {
            let bytes =
                Arc::clone(&self.bytes).acquire_many_owned(permits(bytes)).await.map_err(|_| Stopped)?;
            Ok(Room { slot: self.items.reserve().await.map_err(|_| Stopped)?, bytes })
        };
        tokio::select! {
            biased;
            () = self.stopped() => Err(Stopped),
            room = room => room,
        }
    }

    /// Waits until the agent has stopped. Cancel safe.
    pub(super) async fn stopped(&self) {
        self.items.closed().await;
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX)
}

impl Room<'_> {
    pub(super) fn fill(self, item: ReliableItem) {
        self.slot.send((item, self.bytes));
    }
}

impl ReliableQueue {
    /// The next item; `None` never comes while there is an inbox. Cancel safe.
    pub(in crate::node) async fn next(&mut self) -> Option<ReliableItem> {
        // What the agent works on takes no room in its queue.
        self.items.recv().await.map(|(item, _)| item)
    }

    /// The next item, if there is one now.
    pub(in crate::node) fn try_next(&mut self) -> Option<ReliableItem> {
        self.items.try_recv().ok().map(|(item, _)| item)
    }

    /// Takes nothing more. Gives whose observations were waiting.
    pub(in crate::node) async fn close(mut self) -> Vec<AgentId> {
        self.items.close();
        let mut left = Vec::new();
        while let Some((item, _)) = self.items.recv().await {
            left.extend(item.observation.map(|observation| observation.origin));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_queue_holds_two_of_the_longest_and_not_more() {
        let (inbox, _queue) = ReliableInbox::new();
        let longest = swarm_proto::MAX_FEED_FRAME_BYTES;
        let two = (inbox.try_room(longest).unwrap(), inbox.try_room(longest).unwrap());

        assert!(inbox.try_room(1).is_none() && inbox.room(1).now_or_never().is_none());

        drop(two);
        assert!(inbox.try_room(longest).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_room_learns_that_the_agent_has_stopped() {
        let (inbox, queue) = ReliableInbox::new();
        let all = inbox.try_room(usize::MAX).unwrap();

        let (waited, left) = tokio::join!(inbox.room(1), async {
            drop(all);
            queue.close().await
        });

        assert!(waited.is_err() || left.is_empty());
        assert!(inbox.room(1).await.is_err());
    }
}
