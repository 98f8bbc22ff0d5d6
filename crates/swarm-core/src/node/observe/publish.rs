//! One observation to all who want it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{
    AgentId, Delivery, MAX_RELIABLE_PAYLOAD_BYTES, Observation, Sequence, TopicName, UnixMicros,
    encode_observation,
};
use tokio::time::Instant;

use super::outgoing::OutgoingObservation;
use crate::deadline::after;
use crate::error::PublishError;
use crate::node::assist::Served;
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::observe::waiting::Waits;
use crate::trace::{DropReason, TraceEvent};

/// What became of a broadcast.
///
/// ```
/// fn heard_by_somebody(receipt: &swarm_core::Receipt) -> bool {
///     receipt.handed > 0
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// For how many peers it was taken; it may still be lost on the way. A reliable one counts peers that were lost and may
    /// come back, too.
    pub handed: usize,
    /// For whom it was not, and why: [`DropReason::NotSubscribed`], [`DropReason::TooLarge`] or [`DropReason::PeerLost`].
    /// Sorted by peer.
    pub not_handed: Vec<NotHanded>,
}

impl Receipt {
    /// For how many peers it was not taken for this reason.
    pub fn not_handed_for(&self, reason: DropReason) -> usize {
        self.not_handed.iter().filter(|not_handed| not_handed.reason == reason).count()
    }
}

/// A peer for whom an observation was not taken.
///
/// ```
/// use swarm_core::{DropReason, Receipt};
///
/// fn too_large_for_somebody(receipt: &Receipt) -> bool {
///     receipt.not_handed.iter().any(|not_handed| not_handed.reason == DropReason::TooLarge)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotHanded {
    /// Who.
    pub peer: AgentId,
    /// Why.
    pub reason: DropReason,
}

impl NodeShared {
    /// Encodes once and hands to every peer that subscribed: to its outbox, or to its feed if it is reliable.
    pub(crate) fn publish(
        &self,
        on_behalf: Option<&Arc<Served>>,
        outgoing: OutgoingObservation,
    ) -> Result<Receipt, PublishError> {
        if self.is_closed(on_behalf) {
            return Err(PublishError::ShutDown);
        }
        if !self.access.grant().statement().permissions.may_publish(&outgoing.topic) {
            return Err(PublishError::NotPermitted { topic: outgoing.topic });
        }
        if outgoing.delivery == Delivery::Reliable {
            self.publish_reliable(outgoing)
        } else {
            self.publish_at_once(outgoing)
        }
    }

    fn publish_at_once(&self, outgoing: OutgoingObservation) -> Result<Receipt, PublishError> {
        let observation = self.observe(outgoing);
        let encoded = encode_observation(&observation);
        let connections = self.connections.all();
        if let Some(max) = nobody_can_carry(&encoded, &connections) {
            return Err(self.too_large(observation.topic, encoded.len(), max));
        }
        let receipt = hand_out(&observation, &encoded, &connections);
        self.published(&receipt, observation);
        Ok(receipt)
    }

    fn publish_reliable(&self, outgoing: OutgoingObservation) -> Result<Receipt, PublishError> {
        let (topic, size) = (outgoing.topic.clone(), outgoing.payload.len());
        if size > MAX_RELIABLE_PAYLOAD_BYTES {
            return Err(self.too_large(topic, size, MAX_RELIABLE_PAYLOAD_BYTES));
        }
        let mut observation = None;
        let receipt = self.feeds.publish(
            &topic,
            |_| true,
            || encode_observation(observation.insert(self.observe(outgoing))),
        );
        if let Some(observation) = observation {
            self.published(&receipt, observation);
        }
        Ok(receipt)
    }

    fn too_large(&self, topic: TopicName, size: usize, max: usize) -> PublishError {
        self.recorder.record(TraceEvent::ObservationRefused { topic, size, max });
        PublishError::TooLarge { size, max }
    }

    fn published(&self, receipt: &Receipt, observation: Observation) {
        self.recorder.sent(receipt.handed, || {
            let unwanted = receipt.not_handed_for(DropReason::NotSubscribed);
            TraceEvent::ObservationSent {
                topic: observation.topic,
                sequence: observation.sequence,
                sent_at: observation.sent_at,
                delivery: observation.delivery,
                handed: receipt.handed,
                dropped: receipt.not_handed.len() - unwanted,
            }
        });
    }

    /// Waits until no peer's outbox is more than half full, but for those that do not get there within `patience`.
    pub(crate) async fn paced(&self, patience: Duration) {
        let deadline = after(Instant::now(), patience);
        for connection in self.connections.all().iter() {
            connection.eased(deadline).await;
        }
        // Whoever publishes in a loop must not keep the thread to itself.
        tokio::task::coop::consume_budget().await;
    }

    fn observe(&self, outgoing: OutgoingObservation) -> Observation {
        let OutgoingObservation { topic, payload, delivery, expires_ms, signed } = outgoing;
        let plain = Observation {
            origin: self.id,
            epoch: self.epoch(),
            sequence: Sequence::new(self.sequence.fetch_add(1, Ordering::Relaxed)),
            topic,
            sent_at: UnixMicros::from_system_time(self.wall_clock.now()),
            hops: 0,
            payload,
            delivery,
            expires_ms,
            seal: None,
        };
        if signed { self.sealed(plain) } else { plain }
    }

    fn sealed(&self, plain: Observation) -> Observation {
        let key = &self.identity;
        plain.sealed(self.access.swarm(), key.public_key(), |message| key.sign(message))
    }
}

fn hand_out(observation: &Observation, encoded: &Bytes, connections: &[Arc<PeerConnection>]) -> Receipt {
    let now = Instant::now();
    let waits = Waits::of(observation, now);
    let mut receipt = Receipt::default();
    for connection in connections {
        match connection.offer(now, &observation.topic, encoded, &waits) {
            Ok(()) => receipt.handed += 1,
            Err(reason) => receipt.not_handed.push(NotHanded { peer: connection.peer.id, reason }),
        }
    }
    receipt
}

/// The most that any path carries, when that is less than the observation needs. Without peers nothing is too large
/// that a full-size packet could carry.
fn nobody_can_carry(encoded: &Bytes, connections: &[Arc<PeerConnection>]) -> Option<usize> {
    const LARGEST_WITHOUT_PEERS: usize = 1200;
    /// Every path of QUIC carries so much, with all that is around it (RFC 9000, section 14).
    const CARRIED_BY_ALL: usize = 1100;
    if encoded.len() <= CARRIED_BY_ALL {
        return None;
    }
    let max = connections
        .iter()
        .map(|connection| connection.max_observation_bytes())
        .max()
        .unwrap_or(LARGEST_WITHOUT_PEERS);
    (encoded.len() > max).then_some(max)
}
