//! Decides whose grant counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_proto::{AgentId, Grant, PublicKey, Revocations, Signed, Subject, SwarmName, UnixSeconds};

use super::anchor::TrustAnchor;
use super::credentials::Credentials;
use crate::identity::agent_id_of_subject;

/// The longest that a grant without a key may hold: whoever sees it can use it.
pub(super) const LONGEST_BEARER: Duration = Duration::from_secs(3600);

/// Why a grant does not count.
///
/// ```
/// use swarm_core::proto::UnixSeconds;
/// use swarm_core::trust::GrantError;
///
/// let error = GrantError::Expired { until: UnixSeconds::new(1_700_000_000) };
/// assert!(error.to_string().contains("ended"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It cannot be read.
    #[error("the grant cannot be read: {0}")]
    Unreadable(#[from] swarm_proto::DecodeError),
    /// Somebody signed it whom this node does not trust.
    #[error("the grant is signed by {}, which is no root of this swarm", signer.fingerprint())]
    UnknownRoot {
        /// Who is said to have signed it.
        signer: PublicKey,
    },
    /// The signature is wrong: it was changed, or made up.
    #[error("the signature of the grant is wrong")]
    BadSignature,
    /// It is for another swarm.
    #[error("the grant is for the swarm {theirs}, this is {ours}")]
    WrongSwarm {
        /// The swarm of this node.
        ours: SwarmName,
        /// The swarm that it names.
        theirs: SwarmName,
    },
    /// It is for another agent.
    #[error("the grant is for {granted}, and shown by {shown_by}")]
    OtherAgent {
        /// Whom it is for.
        granted: AgentId,
        /// Who shows it.
        shown_by: AgentId,
    },
    /// It does not hold yet.
    #[error("the grant holds from {} on, in seconds since 1970: check the clocks", from.get())]
    NotYetValid {
        /// From when on it does.
        from: UnixSeconds,
    },
    /// It does not hold any more.
    #[error("the grant ended at {}, in seconds since 1970", until.get())]
    Expired {
        /// Until when it did.
        until: UnixSeconds,
    },
    /// It was taken back.
    #[error("the grants of {agent} were revoked")]
    Revoked {
        /// Whose.
        agent: AgentId,
    },
    /// Whoever has it may use it, for longer than is safe.
    #[error("a grant without a key may hold for {} minutes at most", LONGEST_BEARER.as_secs() / 60)]
    TooLong,
}

/// Why a list of revocations does not count.
///
/// ```
/// use swarm_core::trust::RevocationError;
///
/// let error = RevocationError::Older { known: 7, offered: 3 };
/// assert_eq!(error.to_string(), "the revocation list has version 3, version 7 is known");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// Somebody signed it whom this node does not trust.
    #[error("the revocation list is signed by {}, which is no root of this swarm", signer.fingerprint())]
    UnknownRoot {
        /// Who is said to have signed it.
        signer: PublicKey,
    },
    /// The signature is wrong.
    #[error("the signature of the revocation list is wrong")]
    BadSignature,
    /// It is for another swarm.
    #[error("the revocation list is for the swarm {theirs}, this is {ours}")]
    WrongSwarm {
        /// The swarm of this node.
        ours: SwarmName,
        /// The swarm that it names.
        theirs: SwarmName,
    },
    /// A list with a higher version is known.
    #[error("the revocation list has version {offered}, version {known} is known")]
    Older {
        /// The version that is known.
        known: u64,
        /// The version that was offered.
        offered: u64,
    },
}

/// What a node trusts now: its roots, its own grant, and what was taken back. Shared by all that check.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use swarm_core::proto::UnixSeconds;
/// use swarm_core::trust::{Access, Credentials, RootKey};
/// use swarm_core::IdentityKey;
///
/// let (root, now) = (RootKey::from_seed([1; 32]), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let of = |seed| Credentials::dev(&root, "local".parse().unwrap(), IdentityKey::from_seed([seed; 32]), now);
/// let (ours, theirs) = (of(7)?, of(8)?);
///
/// let access = Access::new(&ours);
/// assert_eq!(access.admit(theirs.grant(), UnixSeconds::from_system_time(now)), Ok(theirs.agent_id()));
/// # Ok::<(), swarm_core::proto::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Access {
    anchor: TrustAnchor,
    own_key: PublicKey,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    grant: Arc<Signed<Grant>>,
    revocations: Option<Arc<Signed<Revocations>>>,
}

impl Access {
    /// As a node begins that has these credentials. A list of revocations among them is left to [`Self::revoke`].
    pub fn new(credentials: &Credentials) -> Self {
        let current = Current { grant: Arc::new(credentials.grant().clone()), revocations: None };
        Self {
            anchor: credentials.anchor().clone(),
            own_key: credentials.identity().public_key(),
            current: Mutex::new(current),
        }
    }

