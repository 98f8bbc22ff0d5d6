//! The knobs of a node, with their defaults, bounds and reasons.

use std::time::Duration;

use swarm_proto::DEFAULT_HOP_LIMIT;

use crate::assist::budget::Defaults;
use crate::door::{DoorConfig, Places};
use crate::mesh::MeshConfig;
use crate::misconduct::MisconductConfig;
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
    /// Which strangers are let in.
    pub door: DoorConfig,
    /// From the first packet of a connection to the end of both hellos. Default 3 s. Whoever takes longer is given up.
    pub handshake_deadline: Duration,
    /// From the opening of a request's stream to the end of its head. Default 2 s.
    pub head_deadline: Duration,
    /// How many handshakes of strangers may be under way at once. Default 64; further ones are refused.
    pub max_half_open: usize,
    /// How many connections there may be before strangers are refused. Default 512. A node's own dials are not bound
    /// by it.
    pub max_connections: usize,
    /// How many requests of one peer are served or wait at once, on each connection to it. Default 64; beyond it the
    /// answer is `Busy`.
    pub max_requests_per_peer: usize,
    /// How many requests of all peers together are served at once, if the agent's own
    /// [capacity](crate::Agent::capacity) is not less. Default 1,024.
    pub max_requests_served: usize,
    /// How many more may wait for one of those places, if the agent's own capacity is not less. Default 256; beyond it
    /// the answer is `Busy`.
    pub max_requests_waiting: usize,
    /// How many requests of its own a node may have under way. Default 1,024; beyond it asking fails with
    /// `Overloaded`.
    pub max_requests_made: usize,
    /// How many peers are asked at once by [`Context::request_all`](crate::Context::request_all) and
    /// [`Context::request_first`](crate::Context::request_first): the least loaded of those who offer it. Default 64.
    pub max_fan_out: usize,
    /// The deadline of a request that names none. Default 30 s.
    pub request_deadline: Duration,
    /// The longest that a request of a peer is served, waiting included, whatever deadline it names. Default 1 hour: a
    /// place must be free again some day.
    pub longest_request: Duration,
    /// The idle limit of a request that the node makes of its own accord and that names none. Default none.
    pub idle_limit: Option<Duration>,
    /// How many agents may work on a request behind the one that is asked, when it does not say. Default 8: more than any
    /// chain that is meant, few enough to end a circle soon.
    pub hop_limit: u8,
    /// How long a resumable reply is kept after its connection was lost, or after it was delivered, and what a peer is
    /// owed of reliable observations after the last connection to it was lost. Default 30 s.
    pub resume_window: Duration,
    /// How much of what was sent of a resumable reply is kept, in bytes. Default 256 KiB: each frame counts 64
    /// bytes more than it has, and one stream may have 128 KiB on its way and a chunk before it. Less makes gaps of what
    /// was sent at full speed when the connection was lost.
    pub resume_buffer_bytes: usize,
    /// How many resumable replies are kept at once. Default 64, of which one peer has at most half; further requests
    /// are served, but cannot be resumed.
    pub max_resumable: usize,
    /// How long an observation may wait to share a datagram with others while there is load. Default 1 ms. When a peer's
    /// outbox is idle nothing waits; with zero nothing ever does for this.
    pub coalescing_window: Duration,
    /// How many observations may wait for one peer. Default 1,024; beyond it the oldest are dropped and counted.
    pub outbox_capacity: usize,
    /// A peer whose outbox has overflowed for so long, without having been empty, is disconnected, and dialled again
    /// after a pause. Default 30 s; `None` bears it for ever.
    pub slow_patience: Option<Duration>,
    /// How many datagrams a peer may send in a second, on average; a quarter of them may come at once. Default 20,000,
    /// which is some 80,000 observations of 250 bytes. The rest is dropped unread and counted.
    pub max_datagrams_per_second: u32,
    /// A peer that sends more than that for so long is sent away, and not dialled again. Default 10 s; `None` bears it
    /// for ever.
    pub greedy_patience: Option<Duration>,
    /// How far the times at which a signed observation was made and comes here may be apart, by the clocks of both. Default
    /// 60 s: longer than clocks differ and observations are on their way. For so long it is remembered what came.
    pub freshness: Duration,
    /// How many signatures of observations are looked at for one peer in a second, on average; a quarter of them may come
    /// at once. Default 4,000, about a quarter of the time of a processor. The rest is dropped and counted.
    pub max_signatures_per_second: u32,
    /// What a peer may get wrong before it is sent away.
    pub misconduct: MisconductConfig,
    /// How many bytes of reliable observations are kept for one peer until it has taken them. Default 2 MiB: each counts
    /// 64 bytes more than it has. Beyond it the oldest are dropped and counted, but for the newest, and the peer is told.
    pub reliable_buffer_bytes: usize,
    /// How many observations may wait for the agent. Default 1,024; beyond it the oldest of whoever has most there are
    /// dropped and counted, and the agent is told by `on_lagged`.
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
            door: DoorConfig::default(),
            handshake_deadline: Duration::from_secs(3),
            head_deadline: Duration::from_secs(2),
            max_half_open: 64,
            max_connections: 512,
            max_requests_per_peer: 64,
            max_requests_served: 1024,
            max_requests_waiting: 256,
            max_requests_made: 1024,
            max_fan_out: 64,
            request_deadline: Duration::from_secs(30),
            longest_request: Duration::from_secs(3600),
            idle_limit: None,
            hop_limit: DEFAULT_HOP_LIMIT,
            resume_window: Duration::from_secs(30),
            resume_buffer_bytes: 256 << 10,
            max_resumable: 64,
            coalescing_window: Duration::from_millis(1),
            outbox_capacity: 1024,
            slow_patience: Some(Duration::from_secs(30)),
            max_datagrams_per_second: 20_000,
            greedy_patience: Some(Duration::from_secs(10)),
            freshness: Duration::from_secs(60),
            max_signatures_per_second: 4_000,
            misconduct: MisconductConfig::default(),
            reliable_buffer_bytes: 2 << 20,
            agent_queue: 1024,
            linger: Duration::from_secs(1),
        }
    }
}

impl NodeConfig {
    /// The most strangers and peers that there may be.
    pub(crate) fn places(&self) -> Places {
        Places { half_open: self.max_half_open, connections: self.max_connections }
    }

    /// What a request may cost that does not say.
    pub(crate) fn budget(&self) -> Defaults {
        Defaults {
            deadline: self.request_deadline,
            longest: self.longest_request,
            idle_limit: self.idle_limit,
            hop_limit: self.hop_limit,
        }
    }
}
