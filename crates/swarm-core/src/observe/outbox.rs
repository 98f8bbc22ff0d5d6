//! What waits to be sent to one peer, and when it goes.
//!
//! A datagram of its own costs 20 to 30 times what an observation costs that shares one. So the outbox sends at once
//! when it has been idle for a window, and within a window of the last datagram it collects until the window is over or
//! a datagram is full. It is a state machine without IO: the time and the network's room come in, datagrams come out.

use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{DATAGRAM_OVERHEAD_BYTES, DatagramBuilder};
use tokio::time::Instant;

use super::waiting::{Front, Waiting, Waits};
use crate::deadline::after;
use crate::trace::DropReason;

/// When to look again for room in the network.
const ROOM_RETRY: Duration = Duration::from_millis(1);

/// Observations on their way to one peer, oldest first.
#[derive(Debug)]
pub(crate) struct Outbox {
    window: Duration,
    capacity: usize,
    waiting: Waiting<Bytes>,
    waiting_bytes: usize,
    /// Nothing goes before this, unless a datagram is full.
    not_before: Option<Instant>,
    /// Since when it has been too full, without having been empty.
    overflows_since: Option<Instant>,
}

impl Outbox {
    pub(crate) fn new(window: Duration, capacity: usize) -> Self {
        Self {
            window,
            capacity: capacity.max(1),
            waiting: Waiting::default(),
            waiting_bytes: 0,
            not_before: None,
            overflows_since: None,
        }
    }

    /// Takes an encoded observation. When it is full the oldest makes room: freshness is worth more than completeness.
    /// Gives why one was lost, if one was.
    pub(crate) fn push(&mut self, now: Instant, observation: Bytes, waits: Waits) -> Option<DropReason> {
        self.waiting_bytes += observation.len();
        if let Some(replaced) = self.waiting.push(observation, waits) {
            self.waiting_bytes -= replaced.len();
            return Some(DropReason::Replaced);
        }
        (self.waiting.len() > self.capacity).then(|| {
            self.pop();
            self.overflows_since.get_or_insert(now);
            DropReason::OutboxFull
        })
    }

