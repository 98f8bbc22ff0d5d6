//! A statement with the signature of whoever makes it. The signature is over the very bytes that travelled, never over
//! what they decode to. Whether it is right, and whether the signer is anybody, is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};

use crate::error::{DecodeError, EncodeError};
use crate::frame::check_len;
use crate::key::PublicKey;
use crate::reader::ArrayReader;
use crate::wire::Binary;
use crate::writer::{put_array, put_binary};

/// What can be signed: it says what its signatures are for, so that one can never pass for another.
pub trait Statement: Sized {
    /// Goes before the bytes that are signed. Ends with a zero byte.
    const DOMAIN: &'static [u8];
    /// The longest that it may be, in bytes.
    const MAX_BYTES: usize;

    /// The bytes that are signed.
    ///
    /// # Errors
    /// If a part exceeds its limit.
    fn encode(&self) -> Result<Bytes, EncodeError>;

    /// Reads the bytes that were signed.
    ///
    /// # Errors
    /// If they are unsound, exceed a limit, or lack a field that is required.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// What stands around a statement: array, three headers, key and signature.
const ENVELOPE_BYTES: usize = 1 + 5 + (2 + 32) + (2 + 64);

/// A statement, who is said to have signed it, and the signature (Ed25519, RFC 8032).
///
/// On the wire an array of three binaries: the statement, the signer's public key, the signature. In text the same in
/// base64url without padding (RFC 4648, section 5), as a token for a header or a query.
///
/// ```
/// use swarm_proto::{Grant, Permissions, PublicKey, Role, Signed, Subject, UnixSeconds, Validity};
///
/// let grant = Grant {
///     swarm: "harbour-7".parse()?,
///     subject: Subject::Key(PublicKey::from_bytes([1; 32])),
///     role: Role::Member,
///     permissions: Permissions::everything(),
///     datagrams_per_second: None,
///     valid: Validity { from: UnixSeconds::new(1_700_000_000), until: UnixSeconds::new(1_702_592_000) },
/// };
/// // A real signature comes from the key of a root.
/// let signed = Signed::new(grant, PublicKey::from_bytes([2; 32]), |_message| [3; 64])?;
/// assert_eq!(signed.to_string().parse::<Signed<Grant>>()?, signed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<T> {
    statement: T,
    bytes: Bytes,
    signer: PublicKey,
    signature: [u8; 64],
}

impl<T: Statement> Signed<T> {
    /// Signs a statement. `sign` is given the message: the domain of the statement and its bytes.
    ///
    /// # Errors
    /// If a part of the statement exceeds its limit.
    pub fn new(
        statement: T,
        signer: PublicKey,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Result<Self, EncodeError> {
        let bytes = statement.encode()?;
        if bytes.len() > T::MAX_BYTES {
            return Err(EncodeError::TooLarge { len: bytes.len(), max: T::MAX_BYTES });
        }
        let signature = sign(&message::<T>(&bytes));
        Ok(Self { statement, bytes, signer, signature })
    }

    /// What is signed: the domain of the statement, and its bytes as they came.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        message::<T>(&self.bytes)
    }

    /// Encodes statement, signer and signature.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(ENVELOPE_BYTES + self.bytes.len());
        put_array(&mut out, 3);
        put_binary(&mut out, &self.bytes);
        put_binary(&mut out, self.signer.as_bytes());
        put_binary(&mut out, &self.signature);
        out.freeze()
    }

    /// Decodes them. Says nothing about whether the signature is right.
    ///
    /// # Errors
    /// A [`DecodeError`] if the bytes are unsound, too long, or the statement cannot be read.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_len(bytes, T::MAX_BYTES + ENVELOPE_BYTES)?;
        let mut reader = ArrayReader::whole(bytes)?;
        let statement = reader.next::<Binary<'_>>("statement")?.0;
        check_len(statement, T::MAX_BYTES)?;
        let signer = reader.next("signer")?;
        let signature = reader.next::<Binary<'_>>("signature")?.0;
        let signature = signature
            .try_into()
            .map_err(|_| DecodeError::Malformed(format!("signature of {} bytes, not 64", signature.len())))?;
        Ok(Self {
            statement: T::decode(statement)?,
            bytes: Bytes::copy_from_slice(statement),
            signer,
            signature,
        })
    }
}

impl<T> Signed<T> {
    /// What is stated.
    pub fn statement(&self) -> &T {
        &self.statement
    }

    /// Who is said to have signed it.
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

fn message<T: Statement>(bytes: &[u8]) -> Vec<u8> {
    [T::DOMAIN, bytes].concat()
}

impl<T: Statement> fmt::Display for Signed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.encode()))
    }
}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signed")
            .field("statement", &self.statement)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

impl<T: Statement> FromStr for Signed<T> {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let most = (T::MAX_BYTES + ENVELOPE_BYTES).div_ceil(3) * 4;
        check_len(text.as_bytes(), most)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| DecodeError::Malformed(format!("not base64url: {error}")))?;
        Self::decode(&bytes)
    }
}
