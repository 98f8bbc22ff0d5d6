//! What can go wrong between a value and its bytes. Names the failure, never logs or repairs it.

use thiserror::Error;

use crate::guard::GuardError;

/// Why bytes from a peer are not a message.
///
/// Decoding has no side effect: whoever gets this may drop the datagram, or close the stream or connection with
/// [`CloseCode::ProtocolViolation`](crate::CloseCode::ProtocolViolation).
///
/// ```
/// use swarm_proto::{DecodeError, Frame, RequestFrame};
///
/// // An array whose first element, the kind, nobody has defined.
/// assert_eq!(RequestFrame::decode(&[0x91, 99]), Err(DecodeError::UnknownKind(99)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There is nothing to decode, or a datagram of observations holds none.
    #[error("there is no content to decode; the sender left out the message")]
    Empty,
    /// The message is longer than its kind may be.
    #[error("the message takes {len} bytes, of which at most {max} are allowed; send less at once")]
    TooLarge {
        /// Length of what was received, in bytes.
        len: usize,
        /// Longest that is allowed, in bytes.
        max: usize,
    },
    /// The bytes are not MessagePack that may be decoded.
    #[error("the bytes did not pass the guard: {0}")]
    Guard(#[from] GuardError),
    /// The bytes are sound MessagePack, but not this message: a wrong type, name or missing entry.
    #[error("the content does not fit the message: {0}")]
    Malformed(String),
    /// A frame or observation is something other than an array.
    #[error("the message must be a MessagePack array; the first byte is {marker:#04x}")]
    NotAnArray {
        /// The byte found where the array should begin.
        marker: u8,
    },
    /// The array ends before a required element.
    #[error("the message ends before its {what}")]
    Missing {
        /// The element that is not there.
        what: &'static str,
    },
    /// The kind is not defined for this place; a later version may know it.
    #[error("kind {0} is not known here; the peer may speak a later version")]
    UnknownKind(u64),
    /// A datagram of another protocol version.
    #[error("the datagram has protocol version {got}; only version 1 is spoken here")]
    Version {
        /// The version that the datagram claims.
        got: u8,
    },
    /// One part is larger than the protocol allows.
    #[error("the {what} exceed the limit of {max}")]
    LimitExceeded {
        /// The part, with its unit.
        what: &'static str,
        /// The most that is allowed.
        max: usize,
    },
}

/// Why a value was not encoded. Nothing was produced.
///
/// ```
/// use swarm_proto::{Chunk, EncodeError, Frame, MAX_LABEL_BYTES, RequestFrame};
///
/// let chunk = Chunk::new("x".repeat(65), vec![1, 2, 3]);
/// let refused = RequestFrame::Chunk(chunk).encode();
/// assert_eq!(refused, Err(EncodeError::LimitExceeded { what: "bytes of a chunk's label", max: MAX_LABEL_BYTES }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The value cannot be written as MessagePack.
    #[error("the value cannot be written as MessagePack: {0}")]
    Serialize(String),
    /// The encoded value would not pass the guard of the peer that reads it.
    #[error("no peer would accept the value: {0}; nest less, or put long lists into several chunks")]
    Guard(#[from] GuardError),
    /// The encoded message is longer than its kind may be.
    #[error("the message takes {len} bytes, of which at most {max} are allowed; split it")]
    TooLarge {
        /// Length of the encoded message, in bytes.
        len: usize,
        /// Longest that is allowed, in bytes.
        max: usize,
    },
    /// One part is larger than the protocol allows.
    #[error("the {what} exceed the limit of {max}; give less")]
    LimitExceeded {
        /// The part, with its unit.
        what: &'static str,
        /// The most that is allowed.
        max: usize,
    },
}

/// A part that is larger than the protocol allows, whichever way it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    what: &'static str,
    max: usize,
}

/// Refuses an `amount` above `max`; `what` names the part, with its unit.
pub(crate) fn at_most(max: usize, amount: usize, what: &'static str) -> Result<(), Exceeded> {
    if amount > max { Err(Exceeded { what, max }) } else { Ok(()) }
}

impl From<Exceeded> for DecodeError {
    fn from(Exceeded { what, max }: Exceeded) -> Self {
        Self::LimitExceeded { what, max }
    }
}

impl From<Exceeded> for EncodeError {
    fn from(Exceeded { what, max }: Exceeded) -> Self {
        Self::LimitExceeded { what, max }
    }
}
