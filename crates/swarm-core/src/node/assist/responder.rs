//! The answering side: one task per request, owned by its connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use swarm_proto::{
    AgentId, Capability, Chunk, MAX_FRAME_BYTES, MAX_HEAD_BYTES, Outcome, ReplyFrame, RequestFrame,
    RequestHead, RequestId, ResetCode,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use crate::agent::Agent;
use crate::context::Context;
use crate::deadline::after;
use crate::error::{AgentError, BodyError, ReplyError};
use crate::node::framing::{FrameError, FrameReader, FrameWriter};
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::trace::{Ending, TraceEvent};
use crate::transport::Stream;

/// Chunks between the agent and the stream, in each direction: enough to work while one is being sent.
const CHUNKS_IN_BETWEEN: usize = 4;

/// The hint that goes with `Busy`.
const RETRY_AFTER_MS: u32 = 100;

/// A request that a peer made of this agent: its head, and its body as it comes.
///
/// ```
/// use swarm_core::{AgentError, AssistanceRequest, Replies};
///
/// async fn count(mut request: AssistanceRequest, replies: &mut Replies) -> Result<(), AgentError> {
///     let mut bytes = 0;
///     while let Some(chunk) = request.next_chunk().await? {
///         bytes += chunk.payload.len();
///     }
///     replies.send("count", bytes.to_string()).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct AssistanceRequest {
    head: RequestHead,
    requester: AgentId,
    body: mpsc::Receiver<Result<Chunk, BodyError>>,
}

impl AssistanceRequest {
    /// The id of the request, the same at both ends.
    pub fn id(&self) -> RequestId {
        self.head.id
    }

    /// Who asks.
    pub fn requester(&self) -> AgentId {
        self.requester
    }

    /// What is asked for.
    pub fn capability(&self) -> &Capability {
        &self.head.capability
    }

    /// What the requester says about the request.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.head.metadata
    }

    /// The next chunk of the body; `None` at its end. Cancel safe.
    ///
    /// # Errors
    /// When the body cannot be read to its end.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, BodyError> {
        self.body.recv().await.transpose()
    }

    /// The whole rest of the body, its chunks joined.
    ///
    /// # Errors
    /// When it is longer than `max` bytes or cannot be read to its end.
    pub async fn payload(&mut self, max: usize) -> Result<Bytes, BodyError> {
        let mut payload = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await? {
            if payload.len() + chunk.payload.len() > max {
                return Err(BodyError::TooLarge { max });
            }
            payload.extend_from_slice(&chunk.payload);
        }
        Ok(payload.freeze())
    }
}

/// Where the agent puts its reply, chunk by chunk. Sending waits while the requester is slow.
///
/// ```
/// use swarm_core::{AgentError, Replies};
///
/// async fn tell(replies: &mut Replies) -> Result<(), AgentError> {
///     replies.send("guess", "7, probably").await?;
///     replies.send("answer", "7").await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Replies {
    chunks: mpsc::Sender<Bytes>,
}

impl Replies {
    /// Sends a chunk of bytes under a label of at most 64 bytes. Cancel safe: the chunk is sent wholly or not at all.
    ///
    /// # Errors
    /// [`ReplyError::Gone`] when the request is over, [`ReplyError::Chunk`] when the chunk breaks a limit.
    pub async fn send(
        &mut self,
        label: impl Into<String>,
        payload: impl Into<Bytes>,
    ) -> Result<(), ReplyError> {
        self.send_chunk(Chunk::new(label, payload)).await
    }

    /// Sends a value as MessagePack with named fields; [`Chunk::decode`] reads it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_value<T: Serialize + ?Sized + Sync>(
        &mut self,
        label: impl Into<String>,
        value: &T,
    ) -> Result<(), ReplyError> {
        self.send_chunk(Chunk::encode(label, value)?).await
    }

    /// Sends a chunk as it is; for passing on what others answered.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_chunk(&mut self, chunk: Chunk) -> Result<(), ReplyError> {
        // Encoding here tells the agent at once which chunk is too large.
        let frame = swarm_proto::Frame::encode(&ReplyFrame::Chunk(chunk))?;
        self.chunks.send(frame).await.map_err(|_| ReplyError::Gone)
    }
}

/// Whether a connection takes requests at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Admission {
    Welcome,
    /// The peer has as many under way as it may.
    Busy,
}

