//! Who speaks ([`AgentId`]), in which life ([`Epoch`]), which message of it ([`Sequence`]), and about which request
//! ([`RequestId`]). Ids are made from bytes that the caller brings: nothing here draws random numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use uuid::{Builder, Uuid, Variant};

use crate::wire::{Binary, Text};

/// Length of a UUID with hyphens.
const TEXT_BYTES: usize = 36;

/// Why something is not an id.
///
/// ```
/// use swarm_proto::{AgentId, IdError};
///
/// // Version 4: random, so it says nothing about a key.
/// let refused = "9f3c1f0e-4c1a-4b52-9a57-0242ac120002".parse::<AgentId>();
/// assert_eq!(refused, Err(IdError::Version { got: 4 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text is not a UUID with hyphens.
    #[error("an id is written as a UUID with hyphens, like 00000000-0000-8000-8000-000000000000")]
    Text,
    /// The binary form has another length.
    #[error("an id takes 16 bytes, not {got}")]
    Length {
        /// Bytes found.
        got: usize,
    },
    /// The UUID has another layout than that of RFC 9562.
    #[error("an id is a UUID of the variant of RFC 9562; this one has another")]
    Variant,
    /// The UUID has another version than 8.
    #[error("an id is a UUID of version 8, not {got}")]
    Version {
        /// Version found.
        got: usize,
    },
}

