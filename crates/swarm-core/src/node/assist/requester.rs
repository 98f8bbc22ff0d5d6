//! The asking side. It has no task of its own: whoever polls the reply stream drives both directions.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use swarm_proto::{
    AgentId, Capability, Chunk, EncodeError, MAX_CHUNK_BYTES, MAX_FRAME_BYTES, Outcome, ReplyFrame,
    RequestFrame, RequestHead, RequestId, ResetCode,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::error::AssistError;
use crate::node::framing::{FrameError, FrameReader, FrameWriter, SendFrameError};
use crate::node::link::{InFlight, Link};
use crate::node::shared::NodeShared;
use crate::trace::{Ending, TraceEvent};
use crate::transport::StreamError;

/// A request for assistance, to be sent.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::OutgoingRequest;
///
/// # fn main() -> Result<(), swarm_core::NameError> {
/// let request = OutgoingRequest::new("vision.classify".parse()?)
///     .payload(vec![0_u8; 400])
///     .deadline(Duration::from_secs(2))
///     .metadata("language", "en");
/// # let _ = request;
/// # Ok(())
/// # }
/// ```
pub struct OutgoingRequest {
    capability: Capability,
    body: BoxStream<'static, Chunk>,
    deadline: Option<Duration>,
    /// Inherited from the request that this one is made for.
    not_after: Option<Instant>,
    metadata: BTreeMap<String, String>,
}

impl OutgoingRequest {
    /// A request for a capability, with an empty body and the node's default deadline.
    pub fn new(capability: Capability) -> Self {
        let body = stream::empty().boxed();
        Self { capability, body, deadline: None, not_after: None, metadata: BTreeMap::new() }
    }

