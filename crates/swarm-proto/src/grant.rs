//! What an agent may do in a swarm, and the list of those who may no longer. Says what is stated; whether it is signed
//! by somebody who may, and valid now, is decided elsewhere.

use std::fmt;
use std::num::NonZeroU32;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::codec::{from_slice, to_vec};
use crate::error::{DecodeError, EncodeError, Exceeded, at_most};
use crate::frame::check_len;
use crate::id::AgentId;
use crate::key::PublicKey;
use crate::limits::{MAX_GRANT_BYTES, MAX_GRANT_PATTERNS, MAX_REVOCATIONS, MAX_REVOCATIONS_BYTES};
use crate::name::SwarmName;
use crate::pattern::CapabilityPattern;
use crate::signed::Statement;
use crate::time::UnixSeconds;
use crate::topic::{TopicName, TopicPattern};
use crate::wire::{Binary, Map, maps, text};

const PATTERNS: &str = "patterns of a permission";
const REVOKED: &str = "entries of a revocation list";

/// Whom a grant is for.
///
/// ```
/// use swarm_proto::{PublicKey, Subject};
///
/// let agent = Subject::Key(PublicKey::from_bytes([1; 32]));
/// assert_ne!(agent, Subject::Bearer([1; 16]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The agent that holds this key, and proves it. `key`, 32 bytes.
    Key(PublicKey),
    /// Whoever has the grant: a guest without a key. `bearer`, 16 random bytes, which tell grants apart.
    Bearer([u8; 16]),
}

/// What somebody is in the swarm.
///
/// ```
/// use swarm_proto::Role;
///
/// assert_eq!(Role::Observer.to_string(), "observer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A node: it is introduced to others, may introduce others, and passes on what others have signed. `member`.
    Member,
    /// A guest, such as a page: it is connected to those that it dials and to nobody else. `observer`.
    Observer,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Member => "member",
            Self::Observer => "observer",
        })
    }
}

/// From when until when something holds, both ends included.
///
/// ```
/// use swarm_proto::{UnixSeconds, Validity};
///
/// let valid = Validity { from: UnixSeconds::new(100), until: UnixSeconds::new(200) };
/// assert!(valid.contains(UnixSeconds::new(200)));
/// assert!(!valid.contains(UnixSeconds::new(201)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub from: UnixSeconds,
    /// The last second.
    pub until: UnixSeconds,
}

impl Validity {
    /// Whether it holds then.
    #[must_use]
    pub fn contains(self, moment: UnixSeconds) -> bool {
        (self.from..=self.until).contains(&moment)
    }
}

/// What may be done. What no pattern means may not: the default is nothing.
///
/// ```
/// use swarm_proto::Permissions;
///
/// let eyes = Permissions { publish: vec!["camera.**".parse()?], ..Permissions::default() };
/// assert!(eyes.may_publish(&"camera.front".parse()?));
/// assert!(!eyes.may_publish(&"arm.pose".parse()?));
/// assert!(!eyes.may_call(&"arm.move".parse()?));
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Topics of observations that it may make, at most 32 patterns.
    pub publish: Vec<TopicPattern>,
    /// Topics of observations that it may be sent, at most 32 patterns.
    pub subscribe: Vec<TopicPattern>,
    /// Capabilities that it may offer, at most 32 patterns.
    pub serve: Vec<CapabilityPattern>,
    /// Capabilities that it may ask for, at most 32 patterns.
    pub call: Vec<CapabilityPattern>,
}

impl Permissions {
    /// Everything, of every version.
    #[must_use]
    pub fn everything() -> Self {
        let (topics, capabilities) =
            (vec![TopicPattern::everything()], vec![CapabilityPattern::everything()]);
        Self { publish: topics.clone(), subscribe: topics, serve: capabilities.clone(), call: capabilities }
    }

    /// Whether observations of this topic may be made.
    #[must_use]
    pub fn may_publish(&self, topic: &TopicName) -> bool {
        self.publish.iter().any(|pattern| pattern.matches(topic))
    }

