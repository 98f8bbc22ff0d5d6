//! The first thing that two nodes say to each other. Carries what each claims; whether the claims are true and the two
//! belong together is decided elsewhere.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::capability::Advertisement;
use crate::codec::{from_slice, to_vec};
use crate::control::SUBSCRIPTIONS;
use crate::error::{DecodeError, EncodeError, Exceeded, at_most};
use crate::frame::check_len;
use crate::id::{AgentId, Epoch};
use crate::limits::{
    DEFAULT_MAX_DATAGRAM_BYTES, DEFAULT_MAX_REQUESTS, MAX_CAPABILITIES, MAX_HELLO_BYTES, MAX_SUBSCRIPTIONS,
};
use crate::name::SwarmName;
use crate::topic::TopicPattern;
use crate::wire::{Map, map, maps};

/// Path of the WebTransport session on which the protocol is spoken.
pub const PATH: &str = "/swarm/v1";

/// A version of the protocol; larger is later. An unsigned number on the wire.
///
/// ```
/// use swarm_proto::ProtocolVersion;
///
/// assert_eq!(ProtocolVersion::V1.get(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProtocolVersion(u8);

impl ProtocolVersion {
    /// The version that this crate speaks.
    pub const V1: Self = Self(1);

    /// The version with this number, known here or not.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The number of the version.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The versions that a node speaks, both ends included. One with `min` above `max` holds none.
///
/// ```
/// use swarm_proto::{ProtocolVersion, VersionRange};
///
/// assert!(VersionRange::SPOKEN.contains(ProtocolVersion::V1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VersionRange {
    /// The earliest.
    pub min: ProtocolVersion,
    /// The latest.
    pub max: ProtocolVersion,
}

impl VersionRange {
    /// The versions that this crate speaks.
    pub const SPOKEN: Self = Self { min: ProtocolVersion::V1, max: ProtocolVersion::V1 };

    /// Whether `version` is one of them.
    #[must_use]
    pub fn contains(self, version: ProtocolVersion) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(formatter, "{}", self.max.get())
        } else {
            write!(formatter, "{} to {}", self.min.get(), self.max.get())
        }
    }
}

/// The latest version that both sides speak, or `None`: then close with
/// [`CloseCode::UnsupportedVersion`](crate::CloseCode::UnsupportedVersion). Both sides come to the same answer.
#[must_use]
pub fn negotiate(ours: VersionRange, theirs: VersionRange) -> Option<ProtocolVersion> {
    let latest = ours.max.min(theirs.max);
    (ours.contains(latest) && theirs.contains(latest)).then_some(latest)
}

/// What a node takes from a peer. Never above the limits of the protocol, whatever it says.
///
/// ```
/// use swarm_proto::PeerLimits;
///
/// assert_eq!(PeerLimits::default().max_requests, 64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerLimits {
    /// Requests on one connection that it serves or lets wait at once, default 64. Further ones are answered with busy.
    pub max_requests: u32,
    /// Longest datagram, in bytes, default 1,100. The path may carry less.
    pub max_datagram_bytes: u32,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self { max_requests: DEFAULT_MAX_REQUESTS, max_datagram_bytes: DEFAULT_MAX_DATAGRAM_BYTES }
    }
}

/// What a node says of itself, first thing on the control stream, each way.
///
/// A map with named fields on the wire, at most 4,096 bytes. Keys that are not known are ignored; capabilities and
/// limits may be left out.
///
/// ```
/// use swarm_proto::{AgentId, Epoch, Hello, PeerLimits, SwarmName, VersionRange};
///
/// let hello = Hello {
///     versions: VersionRange::SPOKEN,
///     agent: AgentId::from_key_digest([1; 32]),
///     swarm: SwarmName::default(),
///     epoch: Epoch::new(1_700_000_000_000),
///     capabilities: vec!["vision.classify@2".parse()?],
///     limits: PeerLimits::default(),
///     subscriptions: vec!["rover.**".parse()?],
/// };
/// assert_eq!(Hello::decode(&hello.encode()?)?, hello);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HelloWire")]
pub struct Hello {
    /// The protocol versions that it speaks.
    pub versions: VersionRange,
    /// Who it is.
    pub agent: AgentId,
    /// The swarm that it belongs to.
    pub swarm: SwarmName,
    /// Which life of it this is.
    pub epoch: Epoch,
    /// What it can do for others, at most 64.
    pub capabilities: Vec<Advertisement>,
    /// What it takes from a peer.
    pub limits: PeerLimits,
    /// What it wants to hear of, at most 64 patterns; everything if it does not say. It may change its mind with
    /// [`ControlFrame::Subscribe`](crate::ControlFrame::Subscribe).
    #[serde(skip_serializing_if = "is_everything")]
    pub subscriptions: Vec<TopicPattern>,
}

