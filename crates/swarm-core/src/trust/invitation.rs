//! A node lets somebody in for a while.

use std::num::NonZeroU32;
use std::time::Duration;

use swarm_proto::{
    EncodeError, Grant, Permissions, PublicKey, Role, Signed, Subject, SwarmName, UnixSeconds, Validity,
};

use super::access::LONGEST_BEARER;
use crate::identity::IdentityKey;

/// What a guest of one node may do there, and for how long. It is an observer: only a root makes members.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::proto::Permissions;
/// use swarm_core::trust::Invitation;
///
/// let eyes = Permissions { subscribe: vec!["map.**".parse()?], ..Permissions::default() };
/// let whoever_has_it = Invitation::new(eyes, Duration::from_secs(300));
/// assert_eq!(whoever_has_it.key, None);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What the guest may do, at most 32 patterns of each kind.
    pub permissions: Permissions,
    /// How long it may come, and stay: at most an hour, in whole seconds.
    pub valid_for: Duration,
    /// For the holder of this key, who may come again and has to prove it. Without one it is for whoever has it, once.
    pub key: Option<PublicKey>,
    /// How many datagrams a second are taken of it. Default 200: enough for a page that tells where its pointer is, too little
    /// to be felt. `None` is as many as of a member.
    pub datagrams_per_second: Option<NonZeroU32>,
}

const DATAGRAMS_PER_SECOND: Option<NonZeroU32> = NonZeroU32::new(200);

/// Why a node invites nobody.
///
/// ```
/// use swarm_core::trust::InviteError;
///
/// assert_eq!(InviteError::TooLong.to_string(), "an invitation may hold for 60 minutes at most");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// It takes no guests.
    #[error("this node takes no guests: give its builder `guests`")]
    NoGuests,
    /// It would hold for too long.
    #[error("an invitation may hold for {} minutes at most", LONGEST_BEARER.as_secs() / 60)]
    TooLong,
    /// It has too many permissions.
    #[error("the permissions do not fit into a grant")]
    TooMuch(#[from] EncodeError),
}

impl Invitation {
    /// For whoever has it.
    pub fn new(permissions: Permissions, valid_for: Duration) -> Self {
        Self { permissions, valid_for, key: None, datagrams_per_second: DATAGRAMS_PER_SECOND }
    }

    /// For the holder of this key.
    #[must_use]
    pub fn for_key(self, key: PublicKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Signs it as the node with this key, which is then the only one that takes it; its text is the token. `bearer` tells
    /// invitations apart: 16 bytes from a good source of randomness.
    ///
    /// # Errors
    /// If it would hold for more than an hour, or has too many permissions.
    pub fn sign(
        self,
        host: &IdentityKey,
        swarm: &SwarmName,
        bearer: [u8; 16],
        now: UnixSeconds,
    ) -> Result<Signed<Grant>, InviteError> {
        if self.valid_for > LONGEST_BEARER {
            return Err(InviteError::TooLong);
        }
        let grant = Grant {
            swarm: swarm.clone(),
            subject: self.key.map_or(Subject::Bearer(bearer), Subject::Key),
            role: Role::Observer,
            permissions: self.permissions,
            datagrams_per_second: self.datagrams_per_second,
            valid: Validity { from: now, until: now.saturating_add(self.valid_for) },
        };
        Ok(Signed::new(grant, host.public_key(), |message| host.sign(message))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_holds_for_an_hour_at_most_and_makes_no_member() {
        let host = IdentityKey::from_seed([1; 32]);
        let sign = |seconds| {
            let invitation = Invitation::new(Permissions::everything(), Duration::from_secs(seconds));
            invitation.sign(&host, &SwarmName::default(), [1; 16], UnixSeconds::new(1_800_000_000))
        };

        assert_eq!(sign(3601), Err(InviteError::TooLong));
        let longest = sign(3600).unwrap();
        assert_eq!(longest.statement().role, Role::Observer);
        assert_eq!(longest.statement().valid.until, UnixSeconds::new(1_800_003_600));
    }
}