    /// Whether observations of this topic may be sent to it.
    #[must_use]
    pub fn may_subscribe(&self, topic: &TopicName) -> bool {
        self.subscribe.iter().any(|pattern| pattern.matches(topic))
    }

    /// Whether this may be offered.
    #[must_use]
    pub fn may_serve(&self, capability: &Capability) -> bool {
        self.serve.iter().any(|pattern| pattern.matches(capability))
    }

    /// Whether this may be asked for.
    #[must_use]
    pub fn may_call(&self, capability: &Capability) -> bool {
        self.call.iter().any(|pattern| pattern.matches(capability))
    }

    fn within_limits(&self) -> Result<(), Exceeded> {
        [self.publish.len(), self.subscribe.len(), self.serve.len(), self.call.len()]
            .into_iter()
            .try_for_each(|patterns| at_most(MAX_GRANT_PATTERNS, patterns, PATTERNS))
    }
}

/// What one agent may do in one swarm, and until when.
///
/// A map with named fields on the wire, at most 1,024 bytes. Keys that are not known are ignored, permissions that are
/// left out are none.
///
/// ```
/// use swarm_proto::{Grant, Permissions, Role, Statement, Subject, UnixSeconds, Validity};
///
/// let guest = Grant {
///     swarm: "harbour-7".parse()?,
///     subject: Subject::Bearer([7; 16]),
///     role: Role::Observer,
///     permissions: Permissions { subscribe: vec!["map.**".parse()?], ..Permissions::default() },
///     datagrams_per_second: None,
///     valid: Validity { from: UnixSeconds::new(1_700_000_000), until: UnixSeconds::new(1_700_000_300) },
/// };
/// assert_eq!(Grant::decode(&guest.encode()?)?, guest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// In which swarm.
    pub swarm: SwarmName,
    /// Who.
    pub subject: Subject,
    /// What it is there.
    pub role: Role,
    /// What it may do.
    pub permissions: Permissions,
    /// How many datagrams a second its peers take of it, if that is less than what they take of anybody.
    pub datagrams_per_second: Option<NonZeroU32>,
    /// When.
    pub valid: Validity,
}

/// A grant as it travels.
#[derive(Serialize, Deserialize)]
struct GrantWire {
    #[serde(deserialize_with = "text")]
    swarm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bearer: Option<Token>,
    role: Role,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    publish: Vec<TopicPattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subscribe: Vec<TopicPattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    serve: Vec<CapabilityPattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    call: Vec<CapabilityPattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    datagrams_per_second: Option<NonZeroU32>,
    from: UnixSeconds,
    until: UnixSeconds,
}

/// Sixteen binary bytes.
struct Token([u8; 16]);

impl Serialize for Token {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Binary::deserialize(deserializer)?.0;
        let token = bytes.try_into().map(Self);
        token.map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"a token of 16 bytes"))
    }
}

impl Statement for Grant {
    const DOMAIN: &'static [u8] = b"swarm grant v1\0";
    const MAX_BYTES: usize = MAX_GRANT_BYTES;

