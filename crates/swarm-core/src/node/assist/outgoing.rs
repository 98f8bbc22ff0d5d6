//! A request as its maker describes it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use swarm_proto::{CapabilityPattern, Chunk, Lane, MAX_CHUNK_BYTES, TraceContext};

use crate::assist::budget::Wish;

/// A request for assistance, to be sent. Inside of another request it inherits that one's deadline, idle limit, hop
/// limit, lane, trace, idempotency key and metadata, unless told otherwise here.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::{Lane, OutgoingRequest};
///
/// # fn main() -> Result<(), swarm_core::NameError> {
/// let request = OutgoingRequest::new("vision.classify".parse()?)
///     .payload(vec![0_u8; 400])
///     .deadline(Duration::from_secs(20))
///     .idle_limit(Duration::from_secs(2))
///     .lane(Lane::Control)
///     .metadata("language", "en");
/// # let _ = request;
/// # Ok(())
/// # }
/// ```
pub struct OutgoingRequest {
    pub(crate) pattern: CapabilityPattern,
    pub(crate) wish: Wish,
    pub(super) body: OutgoingBody,
}

pub(super) enum OutgoingBody {
    Payload(Bytes),
    Stream(BoxStream<'static, Chunk>),
}

impl OutgoingRequest {
    /// A request with an empty body and the node's defaults: for one capability, or for the first of a peer's that
    /// matches a pattern.
    pub fn new(capability: CapabilityPattern) -> Self {
        Self { pattern: capability, wish: Wish::default(), body: OutgoingBody::Payload(Bytes::new()) }
    }

    /// Sends these bytes as the body, in chunks of at most 64 KiB without a label.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.body = OutgoingBody::Payload(payload.into());
        self
    }

    /// Sends what this stream gives as the body, while replies may already come back. The stream is polled along with
    /// the replies, and only as fast as the responder takes it. Such a request can be sent once only: it is never
    /// retried or hedged.
    #[must_use]
    pub fn body_stream(mut self, body: impl Stream<Item = Chunk> + Send + 'static) -> Self {
        self.body = OutgoingBody::Stream(body.boxed());
        self
    }

    /// The whole request must be over within this time. Inside of another request its deadline applies too.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.wish.deadline = Some(deadline);
        self
    }

    /// The request is given up when nothing moves for this long: no piece of the body, no reply, no note of progress.
    /// Each of them renews it, so a responder that works may take as long as the deadline allows. Inside of another
    /// request nine tenths of its idle limit apply too.
    #[must_use]
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.wish.idle_limit = Some(limit);
        self
    }

    /// How many further agents may work on it behind the responder, at most 255; 0 keeps it from asking anybody.
    #[must_use]
    pub fn hop_limit(mut self, hops: u8) -> Self {
        self.wish.hop_limit = Some(hops);
        self
    }

    /// How urgent it is, next to others on the same connection.
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.wish.lane = Some(lane);
        self
    }

    /// Makes it part of a trace; without one a new trace begins.
    #[must_use]
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.wish.trace = Some(trace);
        self
    }

    /// Two requests with the same key are the same piece of work: doing it twice does no harm. At most 128 bytes.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.wish.idempotency_key = Some(key.into());
        self
    }

    /// Something about the request for the responder's agent; at most 32 entries, 16 KiB with the rest of the head.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.wish.metadata.insert(key.into(), value.into());
        self
    }

    /// The reply survives the loss of the connection: once there is another one it goes on where it was, or ends with
    /// the exact [`Gap`](crate::AssistError::Gap). The body must have been sent to its end.
    #[must_use]
    pub fn resumable(mut self) -> Self {
        self.wish.resumable = true;
        self
    }

    /// Inside of another request: inherit what bounds it (deadline, idle limit, hop limit), and nothing else.
    #[must_use]
    pub fn inherit_bounds_only(mut self) -> Self {
        self.wish.bounds_only = true;
        self
    }

    /// The same request once more, if its body can be sent again.
    pub(crate) fn again(&self) -> Option<Self> {
        let OutgoingBody::Payload(payload) = &self.body else { return None };
        let body = OutgoingBody::Payload(payload.clone());
        Some(Self { pattern: self.pattern.clone(), wish: self.wish.clone(), body })
    }
}

impl OutgoingBody {
    pub(super) fn into_stream(self) -> BoxStream<'static, Chunk> {
        match self {
            Self::Payload(payload) => stream::iter(chunks(payload)).boxed(),
            Self::Stream(stream) => stream,
        }
    }
}

fn chunks(mut payload: Bytes) -> impl Iterator<Item = Chunk> {
    std::iter::from_fn(move || {
        let size = payload.len().min(MAX_CHUNK_BYTES);
        (size > 0).then(|| Chunk::new("", payload.split_to(size)))
    })
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("pattern", &self.pattern)
            .field("wish", &self.wish)
            .finish_non_exhaustive()
    }
}
