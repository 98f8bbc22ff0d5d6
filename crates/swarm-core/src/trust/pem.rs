//! Keys as files hold them: PKCS #8 (RFC 5958, RFC 8410) for the secret, SubjectPublicKeyInfo for the public half, both
//! in PEM (RFC 7468), as other tools write and read them.

use ed25519::pkcs8::{KeypairBytes, PublicKeyBytes};
use pkcs8::DecodePublicKey;
use pkcs8::EncodePublicKey;
use pkcs8::LineEnding;
use pkcs8::{DecodePrivateKey, EncodePrivateKey};
use swarm_proto::PublicKey;

/// A file holds no key of the kind that was expected.
///
/// ```
/// use swarm_core::trust::KeyFileError;
///
/// assert!(KeyFileError::NotSecret.to_string().contains("PRIVATE KEY"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// No secret key.
    #[error("no Ed25519 secret key in PKCS #8 PEM (-----BEGIN PRIVATE KEY-----)")]
    NotSecret,
    /// No public keys.
    #[error("no Ed25519 public keys in PEM (-----BEGIN PUBLIC KEY-----)")]
    NotPublic,
}

pub(super) fn write_secret(seed: &[u8; 32]) -> Result<String, KeyFileError> {
    let pair = KeypairBytes { secret_key: *seed, public_key: None };
    let text = pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyFileError::NotSecret)?;
    Ok(text.to_string())
}

/// The 32 bytes of the secret key that this text holds, for [`IdentityKey::from_seed`](crate::IdentityKey::from_seed). A
/// file is better read with [`read_identity`](super::files::read_identity), which looks at who else may.
///
/// # Errors
/// If it holds none.
pub fn read_secret(text: &str) -> Result<[u8; 32], KeyFileError> {
    KeypairBytes::from_pkcs8_pem(text.trim()).map(|pair| pair.secret_key).map_err(|_| KeyFileError::NotSecret)
}

pub(super) fn write_public(keys: &[PublicKey]) -> Result<String, KeyFileError> {
    let texts = keys.iter().map(|key| PublicKeyBytes(*key.as_bytes()).to_public_key_pem(LineEnding::LF));
    texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.concat()).map_err(|_| KeyFileError::NotPublic)
}

/// The public keys that this text holds, at least one.
///
/// ```
/// use swarm_core::trust::{KeyFileError, pem};
///
/// assert_eq!(pem::read_public("no key"), Err(KeyFileError::NotPublic));
/// ```
///
/// # Errors
/// If it holds none, or anything else.
pub fn read_public(text: &str) -> Result<Vec<PublicKey>, KeyFileError> {
    const END: &str = "-----END PUBLIC KEY-----";
    let blocks = text.split_inclusive(END).map(str::trim).filter(|block| !block.is_empty());
    let keys = blocks
        .map(|block| PublicKeyBytes::from_public_key_pem(block).map(|key| PublicKey::from_bytes(key.0)));
    match keys.collect::<Result<Vec<_>, _>>() {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        _ => Err(KeyFileError::NotPublic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let keys = [PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32])];

        assert_eq!(read_secret(&write_secret(&[7; 32]).unwrap()), Ok([7; 32]));
        assert_eq!(read_public(&write_public(&keys).unwrap()), Ok(keys.to_vec()));
    }

    /// As OpenSSL writes it.
    #[test]
    fn a_key_of_another_tool_is_read() {
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n";

        assert_eq!(read_secret(text), Ok([7; 32]));
    }

    #[test]
    fn another_text_is_no_key() {
        for text in ["", "key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"] {
            assert_eq!(read_secret(text), Err(KeyFileError::NotSecret));
            assert_eq!(read_public(text), Err(KeyFileError::NotPublic));
        }
    }
}
