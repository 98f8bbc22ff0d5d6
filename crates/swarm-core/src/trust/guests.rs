//! Decides which clients without a certificate come in: browsers and scripts that show a grant as a token.
//!
//! A token without a key is taken once, since whoever sees it can show it. One for a key is taken as often as its holder
//! proves that it has the key: it signs a nonce ([`is_proof`]).

use std::collections::BTreeMap;

use swarm_proto::{AgentId, DecodeError, Grant, PROOF_DOMAIN, PublicKey, Role, Signed, Subject, UnixSeconds};

use super::access::{Access, GrantError};
use crate::identity::verify_signature;

/// How many tokens that were taken are remembered, each until it ends. Beyond it no further one is taken.
const MAX_TAKEN: usize = 4096;

/// Which guests a node takes.
///
/// ```
/// use swarm_core::trust::GuestConfig;
///
/// let mut guests = GuestConfig::default();
/// guests.origins = vec!["https://map.example".to_owned()];
/// guests.without_origin = false;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestConfig {
    /// The origins of web pages that may come in, as browsers send them: scheme, host, and the port unless it is that of
    /// the scheme, such as `https://map.example` or `http://localhost:8000` (RFC 6454, section 6.2). Default none.
    pub origins: Vec<String>,
    /// Whether a client may come in that names no origin, as scripts do. Default true. Browsers always name one.
    pub without_origin: bool,
    /// How many guests there may be at once. Default 64.
    pub max_guests: usize,
}

impl Default for GuestConfig {
    fn default() -> Self {
        Self { origins: Vec::new(), without_origin: true, max_guests: 64 }
    }
}

/// Why a guest does not come in.
///
/// ```
/// use swarm_core::trust::GuestError;
///
/// assert_eq!(GuestError::TooMany { max: 64 }.to_string(), "there are 64 guests already");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// The node takes none.
    #[error("no certificate is shown, and this node takes no guests")]
    NotTaken,
    /// Its web page is not one of those that may.
    #[error("pages of {origin:?} may not come in")]
    Origin {
        /// Where the page is from, at most 128 characters.
        origin: String,
    },
    /// It names no origin, and has to.
    #[error("no origin is named")]
    NoOrigin,
    /// It shows no token.
    #[error("no token is shown: put it into the header `authorization`, or into the query as `t`")]
    NoToken,
    /// What it shows is none.
    #[error("the token cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// There are as many as may be. The token is as good as before.
    #[error("there are {max} guests already")]
    TooMany {
        /// As many.
        max: usize,
    },
    /// The grant in it does not count.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// It was made before the node started, which does not know whether it was taken then.
    #[error("the token was made before this node started: ask for a new one")]
    Older,
    /// Somebody came in with it before.
    #[error("the token was used already: ask for a new one")]
    Used,
    /// It is for a key, and the guest has not proven that it has it.
    #[error("the proof is not signed with the key of the token")]
    NotProven,
}

/// A guest whose token counts.
///
/// ```
/// use swarm_core::trust::Admitted;
///
/// fn is_welcome(admitted: &Admitted) -> bool {
///     admitted.must_prove.is_none()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Who it is.
    pub agent: AgentId,
    /// What it may do.
    pub grant: Signed<Grant>,
    /// The key that it has to prove that it has.
    pub must_prove: Option<PublicKey>,
}

impl Admitted {
    /// What it is in the swarm. Whoever has no key is an observer, whatever its grant says: it can be recognised nowhere
    /// else.
    pub fn role(&self) -> Role {
        self.must_prove.map_or(Role::Observer, |_| self.grant.statement().role)
    }
}

