//! What a request begins with, and what asks for the rest of a reply. Carries what a request may cost; keeping to it is
//! the node's part.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::lane::Lane;
use super::trace_context::TraceContext;
use crate::capability::Capability;
use crate::error::{DecodeError, Exceeded, at_most};
use crate::id::RequestId;
use crate::limits::{DEFAULT_HOP_LIMIT, MAX_IDEMPOTENCY_KEY_BYTES, MAX_METADATA_ENTRIES};
use crate::wire::{optional_text, unique_texts};

pub(super) const METADATA: &str = "metadata entries of a request";
pub(super) const IDEMPOTENCY_KEY: &str = "bytes of an idempotency key";

/// What a requester asks for; the content follows in chunks.
///
/// A map with named fields on the wire, within a frame of at most 16 KiB. Keys that are not known are ignored; all but
/// id and capability may be left out.
///
/// ```
/// use std::collections::BTreeMap;
/// use swarm_proto::{Lane, RequestHead, RequestId};
///
/// let head = RequestHead {
///     deadline_ms: Some(2_000),
///     lane: Lane::Control,
///     metadata: BTreeMap::from([("language".to_owned(), "en".to_owned())]),
///     ..RequestHead::new(RequestId::from_random([7; 16]), "vision.classify".parse()?)
/// };
/// assert_eq!(head.hop_limit, 8);
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RequestHeadWire")]
pub struct RequestHead {
    /// Which request.
    pub id: RequestId,
    /// What is asked for.
    pub capability: Capability,
    /// Milliseconds that remain, counted from when the head is sent, so that clocks need not agree; `None`
    /// leaves it to the responder, which allows 30 s by default.
    pub deadline_ms: Option<u32>,
    /// Longest that nothing may move, neither body nor reply nor notes of progress, in milliseconds; `None` for no such
    /// limit.
    pub idle_ms: Option<u32>,
    /// How many agents may follow behind the responder, each asked by the one before it: a request that is made for
    /// this one carries one less, and for one with 0 none is made.
    pub hop_limit: u8,
    /// How urgent it is; an unknown word is read as interactive.
    pub lane: Lane,
    /// The trace that it belongs to, `traceparent` and `tracestate` on the wire. One that is not valid is read as none.
    pub trace: Option<TraceContext>,
    /// Names the piece of work: two requests with the same key ask for the same one, so that whoever does it can avoid
    /// doing it twice. At most 128 bytes.
    pub idempotency_key: Option<String>,
    /// Whether the reply should survive the loss of the connection, so that its rest can be had with a [`Resume`].
    pub resumable: bool,
    /// What else the responder should know, at most 32 entries.
    pub metadata: BTreeMap<String, String>,
}

impl RequestHead {
    /// A head with nothing but what is required.
    #[must_use]
    pub fn new(id: RequestId, capability: Capability) -> Self {
        Self {
            id,
            capability,
            deadline_ms: None,
            idle_ms: None,
            hop_limit: DEFAULT_HOP_LIMIT,
            lane: Lane::default(),
            trace: None,
            idempotency_key: None,
            resumable: false,
            metadata: BTreeMap::new(),
        }
    }

    pub(super) fn within_limits(&self) -> Result<(), Exceeded> {
        let key = self.idempotency_key.as_deref().map_or(0, str::len);
        at_most(MAX_IDEMPOTENCY_KEY_BYTES, key, IDEMPOTENCY_KEY)?;
        at_most(MAX_METADATA_ENTRIES, self.metadata.len(), METADATA)
    }
}

/// A head as it is written: what is left out is what goes without saying.
#[derive(Serialize)]
struct Written<'a> {
    id: RequestId,
    capability: &'a Capability,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hop_limit: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a BTreeMap<String, String>>,
}

impl Serialize for RequestHead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.trace.as_ref().map(TraceContext::state);
        let written = Written {
            id: self.id,
            capability: &self.capability,
            deadline_ms: self.deadline_ms,
            idle_ms: self.idle_ms,
            hop_limit: (self.hop_limit != DEFAULT_HOP_LIMIT).then_some(self.hop_limit),
            lane: (self.lane != Lane::default()).then_some(self.lane),
            traceparent: self.trace.as_ref().map(ToString::to_string),
            tracestate: state.filter(|state| !state.is_empty()),
            idempotency_key: self.idempotency_key.as_deref(),
            resumable: self.resumable.then_some(true),
            metadata: Some(&self.metadata).filter(|metadata| !metadata.is_empty()),
        };
        written.serialize(serializer)
    }
}

/// A head as it was received.
#[derive(Deserialize)]
pub(super) struct RequestHeadWire {
    id: RequestId,
    capability: Capability,
    #[serde(default)]
    deadline_ms: Option<u32>,
    #[serde(default)]
    idle_ms: Option<u32>,
    #[serde(default)]
    hop_limit: Option<u8>,
    #[serde(default)]
    lane: Lane,
    #[serde(default, deserialize_with = "optional_text")]
    traceparent: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    tracestate: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    idempotency_key: Option<String>,
    #[serde(default)]
    resumable: bool,
    #[serde(default, deserialize_with = "unique_texts")]
    metadata: BTreeMap<String, String>,
}

impl TryFrom<RequestHeadWire> for RequestHead {
    type Error = DecodeError;

    fn try_from(wire: RequestHeadWire) -> Result<Self, DecodeError> {
        let trace = wire.traceparent.as_deref().and_then(TraceContext::parse);
        let trace = trace.map(|trace| trace.with_state(wire.tracestate.unwrap_or_default()));
        let head = Self {
            deadline_ms: wire.deadline_ms,
            idle_ms: wire.idle_ms,
            hop_limit: wire.hop_limit.unwrap_or(DEFAULT_HOP_LIMIT),
            lane: wire.lane,
            trace,
            idempotency_key: wire.idempotency_key,
            resumable: wire.resumable,
            metadata: wire.metadata,
            ..Self::new(wire.id, wire.capability)
        };
        head.within_limits()?;
        Ok(head)
    }
}

/// Asks for the rest of a resumable reply, in place of a head, on a new connection between the same two agents.
///
/// A map with named fields on the wire, both required; keys that are not known are ignored.
///
/// ```
/// use swarm_proto::{Frame, RequestFrame, RequestId, Resume};
///
/// let frame = RequestFrame::Resume(Resume { id: RequestId::from_random([7; 16]), from: 12 });
/// assert_eq!(RequestFrame::decode(&frame.encode()?)?, frame);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The id of the request.
    pub id: RequestId,
    /// The number of the first chunk or artefact that has not come. They are counted together, from 0 over the whole
    /// reply; those that were lost for good, before an earlier resume, count as well.
    pub from: u64,
}