fn everything() -> Vec<TopicPattern> {
    vec![TopicPattern::everything()]
}

fn is_everything(subscriptions: &[TopicPattern]) -> bool {
    matches!(subscriptions, [only] if only.is_everything())
}

impl Hello {
    /// Encodes the map alone; as a frame it is a [`ControlFrame`](crate::ControlFrame).
    ///
    /// # Errors
    /// [`EncodeError::LimitExceeded`] with more than 64 capabilities or subscriptions, or with too many or too long attributes;
    /// [`EncodeError::TooLarge`] above 4,096 bytes.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        self.within_limits()?;
        let bytes = to_vec(self)?;
        match bytes.len() {
            len if len > MAX_HELLO_BYTES => Err(EncodeError::TooLarge { len, max: MAX_HELLO_BYTES }),
            _ => Ok(bytes.into()),
        }
    }

    /// Decodes the map alone.
    ///
    /// # Errors
    /// A [`DecodeError`] if the bytes are unsound, exceed a limit, or lack a field that is required.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_len(bytes, MAX_HELLO_BYTES)?;
        from_slice::<Map<HelloWire>>(bytes)?.0.try_into()
    }

    fn within_limits(&self) -> Result<(), Exceeded> {
        at_most(MAX_CAPABILITIES, self.capabilities.len(), CAPABILITIES)?;
        at_most(MAX_SUBSCRIPTIONS, self.subscriptions.len(), SUBSCRIPTIONS)?;
        self.capabilities.iter().try_for_each(Advertisement::within_limits)
    }
}

const CAPABILITIES: &str = "capabilities of a hello";

/// A hello as it was received, before its limits are checked.
#[derive(Deserialize)]
pub(crate) struct HelloWire {
    #[serde(deserialize_with = "map")]
    versions: VersionRange,
    agent: AgentId,
    swarm: SwarmName,
    epoch: Epoch,
    #[serde(default, deserialize_with = "maps")]
    capabilities: Vec<Advertisement>,
    #[serde(default, deserialize_with = "map")]
    limits: PeerLimits,
    #[serde(default = "everything")]
    subscriptions: Vec<TopicPattern>,
}

impl TryFrom<HelloWire> for Hello {
    type Error = DecodeError;

