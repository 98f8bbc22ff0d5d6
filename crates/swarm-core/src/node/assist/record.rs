//! How a request ended: in the words of the wire, of the requester, and of the trace.

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{AgentId, Capability, EncodeError, Lane, RequestId, ResetCode, TraceContext};
use tokio::time::Instant;

use super::requester::Interrupted;
use crate::assist::budget::Budget;
use crate::error::AssistError;
use crate::mesh::ConnectionKey;
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::trace::{Ending, TraceEvent};

/// Sees to it that each request is traced as sent once and as ended once.
#[derive(Debug)]
pub(super) struct Record {
    shared: Arc<NodeShared>,
    pub(super) id: RequestId,
    pub(super) to: AgentId,
    pub(super) trace: TraceContext,
    connection: ConnectionKey,
    lane: Lane,
    capability: Capability,
    began: Instant,
    first_chunk: Option<Duration>,
    ended: bool,
}

impl Record {
    pub(super) fn begin(
        shared: &Arc<NodeShared>,
        connection: &PeerConnection,
        capability: &Capability,
        budget: &Budget,
        began: Instant,
    ) -> Self {
        let trace = budget.trace.clone();
        let (id, to, capability) = (shared.new_request_id(), connection.peer.id, capability.clone());
        let sent = TraceEvent::RequestSent { id, to, capability: capability.clone(), trace: trace.clone() };
        shared.recorder.record(sent);
        Self {
            shared: Arc::clone(shared),
            id,
            to,
            trace,
            connection: connection.id,
            lane: budget.lane,
            capability,
            began,
            first_chunk: None,
            ended: false,
        }
    }

    pub(super) fn piece_came(&mut self) {
        if self.first_chunk.is_none() {
            let took = self.began.elapsed();
            self.first_chunk = Some(took);
            self.shared.reply_began(&self.capability, took);
        }
    }

    /// A loss that this node has brought about itself is called by its name.
    pub(super) fn as_seen_here(&self, error: AssistError) -> AssistError {
        match error {
            AssistError::PeerLost if self.shared.stopping.is_cancelled() => AssistError::ShutDown,
            error => error,
        }
    }

    /// What it takes to go on with the reply at this number.
    pub(super) fn resume(&self, from: u64) -> Interrupted {
        let (shared, lost) = (Arc::clone(&self.shared), self.connection);
        Interrupted { shared, peer: self.to, id: self.id, from, lane: self.lane, lost }
    }

    pub(super) fn end(&mut self, error: &AssistError) {
        self.end_as(ending(error));
    }

    pub(super) fn end_as(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.shared.recorder.record(TraceEvent::RequestEnded {
            id: self.id,
            to: self.to,
            capability: self.capability.clone(),
            ending,
            first_chunk: self.first_chunk,
            elapsed: self.began.elapsed(),
        });
    }
}

impl Drop for Record {
    /// A request that was dropped while it was being opened.
    fn drop(&mut self) {
        self.end_as(Ending::Cancelled);
    }
}

/// What the responder is told when the requester gives up.
pub(super) fn reset_code(error: &AssistError) -> ResetCode {
    match error {
        AssistError::DeadlineExceeded => ResetCode::DeadlineExceeded,
        AssistError::Idle => ResetCode::Idle,
        AssistError::Malformed { .. } | AssistError::TooLarge { .. } => ResetCode::Malformed,
        AssistError::ShutDown => ResetCode::ShutDown,
        _ => ResetCode::Cancelled,
    }
}

fn ending(error: &AssistError) -> Ending {
    match error {
        AssistError::NoSuchCapability => Ending::NoSuchCapability,
        AssistError::NotPermitted => Ending::NotPermitted,
        AssistError::Declined { .. } | AssistError::NoGoodAnswer => Ending::Declined,
        AssistError::Failed { .. } => Ending::Failed,
        AssistError::Busy { .. } | AssistError::Overloaded { .. } => Ending::Busy,
        AssistError::DeadlineExceeded => Ending::DeadlineExceeded,
        AssistError::Idle => Ending::Idle,
        AssistError::HopLimit => Ending::HopLimit,
        AssistError::Gap { .. } => Ending::Gap,
        AssistError::PeerLost | AssistError::NotConnected(_) | AssistError::NotReady(_) => Ending::PeerLost,
        AssistError::Cancelled => Ending::Cancelled,
        AssistError::ShutDown => Ending::ShutDown,
        AssistError::Malformed { .. } | AssistError::TooLarge { .. } | AssistError::Capability(_) => {
            Ending::Malformed
        }
    }
}

/// A part of a request that breaks a limit.
pub(super) fn over_limit(what: &'static str, error: &EncodeError) -> AssistError {
    match error {
        EncodeError::TooLarge { max, .. } => AssistError::TooLarge { what, max: *max },
        EncodeError::LimitExceeded { what, max } => AssistError::TooLarge { what, max: *max },
        other => AssistError::Malformed { reason: other.to_string() },
    }
}