/// Serves one request from its first byte to its last. Ends soon after `shared.killed` is cancelled.
pub(in crate::node) async fn serve(
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    stream: Stream,
    admission: Admission,
) {
    let _in_flight = connection.begin_request();
    let mut reader = FrameReader::new(stream.recv, MAX_HEAD_BYTES);
    let mut writer = FrameWriter::new(stream.send);
    match tokio::time::timeout(shared.config.head_deadline, reader.next()).await {
        Ok(Some(Ok(RequestFrame::Head(head)))) => {
            reader.set_max_frame_bytes(MAX_FRAME_BYTES);
            let mut record = ServedRecord::begin(&shared, &connection, &head);
            record.ending = answer(&shared, &connection, head, reader, writer, admission).await;
        }
        Ok(Some(Err(FrameError::Cut(_)))) => {}
        Ok(_) => give_up(&mut reader, &mut writer, ResetCode::Malformed),
        Err(_) => give_up(&mut reader, &mut writer, ResetCode::DeadlineExceeded),
    }
}

/// Sees to it that each request served is traced once, even if its connection ends under it.
struct ServedRecord<'a> {
    shared: &'a NodeShared,
    id: RequestId,
    from: AgentId,
    capability: Capability,
    began: Instant,
    ending: Ending,
}

impl<'a> ServedRecord<'a> {
    fn begin(shared: &'a NodeShared, connection: &PeerConnection, head: &RequestHead) -> Self {
        Self {
            shared,
            id: head.id,
            from: connection.peer.id,
            capability: head.capability.clone(),
            began: Instant::now(),
            ending: Ending::PeerLost,
        }
    }
}

impl Drop for ServedRecord<'_> {
    fn drop(&mut self) {
        self.shared.recorder.record(TraceEvent::RequestServed {
            id: self.id,
            from: self.from,
            capability: self.capability.clone(),
            ending: self.ending,
            elapsed: self.began.elapsed(),
        });
    }
}

fn give_up(reader: &mut FrameReader<RequestFrame>, writer: &mut FrameWriter<ReplyFrame>, code: ResetCode) {
    reader.stop(code);
    writer.reset(code);
}

async fn answer(
    shared: &Arc<NodeShared>,
    connection: &PeerConnection,
    head: RequestHead,
    mut reader: FrameReader<RequestFrame>,
    mut writer: FrameWriter<ReplyFrame>,
    admission: Admission,
) -> Ending {
    let deadline = deadline_of(&head, shared.config.request_deadline);
    let end = match admit(shared, &head, admission) {
        Ok(_place) => work(shared, connection, head, deadline, &mut reader, &mut writer).await,
        Err(refusal) => End::Outcome(refusal),
    };
    match end {
        End::Outcome(outcome) => {
            let ending = ending(&outcome);
            // Whoever does not take its outcome soon gets none.
            let told = tokio::time::timeout(shared.config.head_deadline, conclude(&mut writer, outcome));
            match told.await {
                Ok(Ok(())) => ending,
                _ => Ending::Cancelled,
            }
        }
        End::GaveUp(code, ending) => {
            give_up(&mut reader, &mut writer, code);
            ending
        }
    }
}

fn deadline_of(head: &RequestHead, default: Duration) -> Instant {
    let left = head.deadline_ms.map_or(default, |ms| Duration::from_millis(ms.into()));
    after(Instant::now(), left)
}

/// A place among the requests that the node serves, or why there is none.
fn admit(
    shared: &NodeShared,
    head: &RequestHead,
    admission: Admission,
) -> Result<OwnedSemaphorePermit, Outcome> {
    let busy = Outcome::Busy { retry_after_ms: RETRY_AFTER_MS };
    if shared.stopping.is_cancelled() {
        Err(Outcome::ShutDown)
    } else if admission == Admission::Busy {
        Err(busy)
    } else if !shared.capabilities.contains(&head.capability) {
        Err(Outcome::NoSuchCapability)
    } else {
        Arc::clone(&shared.requests_served).try_acquire_owned().map_err(|_| busy)
    }
}

async fn conclude(
    writer: &mut FrameWriter<ReplyFrame>,
    outcome: Outcome,
) -> Result<(), crate::node::framing::SendFrameError> {
    writer.send(&ReplyFrame::End(outcome)).await?;
    writer.finish().await
}

/// How the work on a request came to an end.
enum End {
    /// The requester is to be told.
    Outcome(Outcome),
    /// There is nobody to tell, or no time.
    GaveUp(ResetCode, Ending),
}

