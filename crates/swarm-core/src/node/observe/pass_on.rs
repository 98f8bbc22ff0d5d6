//! One observation of another origin to all who want it and do not have it.

use std::sync::Arc;

use swarm_proto::{
    AgentId, DEFAULT_HOP_LIMIT, Delivery, Grant, Observation, Role, Signed, encode_observation,
};
use tokio::time::Instant;

use super::publish::{NotHanded, Receipt};
use crate::error::PublishError;
use crate::node::assist::Served;
use crate::node::shared::NodeShared;
use crate::observe::waiting::Waits;
use crate::trace::TraceEvent;

impl NodeShared {
    /// Hands an observation with a seal to every peer that subscribed, may have it, and is not known to have it.
    pub(crate) fn pass_on(
        &self,
        on_behalf: Option<&Arc<Served>>,
        observation: &Observation,
    ) -> Result<Receipt, PublishError> {
        if self.is_closed(on_behalf) {
            return Err(PublishError::ShutDown);
        }
        if self.access.grant().statement().role != Role::Member {
            return Err(PublishError::NotMember);
        }
        if observation.seal.is_none() {
            return Err(PublishError::NotSigned);
        }
        if observation.hops >= DEFAULT_HOP_LIMIT {
            return Err(PublishError::HopLimit { max: DEFAULT_HOP_LIMIT });
        }
        let origin = observation.origin;
        // It may have been taken back since the observation came.
        let grant = self.grant_of(origin).filter(|grant| self.may_publish(grant, &observation.topic));
        let grant = grant.ok_or(PublishError::OriginNotPermitted { origin })?;
        let passed = Observation { hops: observation.hops + 1, ..observation.clone() };
        let lacks = |peer| peer != origin && !self.holders().has(&passed, peer);
        let receipt = if passed.delivery == Delivery::Reliable {
            // Its grant goes before it on whichever connection it goes.
            self.feeds.publish(&passed.topic, lacks, || encode_observation(&passed))
        } else {
            self.pass_on_at_once(&passed, &grant, lacks)
        };
        self.passed_on(&receipt, passed);
        Ok(receipt)
    }

    fn pass_on_at_once(
        &self,
        passed: &Observation,
        grant: &Arc<Signed<Grant>>,
        lacks: impl Fn(AgentId) -> bool,
    ) -> Receipt {
        let (encoded, now, mut receipt) = (encode_observation(passed), Instant::now(), Receipt::default());
        let waits = Waits::of(passed, now);
        for connection in self.connections.all().iter().filter(|connection| lacks(connection.peer.id)) {
            if connection.wants(&passed.topic) {
                connection.tell_grant(passed.origin, grant);
            }
            let peer = connection.peer.id;
            match connection.offer(now, &passed.topic, &encoded, &waits) {
                Ok(()) => {
                    receipt.handed += 1;
                    self.holders().add(passed, peer);
                }
                Err(reason) => receipt.not_handed.push(NotHanded { peer, reason }),
            }
        }
        receipt
    }

    fn passed_on(&self, receipt: &Receipt, passed: Observation) {
        self.recorder.passed_on(receipt.handed, || TraceEvent::ObservationPassedOn {
            origin: passed.origin,
            topic: passed.topic,
            sequence: passed.sequence,
            sent_at: passed.sent_at,
            hops: passed.hops,
            handed: receipt.handed,
        });
    }
}
