//! The key that says who belongs to a swarm.

use std::fmt;

use swarm_proto::{EncodeError, Grant, PublicKey, Revocations, Signed, Statement};

use crate::identity::IdentityKey;

/// The secret key of a root (Ed25519, RFC 8032). It belongs on a machine without a network: nodes know its public half.
///
/// ```
/// use swarm_core::proto::{Grant, Permissions, Role, Subject, UnixSeconds, Validity};
/// use swarm_core::trust::RootKey;
/// use swarm_core::IdentityKey;
///
/// let root = RootKey::from_seed([1; 32]);
/// let rover = IdentityKey::from_seed([7; 32]);
/// let grant = root.grant(Grant {
///     swarm: "harbour-7".parse()?,
///     subject: Subject::Key(rover.public_key()),
///     role: Role::Member,
///     permissions: Permissions { publish: vec!["rover.**".parse()?], ..Permissions::default() },
///     datagrams_per_second: None,
///     valid: Validity { from: UnixSeconds::new(1_700_000_000), until: UnixSeconds::new(1_702_592_000) },
/// })?;
/// assert_eq!(grant.signer(), root.public_key());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RootKey(IdentityKey);

impl RootKey {
    /// Makes the key of these 32 bytes, which must come from a good source of randomness and stay secret.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(IdentityKey::from_seed(seed))
    }

    /// The public half, which nodes trust.
    pub fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    /// Signs a grant.
    ///
    /// # Errors
    /// If it has too many patterns, or is longer than 1,024 bytes.
    pub fn grant(&self, grant: Grant) -> Result<Signed<Grant>, EncodeError> {
        self.sign(grant)
    }

    /// Signs a list of those whose grants are void.
    ///
    /// # Errors
    /// If it has more than 1,024 entries.
    pub fn revoke(&self, list: Revocations) -> Result<Signed<Revocations>, EncodeError> {
        self.sign(list)
    }

    fn sign<T: Statement>(&self, statement: T) -> Result<Signed<T>, EncodeError> {
        Signed::new(statement, self.public_key(), |message| self.0.sign(message))
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        self.0.seed()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RootKey").field(&self.public_key().fingerprint()).finish()
    }
}
