//! The reliable observations that one peer is not known to have taken.
//!
//! ```text
//! push ──► unsent ──take──► sent ──acknowledge──► gone
//!            ▲                │ no room: its bytes go, its number stays until the peer has said whether it came
//!            └─── resume ─────┘
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use swarm_proto::FeedFrame;

/// What it costs to keep an observation beside its bytes.
const KEPT_OVERHEAD: usize = 64;

/// How many may be under way without an acknowledgement. Peers acknowledge 16 at a time or sooner, so it only ever holds
/// up one that does not.
const UNDER_WAY: usize = 1024;

#[derive(Debug)]
struct Entry {
    number: u64,
    encoded: Bytes,
}

impl Entry {
    fn cost(&self) -> usize {
        self.encoded.len() + KEPT_OVERHEAD
    }
}

/// The peer claims to have taken what it was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeyondEnd;

/// What is kept for one peer, oldest first, numbered from 1.
#[derive(Debug)]
pub(crate) struct FeedLog {
    feed: u64,
    max_bytes: usize,
    /// Of all that is kept.
    bytes: usize,
    /// The number of the next that is pushed.
    next: u64,
    /// The number after the last that was sent on the present stream.
    sent_to: u64,
    /// Sent, and no longer kept: if the stream is lost before the peer has taken them, they are too.
    let_go: VecDeque<u64>,
    /// Sent and kept.
    sent: VecDeque<Entry>,
    unsent: VecDeque<Entry>,
}

impl FeedLog {
    /// An empty log with this number, which keeps at most so many bytes, but always the newest.
    pub(crate) fn new(feed: u64, max_bytes: usize) -> Self {
        Self {
            feed,
            max_bytes,
            bytes: 0,
            next: 1,
            sent_to: 1,
            let_go: VecDeque::new(),
            sent: VecDeque::new(),
            unsent: VecDeque::new(),
        }
    }

    pub(crate) fn feed(&self) -> u64 {
        self.feed
    }

    /// Takes an encoded observation; the oldest make room. Gives how many are certainly lost by that: what is under way
    /// may still arrive.
    pub(crate) fn push(&mut self, encoded: Bytes) -> u64 {
        let entry = Entry { number: self.next, encoded };
        self.next += 1;
        self.bytes += entry.cost();
        self.unsent.push_back(entry);
        let mut lost = 0;
        while self.bytes > self.max_bytes && self.sent.len() + self.unsent.len() > 1 {
            lost += self.drop_oldest();
        }
        lost
    }

    fn drop_oldest(&mut self) -> u64 {
        if let Some(entry) = self.sent.pop_front() {
            self.bytes -= entry.cost();
            self.let_go.push_back(entry.number);
            return 0;
        }
        self.unsent.pop_front().map_or(0, |entry| {
            self.bytes -= entry.cost();
            1
        })
    }

    /// Whether something can be sent now.
    pub(crate) fn has_next(&self) -> bool {
        !self.unsent.is_empty() && self.let_go.len() + self.sent.len() < UNDER_WAY
    }

    /// The next to send on the present stream.
    pub(crate) fn take(&mut self) -> Option<FeedFrame> {
        if !self.has_next() {
            return None;
        }
        let entry = self.unsent.pop_front()?;
        let frame = FeedFrame { number: entry.number, encoded: entry.encoded.clone() };
        self.sent_to = entry.number + 1;
        self.sent.push_back(entry);
        Some(frame)
    }

    /// A new stream goes on where the peer says, or at the oldest that is kept. Gives how many are now known to be lost.
    pub(crate) fn resume(&mut self, next: u64) -> Result<u64, BeyondEnd> {
        self.acknowledge(next)?;
        let lost = self.let_go.len() as u64;
        self.let_go.clear();
        self.sent_to = next.max(1);
        self.sent.append(&mut self.unsent);
        std::mem::swap(&mut self.sent, &mut self.unsent);
        Ok(lost)
    }

    /// The peer has taken everything before this number.
    pub(crate) fn acknowledge(&mut self, next: u64) -> Result<(), BeyondEnd> {
        if next > self.sent_to {
            return Err(BeyondEnd);
        }
        while self.let_go.front().is_some_and(|number| *number < next) {
            self.let_go.pop_front();
        }
        while let Some(entry) = self.sent.pop_front_if(|entry| entry.number < next) {
            self.bytes -= entry.cost();
        }
        Ok(())
    }

    /// How many the peer is not known to have taken.
    pub(crate) fn len(&self) -> usize {
        self.let_go.len() + self.sent.len() + self.unsent.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(kept: usize) -> FeedLog {
        FeedLog::new(7, kept * (10 + KEPT_OVERHEAD))
    }

    fn push(log: &mut FeedLog, times: usize) -> u64 {
        (0..times).map(|_| log.push(Bytes::from_static(&[0; 10]))).sum()
    }

    fn numbers(log: &mut FeedLog) -> Vec<u64> {
        std::iter::from_fn(|| log.take()).map(|frame| frame.number).collect()
    }

    #[test]
    fn what_was_not_taken_is_sent_again() {
        let mut log = log(10);
        push(&mut log, 4);
        assert_eq!(numbers(&mut log), [1, 2, 3, 4]);
        log.acknowledge(2).unwrap();

        assert_eq!(log.resume(3), Ok(0));

        assert_eq!(numbers(&mut log), [3, 4]);
        assert_eq!((log.acknowledge(5), log.is_empty()), (Ok(()), true));
    }

    #[test]
    fn what_never_left_and_makes_room_is_lost_at_once() {
        let mut log = log(3);

        assert_eq!(push(&mut log, 5), 2);

        assert_eq!(numbers(&mut log), [3, 4, 5]);
    }

    #[test]
    fn what_is_under_way_and_makes_room_is_lost_only_if_it_does_not_arrive() {
        let (mut arrives, mut is_lost) = (log(3), log(3));
        for log in [&mut arrives, &mut is_lost] {
            push(log, 3);
            assert_eq!(numbers(log), [1, 2, 3]);
            assert_eq!(push(log, 2), 0);
        }

        assert_eq!((arrives.resume(4), numbers(&mut arrives)), (Ok(0), vec![4, 5]));
        assert_eq!((is_lost.resume(2), numbers(&mut is_lost)), (Ok(1), vec![3, 4, 5]));
    }

    #[test]
    fn the_newest_is_kept_whatever_its_size() {
        let mut log = FeedLog::new(1, 0);

        assert_eq!(push(&mut log, 2), 1);

        assert_eq!(numbers(&mut log), [2]);
    }

    #[test]
    fn nobody_has_taken_what_was_not_sent() {
        let mut log = log(10);
        push(&mut log, 3);
        assert_eq!(log.take().map(|frame| frame.number), Some(1));

        assert_eq!((log.acknowledge(3), log.resume(3)), (Err(BeyondEnd), Err(BeyondEnd)));
        assert_eq!((log.resume(2), log.len()), (Ok(0), 2));
    }

    #[test]
    fn a_peer_that_never_acknowledges_is_sent_only_so_many() {
        let mut log = log(5000);
        push(&mut log, 3000);

        assert_eq!(numbers(&mut log).len(), UNDER_WAY);
        log.acknowledge(11).unwrap();
        assert_eq!(numbers(&mut log).len(), 10);

        // What makes room meanwhile does not make it send more, nor remember more.
        push(&mut log, 10_000);
        assert!(!log.has_next() && log.let_go.len() + log.sent.len() == UNDER_WAY);
    }
}
