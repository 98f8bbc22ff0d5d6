//! The long-lived key of a node, and the id that follows from it.

use std::fmt;

use ring::digest;
use ring::hmac;
use ring::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use swarm_proto::{AgentId, PublicKey, Subject};

/// Separates the digest that makes an id from every other use of the key.
const AGENT_ID_DOMAIN: &[u8] = b"swarm agent id v1\0";

/// The same for guests that have no key.
const GUEST_ID_DOMAIN: &[u8] = b"swarm guest id v1\0";

/// The Ed25519 key that makes a node who it is (RFC 8032).
///
/// It signs the node's TLS keys and is never used for TLS itself, so certificates may come and go while the
/// [`AgentId`] stays. `Debug` prints the id and keeps the secret.
///
/// ```
/// use swarm_core::IdentityKey;
///
/// let key = IdentityKey::from_seed([7; 32]);
/// assert_eq!(key.agent_id(), IdentityKey::from_seed([7; 32]).agent_id());
/// assert_ne!(key.agent_id(), IdentityKey::from_seed([8; 32]).agent_id());
/// ```
pub struct IdentityKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl IdentityKey {
    /// Makes the key whose RFC 8032 private seed these 32 bytes are. They must come from a good source of randomness
    /// and stay secret: whoever has them is this agent.
    #[expect(
        clippy::expect_used,
        reason = "ring refuses only seeds and keys of another length; both are 32 bytes"
    )]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed of 32 bytes");
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 public key of 32 bytes");
        Self { seed, pair, public: PublicKey::from_bytes(public) }
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The id that belongs to this key.
    pub fn agent_id(&self) -> AgentId {
        agent_id_of(&self.public)
    }

    /// The 32 secret bytes that [`Self::from_seed`] takes, for keeping them.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Signs a message; callers put a domain tag in front of it.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        let signature = self.pair.sign(message);
        // An Ed25519 signature has 64 bytes; `zip` keeps this free of a panic all the same.
        bytes.iter_mut().zip(signature.as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// A secret of its own for each purpose (HMAC-SHA-256 of the purpose under the seed), the same after a restart.
    /// Stateless-reset and connection-id keys come from here: a peer then notices a restart at once instead of after
    /// the idle timeout.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.seed), purpose.as_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityKey").field("agent_id", &self.agent_id()).finish_non_exhaustive()
    }
}

/// The id that belongs to an Ed25519 public key: a UUIDv8 (RFC 9562) from SHA-256 over a domain tag and the key.
///
/// ```
/// # use swarm_core::{IdentityKey, agent_id_of};
/// let key = IdentityKey::from_seed([7; 32]);
/// assert_eq!(agent_id_of(&key.public_key()), key.agent_id());
/// ```
pub fn agent_id_of(public_key: &PublicKey) -> AgentId {
    id_of(AGENT_ID_DOMAIN, public_key.as_bytes())
}

/// The id of whoever a grant is for: that of the key, or, for a guest without one, taken from the digest of another
/// domain tag and the 16 bytes of the grant.
pub fn agent_id_of_subject(subject: &Subject) -> AgentId {
    match subject {
        Subject::Key(key) => agent_id_of(key),
        Subject::Bearer(token) => id_of(GUEST_ID_DOMAIN, token),
    }
}

fn id_of(domain: &[u8], what: &[u8]) -> AgentId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(domain);
    context.update(what);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    AgentId::from_key_digest(bytes)
}

/// Whether `signature` over `message` was made by the secret half of `public_key`.
pub(crate) fn verify(public_key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&signature::ED25519, public_key.as_bytes()).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_and_message_only() {
        let key = IdentityKey::from_seed([1; 32]);
        let signature = key.sign(b"message");

        assert!(verify(&key.public_key(), b"message", &signature));
        assert!(!verify(&key.public_key(), b"massage", &signature));
        assert!(!verify(&IdentityKey::from_seed([2; 32]).public_key(), b"message", &signature));
    }

    #[test]
    fn each_purpose_has_a_secret_of_its_own() {
        let key = IdentityKey::from_seed([1; 32]);

        assert_eq!(key.derive("a"), key.derive("a"));
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(key.derive("a"), IdentityKey::from_seed([2; 32]).derive("a"));
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        let text = format!("{:?}", IdentityKey::from_seed([0xab; 32]));

        assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    }
}
