//! What carries the bytes of a run.

use thiserror::Error;

use super::MOST_AGENTS;

/// What carries the bytes of a run.
///
/// ```
/// use swarm_sim::Network;
///
/// assert_eq!(Network::WebTransport.to_string(), "webtransport");
/// assert_eq!("quic".parse(), Ok(Network::Quic));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// WebTransport over real UDP sockets on the loopback address, in real time.
    WebTransport,
    /// WebTransport over sockets in memory, in virtual time: the whole QUIC stack, packet for packet.
    Quic,
    /// Messages and streams in memory, in virtual time: without QUIC, for thousands of agents.
    Model,
}

impl Network {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Model, Self::Quic, Self::WebTransport];

    /// Most agents of a scenario on it, rogues included. Each real one has a UDP port and its share of real time; each on
    /// `quic` has its share of a processor that encrypts every packet.
    ///
    /// ```
    /// use swarm_sim::Network;
    ///
    /// assert_eq!(Network::WebTransport.most_agents(), 512);
    /// assert!(Network::Model.most_agents() <= swarm_sim::MOST_AGENTS);
    /// ```
    #[must_use]
    pub const fn most_agents(self) -> usize {
        match self {
            Self::WebTransport => 512,
            Self::Quic => 1_000,
            Self::Model => MOST_AGENTS,
        }
    }

    /// Whether time is virtual on it, so that the same seed gives the same run.
    #[must_use]
    pub const fn is_virtual(self) -> bool {
        matches!(self, Self::Quic | Self::Model)
    }
}

/// A text that names no network.
///
/// ```
/// let error = "quick".parse::<swarm_sim::Network>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown network `quick`, expected one of: model, quic, webtransport");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown network `{0}`, expected one of: model, quic, webtransport")]
pub struct UnknownNetwork(pub String);

impl std::str::FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|network| network.to_string() == text);
        known.ok_or_else(|| UnknownNetwork(text.to_owned()))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WebTransport => f.write_str("webtransport"),
            Self::Quic => f.write_str("quic"),
            Self::Model => f.write_str("model"),
        }
    }
}
