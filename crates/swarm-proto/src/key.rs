//! The public half of a key that signs. Carries it only: signing and verifying is done elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::Binary;

/// An Ed25519 public key (RFC 8032): of an agent, or of a root of a swarm.
///
/// 32 binary bytes on the wire, 64 hexadecimal digits in text.
///
/// ```
/// use swarm_proto::PublicKey;
///
/// let key = PublicKey::from_bytes([0xab; 32]);
/// assert_eq!(key.to_string().parse(), Ok(key));
/// assert_eq!(key.fingerprint(), "abab-abab-abab-abab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// A text is not a public key: it is not 64 hexadecimal digits.
///
/// ```
/// use swarm_proto::{PublicKey, PublicKeyError};
///
/// assert_eq!("abc".parse::<PublicKey>(), Err(PublicKeyError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is written with 64 hexadecimal digits")]
pub struct PublicKeyError;

impl PublicKey {
    /// The key of these bytes. Whether they are a point of the curve shows when a signature is verified.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they travel.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes, for people who compare two keys at a glance.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digits = self.to_string();
        let mut groups: Vec<&str> = Vec::new();
        for start in (0..16).step_by(4) {
            groups.extend(digits.get(start..start + 4));
        }
        groups.join("-")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() != 64 {
            return Err(PublicKeyError);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| PublicKeyError)?;
            if digits.contains('+') {
                return Err(PublicKeyError);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| PublicKeyError)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Binary::deserialize(deserializer)?.0;
        let key = bytes.try_into().map(Self);
        key.map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"a public key of 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_64_hexadecimal_digits_is_no_key() {
        for text in ["", "ab", &"ab".repeat(33), &"zz".repeat(32), &"+a".repeat(32), &"é".repeat(32)] {
            assert_eq!(text.parse::<PublicKey>(), Err(PublicKeyError), "{text}");
        }
    }
}
