//! What a node starts with: who it is, and who says so.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use swarm_proto::{
    AgentId, EncodeError, Grant, Permissions, PublicKey, Revocations, Role, Signed, Subject, SwarmName,
    UnixSeconds, Validity,
};

use super::anchor::{AnchorError, TrustAnchor};
use super::files::{self, FileError};
use super::root::RootKey;
use crate::identity::{IdentityKey, agent_id_of_subject};

/// How long a grant for local work holds.
const DEV_VALIDITY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Clocks differ: it holds a little before it was made.
const BACKDATED: Duration = Duration::from_secs(3600);

/// An agent's key, the roots that it trusts, its grant, and what was taken back when it started.
///
/// ```no_run
/// use std::path::Path;
/// use swarm_core::trust::Credentials;
///
/// // identity.pem, roots.pem, grant, and revocations if there are any.
/// let credentials = Credentials::load(Path::new("/etc/swarm/rover-7"))?;
/// println!("{} of {}", credentials.agent_id(), credentials.anchor().swarm());
/// # Ok::<(), swarm_core::trust::CredentialsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Credentials {
    identity: Arc<IdentityKey>,
    anchor: TrustAnchor,
    grant: Signed<Grant>,
    revocations: Option<Signed<Revocations>>,
}

/// Why key, roots and grant do not go together.
///
/// ```
/// use std::path::Path;
/// use swarm_core::trust::{Credentials, CredentialsError};
///
/// let error = Credentials::load(Path::new("no/such/directory")).unwrap_err();
/// assert!(matches!(error, CredentialsError::File(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// There are no roots, or too many.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The grant is for another key.
    #[error("the grant is for the agent {granted}, the key is that of {held}")]
    OtherAgent {
        /// Whom the grant is for.
        granted: AgentId,
        /// Whose key it is.
        held: AgentId,
    },
    /// The grant is for another swarm than the roots.
    #[error("the grant is for the swarm {grant}, the roots are those of {anchor}")]
    OtherSwarm {
        /// The swarm of the grant.
        grant: SwarmName,
        /// The swarm of the roots.
        anchor: SwarmName,
    },
    /// None of the roots signed the grant.
    #[error("the grant is signed by {}, which is none of the roots", signer.fingerprint())]
    UnknownRoot {
        /// Who did.
        signer: PublicKey,
    },
}

impl Credentials {
    /// Puts them together. Whether the grant holds now, and its signature is right, shows when a node starts with them.
    ///
    /// # Errors
    /// If the grant is for another agent or swarm, or signed by somebody else.
    pub fn new(
        identity: IdentityKey,
        anchor: TrustAnchor,
        grant: Signed<Grant>,
    ) -> Result<Self, CredentialsError> {
        let (granted, held) = (agent_id_of_subject(&grant.statement().subject), identity.agent_id());
        if granted != held {
            return Err(CredentialsError::OtherAgent { granted, held });
        }
        if grant.statement().swarm != *anchor.swarm() {
            let (grant, anchor) = (grant.statement().swarm.clone(), anchor.swarm().clone());
            return Err(CredentialsError::OtherSwarm { grant, anchor });
        }
        if !anchor.is_root(&grant.signer()) {
            return Err(CredentialsError::UnknownRoot { signer: grant.signer() });
        }
        Ok(Self { identity: Arc::new(identity), anchor, grant, revocations: None })
    }

    /// Reads them from a directory with the files `identity.pem`, `roots.pem` and `grant`, and `revocations` if there is
    /// one. The swarm is that of the grant.
    ///
    /// # Errors
    /// If a file is missing or cannot be used, others may read the key, or they do not go together.
    pub fn load(directory: &Path) -> Result<Self, CredentialsError> {
        let identity = files::read_identity(&directory.join(files::IDENTITY))?;
        let roots = files::read_public(&directory.join(files::ROOTS))?;
        let grant: Signed<Grant> = files::read_signed(&directory.join(files::GRANT))?;
        let anchor = TrustAnchor::new(grant.statement().swarm.clone(), roots)?;
        let credentials = Self::new(identity, anchor, grant)?;
        match files::read_signed(&directory.join(files::REVOCATIONS)) {
            Ok(list) => Ok(credentials.with_revocations(list)),
            Err(error) if error.is_missing() => Ok(credentials),
            Err(error) => Err(error.into()),
        }
    }

