//! The knobs of a node, with their defaults, bounds and reasons.

use std::time::Duration;

use crate::mesh::MeshConfig;
#[cfg(feature = "webtransport")]
use crate::transport::webtransport::WebTransportConfig;

/// How a node behaves. Every default suits a mesh of up to a few hundred nodes on a LAN.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::NodeConfig;
///
/// let mut config = NodeConfig::default();
/// config.mesh.introduce = false;
/// config.request_deadline = Duration::from_secs(5);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NodeConfig {
    /// Who dials whom.
    pub mesh: MeshConfig,
    /// QUIC's own knobs; used by [`Builder::bind`](crate::Builder::bind).
    #[cfg(feature = "webtransport")]
    pub web_transport: WebTransportConfig,
    /// From the first packet of a connection to the end of both hellos. Default 3 s. Whoever takes longer is given up.
    pub handshake_deadline: Duration,
    /// From the opening of a request's stream to the end of its head. Default 2 s.
    pub head_deadline: Duration,
    /// How many handshakes of strangers may be under way at once. Default 64; further ones are refused.
    pub max_half_open: usize,
    /// How many connections there may be before strangers are refused. Default 512. A node's own dials are not bound
    /// by it.
    pub max_connections: usize,
    /// How many requests of one peer are served at once, on each connection to it. Default 64; beyond it the answer is
    /// `Busy`.
    pub max_requests_per_peer: usize,
    /// How many requests of all peers together are served at once. Default 1,024; beyond it the answer is `Busy`.
    pub max_requests_served: usize,
    /// How many requests of its own a node may have under way. Default 1,024; beyond it asking fails with
    /// `Overloaded`.
    pub max_requests_made: usize,
    /// The deadline of a request that names none. Default 30 s.
    pub request_deadline: Duration,
    /// How long an observation may wait to share a datagram with others while there is load. Default 1 ms. When a peer's
    /// outbox is idle nothing waits; zero turns sharing off.
    pub coalescing_window: Duration,
    /// How many observations may wait for one peer. Default 1,024; beyond it the oldest are dropped and counted.
    pub outbox_capacity: usize,
    /// How many observations may wait for the agent, rounded up to a power of two. Default 1,024; beyond it the oldest are dropped and counted, and
    /// the agent is told by `on_lagged`.
    pub agent_queue: usize,
    /// How long a connection that another one replaces stays open after its last request. Default 1 s: the other side
    /// may be about to use it.
    pub linger: Duration,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            mesh: MeshConfig::default(),
            #[cfg(feature = "webtransport")]
            web_transport: WebTransportConfig::default(),
            handshake_deadline: Duration::from_secs(3),
            head_deadline: Duration::from_secs(2),
            max_half_open: 64,
            max_connections: 512,
            max_requests_per_peer: 64,
            max_requests_served: 1024,
            max_requests_made: 1024,
            request_deadline: Duration::from_secs(30),
            coalescing_window: Duration::from_millis(1),
            outbox_capacity: 1024,
            agent_queue: 1024,
            linger: Duration::from_secs(1),
        }
    }
}