    /// The swarm.
    pub fn swarm(&self) -> &SwarmName {
        self.anchor.swarm()
    }

    /// The roots.
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    /// The node's own grant.
    pub fn grant(&self) -> Arc<Signed<Grant>> {
        Arc::clone(&self.current().grant)
    }

    /// What was taken back, as far as is known.
    pub fn revocations(&self) -> Option<Arc<Signed<Revocations>>> {
        self.current().revocations.clone()
    }

    /// Whose grant this is, if a root signed it and it holds now.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn admit(&self, grant: &Signed<Grant>, now: UnixSeconds) -> Result<AgentId, GrantError> {
        let revoked = self.revocations();
        self.anchor.admit(grant, revoked.as_deref().map(Signed::statement), now)
    }

    /// As [`Self::admit`], for a guest of this node, whom it may have invited itself: such a grant is signed with its own
    /// key, and counts nowhere else.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn admit_guest(&self, grant: &Signed<Grant>, now: UnixSeconds) -> Result<AgentId, GrantError> {
        if grant.signer() != self.own_key {
            return self.admit(grant, now);
        }
        let revoked = self.revocations();
        self.anchor.admit_signed(grant, revoked.as_deref().map(Signed::statement), now)
    }

    /// Whether a grant that was admitted before still counts. Costs no look at its signature.
    ///
    /// # Errors
    /// Why it does not.
    pub fn holds(&self, grant: &Grant, now: UnixSeconds) -> Result<AgentId, GrantError> {
        let revoked = self.revocations();
        self.anchor.holds(grant, revoked.as_deref().map(Signed::statement), now)
    }

    /// Takes a new grant for the node itself, which it shows from now on.
    ///
    /// # Errors
    /// If it does not count, or is for another agent. The old one stays then.
    pub fn renew(&self, grant: Signed<Grant>, now: UnixSeconds) -> Result<(), GrantError> {
        let granted = self.admit(&grant, now)?;
        let own = agent_id_of_subject(&Subject::Key(self.own_key));
        if granted != own {
            return Err(GrantError::OtherAgent { granted, shown_by: own });
        }
        self.current().grant = Arc::new(grant);
        Ok(())
    }

    /// Takes a list of revocations; false if it is the one that is known already.
    ///
    /// # Errors
    /// If it is older than that, or no root of this swarm has signed it. The known one stays then.
    pub fn revoke(&self, list: Signed<Revocations>) -> Result<bool, RevocationError> {
        self.anchor.names_root_of(&list)?;
        let mut current = self.current();
        let known = current.revocations.as_ref().map_or(0, |known| known.statement().version);
        let offered = list.statement().version;
        if offered < known {
            return Err(RevocationError::Older { known, offered });
        }
        if offered == known && current.revocations.is_some() {
            return Ok(false);
        }
        self.anchor.check(&list)?;
        current.revocations = Some(Arc::new(list));
        Ok(true)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Its parts are replaced as a whole, so a poisoned lock is as good as any.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use swarm_proto::{Permissions, Revocation, Role, Statement, Validity};

    use super::*;
    use crate::identity::IdentityKey;
    use crate::trust::RootKey;

    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.get())
    }

    fn root() -> RootKey {
        RootKey::from_seed([100; 32])
    }

    fn access() -> Access {
        let key = IdentityKey::from_seed([1; 32]);
        Access::new(&Credentials::dev(&root(), SwarmName::default(), key, now()).unwrap())
    }

    fn grant() -> Grant {
        Grant {
            swarm: SwarmName::default(),
            subject: Subject::Key(IdentityKey::from_seed([2; 32]).public_key()),
            role: Role::Member,
            permissions: Permissions::everything(),
            datagrams_per_second: None,
            valid: Validity {
                from: UnixSeconds::new(NOW.get() - 10),
                until: UnixSeconds::new(NOW.get() + 10),
            },
        }
    }

    fn revocations(version: u64, until: u64) -> Revocations {
        let agent = agent_id_of_subject(&grant().subject);
        let revoked = vec![Revocation { agent, until: UnixSeconds::new(until) }];
        Revocations { swarm: SwarmName::default(), version, revoked }
    }

    #[test]
    fn a_grant_counts_if_a_root_signed_it_and_it_holds_now() {
        let access = access();
        let signed = root().grant(grant()).unwrap();

        assert_eq!(access.admit(&signed, NOW), Ok(agent_id_of_subject(&grant().subject)));
        let early = UnixSeconds::new(NOW.get() - 11);
        assert!(matches!(access.admit(&signed, early), Err(GrantError::NotYetValid { .. })));
        let late = UnixSeconds::new(NOW.get() + 11);
        assert!(matches!(access.admit(&signed, late), Err(GrantError::Expired { .. })));
    }

    #[test]
    fn a_grant_of_another_root_or_swarm_or_with_another_signature_does_not() {
        let access = access();
        let other = RootKey::from_seed([101; 32]).grant(grant()).unwrap();
        assert!(matches!(access.admit(&other, NOW), Err(GrantError::UnknownRoot { .. })));

        let elsewhere = root().grant(Grant { swarm: "elsewhere".parse().unwrap(), ..grant() }).unwrap();
        assert!(matches!(access.admit(&elsewhere, NOW), Err(GrantError::WrongSwarm { .. })));

        let forged = Signed::new(grant(), root().public_key(), |_| [7; 64]).unwrap();
        assert_eq!(access.admit(&forged, NOW), Err(GrantError::BadSignature));

        // What a root has signed for one purpose is worth nothing for another.
        let key = IdentityKey::from_seed([100; 32]);
        let mixed = Signed::new(grant(), key.public_key(), |message| {
            key.sign(&[b"swarm revocations v1\0", &message[Grant::DOMAIN.len()..]].concat())
        });
        assert_eq!(access.admit(&mixed.unwrap(), NOW), Err(GrantError::BadSignature));
    }

    #[test]
    fn a_guest_whom_the_node_invited_is_a_guest_of_this_node_alone() {
        let (host, guest) = (IdentityKey::from_seed([1; 32]), Grant { role: Role::Observer, ..grant() });
        let invitation = Signed::new(guest, host.public_key(), |message| host.sign(message)).unwrap();

        assert!(access().admit_guest(&invitation, NOW).is_ok());
        assert!(matches!(access().admit(&invitation, NOW), Err(GrantError::UnknownRoot { .. })));
    }

    #[test]
    fn what_anybody_may_bear_holds_for_an_hour_at_most() {
        let lasting = |seconds| {
            let valid = Validity { from: NOW, until: UnixSeconds::new(NOW.get() + seconds) };
            root().grant(Grant { subject: Subject::Bearer([1; 16]), valid, ..grant() }).unwrap()
        };

        assert!(access().admit(&lasting(3600), NOW).is_ok());
        assert_eq!(access().admit(&lasting(3601), NOW), Err(GrantError::TooLong));
    }

    #[test]
    fn a_revoked_agent_needs_a_later_grant() {
        let access = access();
        let signed = root().grant(grant()).unwrap();
        let revoked = root().revoke(revocations(2, grant().valid.from.get())).unwrap();

        assert_eq!(access.revoke(revoked.clone()), Ok(true));
        assert_eq!(access.revoke(revoked), Ok(false), "known");
        assert!(matches!(access.admit(&signed, NOW), Err(GrantError::Revoked { .. })));
        assert!(matches!(access.holds(signed.statement(), NOW), Err(GrantError::Revoked { .. })));

        let later = Validity { from: NOW, ..grant().valid };
        let again = root().grant(Grant { valid: later, ..grant() }).unwrap();
        assert!(access.admit(&again, NOW).is_ok());
    }

    #[test]
    fn an_older_or_forged_list_changes_nothing() {
        let access = access();
        access.revoke(root().revoke(revocations(2, NOW.get())).unwrap()).unwrap();

        let older = root().revoke(revocations(1, 0)).unwrap();
        assert_eq!(access.revoke(older), Err(RevocationError::Older { known: 2, offered: 1 }));
        let forged = Signed::new(revocations(3, 0), root().public_key(), |_| [0; 64]).unwrap();
        assert_eq!(access.revoke(forged), Err(RevocationError::BadSignature));
        let stranger = RootKey::from_seed([7; 32]).revoke(revocations(3, 0)).unwrap();
        assert!(matches!(access.revoke(stranger), Err(RevocationError::UnknownRoot { .. })));

        assert_eq!(access.revocations().unwrap().statement().version, 2);
    }

    #[test]
    fn a_node_takes_a_new_grant_for_itself_alone() {
        let access = access();
        let own = Subject::Key(IdentityKey::from_seed([1; 32]).public_key());

        assert!(access.renew(root().grant(Grant { subject: own, ..grant() }).unwrap(), NOW).is_ok());
        let of_another = root().grant(grant()).unwrap();
        assert!(matches!(access.renew(of_another, NOW), Err(GrantError::OtherAgent { .. })));
        assert_eq!(access.grant().statement().subject, own);
    }
}
