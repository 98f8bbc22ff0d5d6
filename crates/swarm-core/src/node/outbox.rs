//! What waits to be sent to one peer, and when it goes.
//!
//! A datagram of its own costs 20 to 30 times what an observation costs that shares one. So the outbox sends at once
//! when it has been idle for a window, and within a window of the last datagram it collects until the window is over or
//! a datagram is full. It is a state machine without IO: the time and the network's room come in, datagrams come out.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{DATAGRAM_OVERHEAD_BYTES, DatagramBuilder};
use tokio::time::Instant;

use crate::deadline::after;

/// When to look again for room in the network.
const ROOM_RETRY: Duration = Duration::from_millis(10);

/// Observations on their way to one peer, oldest first.
#[derive(Debug)]
pub(super) struct Outbox {
    window: Duration,
    capacity: usize,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// Nothing goes before this, unless a datagram is full.
    not_before: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(window: Duration, capacity: usize) -> Self {
        Self { window, capacity, waiting: VecDeque::new(), waiting_bytes: 0, not_before: None }
    }

    /// Takes an encoded observation. When it is full the oldest make room: freshness is worth more than completeness.
    /// Gives how many were lost.
    pub(super) fn push(&mut self, observation: Bytes) -> u64 {
        self.waiting_bytes += observation.len();
        self.waiting.push_back(observation);
        let mut lost = 0;
        while self.waiting.len() > self.capacity {
            self.pop();
            lost += 1;
        }
        lost
    }

    /// The next datagram of at most `max` bytes with the number of observations in it, if one is due and the network has
    /// `room` for it.
    pub(super) fn take(&mut self, now: Instant, max: usize, room: usize) -> Option<(Bytes, u64)> {
        if self.waiting.is_empty() || !self.is_due(now, max) || room < self.next_bytes(max) {
            return None;
        }
        let mut datagram = DatagramBuilder::new(max);
        let mut inside = 0;
        while let Some(observation) = self.waiting.front()
            && datagram.try_push(observation)
        {
            self.pop();
            inside += 1;
        }
        self.not_before = Some(after(now, self.window));
        Some((datagram.finish(), inside))
    }

    /// When to call [`Self::take`] again; `None` while nothing waits.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        // What is due already waits for room in the network.
        let retry = now + ROOM_RETRY;
        (!self.waiting.is_empty()).then(|| self.not_before.filter(|at| *at > now).unwrap_or(retry))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn is_due(&self, now: Instant, max: usize) -> bool {
        self.not_before.is_none_or(|at| at <= now) || self.waiting_bytes + DATAGRAM_OVERHEAD_BYTES >= max
    }

    fn next_bytes(&self, max: usize) -> usize {
        (self.waiting_bytes + DATAGRAM_OVERHEAD_BYTES).min(max)
    }

    /// Drops what a datagram of `max` bytes cannot carry any more, because the path shrank. Gives how many were lost.
    pub(super) fn drop_oversized(&mut self, max: usize) -> u64 {
        let mut lost = 0;
        while self.waiting.front().is_some_and(|oldest| oldest.len() + DATAGRAM_OVERHEAD_BYTES > max) {
            self.pop();
            lost += 1;
        }
        lost
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.waiting.pop_front() {
            self.waiting_bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use swarm_proto::{
        AgentId, Datagram, Epoch, Observation, Sequence, TopicName, UnixMicros, decode_datagram,
        encode_observation,
    };

    use super::*;

    const WINDOW: Duration = Duration::from_millis(1);
    const MAX: usize = 1200;

    fn observation(sequence: u64) -> Bytes {
        encode_observation(&Observation {
            origin: AgentId::from_key_digest([7; 32]),
            epoch: Epoch::new(1),
            sequence: Sequence::new(sequence),
            topic: TopicName::try_from("test").unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: Bytes::from_static(&[0; 100]),
            delivery: swarm_proto::Delivery::Lossy,
            expires_ms: None,
        })
    }

    fn sequences(taken: Option<(Bytes, u64)>) -> Vec<u64> {
        let (datagram, inside) = taken.expect("a datagram");
        match decode_datagram(&datagram).unwrap() {
            Datagram::Observations(observations) => {
                assert_eq!(observations.len() as u64, inside);
                observations.iter().map(|o| o.sequence.get()).collect()
            }
            Datagram::Padding => panic!("padding"),
        }
    }

    #[test]
    fn an_idle_outbox_sends_at_once() {
        let mut outbox = Outbox::new(WINDOW, 10);
        outbox.push(observation(1));

        assert_eq!(sequences(outbox.take(Instant::now(), MAX, MAX)), [1]);
    }

    #[test]
    fn within_a_window_observations_share_a_datagram() {
        let start = Instant::now();
        let mut outbox = Outbox::new(WINDOW, 10);
        outbox.push(observation(1));
        outbox.take(start, MAX, MAX);

        outbox.push(observation(2));
        outbox.push(observation(3));

        assert_eq!(outbox.take(start, MAX, MAX), None);
        assert_eq!(outbox.next_due(start), Some(start + WINDOW));
        assert_eq!(sequences(outbox.take(start + WINDOW, MAX, MAX)), [2, 3]);
        assert_eq!(outbox.next_due(start + WINDOW), None);
    }

    #[test]
    fn a_full_datagram_does_not_wait_for_the_window() {
        let start = Instant::now();
        let mut outbox = Outbox::new(WINDOW, 100);
        outbox.push(observation(1));
        outbox.take(start, MAX, MAX);

        (2..=12).for_each(|sequence| assert_eq!(outbox.push(observation(sequence)), 0));

        assert_eq!(sequences(outbox.take(start, MAX, MAX)).first(), Some(&2));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut outbox = Outbox::new(WINDOW, 3);

        let lost: u64 = (1..=5).map(|sequence| outbox.push(observation(sequence))).sum();

        assert_eq!(lost, 2);
        assert_eq!(sequences(outbox.take(Instant::now(), MAX, MAX)), [3, 4, 5]);
    }

    #[test]
    fn nothing_goes_while_the_network_has_no_room() {
        let start = Instant::now();
        let mut outbox = Outbox::new(WINDOW, 10);
        outbox.push(observation(1));

        assert_eq!(outbox.take(start, MAX, 10), None);

        assert_eq!(outbox.next_due(start), Some(start + ROOM_RETRY));
        assert_eq!(sequences(outbox.take(start + ROOM_RETRY, MAX, MAX)), [1]);
    }

    #[test]
    fn what_a_shrunken_path_cannot_carry_is_lost_and_counted() {
        let mut outbox = Outbox::new(WINDOW, 10);
        outbox.push(observation(1));

        assert_eq!(outbox.drop_oversized(50), 1);
        assert_eq!(outbox.take(Instant::now(), MAX, MAX), None);
    }
}
