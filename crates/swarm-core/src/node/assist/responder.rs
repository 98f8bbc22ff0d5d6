//! The serving side: one task per stream that a peer opens, from its first byte to its last.

use std::sync::Arc;

use swarm_proto::{
    AgentId, Capability, MAX_FEED_FRAME_BYTES, MAX_FRAME_BYTES, MAX_HEAD_BYTES, Outcome, ReplyFrame,
    RequestFrame, RequestHead, RequestId, ResetCode, TraceContext,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::admission::{Entered, Place};
use super::carrier::{Carried, Carrier, Streams};
use super::reply_pipe::Served;
use super::request::AssistanceRequest;
use super::resumable;
use super::service::Service;
use super::turn::Turn;
use crate::assist::budget::Budget;
use crate::assist::patience::Expired;
use crate::assist::reply_log::Cursor;
use crate::misconduct::Offence;
use crate::node::framing::{FrameError, FrameReader, FrameWriter};
use crate::node::observe::read_feed;
use crate::node::peer_connection::{PeerConnection, priority_of};
use crate::node::shared::NodeShared;
use crate::trace::{Ending, TraceEvent};
use crate::transport::{Stream, StreamError};

/// Chunks of a body between the stream and the agent: enough to work while one is being read.
const CHUNKS_IN_BETWEEN: usize = 4;

pub(super) type Reader = FrameReader<RequestFrame>;
pub(super) type Writer = FrameWriter<ReplyFrame>;

/// Serves one stream. Ends soon after `shared.killed` is cancelled.
pub(in crate::node) async fn serve(shared: Arc<NodeShared>, connection: Arc<PeerConnection>, stream: Stream) {
    let in_flight = connection.begin_request();
    let mut reader = FrameReader::new(stream.recv, MAX_HEAD_BYTES);
    let mut writer = FrameWriter::new(stream.send);
    match tokio::time::timeout(shared.config.head_deadline, reader.next()).await {
        Ok(Some(Ok(RequestFrame::Head(head)))) => {
            reader.set_max_frame_bytes(MAX_FRAME_BYTES);
            answer(&shared, &connection, head, reader, writer).await;
        }
        Ok(Some(Ok(RequestFrame::Resume(resume)))) => {
            resumable::resume(&shared, &connection, resume, reader, writer).await;
        }
        Ok(Some(Ok(RequestFrame::Feed(feed)))) => {
            // It lasts as long as the connection, and must not keep it.
            drop(in_flight);
            let reader = reader.into_kind(MAX_FEED_FRAME_BYTES);
            read_feed(shared, connection, feed, reader, writer.into_kind()).await;
        }
        Ok(Some(Err(FrameError::Cut(StreamError::ConnectionLost)))) => {}
        Ok(Some(Err(FrameError::Cut(_)))) => connection.offended(Offence::EmptyStream),
        Ok(heard) => {
            let empty = heard.is_none();
            connection.offended(if empty { Offence::EmptyStream } else { Offence::UnreadableStream });
            give_up(&mut reader, &mut writer, ResetCode::Malformed);
        }
        Err(_) => give_up(&mut reader, &mut writer, ResetCode::DeadlineExceeded),
    }
}

fn give_up(reader: &mut Reader, writer: &mut Writer, code: ResetCode) {
    reader.stop(code);
    writer.reset(code);
}

/// Sees to it that each request served is traced once, even if its connection ends under it.
pub(super) struct ServedRecord {
    shared: Arc<NodeShared>,
    id: RequestId,
    from: AgentId,
    capability: Capability,
    trace: TraceContext,
    began: Instant,
    pub(super) ending: Ending,
}

impl ServedRecord {
    fn begin(shared: &Arc<NodeShared>, from: AgentId, head: &RequestHead, budget: &Budget) -> Self {
        Self {
            shared: Arc::clone(shared),
            id: head.id,
            from,
            capability: head.capability.clone(),
            trace: budget.trace.clone(),
            began: Instant::now(),
            ending: Ending::PeerLost,
        }
    }
}

impl Drop for ServedRecord {
    fn drop(&mut self) {
        self.shared.recorder.record(TraceEvent::RequestServed {
            id: self.id,
            from: self.from,
            capability: self.capability.clone(),
            trace: self.trace.clone(),
            ending: self.ending,
            elapsed: self.began.elapsed(),
        });
    }
}

async fn answer(
    shared: &Arc<NodeShared>,
    connection: &Arc<PeerConnection>,
    head: RequestHead,
    reader: Reader,
    writer: Writer,
) {
    let now = Instant::now();
    let budget = Budget::of_head(&head, shared.config.budget(), shared.new_span(), now);
    writer.set_priority(priority_of(budget.lane));
    let keep_bytes = if budget.resumable { shared.config.resume_buffer_bytes } else { 0 };
    let mut record = ServedRecord::begin(shared, connection.peer.id, &head, &budget);
    let served = Arc::new(Served::new(budget, keep_bytes, now));
    let turn = Turn::new(Arc::clone(connection), served.budget.lane);
    let place = connection.place_to_serve().await;
    let full = place.is_none();
    let streams = Streams { reader, writer, turn, place };
    let mut carrier = Carrier::new(Arc::clone(shared), Arc::clone(&served), streams, Cursor::start());
    let waited = match admit(shared, connection, &head, full) {
        Ok(entered) => wait_for_place(shared, &served, &mut carrier, entered).await,
        Err(refusal) => Waited::Refused(refusal),
    };
    let place = match waited {
        Waited::Place(place) => place,
        Waited::Refused(outcome) => {
            served.reply.end(outcome);
            record.ending = carrier.carry().await.ending();
            return;
        }
        Waited::GivenUp(carried) => {
            record.ending = carried.ending();
            return;
        }
    };
    // That its turn has come is progress, whatever it has waited.
    served.nested_progress(Instant::now());
    let (body_in, body) = mpsc::channel(CHUNKS_IN_BETWEEN);
    carrier.take_body(body_in);
    let id = head.id;
    let request = AssistanceRequest::new(head, connection.peer.id, Arc::clone(&served), body);
    let service = Service::new(Arc::clone(shared), served, request, place);
    if carrier.is_resumable()
        && let Some(entry) = resumable::register(shared, connection.peer.id, id, &carrier)
    {
        resumable::serve(shared, entry, service, carrier, record).await;
    } else {
        record.ending = together(service, carrier).await.ending();
    }
}

/// Whether a request is let in at all, or why it is not.
fn admit(
    shared: &NodeShared,
    requester: &PeerConnection,
    head: &RequestHead,
    full: bool,
) -> Result<Entered, Outcome> {
    if shared.stopping.is_cancelled() {
        Err(Outcome::ShutDown)
    } else if full {
        Err(shared.admission.busy())
    } else if !requester.grant().statement().permissions.may_call(&head.capability) {
        requester.offended(Offence::NotPermitted);
        Err(Outcome::NotPermitted)
    } else if !shared.hello.capabilities.iter().any(|offer| offer.capability == head.capability) {
        Err(Outcome::NoSuchCapability)
    } else {
        shared.admission.enter(requester.peer.id)
    }
}

/// What came of a request before its agent saw it.
enum Waited {
    Place(Place),
    Refused(Outcome),
    GivenUp(Carried),
}

/// Waits for a place, as long as somebody wants the answer.
async fn wait_for_place(
    shared: &NodeShared,
    served: &Served,
    carrier: &mut Carrier,
    entered: Entered,
) -> Waited {
    tokio::select! {
        biased;
        place = entered.place() => Waited::Place(place),
        () = shared.stopping.cancelled() => Waited::Refused(Outcome::ShutDown),
        carried = carrier.given_up() => Waited::GivenUp(carried),
        expired = served.reply.expired() => Waited::Refused(out_of_time(expired)),
    }
}

pub(super) fn out_of_time(expired: Expired) -> Outcome {
    match expired {
        Expired::Deadline => Outcome::DeadlineExceeded,
        Expired::Idle => Outcome::Idle,
    }
}

/// Runs the agent and moves chunks both ways, until the reply is delivered or the request is given up, whereupon the
/// agent is stopped.
async fn together(service: Service, mut carrier: Carrier) -> Carried {
    let mut service = Box::pin(service.run());
    let mut carrying = Box::pin(carrier.carry());
    let mut serving = true;
    loop {
        tokio::select! {
            biased;
            // First, so that what it replies on its way to its end goes out in one.
            () = &mut service, if serving => serving = false,
            carried = &mut carrying => return carried,
        }
    }
}
