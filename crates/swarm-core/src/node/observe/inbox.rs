//! Reliable observations on their way to the agent. Nothing is dropped here: whoever brings one waits for room.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::Either;
use swarm_proto::Observation;
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
    pub(in crate::node) observation: Observation,
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

    /// Takes nothing more. Gives how many were waiting.
    pub(in crate::node) async fn close(mut self) -> u64 {
        self.items.close();
        let mut left = 0;
        while self.items.recv().await.is_some() {
            left += 1;
        }
        left
    }
}

/// Whose turn it is when two have something.
#[derive(Debug, Default)]
pub(in crate::node) struct Turns {
    second: bool,
}

impl Turns {
    /// Waits for either; when both are ready, for the one that was not last. Both must be cancel safe, then so is this.
    pub(in crate::node) async fn either<A, B>(
        &mut self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> Either<A, B> {
        let (mut first, mut second) = (pin!(first), pin!(second));
        let second_begins = self.second;
        let ready = poll_fn(|cx| {
            for is_second in [second_begins, !second_begins] {
                let polled = if is_second {
                    second.as_mut().poll(cx).map(Either::Right)
                } else {
                    first.as_mut().poll(cx).map(Either::Left)
                };
                if polled.is_ready() {
                    return polled;
                }
            }
            Poll::Pending
        })
        .await;
        self.second = matches!(ready, Either::Left(_));
        ready
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn two_that_are_always_ready_take_turns() {
        let mut turns = Turns::default();
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(turns.either(ready(1), ready(2)).await.into_inner());
        }

        assert_eq!(taken, [1, 2, 1, 2]);
    }

    #[tokio::test]
    async fn one_that_is_ready_does_not_wait_for_its_turn() {
        let mut turns = Turns::default();
        for _ in 0..3 {
            assert_eq!(turns.either(ready(1), pending::<u8>()).await.into_inner(), 1);
        }
    }

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

        assert!(waited.is_err() || left == 0);
        assert!(inbox.room(1).await.is_err());
    }
}
