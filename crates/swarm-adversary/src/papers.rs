//! What an adversary can show of itself: keys, grants and certificates, sound or not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use swarm_core::identity::{self, TlsCertificate};
use swarm_core::proto::{
    EncodeError, Grant, Permissions, Revocation, Revocations, Role, Signed, Subject, UnixMicros, UnixSeconds,
    Validity,
};
use swarm_core::transport::Speaker;
use swarm_core::trust::{Access, Credentials, RootKey, TrustAnchor};
use swarm_core::{IdentityKey, SwarmName, WallClock};

use crate::outcome::{Fate, failed};

/// How long before now and after it grants hold.
const MARGIN: Duration = Duration::from_secs(3600);

/// What grants are made of.
#[derive(Debug)]
pub(crate) struct Papers {
    pub(crate) seed: u64,
    /// The root of the swarm, or of an outsider's own.
    pub(crate) root: Arc<RootKey>,
    pub(crate) swarm: SwarmName,
    pub(crate) clock: Arc<dyn WallClock>,
    /// Where attacks on this machine come from.
    pub(crate) source: Ipv4Addr,
}

impl Papers {
    /// The key of one of the identities that it goes by.
    pub(crate) fn identity(&self, number: u64) -> IdentityKey {
        IdentityKey::from_seed(seed(self.seed, number))
    }

    /// The key of somebody else, whom it pretends to be.
    pub(crate) fn somebody_else(&self) -> IdentityKey {
        IdentityKey::from_seed(seed(!self.seed, 0))
    }

    /// What a member speaks as that may do this.
    pub(crate) fn speaker(&self, number: u64, permissions: Permissions) -> Result<Speaker, Fate> {
        let identity = self.identity(number);
        let grant = self.grant_of(&identity, self.swarm.clone(), permissions)?;
        let anchor = TrustAnchor::of(self.swarm.clone(), self.root.public_key());
        let credentials = Credentials::new(identity, anchor, grant).map_err(failed)?;
        Ok(Speaker {
            identity: Arc::clone(credentials.identity()),
            access: Arc::new(Access::new(&credentials)),
            guests: false,
            wall_clock: Arc::clone(&self.clock),
        })
    }

    /// A certificate with a grant for everything, in this swarm.
    pub(crate) fn certificate(&self, number: u64) -> Result<TlsCertificate, Fate> {
        self.certificate_in(number, self.swarm.clone())
    }

    pub(crate) fn certificate_in(&self, number: u64, swarm: SwarmName) -> Result<TlsCertificate, Fate> {
        let identity = self.identity(number);
        let grant = self.grant_of(&identity, swarm, Permissions::everything())?;
        self.issue(&identity, &grant)
    }

    /// A certificate whose grant has run out.
    pub(crate) fn expired_certificate(&self, number: u64) -> Result<TlsCertificate, Fate> {
        let identity = self.identity(number);
        let yesterday = self.clock.now() - 24 * MARGIN;
        let valid = Validity { from: seconds(yesterday - MARGIN), until: seconds(yesterday) };
        let grant = self.grant(&identity, self.swarm.clone(), Permissions::everything(), valid)?;
        self.issue(&identity, &grant)
    }

    /// A certificate on its own key with the grant of somebody else.
    pub(crate) fn stolen_certificate(&self, number: u64) -> Result<TlsCertificate, Fate> {
        let grant = self.grant_of(&self.somebody_else(), self.swarm.clone(), Permissions::everything())?;
        self.issue(&self.identity(number), &grant)
    }

    /// Takes back what the identities up to this number were granted.
    pub(crate) fn revocations(&self, identities: u64) -> Result<Signed<Revocations>, Fate> {
        let until = seconds(self.clock.now() + MARGIN);
        let revoked = (0..identities)
            .map(|number| Revocation { agent: self.identity(number).agent_id(), until })
            .collect();
        // Later than any list that another adversary has handed over.
        let version = UnixMicros::from_system_time(self.clock.now()).get();
        Ok(self.root.revoke(Revocations { swarm: self.swarm.clone(), version, revoked })?)
    }

    /// Where to dial this target from.
    pub(crate) fn source_for(&self, target: SocketAddr) -> SocketAddr {
        let from = match target.ip() {
            IpAddr::V4(_) => IpAddr::V4(self.source),
            IpAddr::V6(own) => IpAddr::V6(own),
        };
        SocketAddr::new(from, 0)
    }

    fn issue(&self, identity: &IdentityKey, grant: &Signed<Grant>) -> Result<TlsCertificate, Fate> {
        identity::issue(identity, grant, self.clock.now()).map_err(failed)
    }

    fn grant_of(
        &self,
        identity: &IdentityKey,
        swarm: SwarmName,
        permissions: Permissions,
    ) -> Result<Signed<Grant>, EncodeError> {
        let now = self.clock.now();
        let valid = Validity { from: seconds(now - MARGIN), until: seconds(now + MARGIN) };
        self.grant(identity, swarm, permissions, valid)
    }

    fn grant(
        &self,
        identity: &IdentityKey,
        swarm: SwarmName,
        permissions: Permissions,
        valid: Validity,
    ) -> Result<Signed<Grant>, EncodeError> {
        self.root.grant(Grant {
            swarm,
            subject: Subject::Key(identity.public_key()),
            role: Role::Member,
            permissions,
            datagrams_per_second: None,
            valid,
        })
    }
}

fn seconds(moment: SystemTime) -> UnixSeconds {
    UnixSeconds::from_system_time(moment)
}

pub(crate) fn seed(of: u64, number: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    for (part, bytes) in [of, number, !of, !number].into_iter().zip(seed.chunks_mut(8)) {
        bytes.copy_from_slice(&part.to_be_bytes());
    }
    seed
}

/// An address of its own, where the system has more than one for loopback: what a node holds against an address then does
/// not hit honest peers on the same machine.
pub(crate) fn source(seed: u64) -> Ipv4Addr {
    let [.., a, b] = seed.to_be_bytes();
    let own = Ipv4Addr::new(127, 66, a, b.clamp(1, 254));
    UdpSocket::bind((own, 0)).map_or(Ipv4Addr::LOCALHOST, |_| own)
}
