//! The asking side. It has no task of its own: whoever polls the reply stream drives both directions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use swarm_proto::{
    Capability, Chunk, MAX_CHUNK_BYTES, MAX_FRAME_BYTES, ReplyFrame, RequestFrame, RequestHead, RequestId,
};
use tokio::time::Instant;

use super::body::Body;
use super::record::{Record, given_up, over_limit};
use super::reply_stream::{Live, ReplyStream};
use crate::deadline::after;
use crate::error::AssistError;
use crate::node::framing::{FrameReader, FrameWriter, SendFrameError};
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
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
        let own = after(now, self.deadline.unwrap_or(default));
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

/// The hint when a peer has as many requests of ours as it serves at once.
const RETRY_AFTER: Duration = Duration::from_millis(100);

fn chunks(mut payload: Bytes) -> impl Iterator<Item = Chunk> {
    std::iter::from_fn(move || {
        let size = payload.len().min(MAX_CHUNK_BYTES);
        (size > 0).then(|| Chunk::new("", payload.split_to(size)))
    })
}

/// Opens the stream, sends the head, and as much of the body as goes at once.
pub(in crate::node) async fn open(
    shared: Arc<NodeShared>,
    connection: Arc<PeerConnection>,
    request: OutgoingRequest,
) -> Result<ReplyStream, AssistError> {
    let limit = shared.config.max_requests_made;
    let permit = Arc::clone(&shared.requests_made)
        .try_acquire_owned()
        .map_err(|_| AssistError::Overloaded { limit })?;
    let place = connection.place_for_request().ok_or(AssistError::Busy { retry_after: RETRY_AFTER })?;
    let in_flight = connection.begin_request();
    let now = Instant::now();
    let expires_at = request.expires_at(now, shared.config.request_deadline);
    let mut record = Record::begin(&shared, &connection, &request.capability, now);
    let opened =
        tokio::time::timeout_at(expires_at, begin(&connection, request, record.id, expires_at)).await;
    match opened.unwrap_or(Err(AssistError::DeadlineExceeded)) {
        Ok((writer, reader, body)) => {
            let deadline = Box::pin(tokio::time::sleep_until(expires_at));
            let mut body = Body::new(body, writer);
            body.begin().await.inspect_err(|error| record.end(error))?;
            let live = Live { reader, body, deadline, _places: (permit, place, in_flight) };
            Ok(ReplyStream::new(record, live))
        }
        Err(error) => {
            record.end(&error);
            Err(error)
        }
    }
}

type Opened = (FrameWriter<RequestFrame>, FrameReader<ReplyFrame>, BoxStream<'static, Chunk>);

async fn begin(
    connection: &PeerConnection,
    request: OutgoingRequest,
    id: RequestId,
    expires_at: Instant,
) -> Result<Opened, AssistError> {
    let stream = connection.inner.open_stream().await.map_err(|_| AssistError::PeerLost)?;
    let left = expires_at.saturating_duration_since(Instant::now());
    let head = RequestHead {
        id,
        capability: request.capability,
        deadline_ms: Some(u32::try_from(left.as_millis()).unwrap_or(u32::MAX)),
        metadata: request.metadata,
    };
    let mut writer = FrameWriter::new(stream.send);
    writer.send(&RequestFrame::Head(head)).await.map_err(|error| match error {
        SendFrameError::Limit(error) => over_limit("bytes of the request's head", &error),
        SendFrameError::Cut(StreamError::Stopped(code)) => given_up(code),
        SendFrameError::Cut(_) => AssistError::PeerLost,
    })?;
    Ok((writer, FrameReader::new(stream.recv, MAX_FRAME_BYTES), request.body))
}
