//! The asking side. It has no task of its own: whoever polls the reply stream drives both directions.

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::{
    AgentId, Capability, CapabilityPattern, Lane, MAX_FRAME_BYTES, RequestFrame, RequestId, Resume,
};
use tokio::time::Instant;

use super::body::Body;
use super::outgoing::OutgoingRequest;
use super::record::{Record, over_limit};
use super::reply_pipe::Served;
use super::reply_stream::{Begun, Live, ReplyStream};
use super::turn::Turn;
use crate::assist::asking::given_up;
use crate::assist::budget::{Budget, HopLimitReached};
use crate::assist::patience::{Expired, Patience};
use crate::error::AssistError;
use crate::mesh::ConnectionKey;
use crate::node::connection_map::Slot;
use crate::node::framing::{FrameReader, FrameWriter, SendFrameError};
use crate::node::peer_connection::{PeerConnection, priority_of};
use crate::node::shared::NodeShared;
use crate::transport::StreamError;

/// The hint when a peer has as many requests of ours as it serves at once.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Opens the stream, sends the head, and as much of the body as goes at once.
pub(in crate::node) async fn open(
    shared: &Arc<NodeShared>,
    on_behalf: Option<Arc<Served>>,
    peer: AgentId,
    request: OutgoingRequest,
) -> Result<ReplyStream, AssistError> {
    let now = Instant::now();
    let outer = on_behalf.as_ref().map(|served| &served.budget);
    let budget = Budget::of_wish(request.wish, outer, shared.config.budget(), &shared.new_span(), now)
        .map_err(|HopLimitReached| AssistError::HopLimit)?;
    let connection = match shared.connections.get(peer) {
        None => return Err(AssistError::NotConnected(peer)),
        Some(Slot::Returning) => return Err(AssistError::NotReady(peer)),
        Some(Slot::Ready(connection)) => connection,
    };
    let capability = resolve(&request.pattern, &connection)?;
    if !shared.access.grant().statement().permissions.may_call(&capability) {
        return Err(AssistError::NotPermitted);
    }
    let limit = shared.config.max_requests_made;
    let place = Arc::clone(&shared.requests_made)
        .try_acquire_owned()
        .map_err(|_| AssistError::Overloaded { limit })?;
    let places = (
        connection.place_for_request().ok_or(AssistError::Busy { retry_after: RETRY_AFTER })?,
        connection.begin_request(),
    );
    let mut record = Record::begin(shared, &connection, &capability, &budget, now);
    let id = record.id;
    let patience = Patience::new(now, budget.deadline, budget.idle_limit);
    let begin = async {
        let (mut writer, reader) = streams(&connection, &budget).await?;
        let head = budget.head(id, capability, Instant::now());
        writer.start(&RequestFrame::Head(head)).await.map_err(not_sent)?;
        let turn = Turn::new(Arc::clone(&connection), budget.lane);
        turn.moved();
        let mut body = Body::new(request.body.into_stream(), writer, turn);
        body.begin().await?;
        Ok(Live { reader, body, places })
    };
    let begun = tokio::time::timeout_at(patience.next_timeout(), begin).await;
    let live =
        begun.unwrap_or_else(|_| Err(out_of_time(&patience))).inspect_err(|error| record.end(error))?;
    let resumable = budget.resumable;
    Ok(ReplyStream::new(Begun { record, live, patience, resumable, on_behalf, place }))
}

/// Nothing has moved yet, so the earlier of the two limits has run out.
fn out_of_time(patience: &Patience) -> AssistError {
    match patience.expired(patience.next_timeout()) {
        Some(Expired::Idle) => AssistError::Idle,
        Some(Expired::Deadline) | None => AssistError::DeadlineExceeded,
    }
}

/// The one capability that is meant, or the first of the peer's that is like it.
fn resolve(pattern: &CapabilityPattern, connection: &PeerConnection) -> Result<Capability, AssistError> {
    if let Some(capability) = pattern.exact() {
        return Ok(capability.clone());
    }
    let mut offers = connection.peer.capabilities.iter().map(|offer| &offer.capability);
    offers.find(|capability| pattern.matches(capability)).cloned().ok_or(AssistError::NoSuchCapability)
}

type Streams = (FrameWriter<RequestFrame>, FrameReader<swarm_proto::ReplyFrame>);

async fn streams(connection: &PeerConnection, budget: &Budget) -> Result<Streams, AssistError> {
    let stream = connection.inner.open_stream().await.map_err(|_| AssistError::PeerLost)?;
    let writer = FrameWriter::new(stream.send);
    writer.set_priority(priority_of(budget.lane));
    Ok((writer, FrameReader::new(stream.recv, MAX_FRAME_BYTES)))
}

fn not_sent(error: SendFrameError) -> AssistError {
    match error {
        SendFrameError::Limit(error) => over_limit("bytes of the request's head", &error),
        SendFrameError::Cut(StreamError::Stopped(code)) => given_up(code),
        SendFrameError::Cut(_) => AssistError::PeerLost,
    }
}

/// Which reply is to go on, and where.
pub(super) struct Interrupted {
    pub(super) shared: Arc<NodeShared>,
    pub(super) peer: AgentId,
    pub(super) id: RequestId,
    pub(super) from: u64,
    pub(super) lane: Lane,
    /// The connection that was lost.
    pub(super) lost: ConnectionKey,
}

/// Waits for another connection to the same agent, and asks for the rest of the reply on it.
pub(super) async fn resume(interrupted: Interrupted, lost: Live) -> Result<Live, AssistError> {
    // Its places are free again.
    drop(lost);
    let (killed, window) = (interrupted.shared.killed.clone(), interrupted.shared.config.resume_window);
    let resumed = killed.run_until_cancelled(tokio::time::timeout(window, async {
        let mut but = interrupted.lost;
        loop {
            let connection = interrupted.shared.connections.another(interrupted.peer, but).await;
            but = connection.id;
            // If that one is lost as well there may be a next.
            if let Ok(live) = ask_for_rest(&connection, &interrupted).await {
                return live;
            }
        }
    }));
    resumed.await.and_then(Result::ok).ok_or(AssistError::PeerLost)
}

async fn ask_for_rest(
    connection: &Arc<PeerConnection>,
    interrupted: &Interrupted,
) -> Result<Live, AssistError> {
    let place = connection.place_for_resume().await.ok_or(AssistError::PeerLost)?;
    let places = (place, connection.begin_request());
    let stream = connection.inner.open_stream().await.map_err(|_| AssistError::PeerLost)?;
    let mut writer = FrameWriter::new(stream.send);
    let resume = Resume { id: interrupted.id, from: interrupted.from };
    writer.send(&RequestFrame::Resume(resume)).await.map_err(not_sent)?;
    let reader = FrameReader::new(stream.recv, MAX_FRAME_BYTES);
    let turn = Turn::new(Arc::clone(connection), interrupted.lane);
    Ok(Live { reader, body: Body::finished(writer, turn), places })
}