/// The guests of one node: who may come in, how many there are, and which tokens were used up.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use swarm_core::IdentityKey;
/// use swarm_core::proto::{Permissions, UnixSeconds};
/// use swarm_core::trust::{Access, Credentials, GuestConfig, GuestError, Guests, Invitation, RootKey};
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let host = Credentials::dev(&RootKey::from_seed([1; 32]), "local".parse()?, IdentityKey::from_seed([7; 32]), now)?;
/// let (access, now) = (Access::new(&host), UnixSeconds::from_system_time(now));
/// let eyes = Permissions { subscribe: vec!["map.**".parse()?], ..Permissions::default() };
/// let invitation = Invitation::new(eyes, Duration::from_secs(60));
/// let token = invitation.sign(host.identity(), access.swarm(), [42; 16], now)?.to_string();
///
/// let mut guests = Guests::new(GuestConfig::default(), now);
/// assert!(guests.admit(&access, Some(&token), None, now).is_ok());
/// assert_eq!(guests.admit(&access, Some(&token), None, now), Err(GuestError::Used));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Guests {
    config: GuestConfig,
    since: UnixSeconds,
    present: usize,
    /// What was borne, and until when it would count.
    taken: BTreeMap<[u8; 16], UnixSeconds>,
}

impl Guests {
    /// No guests yet, at a node that starts now.
    pub fn new(config: GuestConfig, now: UnixSeconds) -> Self {
        Self { config, since: now, present: 0, taken: BTreeMap::new() }
    }

    /// Whose token this is, if its bearer may come in. It has come in then: say so when it has [left](Self::left). What can
    /// be used once is used.
    ///
    /// # Errors
    /// Why it may not. Nothing has changed then.
    pub fn admit(
        &mut self,
        access: &Access,
        token: Option<&str>,
        origin: Option<&str>,
        now: UnixSeconds,
    ) -> Result<Admitted, GuestError> {
        self.check_origin(origin)?;
        let grant: Signed<Grant> = token.ok_or(GuestError::NoToken)?.parse()?;
        if self.present >= self.config.max_guests {
            return Err(GuestError::TooMany { max: self.config.max_guests });
        }
        let agent = access.admit_guest(&grant, now)?;
        let must_prove = match grant.statement().subject {
            Subject::Key(key) => Some(key),
            Subject::Bearer(bearer) => {
                self.take(bearer, &grant, now)?;
                None
            }
        };
        self.present += 1;
        Ok(Admitted { agent, grant, must_prove })
    }

    /// A guest that was admitted is gone.
    pub fn left(&mut self) {
        self.present = self.present.saturating_sub(1);
    }

    fn check_origin(&self, origin: Option<&str>) -> Result<(), GuestError> {
        match origin {
            None if self.config.without_origin => Ok(()),
            None => Err(GuestError::NoOrigin),
            Some(origin) if self.config.origins.iter().any(|known| known == origin) => Ok(()),
            Some(origin) => Err(GuestError::Origin { origin: origin.chars().take(128).collect() }),
        }
    }

    fn take(&mut self, bearer: [u8; 16], grant: &Signed<Grant>, now: UnixSeconds) -> Result<(), GuestError> {
        let valid = grant.statement().valid;
        if valid.from < self.since {
            return Err(GuestError::Older);
        }
        self.taken.retain(|_, until| *until >= now);
        if self.taken.contains_key(&bearer) {
            return Err(GuestError::Used);
        }
        if self.taken.len() >= MAX_TAKEN {
            return Err(GuestError::TooMany { max: MAX_TAKEN });
        }
        self.taken.insert(bearer, valid.until);
        Ok(())
    }
}

/// What the holder of a key signs for the node that challenges it with a nonce: a domain tag, the nonce, and the 16 bytes
/// of the node's id, so that nobody can pass the challenge of another node on.
pub fn proof_message(nonce: &[u8; 32], challenger: AgentId) -> Vec<u8> {
    [PROOF_DOMAIN, nonce, challenger.as_bytes()].concat()
}

