//! What agents of a swarm say to one another: ids, messages, frames and their encoding.
//!
//! Three things cross a connection. **Datagrams** carry observations, several in each. The first bidirectional stream
//! carries **control frames**: hello, introductions, loads, subscriptions, goodbye. Every further one carries one
//! assistance, **request frames** one way, **reply frames** the other, or a **feed** of reliable observations. All of it
//! is MessagePack, and all of it passes a guard before anything is built from it.
//!
//! This crate turns values into bytes and bytes into values, within the [limits](MAX_FRAME_BYTES) of the protocol.
//! It never opens a socket, waits, reads a clock or draws a random number; what agents do with the messages is decided
//! elsewhere. No function blocks, and none panics whatever bytes it is given.
//!
//! ```
//! use bytes::Bytes;
//! use swarm_proto::{
//!     AgentId, Datagram, DatagramBuilder, Delivery, Epoch, Observation, Sequence, TopicName, UnixMicros, decode_datagram, decode_datagram_about,
//!     encode_observation,
//! };
//!
//! let observation = Observation {
//!     origin: AgentId::from_key_digest([1; 32]),
//!     epoch: Epoch::new(1_700_000_000_000),
//!     sequence: Sequence::FIRST,
//!     topic: TopicName::try_from("rover.position")?,
//!     sent_at: UnixMicros::new(1_700_000_000_250_000),
//!     hops: 0,
//!     payload: Bytes::from_static(b"\x92\x03\x04"),
//!     delivery: Delivery::Lossy,
//!     expires_ms: None,
//!     seal: None,
//! };
//!
//! let mut builder = DatagramBuilder::new(1_200);
//! assert!(builder.try_push(&encode_observation(&observation)));
//! let datagram = builder.finish();
//!
//! assert_eq!(decode_datagram(&datagram)?, Datagram::Observations(vec![observation]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assist;
mod capability;
mod code;
mod codec;
mod control;
mod datagram;
mod delivery;
mod error;
mod feed;
mod flat;
mod frame;
mod grant;
mod guard;
mod hello;
mod id;
mod key;
mod limits;
mod name;
mod observation;
mod pattern;
mod reader;
mod seal;
mod signed;
mod time;
mod topic;
mod wire;
mod writer;

pub use assist::{
    Artefact, Chunk, Lane, Outcome, Progress, ReplyFrame, RequestFrame, RequestHead, Resume, TraceContext,
};
pub use capability::{Advertisement, Capability};
pub use code::{CloseCode, ResetCode};
pub use codec::{from_slice, to_vec};
pub use control::{ControlFrame, Goodbye, Introduction, PROOF_DOMAIN};
pub use datagram::{Datagram, DatagramBuilder, decode_datagram, decode_datagram_about, padding};
pub use delivery::{Delivery, Key};
pub use error::{DecodeError, EncodeError};
pub use feed::{FeedFrame, FeedPosition};
pub use frame::Frame;
pub use grant::{Grant, Permissions, Revocation, Revocations, Role, Subject, Validity};
pub use guard::{GuardError, GuardLimits, check, scan_one};
pub use hello::{Hello, PATH, PeerLimits, ProtocolVersion, VersionRange, negotiate};
pub use id::{AgentId, Epoch, IdError, RequestId, Sequence};
pub use key::{PublicKey, PublicKeyError};
pub use limits::{
    DATAGRAM_OVERHEAD_BYTES, DEFAULT_HOP_LIMIT, DEFAULT_MAX_DATAGRAM_BYTES, DEFAULT_MAX_REQUESTS,
    MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_CAPABILITIES, MAX_CHUNK_BYTES, MAX_DEPTH, MAX_DOTTED_NAME_BYTES,
    MAX_FEED_FRAME_BYTES, MAX_FRAME_BYTES, MAX_GOODBYE_REASON_BYTES, MAX_GRANT_BYTES, MAX_GRANT_PATTERNS,
    MAX_GRANTS, MAX_HEAD_BYTES, MAX_HELLO_BYTES, MAX_IDEMPOTENCY_KEY_BYTES, MAX_INTRODUCTIONS, MAX_KEY_BYTES,
    MAX_LABEL_BYTES, MAX_METADATA_ENTRIES, MAX_NAME_LABEL_BYTES, MAX_NODES, MAX_OBSERVATIONS_PER_DATAGRAM,
    MAX_OUTCOME_TEXT_BYTES, MAX_PROGRESS_TEXT_BYTES, MAX_RELIABLE_PAYLOAD_BYTES, MAX_REVOCATIONS,
    MAX_REVOCATIONS_BYTES, MAX_SUBSCRIPTIONS, MAX_SWARM_NAME_BYTES, MAX_TRACE_STATE_BYTES,
};
pub use name::{NameError, NameErrorKind, SwarmName};
pub use observation::{Observation, decode_observation, encode_observation};
pub use pattern::CapabilityPattern;
pub use seal::Seal;
pub use signed::{Signed, Statement};
pub use time::{UnixMicros, UnixSeconds};
pub use topic::{TopicName, TopicPattern};
