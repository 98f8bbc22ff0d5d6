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

#[cfg(test)]
mod tests {
    use swarm_proto::{Permissions, Revocation, Role, Subject, SwarmName, UnixSeconds, Validity};

    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    /// The worked examples of `docs/protocol.md`, computed by another library.
    #[test]
    fn the_signatures_are_those_that_other_languages_compute() {
        let (root, agent) = (RootKey::from_seed([1; 32]), IdentityKey::from_seed([7; 32]));
        let permissions = Permissions {
            publish: vec!["rover.**".parse().unwrap()],
            subscribe: vec!["**".parse().unwrap()],
            serve: Vec::new(),
            call: vec!["vision.**@*".parse().unwrap()],
        };
        let grant = Grant {
            swarm: SwarmName::default(),
            subject: Subject::Key(agent.public_key()),
            role: Role::Member,
            permissions,
            datagrams_per_second: None,
            valid: Validity { from: NOW, until: UnixSeconds::new(1_802_592_000) },
        };
        let revoked = vec![Revocation { agent: agent.agent_id(), until: NOW }];
        let list = Revocations { swarm: SwarmName::default(), version: 1, revoked };

        assert_eq!(
            root.grant(grant).unwrap().to_string(),
            concat!(
                "k8SGiKVzd2FybaVsb2NhbKNrZXnEIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIspHJvbGWmbWVtYmVyp3B1Ymxpc2iRqHJvdmVy",
                "LioqqXN1YnNjcmliZZGiKiqkY2FsbJGrdmlzaW9uLioqQCqkZnJvbc5rSdIApXVudGlszmtxXwDEIIqI4910CfGV_VLbLTy6XXLKZwm_HZQS",
                "G_N0iAG0D29cxEC9rJ3j0g9Ta-m9XjeddIUYION_b3Yiq8mvTsvKz6JKoYO_EWBn1mPdN41rnnE9zdGWeDeL3fRFgbpy94VREdQD",
            )
        );
        let signature: String =
            root.revoke(list).unwrap().signature().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            signature,
            concat!(
                "194778c70a3db64d66c968b3b0460d7ea18356c6d880d596a5b743bb440add54",
                "d31cd591ba946476e1811cd9d81eb36da9717564cd1b19e4cb1d19b3b2568504",
            )
        );
    }
}