    fn encode(&self) -> Result<Bytes, EncodeError> {
        self.permissions.within_limits()?;
        let Permissions { publish, subscribe, serve, call } = self.permissions.clone();
        let (key, bearer) = match self.subject {
            Subject::Key(key) => (Some(key), None),
            Subject::Bearer(token) => (None, Some(Token(token))),
        };
        let wire = GrantWire {
            swarm: self.swarm.to_string(),
            key,
            bearer,
            role: self.role,
            publish,
            subscribe,
            serve,
            call,
            datagrams_per_second: self.datagrams_per_second,
            from: self.valid.from,
            until: self.valid.until,
        };
        let bytes = to_vec(&wire)?;
        match bytes.len() {
            len if len > MAX_GRANT_BYTES => Err(EncodeError::TooLarge { len, max: MAX_GRANT_BYTES }),
            _ => Ok(bytes.into()),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_len(bytes, MAX_GRANT_BYTES)?;
        let wire = from_slice::<Map<GrantWire>>(bytes)?.0;
        let subject = match (wire.key, wire.bearer) {
            (Some(key), None) => Subject::Key(key),
            (None, Some(Token(token))) => Subject::Bearer(token),
            _ => return Err(DecodeError::Malformed("a grant is for a key or for its bearer".to_owned())),
        };
        let GrantWire { publish, subscribe, serve, call, .. } = wire;
        let permissions = Permissions { publish, subscribe, serve, call };
        permissions.within_limits()?;
        let swarm = SwarmName::try_from(wire.swarm.as_str())
            .map_err(|error| DecodeError::Malformed(error.to_string()))?;
        let valid = Validity { from: wire.from, until: wire.until };
        let datagrams_per_second = wire.datagrams_per_second;
        Ok(Self { swarm, subject, role: wire.role, permissions, datagrams_per_second, valid })
    }
}

/// Takes back what one agent was granted.
///
/// ```
/// use swarm_proto::{AgentId, Revocation, UnixSeconds};
///
/// let agent = AgentId::from_key_digest([1; 32]);
/// let revocation = Revocation { agent, until: UnixSeconds::new(1_700_000_000) };
/// assert!(revocation.voids(agent, UnixSeconds::new(1_699_999_999)));
/// assert!(!revocation.voids(agent, UnixSeconds::new(1_700_000_001)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revocation {
    /// Whose grants.
    pub agent: AgentId,
    /// Those that hold from this second on or from an earlier one are void. A grant made later counts again.
    pub until: UnixSeconds,
}

impl Revocation {
    /// Whether a grant for this agent that holds from then on is void.
    #[must_use]
    pub fn voids(&self, agent: AgentId, from: UnixSeconds) -> bool {
        self.agent == agent && from <= self.until
    }
}

/// All that is taken back in a swarm. A list with a higher version takes the place of one with a lower.
///
/// A map with named fields on the wire, at most 1,024 entries.
///
/// ```
/// use swarm_proto::{AgentId, Revocation, Revocations, Statement, UnixSeconds};
///
/// let thief = Revocation { agent: AgentId::from_key_digest([1; 32]), until: UnixSeconds::new(1_700_000_000) };
/// let list = Revocations { swarm: "harbour-7".parse()?, version: 3, revoked: vec![thief] };
/// assert_eq!(Revocations::decode(&list.encode()?)?, list);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// In which swarm.
    pub swarm: SwarmName,
    /// Which list it is: 1, 2, 3, …
    pub version: u64,
    /// Whose grants are void, at most 1,024.
    #[serde(deserialize_with = "maps")]
    pub revoked: Vec<Revocation>,
}

impl Revocations {
    /// Whether a grant for this agent that holds from then on is void.
    #[must_use]
    pub fn voids(&self, agent: AgentId, from: UnixSeconds) -> bool {
        self.revoked.iter().any(|revocation| revocation.voids(agent, from))
    }
}

impl Statement for Revocations {
    const DOMAIN: &'static [u8] = b"swarm revocations v1\0";
    const MAX_BYTES: usize = MAX_REVOCATIONS_BYTES;