/// Whether a signature proves to the challenger that its maker has this key.
///
/// ```
/// use swarm_core::IdentityKey;
/// use swarm_core::trust::{is_proof, proof_message};
///
/// let (guest, host) = (IdentityKey::from_seed([7; 32]), IdentityKey::from_seed([8; 32]).agent_id());
/// let signature = guest.sign(&proof_message(&[42; 32], host));
/// assert!(is_proof(&guest.public_key(), &[42; 32], host, &signature));
/// assert!(!is_proof(&guest.public_key(), &[43; 32], host, &signature));
/// ```
pub fn is_proof(key: &PublicKey, nonce: &[u8; 32], challenger: AgentId, signature: &[u8; 64]) -> bool {
    verify_signature(key, &proof_message(nonce, challenger), signature)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use swarm_proto::{Permissions, SwarmName, Validity};

    use super::*;
    use crate::identity::{IdentityKey, agent_id_of_subject};
    use crate::trust::{Credentials, Invitation, RootKey};

    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
    const PAGE: &str = "https://map.example";

    fn later(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(NOW.get() + seconds)
    }

    fn host(seed: u8) -> IdentityKey {
        IdentityKey::from_seed([seed; 32])
    }

    fn access() -> Access {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.get());
        let root = RootKey::from_seed([100; 32]);
        Access::new(&Credentials::dev(&root, SwarmName::default(), host(1), now).unwrap())
    }

    fn guests() -> Guests {
        let config = GuestConfig { origins: vec![PAGE.to_owned()], max_guests: 2, ..GuestConfig::default() };
        Guests::new(config, NOW)
    }

    /// Whoever has this may come in for a minute.
    fn token(bearer: u8) -> String {
        let invitation = Invitation::new(Permissions::default(), Duration::from_secs(60));
        invitation.sign(&host(1), &SwarmName::default(), [bearer; 16], NOW).unwrap().to_string()
    }

    fn grant(role: Role, subject: Subject) -> Grant {
        Grant {
            swarm: SwarmName::default(),
            subject,
            role,
            permissions: Permissions::default(),
            datagrams_per_second: None,
            valid: Validity { from: NOW, until: later(60) },
        }
    }

    #[test]
    fn a_token_is_taken_once_and_forgotten_when_it_has_ended() {
        let (mut guests, access) = (guests(), access());

        let admitted = guests.admit(&access, Some(&token(1)), None, NOW).unwrap();

        assert_eq!(admitted.agent, agent_id_of_subject(&Subject::Bearer([1; 16])));
        assert_eq!((admitted.must_prove, admitted.role()), (None, Role::Observer));
        guests.left();
        assert_eq!(guests.admit(&access, Some(&token(1)), None, later(60)), Err(GuestError::Used));
        let ended = guests.admit(&access, Some(&token(1)), None, later(61));
        assert!(matches!(ended, Err(GuestError::Grant(GrantError::Expired { .. }))), "{ended:?}");
        assert!(guests.admit(&access, Some(&token_at(2, later(61))), None, later(61)).is_ok());
        assert_eq!(guests.taken.keys().collect::<Vec<_>>(), [&[2; 16]]);
    }

    fn token_at(bearer: u8, from: UnixSeconds) -> String {
        let invitation = Invitation::new(Permissions::default(), Duration::from_secs(60));
        invitation.sign(&host(1), &SwarmName::default(), [bearer; 16], from).unwrap().to_string()
    }

    #[test]
    fn a_node_that_has_started_anew_takes_no_token_of_the_time_before() {
        let mut restarted = Guests::new(GuestConfig::default(), later(1));

        let refused = restarted.admit(&access(), Some(&token(1)), None, later(1));

        assert_eq!(refused, Err(GuestError::Older));
    }

    #[test]
    fn no_more_than_so_many_come_in_and_a_token_refused_for_that_is_not_used() {
        let (mut guests, access) = (guests(), access());
        guests.admit(&access, Some(&token(1)), None, NOW).unwrap();
        guests.admit(&access, Some(&token(2)), None, NOW).unwrap();

        let full = guests.admit(&access, Some(&token(3)), None, NOW);
        assert_eq!(full, Err(GuestError::TooMany { max: 2 }));

        guests.left();
        assert!(guests.admit(&access, Some(&token(3)), None, NOW).is_ok());
    }

    #[test]
    fn a_page_must_be_one_of_those_that_may_and_a_script_need_not_be() {
        let (mut guests, access) = (guests(), access());

        for origin in
            ["https://map.example:444", "http://map.example", "https://map.example.evil", "null", ""]
        {
            let refused = guests.admit(&access, Some(&token(1)), Some(origin), NOW);
            assert_eq!(refused, Err(GuestError::Origin { origin: origin.to_owned() }));
        }
        assert!(guests.admit(&access, Some(&token(1)), Some(PAGE), NOW).is_ok());
        assert!(guests.admit(&access, Some(&token(2)), None, NOW).is_ok());

        let pages_only = GuestConfig { without_origin: false, ..GuestConfig::default() };
        let refused = Guests::new(pages_only, NOW).admit(&access, Some(&token(3)), None, NOW);
        assert_eq!(refused, Err(GuestError::NoOrigin));
    }

    #[test]
    fn what_is_no_token_of_this_node_is_refused_and_costs_no_place() {
        let (mut guests, access) = (guests(), access());

        assert_eq!(guests.admit(&access, None, None, NOW), Err(GuestError::NoToken));
        for garbage in ["", "ä", "not base64!", "AAAA", &"A".repeat(10_000)] {
            let refused = guests.admit(&access, Some(garbage), None, NOW);
            assert!(matches!(refused, Err(GuestError::Unreadable(_))), "{refused:?}");
        }
        let elsewhere = Invitation::new(Permissions::default(), Duration::from_secs(60))
            .sign(&host(2), &SwarmName::default(), [1; 16], NOW)
            .unwrap();
        let refused = guests.admit(&access, Some(&elsewhere.to_string()), None, NOW);
        assert!(matches!(refused, Err(GuestError::Grant(GrantError::UnknownRoot { .. }))), "{refused:?}");
        assert_eq!(guests.present, 0);
    }

    #[test]
    fn a_key_has_to_be_proven_each_time_and_its_grant_is_taken_as_often() {
        let (mut guests, access) = (guests(), access());
        let key = IdentityKey::from_seed([5; 32]).public_key();
        let root = RootKey::from_seed([100; 32]);
        let member = root.grant(grant(Role::Member, Subject::Key(key))).unwrap();

        for _ in 0..2 {
            let admitted = guests.admit(&access, Some(&member.to_string()), None, NOW).unwrap();
            assert_eq!((admitted.must_prove, admitted.role()), (Some(key), Role::Member));
        }
    }

    #[test]
    fn whoever_has_no_key_is_an_observer() {
        let root = RootKey::from_seed([100; 32]);
        let member = root.grant(grant(Role::Member, Subject::Bearer([1; 16]))).unwrap();

        let admitted = guests().admit(&access(), Some(&member.to_string()), None, NOW).unwrap();

        assert_eq!(admitted.role(), Role::Observer);
    }

    #[test]
    fn a_proof_is_for_one_key_one_nonce_and_one_challenger() {
        let (guest, other) = (IdentityKey::from_seed([5; 32]), IdentityKey::from_seed([6; 32]));
        let (here, there) = (host(1).agent_id(), host(2).agent_id());
        let signature = guest.sign(&proof_message(&[1; 32], here));

        assert!(is_proof(&guest.public_key(), &[1; 32], here, &signature));
        assert!(!is_proof(&other.public_key(), &[1; 32], here, &signature));
        assert!(!is_proof(&guest.public_key(), &[2; 32], here, &signature));
        assert!(!is_proof(&guest.public_key(), &[1; 32], there, &signature));
    }

    /// The worked example of `docs/protocol.md`, computed by another library.
    #[test]
    fn the_proof_and_the_id_are_those_that_other_languages_compute() {
        let acceptor = "e2b94a06-29e5-8a71-bca6-64a81fcfddde".parse().unwrap();
        let proof = host(7).sign(&proof_message(&[5; 32], acceptor));

        assert_eq!(
            proof.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            concat!(
                "c6a741453b298750f54a1ae747fdd6791388ce206f78d574514edb4b736aa6cd",
                "3d08cfde7a2e62ab6e283f4d1eebd17eac84bab0037b40756496f2fc4c06fa0c",
            )
        );
        let guest = agent_id_of_subject(&Subject::Bearer([7; 16]));
        assert_eq!(guest.to_string(), "6dcba136-1f2d-869b-b360-e0a44d9e8130");
    }
}
