//! What a node knows of another one that it is connected to.

use std::fmt;
use std::net::SocketAddr;

use swarm_proto::{Advertisement, AgentId, Capability, Epoch, Role};

/// A peer that we have a connection to, as its hello described it.
///
/// ```
/// use swarm_core::PeerInfo;
///
/// fn able(peers: &[PeerInfo]) -> impl Iterator<Item = &PeerInfo> {
///     peers.iter().filter(|peer| peer.offers("vision.classify"))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// Who it is, proven by its certificate, or by what a guest showed.
    pub id: AgentId,
    /// What it is in the swarm. Observers are not introduced to others, nor dialled again.
    pub role: Role,
    /// Which life of it this is: a restart gives a higher one.
    pub epoch: Epoch,
    /// What it can do for others.
    pub capabilities: Vec<Advertisement>,
    /// How busy it was when it last said so, in percent of the requests that it serves at once: above 100 some wait.
    pub load: u16,
    /// Where it is, and where a member can be dialled: a node has one port for both.
    pub address: SocketAddr,
}

impl PeerInfo {
    /// Whether it offers this capability, by name and at version 1, or as `name@version`.
    pub fn offers(&self, capability: &str) -> bool {
        capability.parse().is_ok_and(|wanted: Capability| self.offer(&wanted).is_some())
    }

    /// What it says of this capability; `None` if it does not offer it.
    pub fn offer(&self, capability: &Capability) -> Option<&Advertisement> {
        self.capabilities.iter().find(|offer| offer.capability == *capability)
    }
}

/// A peer came or went.
///
/// ```
/// use swarm_core::PeerEvent;
///
/// fn describe(event: &PeerEvent) -> String {
///     match event {
///         PeerEvent::Came(peer) => format!("{} is here", peer.id),
///         PeerEvent::Went { peer, reason } => format!("{peer} is gone: {reason}"),
///         _ => String::from("something newer than this agent"),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// There is a connection to it, and both sides have said hello.
    Came(PeerInfo),
    /// The last connection to it ended.
    Went {
        /// Who went.
        peer: AgentId,
        /// Why.
        reason: GoneReason,
    },
}

/// Why a connection to a peer ended.
///
/// ```
/// assert_eq!(swarm_core::GoneReason::Goodbye.to_string(), "goodbye");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GoneReason {
    /// It said goodbye: it stops, or needs us no more.
    Goodbye,
    /// It was not heard of any more.
    Lost,
    /// It came back as a new life of itself before we noticed that the old one had ended.
    Restarted,
    /// It broke the rules of the protocol.
    Misbehaved,
    /// Its grant ended or was revoked.
    NotPermitted,
    /// It took what it subscribed to too slowly, for too long.
    TooSlow,
    /// This node stops.
    ShutDown,
}

impl GoneReason {
    /// All that there are, in the order of their declaration.
    pub const ALL: &'static [Self] = &[
        Self::Goodbye,
        Self::Lost,
        Self::Restarted,
        Self::Misbehaved,
        Self::NotPermitted,
        Self::TooSlow,
        Self::ShutDown,
    ];
}

impl fmt::Display for GoneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Goodbye => "goodbye",
            Self::Lost => "lost",
            Self::Restarted => "restarted",
            Self::Misbehaved => "misbehaved",
            Self::NotPermitted => "not_permitted",
            Self::TooSlow => "too_slow",
            Self::ShutDown => "shut_down",
        })
    }
}