    /// For local work and simulations: everything is granted, for 30 days, by a root that is at hand.
    ///
    /// # Errors
    /// Never with a grant this small; what encodes says so.
    pub fn dev(
        root: &RootKey,
        swarm: SwarmName,
        identity: IdentityKey,
        now: SystemTime,
    ) -> Result<Self, EncodeError> {
        let from = UnixSeconds::from_system_time(now - BACKDATED);
        let grant = root.grant(Grant {
            swarm: swarm.clone(),
            subject: Subject::Key(identity.public_key()),
            role: Role::Member,
            permissions: Permissions::everything(),
            datagrams_per_second: None,
            valid: Validity { from, until: from.saturating_add(DEV_VALIDITY) },
        })?;
        let anchor = TrustAnchor::of(swarm, root.public_key());
        Ok(Self { identity: Arc::new(identity), anchor, grant, revocations: None })
    }

    /// Knows from the start what was taken back.
    #[must_use]
    pub fn with_revocations(self, list: Signed<Revocations>) -> Self {
        Self { revocations: Some(list), ..self }
    }

    /// Whose credentials they are.
    pub fn agent_id(&self) -> AgentId {
        self.identity.agent_id()
    }

    /// The agent's key.
    pub fn identity(&self) -> &Arc<IdentityKey> {
        &self.identity
    }

    /// The roots.
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    /// The grant.
    pub fn grant(&self) -> &Signed<Grant> {
        &self.grant
    }

    /// What was taken back, if anything.
    pub fn revocations(&self) -> Option<&Signed<Revocations>> {
        self.revocations.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> (IdentityKey, TrustAnchor, Signed<Grant>) {
        let root = RootKey::from_seed([100; 32]);
        let identity = IdentityKey::from_seed([1; 32]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let dev =
            Credentials::dev(&root, SwarmName::default(), IdentityKey::from_seed([1; 32]), now).unwrap();
        (identity, dev.anchor, dev.grant)
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let (identity, anchor, grant) = parts();
        assert!(Credentials::new(identity, anchor.clone(), grant.clone()).is_ok());

        let other = Credentials::new(IdentityKey::from_seed([2; 32]), anchor.clone(), grant.clone());
        assert!(matches!(other, Err(CredentialsError::OtherAgent { .. })));
        let elsewhere = TrustAnchor::new("elsewhere".parse().unwrap(), anchor.roots().to_vec()).unwrap();
        let elsewhere = Credentials::new(parts().0, elsewhere, grant.clone());
        assert!(matches!(elsewhere, Err(CredentialsError::OtherSwarm { .. })));
        let unknown = TrustAnchor::of(SwarmName::default(), IdentityKey::from_seed([9; 32]).public_key());
        let unknown = Credentials::new(parts().0, unknown, grant);
        assert!(matches!(unknown, Err(CredentialsError::UnknownRoot { .. })));
    }

    #[test]
    fn they_are_read_from_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name| directory.path().join(name);
        let (identity, anchor, grant) = parts();
        let missing = Credentials::load(directory.path()).unwrap_err();
        assert!(missing.to_string().contains("identity.pem"), "{missing}");

        files::write_identity(&at(files::IDENTITY), &identity).unwrap();
        files::write_public(&at(files::ROOTS), anchor.roots()).unwrap();
        files::write_signed(&at(files::GRANT), &grant).unwrap();

        let read = Credentials::load(directory.path()).unwrap();
        assert_eq!((read.agent_id(), read.grant()), (identity.agent_id(), &grant));
        assert!(
            files::write_identity(&at(files::IDENTITY), &identity).is_err(),
            "a key is never written over"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(files::IDENTITY);
        files::write_identity(&path, &parts().0).unwrap();
        assert!(files::read_identity(&path).is_ok());

        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();

        let error = files::read_identity(&path).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode: 0o640, .. }), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
