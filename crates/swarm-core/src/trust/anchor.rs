//! The public halves of the roots, and what their signatures are worth.

use swarm_proto::{
    AgentId, Grant, PublicKey, Revocations, Signed, Statement, Subject, SwarmName, UnixSeconds,
};

use super::access::{GrantError, LONGEST_BEARER, RevocationError};
use crate::identity::{agent_id_of_subject, verify_signature};

/// Whom a node believes about its swarm: one root, or two while one takes the place of the other.
///
/// ```
/// use swarm_core::trust::{RootKey, TrustAnchor};
///
/// let root = RootKey::from_seed([1; 32]);
/// let anchor = TrustAnchor::new("harbour-7".parse()?, vec![root.public_key()])?;
/// assert!(anchor.is_root(&root.public_key()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    swarm: SwarmName,
    roots: Vec<PublicKey>,
}

/// An anchor has one root or two.
///
/// ```
/// use swarm_core::trust::{AnchorError, TrustAnchor};
///
/// assert_eq!(TrustAnchor::new("harbour-7".parse().unwrap(), vec![]), Err(AnchorError(0)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a swarm has one root, or two while one takes the place of the other; these are {0}")]
pub struct AnchorError(pub usize);

impl TrustAnchor {
    /// Trusts these roots, in this swarm.
    ///
    /// # Errors
    /// With none or more than two.
    pub fn new(swarm: SwarmName, mut roots: Vec<PublicKey>) -> Result<Self, AnchorError> {
        roots.sort_unstable();
        roots.dedup();
        match roots.len() {
            1 | 2 => Ok(Self { swarm, roots }),
            other => Err(AnchorError(other)),
        }
    }

    /// Trusts this root alone.
    pub fn of(swarm: SwarmName, root: PublicKey) -> Self {
        Self { swarm, roots: vec![root] }
    }

    /// The swarm of which they are the roots.
    pub fn swarm(&self) -> &SwarmName {
        &self.swarm
    }

    /// The roots, sorted.
    pub fn roots(&self) -> &[PublicKey] {
        &self.roots
    }

    /// Whether this is one of them.
    pub fn is_root(&self, key: &PublicKey) -> bool {
        self.roots.contains(key)
    }

    /// Whose grant this is, if a root signed it, it holds now, and it is not among what was taken back, as far as that is
    /// known. A node asks its [`Access`](super::Access), which knows.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use swarm_core::IdentityKey;
    /// use swarm_core::proto::UnixSeconds;
    /// use swarm_core::trust::{Credentials, RootKey};
    ///
    /// let (root, now) = (RootKey::from_seed([1; 32]), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    /// let rover = Credentials::dev(&root, "local".parse().unwrap(), IdentityKey::from_seed([7; 32]), now)?;
    ///
    /// let admitted = rover.anchor().admit(rover.grant(), None, UnixSeconds::from_system_time(now));
    /// assert_eq!(admitted, Ok(rover.agent_id()));
    /// # Ok::<(), swarm_core::proto::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// Why it does not count.
    pub fn admit(
        &self,
        grant: &Signed<Grant>,
        revoked: Option<&Revocations>,
        now: UnixSeconds,
    ) -> Result<AgentId, GrantError> {
        if !self.is_root(&grant.signer()) {
            return Err(GrantError::UnknownRoot { signer: grant.signer() });
        }
        self.admit_signed(grant, revoked, now)
    }

    /// As [`Self::admit`], whoever has signed it.
    pub(super) fn admit_signed(
        &self,
        grant: &Signed<Grant>,
        revoked: Option<&Revocations>,
        now: UnixSeconds,
    ) -> Result<AgentId, GrantError> {
        let agent = self.holds(grant.statement(), revoked, now)?;
        if is_signed(grant) { Ok(agent) } else { Err(GrantError::BadSignature) }
    }

    /// Whether a grant with a signature that is right counts.
    pub(super) fn holds(
        &self,
        grant: &Grant,
        revoked: Option<&Revocations>,
        now: UnixSeconds,
    ) -> Result<AgentId, GrantError> {
        if grant.swarm != self.swarm {
            return Err(GrantError::WrongSwarm { ours: self.swarm.clone(), theirs: grant.swarm.clone() });
        }
        let valid = grant.valid;
        if now < valid.from {
            return Err(GrantError::NotYetValid { from: valid.from });
        }
        if now > valid.until {
            return Err(GrantError::Expired { until: valid.until });
        }
        if matches!(grant.subject, Subject::Bearer(_))
            && valid.until > valid.from.saturating_add(LONGEST_BEARER)
        {
            return Err(GrantError::TooLong);
        }
        let agent = agent_id_of_subject(&grant.subject);
        if revoked.is_some_and(|list| list.voids(agent, valid.from)) {
            return Err(GrantError::Revoked { agent });
        }
        Ok(agent)
    }

    /// Whether this list of revocations is for this swarm, and a root has signed it.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn check(&self, list: &Signed<Revocations>) -> Result<(), RevocationError> {
        self.names_root_of(list)?;
        if is_signed(list) { Ok(()) } else { Err(RevocationError::BadSignature) }
    }

    /// As [`Self::check`], without the look at its signature.
    pub(super) fn names_root_of(&self, list: &Signed<Revocations>) -> Result<(), RevocationError> {
        let theirs = &list.statement().swarm;
        if *theirs != self.swarm {
            return Err(RevocationError::WrongSwarm { ours: self.swarm.clone(), theirs: theirs.clone() });
        }
        if !self.is_root(&list.signer()) {
            return Err(RevocationError::UnknownRoot { signer: list.signer() });
        }
        Ok(())
    }
}

fn is_signed<T: Statement>(signed: &Signed<T>) -> bool {
    verify_signature(&signed.signer(), &signed.message(), signed.signature())
}