    /// The next datagram of at most `max` bytes, behind the prefix of the transport, with the number of observations in it,
    /// if one is due and the network has `room` for it. `lost` is called for each observation that it had to pass over.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        prefix: &[u8],
        max: usize,
        room: usize,
        mut lost: impl FnMut(DropReason),
    ) -> Option<(Bytes, u64)> {
        self.pass_over(now, max, &mut lost);
        if !self.is_due(now, max) || room < self.next_bytes(max) {
            return None;
        }
        let mut datagram = DatagramBuilder::behind(prefix, max, self.waiting_bytes);
        let mut inside = 0;
        while let Front::Item(observation) = self.waiting.front(|| now)
            && datagram.try_push(observation)
        {
            self.pop();
            inside += 1;
            self.pass_over(now, max, &mut lost);
        }
        self.not_before = Some(after(now, self.window));
        (inside > 0).then(|| (datagram.finish(), inside))
    }

    /// Drops what is at the front and will never go: it has waited too long, or the path has shrunk.
    fn pass_over(&mut self, now: Instant, max: usize, lost: &mut impl FnMut(DropReason)) {
        loop {
            match self.waiting.front(|| now) {
                Front::Expired => lost(DropReason::Expired),
                Front::Item(oldest) if oldest.len() + DATAGRAM_OVERHEAD_BYTES > max => {
                    lost(DropReason::TooLarge);
                }
                Front::Item(_) | Front::Nothing => break,
            }
            self.pop();
        }
    }

    /// When to call [`Self::take`] again; `None` while nothing waits.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        // What is due already waits for room in the network.
        let retry = now + ROOM_RETRY;
        (!self.waiting.is_empty()).then(|| self.not_before.filter(|at| *at > now).unwrap_or(retry))
    }

    /// Whether it has been too full for longer than this, without having been empty.
    pub(crate) fn is_stuck(&self, now: Instant, patience: Duration) -> bool {
        self.overflows_since.is_some_and(|since| now.saturating_duration_since(since) > patience)
    }

    /// From now on nothing waits for company.
    pub(crate) fn hurry(&mut self) {
        (self.window, self.not_before) = (Duration::ZERO, None);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a datagram of at most `max` bytes should go, if the network has room for it.
    pub(crate) fn is_due(&self, now: Instant, max: usize) -> bool {
        !self.waiting.is_empty()
            && (self.not_before.is_none_or(|at| at <= now)
                || self.waiting_bytes + DATAGRAM_OVERHEAD_BYTES >= max)
    }

    fn next_bytes(&self, max: usize) -> usize {
        (self.waiting_bytes + DATAGRAM_OVERHEAD_BYTES).min(max)
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.waiting.pop() {
            self.waiting_bytes -= oldest.len();
        }
        if self.waiting.is_empty() {
            self.overflows_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use swarm_proto::{
        AgentId, Datagram, Delivery, Epoch, Key, Observation, Sequence, TopicName, UnixMicros,
        decode_datagram, decode_observation, encode_observation,
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
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
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

    fn push(outbox: &mut Outbox, now: Instant, sequence: u64) -> Option<DropReason> {
        outbox.push(now, observation(sequence), Waits::default())
    }

    /// What goes now, with nothing lost on the way.
    fn take(outbox: &mut Outbox, now: Instant, room: usize) -> Option<(Bytes, u64)> {
        outbox.take(now, &[], MAX, room, |reason| panic!("{reason}"))
    }

    #[test]
    fn an_idle_outbox_sends_at_once() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        push(&mut outbox, start, 1);

        assert_eq!(sequences(take(&mut outbox, start, MAX)), [1]);
    }

    #[test]
    fn within_a_window_observations_share_a_datagram() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        push(&mut outbox, start, 1);
        take(&mut outbox, start, MAX);

        push(&mut outbox, start, 2);
        push(&mut outbox, start, 3);

        assert_eq!(take(&mut outbox, start, MAX), None);
        assert_eq!(outbox.next_due(start), Some(start + WINDOW));
        assert_eq!(sequences(take(&mut outbox, start + WINDOW, MAX)), [2, 3]);
        assert_eq!(outbox.next_due(start + WINDOW), None);
    }

    #[test]
    fn a_full_datagram_does_not_wait_for_the_window() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 100));
        push(&mut outbox, start, 1);
        take(&mut outbox, start, MAX);

        (2..=12).for_each(|sequence| assert_eq!(push(&mut outbox, start, sequence), None));

        assert_eq!(sequences(take(&mut outbox, start, MAX)).first(), Some(&2));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 3));

        let lost: Vec<_> = (1..=5).filter_map(|sequence| push(&mut outbox, start, sequence)).collect();

        assert_eq!(lost, [DropReason::OutboxFull; 2]);
        assert_eq!(sequences(take(&mut outbox, start, MAX)), [3, 4, 5]);
    }

    #[test]
    fn a_newer_value_goes_in_place_of_the_one_that_waits() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        let latest = |key: &str, sequence| {
            let delivery = Delivery::Latest { key: Key::try_from(key).unwrap() };
            let observation = Observation { delivery, ..decode_observation(&observation(sequence)).unwrap() };
            (encode_observation(&observation), Waits::of(&observation, start))
        };
        push(&mut outbox, start, 1);
        take(&mut outbox, start, MAX);

        for (key, sequence, lost) in
            [("arm", 2, None), ("leg", 3, None), ("arm", 4, Some(DropReason::Replaced))]
        {
            let (encoded, waits) = latest(key, sequence);
            assert_eq!(outbox.push(start, encoded, waits), lost);
        }

        assert_eq!(sequences(take(&mut outbox, start + WINDOW, MAX)), [4, 3]);
    }

    #[test]
    fn what_waited_too_long_does_not_go() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        let expires_at = Some(start + Duration::from_millis(5));
        outbox.push(start, observation(1), Waits { expires_at, ..Waits::default() });
        push(&mut outbox, start, 2);

        let mut lost = Vec::new();
        let taken = outbox.take(start + Duration::from_millis(5), &[], MAX, MAX, |reason| lost.push(reason));

        assert_eq!(sequences(taken), [2]);
        assert_eq!(lost, [DropReason::Expired]);
    }

    #[test]
    fn nothing_goes_while_the_network_has_no_room() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        push(&mut outbox, start, 1);

        assert_eq!(take(&mut outbox, start, 10), None);

        assert_eq!(outbox.next_due(start), Some(start + ROOM_RETRY));
        assert_eq!(sequences(take(&mut outbox, start + ROOM_RETRY, MAX)), [1]);
    }

    #[test]
    fn what_a_shrunken_path_cannot_carry_is_lost_and_counted() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 10));
        push(&mut outbox, start, 1);

        let mut lost = Vec::new();
        assert_eq!(outbox.take(start, &[], 50, MAX, |reason| lost.push(reason)), None);
        assert_eq!(lost, [DropReason::TooLarge]);
    }

    #[test]
    fn it_is_stuck_when_it_overflows_and_is_never_empty() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 2));
        let patience = Duration::from_secs(1);
        (1..=3).for_each(|sequence| {
            push(&mut outbox, start, sequence);
        });

        assert!(!outbox.is_stuck(start + patience, patience));
        assert!(outbox.is_stuck(start + 2 * patience, patience));

        take(&mut outbox, start, MAX);
        assert!(!outbox.is_stuck(start + 2 * patience, patience));
    }

    #[test]
    fn it_is_not_stuck_when_what_it_held_has_expired() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 2));
        let (life, patience) = (Duration::from_millis(5), Duration::from_secs(1));
        for sequence in 1..=3 {
            let expires_at = Some(start + life);
            outbox.push(start, observation(sequence), Waits { expires_at, ..Waits::default() });
        }
        assert_eq!(outbox.take(start + life, &[], MAX, 0, |_| {}), None);
        assert!(outbox.is_empty());

        push(&mut outbox, start + 2 * patience, 4);
        assert!(!outbox.is_stuck(start + 2 * patience, patience));
    }

    #[test]
    fn there_is_always_room_for_one() {
        let (start, mut outbox) = (Instant::now(), Outbox::new(WINDOW, 0));
        assert_eq!(push(&mut outbox, start, 1), None);
        assert_eq!(sequences(take(&mut outbox, start, MAX)), [1]);
    }
}