/// Runs the agent and moves chunks both ways, until the agent is done or the request is given up.
async fn work(
    shared: &Arc<NodeShared>,
    connection: &PeerConnection,
    head: RequestHead,
    deadline: Instant,
    reader: &mut FrameReader<RequestFrame>,
    writer: &mut FrameWriter<ReplyFrame>,
) -> End {
    let cancelled = shared.killed.child_token();
    // Tasks that the agent spawned for this request end with it, however it ends.
    let _cancel_on_return = cancelled.clone().drop_guard();
    let (body_in, body) = mpsc::channel(CHUNKS_IN_BETWEEN);
    let (chunks, mut chunks_out) = mpsc::channel(CHUNKS_IN_BETWEEN);
    let cx = Context::of_request(Arc::clone(shared), cancelled, deadline);
    let request = AssistanceRequest { head, requester: connection.peer.id, body };
    let finished = async {
        let end = tokio::select! {
            biased;
            () = shared.killed.cancelled() => return End::GaveUp(ResetCode::ShutDown, Ending::ShutDown),
            () = tokio::time::sleep_until(deadline) => return End::Outcome(Outcome::DeadlineExceeded),
            end = read_body(reader, body_in) => return end,
            end = write_chunks(writer, &mut chunks_out) => return end,
            outcome = run_agent(shared, &cx, request, chunks) => outcome,
        };
        // What the agent sent before it returned goes before the outcome.
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => End::GaveUp(ResetCode::ShutDown, Ending::ShutDown),
            () = tokio::time::sleep_until(deadline) => End::Outcome(Outcome::DeadlineExceeded),
            left = flush_chunks(writer, &mut chunks_out) => left.unwrap_or(End::Outcome(end)),
        }
    };
    finished.await
}

async fn run_agent(
    shared: &NodeShared,
    cx: &Context,
    request: AssistanceRequest,
    chunks: mpsc::Sender<Bytes>,
) -> Outcome {
    let mut replies = Replies { chunks };
    let call = shared.agent.on_request(cx, request, &mut replies);
    match shared.guard("on_request", call).await {
        Some(Ok(())) => Outcome::Completed,
        Some(Err(AgentError::Declined(reason))) => Outcome::Declined { reason },
        Some(Err(AgentError::Failed(error))) => Outcome::Failed { error },
        None => Outcome::Failed { error: "the agent panicked".to_owned() },
    }
}

/// Gives the agent the body as fast as it takes it. Ends only when the requester gives up or breaks the protocol.
async fn read_body(
    reader: &mut FrameReader<RequestFrame>,
    body: mpsc::Sender<Result<Chunk, BodyError>>,
) -> End {
    loop {
        match reader.next().await {
            Some(Ok(RequestFrame::Chunk(chunk))) => {
                if body.send(Ok(chunk)).await.is_err() {
                    // The agent wants no more of it.
                    reader.stop(ResetCode::Cancelled);
                    break;
                }
            }
            Some(Ok(RequestFrame::End)) => break,
            Some(Err(FrameError::Cut(_))) => return End::GaveUp(ResetCode::Cancelled, Ending::Cancelled),
            Some(Ok(RequestFrame::Head(_))) => return malformed("a second head".to_owned()),
            Some(Err(error)) => return malformed(error.to_string()),
            None => return malformed("the body ended without its last frame".to_owned()),
        }
    }
    drop(body);
    std::future::pending().await
}

fn malformed(reason: String) -> End {
    End::Outcome(Outcome::Malformed { reason })
}

/// Sends what the agent replies. Ends only when the requester gives up.
async fn write_chunks(writer: &mut FrameWriter<ReplyFrame>, chunks: &mut mpsc::Receiver<Bytes>) -> End {
    let gone = End::GaveUp(ResetCode::Cancelled, Ending::Cancelled);
    loop {
        tokio::select! {
            biased;
            _ = writer.stopped() => return gone,
            chunk = chunks.recv() => match chunk {
                Some(chunk) => if writer.send_encoded(chunk).await.is_err() {
                    return gone;
                },
                None => return pending_until_stopped(writer, gone).await,
            },
        }
    }
}

async fn pending_until_stopped(writer: &mut FrameWriter<ReplyFrame>, gone: End) -> End {
    writer.stopped().await;
    gone
}

/// Sends what is left; gives an end only when the requester has given up.
async fn flush_chunks(
    writer: &mut FrameWriter<ReplyFrame>,
    chunks: &mut mpsc::Receiver<Bytes>,
) -> Option<End> {
    while let Some(chunk) = chunks.recv().await {
        if writer.send_encoded(chunk).await.is_err() {
            return Some(End::GaveUp(ResetCode::Cancelled, Ending::Cancelled));
        }
    }
    None
}

fn ending(outcome: &Outcome) -> Ending {
    match outcome {
        Outcome::Completed => Ending::Completed,
        Outcome::Declined { .. } => Ending::Declined,
        Outcome::Failed { .. } => Ending::Failed,
        Outcome::NoSuchCapability => Ending::NoSuchCapability,
        Outcome::Busy { .. } => Ending::Busy,
        Outcome::DeadlineExceeded => Ending::DeadlineExceeded,
        Outcome::Malformed { .. } => Ending::Malformed,
        Outcome::ShutDown => Ending::ShutDown,
    }
}
