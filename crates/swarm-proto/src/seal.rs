//! The signature that an observation carries when it travels further than from its origin to a peer. It is over the very
//! bytes that its origin made. Whether it is right, and whether the signer is anybody, is decided elsewhere.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::error::DecodeError;
use crate::key::PublicKey;
use crate::name::SwarmName;
use crate::reader::ArrayReader;
use crate::wire::Binary;
use crate::writer::{put_array, put_binary, put_uint};

/// Goes before what is signed, so that a signature for another purpose can never pass for one of an observation.
const DOMAIN: &[u8] = b"swarm observation v1\0";

/// Elements of a sealed observation: hops, key, signature, body. A plain one has seven at least.
pub(crate) const ELEMENTS: u8 = 4;

/// What stands around a body: array, hops, and three binaries with their headers.
const ENVELOPE_BYTES: usize = 1 + 2 + (2 + 32) + (2 + 64) + 5;

/// The signature (Ed25519, RFC 8032) of an observation's origin, and what it has signed.
///
/// It belongs to its [`Observation`](crate::Observation), and travels in place of what that says: whoever changes the
/// observation changes nothing of what is sent on, but for the hops.
///
/// ```
/// use swarm_proto::{AgentId, Delivery, Epoch, Observation, PublicKey, Sequence, SwarmName, UnixMicros};
/// # let observation = Observation {
/// #     origin: AgentId::from_key_digest([1; 32]),
/// #     epoch: Epoch::new(1_700_000_000_000),
/// #     sequence: Sequence::FIRST,
/// #     topic: "rover.position".parse()?,
/// #     sent_at: UnixMicros::new(1_700_000_000_250_000),
/// #     hops: 0,
/// #     payload: bytes::Bytes::new(),
/// #     delivery: Delivery::Lossy,
/// #     expires_ms: None,
/// #     seal: None,
/// # };
/// let (swarm, key) = (SwarmName::default(), PublicKey::from_bytes([2; 32]));
///
/// // A real signature comes from the key of the origin.
/// let sealed = observation.sealed(&swarm, key, |_message| [3; 64]);
/// let seal = sealed.seal.ok_or("it has none")?;
/// assert_eq!((seal.key(), seal.signature()), (key, &[3; 64]));
/// assert!(seal.message(&swarm).starts_with(b"swarm observation v1\0local\0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Seal {
    key: PublicKey,
    signature: [u8; 64],
    body: Bytes,
}

impl Seal {
    /// Signs `body`; `sign` is given the message.
    pub(crate) fn new(
        swarm: &SwarmName,
        key: PublicKey,
        body: Bytes,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Self {
        let signature = sign(&message(swarm, &body));
        Self { key, signature, body }
    }

    /// Who is said to have signed it.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// What is signed: a domain of its own, the swarm, a zero byte, and the observation as its origin encoded it.
    #[must_use]
    pub fn message(&self, swarm: &SwarmName) -> Vec<u8> {
        message(swarm, &self.body)
    }

    /// Writes the array of hops, key, signature and body.
    pub(crate) fn encode(&self, hops: u8) -> Bytes {
        let mut out = BytesMut::with_capacity(ENVELOPE_BYTES + self.body.len());
        put_array(&mut out, ELEMENTS);
        put_uint(&mut out, u64::from(hops));
        put_binary(&mut out, self.key.as_bytes());
        put_binary(&mut out, &self.signature);
        put_binary(&mut out, &self.body);
        out.freeze()
    }

    /// Reads the elements of such an array, which lies within `bytes` and shares their memory: the seal, the body as it
    /// lies there, and the hops.
    pub(crate) fn read<'a>(
        mut reader: ArrayReader<'a>,
        bytes: &Bytes,
    ) -> Result<(Self, &'a [u8], u8), DecodeError> {
        let hops = reader.next("hops")?;
        let key = reader.next("key")?;
        let signature = reader.next::<Binary<'_>>("signature")?.0;
        let signature = signature
            .try_into()
            .map_err(|_| DecodeError::Malformed(format!("signature of {} bytes, not 64", signature.len())))?;
        let body = reader.next::<Binary<'_>>("body")?.0;
        Ok((Self { key, signature, body: bytes.slice_ref(body) }, body, hops))
    }
}

fn message(swarm: &SwarmName, body: &[u8]) -> Vec<u8> {
    [DOMAIN, swarm.as_str().as_bytes(), b"\0", body].concat()
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Seal").field("key", &self.key).finish_non_exhaustive()
    }
}