    /// Sends these bytes as the body, in chunks of at most 64 KiB without a label.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.body = stream::iter(chunks(payload.into())).boxed();
        self
    }

    /// Sends what this stream gives as the body, while replies may already come back. The stream is polled along with
    /// the replies, and only as fast as the responder takes it.
    #[must_use]
    pub fn body_stream(mut self, body: impl Stream<Item = Chunk> + Send + 'static) -> Self {
        self.body = body.boxed();
        self
    }

    /// The whole request must be over within this time. Inside of another request its deadline applies too.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Something about the request for the responder's agent; at most 32 entries, 16 KiB with the rest of the head.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    pub(crate) fn by(mut self, not_after: Instant) -> Self {
        self.not_after = Some(not_after);
        self
    }

    fn expires_at(&self, now: Instant, default: Duration) -> Instant {
        let own = now + self.deadline.unwrap_or(default);
        self.not_after.map_or(own, |inherited| inherited.min(own))
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("capability", &self.capability)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

fn chunks(mut payload: Bytes) -> impl Iterator<Item = Chunk> {
    std::iter::from_fn(move || {
        let size = payload.len().min(MAX_CHUNK_BYTES);
        (size > 0).then(|| Chunk::new("", payload.split_to(size)))
    })
}

/// Opens the stream, sends the head, and as much of the body as goes at once.
pub(in crate::node) async fn open(
    shared: Arc<NodeShared>,
    link: Arc<Link>,
    request: OutgoingRequest,
) -> Result<ReplyStream, AssistError> {
    let limit = shared.config.max_requests_made;
    let permit = Arc::clone(&shared.requests_made)
        .try_acquire_owned()
        .map_err(|_| AssistError::Overloaded { limit })?;
    let in_flight = link.begin_request();
    let now = Instant::now();
    let expires_at = request.expires_at(now, shared.config.request_deadline);
    let mut record = Record::begin(&shared, &link, &request.capability, now);
    let opened = tokio::time::timeout_at(expires_at, begin(&link, request, record.id, expires_at)).await;
    match opened.unwrap_or(Err(AssistError::DeadlineExceeded)) {
        Ok((writer, reader, body)) => {
            let deadline = Box::pin(tokio::time::sleep_until(expires_at));
            let body = Body { source: Some(body), writer, state: BodyState::Streaming };
            let mut replies =
                ReplyStream { reader, body, deadline, record, over: false, _held: (permit, in_flight) };
            replies.begin_body().await;
            Ok(replies)
        }
        Err(error) => {
            record.end(&error);
            Err(error)
        }
    }
}

type Opened = (FrameWriter<RequestFrame>, FrameReader<ReplyFrame>, BoxStream<'static, Chunk>);

async fn begin(
    link: &Link,
    request: OutgoingRequest,
    id: RequestId,
    expires_at: Instant,
) -> Result<Opened, AssistError> {
    let stream = link.connection.open_stream().await.map_err(|_| AssistError::PeerLost)?;
    let left = expires_at.saturating_duration_since(Instant::now());
    let head = RequestHead {
        id,
        capability: request.capability,
        deadline_ms: Some(u32::try_from(left.as_millis()).unwrap_or(u32::MAX)),
        metadata: request.metadata,
    };
    let mut writer = FrameWriter::new(stream.send);
    writer.send(&RequestFrame::Head(head)).await.map_err(|error| match error {
        SendFrameError::Limit(error) => over_limit("the request's head", &error),
        SendFrameError::Cut(StreamError::Stopped(code)) => given_up(code),
        SendFrameError::Cut(_) => AssistError::PeerLost,
    })?;
    Ok((writer, FrameReader::new(stream.recv, MAX_FRAME_BYTES), request.body))
}

fn over_limit(what: &'static str, error: &EncodeError) -> AssistError {
    match error {
        EncodeError::TooLarge { len, max } => AssistError::TooLarge { what, size: *len, max: *max },
        other => AssistError::Malformed { reason: other.to_string() },
    }
}

/// The reply, chunk by chunk as it forms.
///
/// After the last chunk of a completed request the stream ends; any other ending is one error, and then it ends.
/// *Ended* and *cut off* cannot be confused. Dropping the stream cancels the request: the responder's agent is
/// stopped, and with it whatever it asked of others.
///
/// ```no_run
/// # async fn run(node: swarm_core::NodeHandle, peer: swarm_core::AgentId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut replies = node.request_assistance(peer, "vision.classify", vec![0_u8; 400]).await?;
/// while let Some(chunk) = replies.next_chunk().await? {
///     println!("{}: {} bytes", chunk.label, chunk.payload.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReplyStream {
    reader: FrameReader<ReplyFrame>,
    body: Body,
    deadline: Pin<Box<Sleep>>,
    record: Record,
    over: bool,
    _held: (OwnedSemaphorePermit, InFlight),
}

impl ReplyStream {
    /// The id of the request.
    pub fn id(&self) -> RequestId {
        self.record.id
    }

    /// Who was asked.
    pub fn peer(&self) -> AgentId {
        self.record.to
    }

    /// The next chunk; `None` once the request has completed. Cancel safe.
    ///
    /// # Errors
    /// How the request ended, if not completed. Afterwards it gives `None`.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, AssistError> {
        self.next().await.transpose()
    }

    /// Sends what of the body goes without waiting.
    async fn begin_body(&mut self) {
        std::future::poll_fn(|cx| {
            // An error shows with the reply.
            let _ = self.body.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    fn end(&mut self, ending: Result<(), AssistError>) -> Poll<Option<Result<Chunk, AssistError>>> {
        self.over = true;
        match ending {
            Ok(()) => {
                self.record.end_as(Ending::Completed);
                self.give_up(ResetCode::Cancelled);
                Poll::Ready(None)
            }
            Err(error) => {
                self.record.end(&error);
                self.give_up(reset_code(&error));
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    /// After the end of a direction this does nothing.
    fn give_up(&mut self, code: ResetCode) {
        self.reader.stop(code);
        if self.body.state != BodyState::Finished {
            self.body.writer.reset(code);
        }
    }

    fn handle(
        &mut self,
        frame: Option<Result<ReplyFrame, FrameError>>,
    ) -> Poll<Option<Result<Chunk, AssistError>>> {
        match frame {
            Some(Ok(ReplyFrame::Chunk(chunk))) => {
                self.record.chunk_came();
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(Ok(ReplyFrame::End(outcome))) => self.end(ending_of(outcome)),
            Some(Err(FrameError::Cut(StreamError::Reset(code)))) => self.end(Err(given_up(code))),
            Some(Err(error)) if error.is_nonsense() => {
                self.end(Err(AssistError::Malformed { reason: error.to_string() }))
            }
            // The end of the stream without an outcome is no end of the reply.
            Some(Err(_)) | None => self.end(Err(self.record.lost())),
        }
    }
}

impl Stream for ReplyStream {
    type Item = Result<Chunk, AssistError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            return self.end(Err(AssistError::DeadlineExceeded));
        }
        if let Poll::Ready(Err(error)) = self.body.poll_send(cx) {
            return self.end(Err(error));
        }
        let frame = ready!(self.reader.poll_next(cx));
        self.handle(frame)
    }
}

impl Drop for ReplyStream {
    fn drop(&mut self) {
        if !self.over {
            self.record.end_as(Ending::Cancelled);
            self.give_up(ResetCode::Cancelled);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum BodyState {
    Streaming,
    Ending,
    Finished,
}

/// The body on its way out.
struct Body {
    source: Option<BoxStream<'static, Chunk>>,
    writer: FrameWriter<RequestFrame>,
    state: BodyState,
}

impl Body {
    /// Sends as much as goes. Only a chunk over the limit is an error: that the responder wants no more, or is gone,
    /// shows in its reply.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AssistError>> {
        match ready!(self.poll_steps(cx)) {
            Err(SendFrameError::Limit(error)) => Poll::Ready(Err(over_limit("a chunk of the body", &error))),
            Ok(()) | Err(SendFrameError::Cut(_)) => {
                self.source = None;
                self.state = BodyState::Finished;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendFrameError>> {
        while let Some(source) = &mut self.source {
            ready!(self.writer.poll_ready(cx))?;
            match source.poll_next_unpin(cx) {
                Poll::Ready(Some(chunk)) => self.writer.start_send(&RequestFrame::Chunk(chunk))?,
                Poll::Ready(None) => {
                    self.writer.start_send(&RequestFrame::End)?;
                    self.source = None;
                    self.state = BodyState::Ending;
                }
                Poll::Pending => {
                    // What was buffered must not wait for the next chunk.
                    ready!(self.writer.poll_flush(cx))?;
                    return Poll::Pending;
                }
            }
        }
        match self.state {
            BodyState::Ending => self.writer.poll_finish(cx),
            BodyState::Streaming | BodyState::Finished => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("state", &self.state).finish_non_exhaustive()
    }
}

fn ending_of(outcome: Outcome) -> Result<(), AssistError> {
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

fn given_up(code: ResetCode) -> AssistError {
    match code {
        ResetCode::DeadlineExceeded => AssistError::DeadlineExceeded,
        ResetCode::ShutDown => AssistError::ShutDown,
        ResetCode::Malformed => {
            AssistError::Malformed { reason: "the responder could not read the request".to_owned() }
        }
        _ => AssistError::Cancelled,
    }
}

fn reset_code(error: &AssistError) -> ResetCode {
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

/// Sees to it that each request is traced as sent once and as ended once.
#[derive(Debug)]
struct Record {
    shared: Arc<NodeShared>,
    id: RequestId,
    to: AgentId,
    capability: Capability,
    began: Instant,
    first_chunk: Option<Duration>,
    ended: bool,
}

impl Record {
    fn begin(shared: &Arc<NodeShared>, link: &Link, capability: &Capability, began: Instant) -> Self {
        let (id, to, capability) = (shared.new_request_id(), link.peer.id, capability.clone());
        shared.recorder.record(TraceEvent::RequestSent { id, to, capability: capability.clone() });
        Self { shared: Arc::clone(shared), id, to, capability, began, first_chunk: None, ended: false }
    }

    fn chunk_came(&mut self) {
        let began = self.began;
        self.first_chunk.get_or_insert_with(|| began.elapsed());
    }

    /// What the loss of the connection means.
    fn lost(&self) -> AssistError {
        if self.shared.stopping.is_cancelled() { AssistError::ShutDown } else { AssistError::PeerLost }
    }

    fn end(&mut self, error: &AssistError) {
        self.end_as(ending(error));
    }

    fn end_as(&mut self, ending: Ending) {
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
