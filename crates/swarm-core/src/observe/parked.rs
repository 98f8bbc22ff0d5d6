//! Sealed observations that came before the grant of their origin. Datagrams and the control stream are not ordered with
//! each other: whoever passes something on tells the grant first, and yet it may come second.

use std::collections::VecDeque;
use std::time::Duration;

use swarm_proto::{AgentId, Observation};
use tokio::time::Instant;

use crate::deadline::after;

/// How long one waits for a grant that is on its way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How many of one peer wait at once.
const CAPACITY: usize = 64;

/// Those of one peer, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    waiting: VecDeque<(Instant, Observation)>,
}

impl Parked {
    /// Keeps one, if there is room for it. Gives how many are lost: itself, or others that have waited too long.
    pub(crate) fn park(&mut self, now: Instant, observation: Observation) -> u64 {
        let lost = self.expire(now);
        if self.waiting.len() >= CAPACITY {
            return lost + 1;
        }
        self.waiting.push_back((now, observation));
        lost
    }

    fn expire(&mut self, now: Instant) -> u64 {
        let before = self.waiting.len();
        self.waiting.retain(|(since, _)| now < after(*since, PATIENCE));
        (before - self.waiting.len()) as u64
    }

    /// Those of origins that are known by now, in the order in which they came, and how many have waited too long.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        is_known: impl Fn(AgentId) -> bool,
    ) -> (Vec<Observation>, u64) {
        let lost = self.expire(now);
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (known, unknown): (VecDeque<_>, _) = waiting.partition(|(_, parked)| is_known(parked.origin));
        self.waiting = unknown;
        (known.into_iter().map(|(_, observation)| observation).collect(), lost)
    }

    /// Gives how many are lost with the connection.
    pub(crate) fn clear(&mut self) -> u64 {
        std::mem::take(&mut self.waiting).len() as u64
    }
}

#[cfg(test)]
mod tests {
    use swarm_proto::{Delivery, Epoch, Sequence, UnixMicros};

    use super::*;

    fn observation(origin: u8, sequence: u64) -> Observation {
        Observation {
            origin: AgentId::from_key_digest([origin; 32]),
            epoch: Epoch::new(1),
            sequence: Sequence::new(sequence),
            topic: "t".parse().unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 1,
            payload: bytes::Bytes::new(),
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
        }
    }

    #[test]
    fn those_of_a_known_origin_go_on_in_their_order_and_the_others_wait() {
        let (now, mut parked) = (Instant::now(), Parked::default());
        for (origin, sequence) in [(1, 1), (2, 1), (1, 2)] {
            parked.park(now, observation(origin, sequence));
        }

        let known = |origin| origin == observation(1, 1).origin;
        assert_eq!(parked.take(now, known), (vec![observation(1, 1), observation(1, 2)], 0));
        assert_eq!(parked.take(now, |_| true), (vec![observation(2, 1)], 0));
    }

    #[test]
    fn nobody_waits_for_long_and_no_more_than_have_room() {
        let (now, mut parked) = (Instant::now(), Parked::default());
        for sequence in 0..100 {
            assert_eq!(parked.park(now, observation(1, sequence)), u64::from(sequence >= 64));
        }

        assert_eq!(parked.park(now + PATIENCE, observation(1, 100)), 64);
        assert_eq!(parked.take(now + 2 * PATIENCE, |_| true), (Vec::new(), 1));
    }
}