macro_rules! uuid_id {
    ($name:ident) => {
        impl $name {
            /// Takes a UUID that is an id already.
            ///
            /// # Errors
            /// [`IdError::Variant`] or [`IdError::Version`] unless it is of version 8 (RFC 9562, section 5.8).
            pub fn from_uuid(uuid: Uuid) -> Result<Self, IdError> {
                version_8(uuid).map(Self)
            }

            /// Takes the 16 bytes of an id, as they travel.
            ///
            /// # Errors
            /// As [`from_uuid`](Self::from_uuid).
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
                Self::from_uuid(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, as they travel.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The first eight hexadecimal digits: enough to tell ids apart in a log, never to identify.
            #[must_use]
            pub fn short(&self) -> String {
                self.0.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // The parser would take braces, URNs and bare digits too: one id would have many spellings.
                if text.len() != TEXT_BYTES {
                    return Err(IdError::Text);
                }
                Self::from_uuid(Uuid::try_parse(text).map_err(|_| IdError::Text)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(self.as_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = if deserializer.is_human_readable() {
                    Text::deserialize(deserializer)?.0.parse()
                } else {
                    sixteen(Binary::deserialize(deserializer)?.0).and_then(Self::from_bytes)
                };
                id.map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Who an agent is, over all its lives and addresses: a UUID of version 8 (RFC 9562) taken from the digest of its
/// public key, so that nobody can claim it without the key.
///
/// Sixteen binary bytes on the wire, a UUID with hyphens in text.
///
/// ```
/// use swarm_proto::AgentId;
///
/// let id = AgentId::from_key_digest([0xab; 32]);
/// assert_eq!(id.to_string(), "abababab-abab-8bab-abab-abababababab");
/// assert_eq!(id.short(), "abababab");
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(Uuid);

impl AgentId {
    /// The id that belongs to a key, given a digest of its public half: the first 16 bytes, with version and variant
    /// written over their six bits.
    #[must_use]
    pub fn from_key_digest(digest: [u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, digested)| *byte = digested);
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

uuid_id!(AgentId);

/// Which request: unique to the requester that made it, for logs and traces of both sides.
///
/// Sixteen binary bytes on the wire, a UUID of version 8 with hyphens in text.
///
/// ```
/// use swarm_proto::RequestId;
///
/// let id = RequestId::from_random([7; 16]);
/// assert_eq!(RequestId::from_bytes(*id.as_bytes()), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Makes an id of 16 bytes from the caller's generator; six of their bits are overwritten.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

uuid_id!(RequestId);

/// Which life of an agent: milliseconds since the Unix epoch at its start, so that a later life has a larger one.
///
/// ```
/// use swarm_proto::Epoch;
///
/// assert!(Epoch::new(1_700_000_000_000) < Epoch::new(1_700_000_000_001));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The life that began `unix_millis` milliseconds after the start of 1970 (UTC).
    #[must_use]
    pub const fn new(unix_millis: u64) -> Self {
        Self(unix_millis)
    }

    /// Milliseconds between the start of 1970 (UTC) and that of this life.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Which observation of a life: 1, 2, 3, … in the order of broadcasting.
///
/// ```
/// use swarm_proto::Sequence;
///
/// assert_eq!(Sequence::FIRST.next(), Sequence::new(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u64);

impl Sequence {
    /// The first observation of a life.
    pub const FIRST: Self = Self(1);

    /// The observation with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the observation.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one; the largest, which no life reaches, is its own successor.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

fn version_8(uuid: Uuid) -> Result<Uuid, IdError> {
    if uuid.get_variant() != Variant::RFC4122 {
        return Err(IdError::Variant);
    }
    match uuid.get_version_num() {
        8 => Ok(uuid),
        got => Err(IdError::Version { got }),
    }
}

fn sixteen(bytes: &[u8]) -> Result<[u8; 16], IdError> {
    bytes.try_into().map_err(|_| IdError::Length { got: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_slice, to_vec};

    #[test]
    fn an_agent_id_keeps_the_digest_but_for_version_and_variant() {
        let id = AgentId::from_key_digest([0xff; 32]);

        assert_eq!(id.to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(format!("{id:?}"), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = RequestId::from_random([0x5a; 16]);
        let text = id.to_string();

        assert_eq!(text.parse(), Ok(id));
        for other in [text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}"), String::new()]
        {
            assert_eq!(other.parse::<RequestId>(), Err(IdError::Text), "{other}");
        }
    }

    #[test]
    fn other_versions_and_variants_are_refused() {
        assert_eq!(AgentId::from_uuid(Uuid::nil()), Err(IdError::Variant));
        assert_eq!(
            "00000000-0000-7000-8000-000000000000".parse::<AgentId>(),
            Err(IdError::Version { got: 7 })
        );
        assert_eq!("00000000-0000-8000-c000-000000000000".parse::<AgentId>(), Err(IdError::Variant));
    }

    #[test]
    fn an_id_is_a_binary_of_16_bytes_on_the_wire() {
        let id = AgentId::from_key_digest([0; 32]);
        let bytes = to_vec(&id).unwrap();

        assert_eq!(bytes, b"\xc4\x10\0\0\0\0\0\0\x80\0\x80\0\0\0\0\0\0\0");
        assert_eq!(from_slice::<AgentId>(&bytes), Ok(id));
    }

    #[test]
    fn an_id_of_another_type_length_or_version_is_not_decoded() {
        for bytes in [
            b"\xb0\0\0\0\0\0\0\x40\0\x40\0\0\0\0\0\0\0".as_slice(), // a string
            b"\xc4\x0f\0\0\0\0\0\0\x80\0\x80\0\0\0\0\0\0",          // 15 bytes
            b"\xc4\x10\0\0\0\0\0\0\x40\0\x80\0\0\0\0\0\0\0",        // version 4
        ] {
            assert!(from_slice::<AgentId>(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn an_id_is_text_where_people_read() {
        let id = AgentId::from_key_digest([0; 32]);
        let json = serde_json::to_string(&id).unwrap();

        assert_eq!(json, "\"00000000-0000-8000-8000-000000000000\"");
        assert_eq!(serde_json::from_str::<AgentId>(&json).unwrap(), id);
    }

    #[test]
    fn the_last_sequence_has_no_successor() {
        assert_eq!(Sequence::new(u64::MAX).next(), Sequence::new(u64::MAX));
    }
}