    fn try_from(wire: HelloWire) -> Result<Self, DecodeError> {
        let HelloWire { versions, agent, swarm, epoch, capabilities, limits, subscriptions } = wire;
        let hello = Self { versions, agent, swarm, epoch, capabilities, limits, subscriptions };
        hello.within_limits()?;
        Ok(hello)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capability;

    fn range(min: u8, max: u8) -> VersionRange {
        VersionRange { min: ProtocolVersion::new(min), max: ProtocolVersion::new(max) }
    }

    fn hello(capabilities: usize) -> Hello {
        let offered = (0..capabilities).map(|number| Capability::try_from(format!("c{number}").as_str()));
        Hello {
            versions: VersionRange::SPOKEN,
            agent: AgentId::from_key_digest([1; 32]),
            swarm: SwarmName::default(),
            epoch: Epoch::new(1),
            capabilities: offered.map(|capability| capability.unwrap().into()).collect(),
            limits: PeerLimits::default(),
            subscriptions: everything(),
        }
    }

    #[test]
    fn a_hello_says_what_it_subscribes_to_unless_it_is_everything() {
        let plain = hello(0).encode().unwrap();
        assert!(!plain.windows(13).any(|bytes| bytes == b"subscriptions"));

        for patterns in [vec![], vec!["rover.*.position".parse().unwrap(), "map.**".parse().unwrap()]] {
            let choosy = Hello { subscriptions: patterns, ..hello(0) };
            assert_eq!(Hello::decode(&choosy.encode().unwrap()), Ok(choosy));
        }
    }

    #[test]
    fn the_latest_version_that_both_speak_is_taken() {
        for (ours, theirs, agreed) in [
            (range(1, 1), range(1, 1), Some(1)),
            (range(1, 3), range(2, 5), Some(3)),
            (range(2, 5), range(1, 3), Some(3)),
            (range(1, 9), range(4, 4), Some(4)),
            (range(1, 1), range(2, 3), None),
            (range(3, 1), range(1, 3), None),
        ] {
            assert_eq!(negotiate(ours, theirs), agreed.map(ProtocolVersion::new), "{ours:?} {theirs:?}");
            assert_eq!(negotiate(theirs, ours), negotiate(ours, theirs), "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn what_a_hello_leaves_out_takes_its_default() {
        let agent = AgentId::from_key_digest([1; 32]);
        let short = [
            b"\x85\xa8versions\x82\xa3min\x01\xa3max\x01\xa5epoch\x01\xa5swarm\xa5local\xa5agent\xc4\x10"
                .as_slice(),
            agent.as_bytes(),
            b"\xa5later\x90",
        ]
        .concat();

        assert_eq!(Hello::decode(&short), Ok(hello(0)));
    }

    #[test]
    fn a_hello_advertises_64_capabilities_at_most() {
        let over = EncodeError::LimitExceeded { what: CAPABILITIES, max: 64 };

        assert_eq!(Hello::decode(&hello(64).encode().unwrap()), Ok(hello(64)));
        assert_eq!(hello(65).encode(), Err(over));
        assert_eq!(
            Hello::decode(&to_vec(&hello(65)).unwrap()),
            Err(DecodeError::LimitExceeded { what: CAPABILITIES, max: 64 })
        );
    }

    #[test]
    fn an_advertisement_has_16_attributes_of_128_bytes_at_most() {
        let offering = |count: usize, text: &str| {
            let attributes = (0..count).map(|number| (format!("k{number}"), text.to_owned())).collect();
            let capability = "a".parse().unwrap();
            Hello { capabilities: vec![Advertisement { capability, attributes }], ..hello(0) }
        };
        for fits in [offering(16, "v"), offering(1, &"v".repeat(128))] {
            assert_eq!(Hello::decode(&fits.encode().unwrap()), Ok(fits));
        }
        let long_key = Hello {
            capabilities: vec![Advertisement::try_from("a").unwrap().attribute("k".repeat(129), "v")],
            ..hello(0)
        };
        for (over, what, max) in [
            (offering(17, "v"), "attributes of a capability", 16),
            (offering(1, &"v".repeat(129)), "bytes of an attribute", 128),
            (long_key, "bytes of an attribute", 128),
        ] {
            assert_eq!(over.encode(), Err(EncodeError::LimitExceeded { what, max }));
            assert_eq!(Hello::decode(&to_vec(&over).unwrap()), Err(DecodeError::LimitExceeded { what, max }));
        }
    }

    #[test]
    fn a_hello_takes_4096_bytes_at_most() {
        let longest =
            Capability::try_from(format!("{}.{}", "x".repeat(63), "y".repeat(63)).as_str()).unwrap();
        let large = Hello { capabilities: vec![longest.into(); 32], ..hello(0) };
        let bytes = to_vec(&large).unwrap();

        let (len, max) = (bytes.len(), 4_096);
        assert_eq!(large.encode(), Err(EncodeError::TooLarge { len, max }));
        assert_eq!(Hello::decode(&bytes), Err(DecodeError::TooLarge { len, max }));
    }
}