    fn encode(&self) -> Result<Bytes, EncodeError> {
        at_most(MAX_REVOCATIONS, self.revoked.len(), REVOKED)?;
        Ok(to_vec(self)?.into())
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_len(bytes, MAX_REVOCATIONS_BYTES)?;
        let list = from_slice::<Map<Self>>(bytes)?.0;
        at_most(MAX_REVOCATIONS, list.revoked.len(), REVOKED)?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::Signed;

    fn grant() -> Grant {
        Grant {
            swarm: SwarmName::default(),
            subject: Subject::Key(PublicKey::from_bytes([1; 32])),
            role: Role::Member,
            permissions: Permissions::default(),
            datagrams_per_second: NonZeroU32::new(50),
            valid: Validity { from: UnixSeconds::new(1), until: UnixSeconds::new(2) },
        }
    }

    #[test]
    fn a_grant_that_says_little_grants_little() {
        let bare = b"\x85\xa5swarm\xa5local\xa6bearer\xc4\x107777777777777777\xa4role\xa8observer\xa4from\x01\xa5until\x02";

        let bare = Grant::decode(bare).unwrap();

        assert_eq!(bare.subject, Subject::Bearer([b'7'; 16]));
        assert_eq!(bare.permissions, Permissions::default());
        assert!(!bare.permissions.may_subscribe(&"a".parse().unwrap()));
    }

    #[test]
    fn a_grant_for_nobody_or_for_two_is_none() {
        let nobody = b"\x84\xa5swarm\xa5local\xa4role\xa6member\xa4from\x01\xa5until\x02";
        assert!(matches!(Grant::decode(nobody), Err(DecodeError::Malformed(_))));

        let mut two = grant().encode().unwrap().to_vec();
        two[0] += 1;
        two.extend_from_slice(b"\xa6bearer\xc4\x107777777777777777");
        assert!(matches!(Grant::decode(&two), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn everything_is_every_version_of_every_capability() {
        let everything = Permissions::everything();

        assert!(everything.may_call(&"a.b.c@9".parse().unwrap()));
        assert!(everything.may_publish(&"a.b.c".parse().unwrap()));
    }

    #[test]
    fn there_are_32_patterns_of_a_kind_at_most() {
        let with = |patterns| {
            let publish = vec![TopicPattern::everything(); patterns];
            Grant { permissions: Permissions { publish, ..Permissions::default() }, ..grant() }
        };

        assert_eq!(Grant::decode(&with(32).encode().unwrap()), Ok(with(32)));
        assert_eq!(with(33).encode(), Err(EncodeError::LimitExceeded { what: PATTERNS, max: 32 }));
    }

    #[test]
    fn the_largest_grant_makes_a_token_that_fits_a_header() {
        let mut largest = grant();
        while largest.encode().is_ok() {
            let topic = "x".repeat(40).parse().unwrap();
            largest.permissions.publish.push(topic);
        }
        largest.permissions.publish.pop();

        let signed = Signed::new(largest, PublicKey::from_bytes([2; 32]), |_| [3; 64]).unwrap();

        assert!(signed.to_string().len() < 2000);
        assert_eq!(signed.to_string().parse(), Ok(signed));
    }

    #[test]
    fn what_was_signed_is_kept_to_the_byte() {
        // The same map in another order, as another library might write it.
        let odd = b"\x85\xa5until\x02\xa4from\x01\xa4role\xa8observer\xa6bearer\xc4\x107777777777777777\xa5swarm\xa5local";
        let bytes =
            [&[0x93, 0xc4, odd.len() as u8], &odd[..], &[0xc4, 32], &[2; 32], &[0xc4, 64], &[3; 64]].concat();

        let signed = Signed::<Grant>::decode(&bytes).unwrap();

        assert_eq!(signed.message(), [b"swarm grant v1\0", &odd[..]].concat());
        assert_eq!(signed.encode(), bytes);
    }

    #[test]
    fn a_list_has_1024_entries_at_most_and_fits_a_frame() {
        let list = |entries| Revocations {
            swarm: SwarmName::default(),
            version: 1,
            revoked: vec![
                Revocation {
                    agent: AgentId::from_key_digest([1; 32]),
                    until: UnixSeconds::new(u64::MAX)
                };
                entries
            ],
        };

        let signed = Signed::new(list(1024), PublicKey::from_bytes([2; 32]), |_| [3; 64]).unwrap();
        assert!(signed.encode().len() < crate::MAX_FRAME_BYTES - 100);
        assert_eq!(Signed::decode(&signed.encode()), Ok(signed));
        assert_eq!(list(1025).encode(), Err(EncodeError::LimitExceeded { what: REVOKED, max: 1024 }));
    }
}
