//! How a request ended: in the words of the wire, of the requester, and of the trace.

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{AgentId, Capability, EncodeError, Outcome, RequestId, ResetCode};
use tokio::time::Instant;

use crate::error::AssistError;
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::trace::{Ending, TraceEvent};

/// Sees to it that each request is traced as sent once and as ended once.
#[derive(Debug)]
pub(super) struct Record {
    shared: Arc<NodeShared>,
    pub(super) id: RequestId,
    pub(super) to: AgentId,
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
        began: Instant,
    ) -> Self {
        let (id, to, capability) = (shared.new_request_id(), connection.peer.id, capability.clone());
        shared.recorder.record(TraceEvent::RequestSent { id, to, capability: capability.clone() });
        Self { shared: Arc::clone(shared), id, to, capability, began, first_chunk: None, ended: false }
    }

    pub(super) fn chunk_came(&mut self) {
        let began = self.began;
        self.first_chunk.get_or_insert_with(|| began.elapsed());
    }

    /// What the loss of the connection means.
    pub(super) fn lost(&self) -> AssistError {
        if self.shared.stopping.is_cancelled() { AssistError::ShutDown } else { AssistError::PeerLost }
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

/// What an outcome is to the requester.
pub(super) fn ending_of(outcome: Outcome) -> Result<(), AssistError> {
    Err(match outcome {
        Outcome::Completed => return Ok(()),
        Outcome::Declined { reason } => AssistError::Declined { reason },
        Outcome::Failed { error } => AssistError::Failed { error },
        Outcome::NoSuchCapability => AssistError::NoSuchCapability,
        Outcome::Busy { retry_after_ms } => {
            AssistError::Busy { retry_after: Duration::from_millis(retry_after_ms.into()) }
        }
        Outcome::DeadlineExceeded => AssistError::DeadlineExceeded,
        Outcome::Malformed { reason } => AssistError::Malformed { reason },
        Outcome::ShutDown => AssistError::ShutDown,
    })
}

/// What a reset by the responder is to the requester.
pub(super) fn given_up(code: ResetCode) -> AssistError {
    match code {
        ResetCode::DeadlineExceeded => AssistError::DeadlineExceeded,
        ResetCode::ShutDown => AssistError::ShutDown,
        ResetCode::Malformed => {
            AssistError::Malformed { reason: "the responder could not read the request".to_owned() }
        }
        _ => AssistError::Cancelled,
    }
}

/// What the responder is told when the requester gives up.
pub(super) fn reset_code(error: &AssistError) -> ResetCode {
    match error {
        AssistError::DeadlineExceeded => ResetCode::DeadlineExceeded,
        AssistError::Malformed { .. } | AssistError::TooLarge { .. } => ResetCode::Malformed,
        AssistError::ShutDown => ResetCode::ShutDown,
        _ => ResetCode::Cancelled,
    }
}

fn ending(error: &AssistError) -> Ending {
    match error {
        AssistError::NoSuchCapability => Ending::NoSuchCapability,
        AssistError::Declined { .. } => Ending::Declined,
        AssistError::Failed { .. } => Ending::Failed,
        AssistError::Busy { .. } | AssistError::Overloaded { .. } => Ending::Busy,
        AssistError::DeadlineExceeded => Ending::DeadlineExceeded,
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
