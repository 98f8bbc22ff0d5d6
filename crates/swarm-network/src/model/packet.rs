//! What goes from one end of a connection to the other.

use std::sync::Arc;

use bytes::Bytes;
use swarm_proto::{CloseCode, ResetCode};

use super::ends::EndId;
use super::identity::Identity;
use crate::Host;

/// What QUIC adds to a datagram at most: the short header with a connection id of 8 bytes, the authentication tag, and
/// the head of the frame (RFC 9000, section 17.3; RFC 9221), and the byte that names the session (RFC 9297).
pub(super) const DATAGRAM_OVERHEAD_BYTES: usize = 29 + 9 + 1;

/// The same for a piece of a stream.
pub(super) const STREAM_OVERHEAD_BYTES: usize = 29 + 16;

/// A packet with an acknowledgement, or another frame that has no data.
const SMALL_BYTES: usize = 40;

/// What the first packets of a connection are filled up to (RFC 9000, section 14.1).
const FULL_BYTES: usize = 1200;

#[derive(Debug)]
pub(super) struct Packet {
    pub(super) from: Host,
    pub(super) to: Host,
    pub(super) source: EndId,
    /// None in the first packets of a dialler, who does not know it yet.
    pub(super) target: Option<EndId>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Datagram(Bytes),
    /// Sent again until it arrives.
    Frame(Box<Frame>),
    Step(Step),
    /// The sender does not accept the other's certificate.
    Alert(Box<str>),
    Close(Box<Farewell>),
    Ping,
    /// Something was heard.
    Ack,
    /// The target is not known here any more.
    Reset,
}

/// The handshake: each step of the dialler is answered by the next one of the acceptor, and repeated until it is.
#[derive(Debug)]
pub(super) enum Step {
    /// May I come in? With a proof of the address, or without.
    First { identity: Arc<Identity>, validated: bool },
    /// Prove your address first.
    Retry,
    /// TLS: who the acceptor is.
    Flight(Arc<Identity>),
    /// TLS: who the dialler is.
    Finished,
    /// HTTP/3.
    Settings,
    /// WebTransport: may I open a session?
    Connect,
    /// You may.
    Established,
}

/// A part of what is said on streams.
#[derive(Debug)]
pub(super) struct Frame {
    /// How often it was lost.
    pub(super) lost: u8,
    pub(super) kind: FrameKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FrameKind {
    Data { stream: u64, offset: u64, data: Bytes, fin: bool },
    Reset { stream: u64, code: ResetCode, size: u64 },
    Stop { stream: u64, code: ResetCode },
    MaxStreamData { stream: u64, max: u64 },
    MaxData { max: u64 },
    MaxStreams { max: u64 },
}

/// The last word of a connection. Without a code it was dropped, not closed.
#[derive(Debug, Clone)]
pub(super) struct Farewell {
    pub(super) code: Option<CloseCode>,
    pub(super) reason: String,
}

impl Packet {
    /// How large it would be as a UDP payload.
    pub(super) fn bytes(&self) -> usize {
        match &self.body {
            Body::Datagram(datagram) => DATAGRAM_OVERHEAD_BYTES + datagram.len(),
            Body::Frame(frame) => match &frame.kind {
                FrameKind::Data { data, .. } => STREAM_OVERHEAD_BYTES + data.len(),
                _ => SMALL_BYTES,
            },
            Body::Step(Step::First { .. } | Step::Flight(_) | Step::Finished) => FULL_BYTES,
            Body::Step(Step::Connect) => 5 * SMALL_BYTES,
            Body::Step(_) => 2 * SMALL_BYTES,
            Body::Alert(reason) => SMALL_BYTES + reason.len(),
            Body::Close(farewell) => SMALL_BYTES + farewell.reason.len(),
            Body::Ping | Body::Ack | Body::Reset => SMALL_BYTES,
        }
    }
}

impl Body {
    /// Whether the other end lets hear something of itself for it.
    pub(super) fn asks_for_answer(&self) -> bool {
        matches!(self, Self::Datagram(_) | Self::Frame(_) | Self::Step(_) | Self::Ping)
    }
}
