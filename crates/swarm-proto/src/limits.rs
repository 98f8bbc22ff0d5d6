//! Every bound of the wire, in one place: a reader of the protocol finds here what a message may cost. Holds numbers
//! only, never the checks, which sit beside the messages they protect.

/// Longest payload of one [`Chunk`](crate::Chunk) or [`Artefact`](crate::Artefact), in bytes: 64 KiB.
///
/// Long enough that the frame around it weighs nothing, short enough that 64 requests with a chunk each in flight stay
/// within a few MiB per peer.
pub const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Longest frame on a stream without its length prefix, in bytes: one full chunk and 1 KiB for what surrounds it.
///
/// Whoever cuts a stream into frames should refuse a longer declared length before it reads on.
pub const MAX_FRAME_BYTES: usize = MAX_CHUNK_BYTES + 1024;

/// Longest [`Hello`](crate::Hello), framed or bare, in bytes: it is read from a peer that is not yet known.
pub const MAX_HELLO_BYTES: usize = 4096;

/// Longest frame with a [`RequestHead`](crate::RequestHead) or [`Resume`](crate::Resume), in bytes: what is large
/// belongs into chunks.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most capabilities that one [`Hello`](crate::Hello) advertises.
pub const MAX_CAPABILITIES: usize = 64;

/// Most [`Introduction`](crate::Introduction)s in one frame: with the longest addresses about 24 KiB.
pub const MAX_INTRODUCTIONS: usize = 256;

/// Most entries in the metadata of a [`RequestHead`](crate::RequestHead).
pub const MAX_METADATA_ENTRIES: usize = 32;

/// Longest idempotency key of a [`RequestHead`](crate::RequestHead), in bytes of UTF-8.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// Longest `tracestate` of a [`TraceContext`](crate::TraceContext), in bytes: what the recommendation asks of systems
/// to pass on. A longer one is left out.
pub const MAX_TRACE_STATE_BYTES: usize = 512;

/// Agents that may follow behind the responder when the head of a request does not say.
pub const DEFAULT_HOP_LIMIT: u8 = 8;

/// Longest text of a [`Progress`](crate::Progress) note, in bytes of UTF-8; a longer one is cut when it is encoded.
pub const MAX_PROGRESS_TEXT_BYTES: usize = 256;

/// Most attributes of one [`Advertisement`](crate::Advertisement).
pub const MAX_ATTRIBUTES: usize = 16;

/// Longest key or value of an attribute, in bytes of UTF-8.
pub const MAX_ATTRIBUTE_BYTES: usize = 128;

/// Longest label of a [`Chunk`](crate::Chunk) or name of an [`Artefact`](crate::Artefact), in bytes of UTF-8.
pub const MAX_LABEL_BYTES: usize = 64;

/// Longest reason of a [`Goodbye`](crate::Goodbye), in bytes of UTF-8; a longer one is cut when it is encoded.
pub const MAX_GOODBYE_REASON_BYTES: usize = 256;

/// Longest text in an [`Outcome`](crate::Outcome), in bytes of UTF-8; a longer one is cut when it is encoded.
pub const MAX_OUTCOME_TEXT_BYTES: usize = 1024;

/// Longest name of a swarm, in bytes: that of a DNS label (RFC 1035, section 2.3.4), so that it can be one.
pub const MAX_SWARM_NAME_BYTES: usize = 63;

/// Longest label between the dots of a capability or topic, in bytes.
pub const MAX_NAME_LABEL_BYTES: usize = 63;

/// Longest name of a capability (without its version) or topic, in bytes.
///
/// A topic travels with every observation; at this length it takes a tenth of a datagram.
pub const MAX_DOTTED_NAME_BYTES: usize = 128;

/// Most observations that one datagram carries.
///
/// The smallest observation takes 27 bytes, so that a full datagram of an Ethernet path stays far below; the bound is
/// for larger paths.
pub const MAX_OBSERVATIONS_PER_DATAGRAM: usize = 256;

/// Longest [`Key`](crate::Key) of an observation, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 64;

/// Longest payload of a reliable observation, in bytes: 1 MiB. Larger things are asked for.
pub const MAX_RELIABLE_PAYLOAD_BYTES: usize = 1 << 20;

/// Longest [`FeedFrame`](crate::FeedFrame) without its length prefix, in bytes: one reliable observation with the longest
/// payload, and what surrounds it.
pub const MAX_FEED_FRAME_BYTES: usize = MAX_RELIABLE_PAYLOAD_BYTES + 1024;

/// Most [`TopicPattern`](crate::TopicPattern)s to which a node subscribes at once.
pub const MAX_SUBSCRIPTIONS: usize = 64;

/// What a datagram spends beside its observations, in bytes: version and kind.
pub const DATAGRAM_OVERHEAD_BYTES: usize = 1;

/// Deepest nesting of arrays and maps that the guard lets pass.
pub const MAX_DEPTH: usize = 16;

/// Most elements of arrays and maps, over all levels, that the guard lets pass; an entry of a map counts twice.
///
/// A decoded node may take tens of bytes in memory: this bounds a value at about 1 MiB.
pub const MAX_NODES: usize = 16_384;

/// Requests of a connection that a peer serves or lets wait at once when its hello does not say.
pub const DEFAULT_MAX_REQUESTS: u32 = 64;

/// Longest datagram that a peer takes when its hello does not say, in bytes.
///
/// A path with the smallest MTU of QUIC (1,200 bytes, RFC 9000, section 14) leaves about 1,160 for a WebTransport
/// datagram.
pub const DEFAULT_MAX_DATAGRAM_BYTES: u32 = 1_100;

/// Longest [`Grant`](crate::Grant), in bytes. Signed and as a token it stays below 2,000 bytes of text, which fit into a
/// header block of HTTP/3 as it is commonly bounded (4,096 bytes).
pub const MAX_GRANT_BYTES: usize = 1024;

/// Most patterns of one permission of a [`Grant`](crate::Grant).
pub const MAX_GRANT_PATTERNS: usize = 32;

/// Most entries of [`Revocations`](crate::Revocations). Grants end by themselves: a list needs to name those alone that
/// would still be valid.
pub const MAX_REVOCATIONS: usize = 1024;

/// Longest [`Revocations`](crate::Revocations), in bytes: with its signature it fits into one frame.
pub const MAX_REVOCATIONS_BYTES: usize = 60 << 10;

/// Most grants in one [`ControlFrame::Grants`](crate::ControlFrame::Grants).
pub const MAX_GRANTS: usize = 32;
