//! Waits: the network `quic`, the unmodified QUIC stack over sockets in memory. One task moves all packets.

mod socket;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use swarm_core::NodeConfig;
use swarm_core::transport::webtransport::WebTransport;
use swarm_core::transport::{Speaker, Transport};

use self::socket::MemorySocket;
use self::wire::Wire;
use crate::{Host, Network, OpenError, SharedFabric};

/// The QUIC stack of real nodes over sockets in memory.
///
/// It is meant for a runtime of one thread whose clock is paused. Packets arrive on whole milliseconds, and all that a
/// millisecond brings in one go. When packets are sent, and how long they are, then follows from the seeds of network,
/// fabric, runtime and nodes alone. On a clock that runs it works too, and nothing repeats.
///
/// Nearly all that it costs is what QUIC costs. A minute of 32 nodes, each of which tells eight others 32 bytes ten times a
/// second over links that lose 1 %, takes 2.5 to 4 s of a processor that others use as well, most of it in the protocol's own
/// state machines: `cargo run --release -p swarm-network --example speed -- quic 32`.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use swarm_core::trust::RootKey;
/// use swarm_core::{AgentNode, IdentityKey, IdleAgent, NodeConfig, StartError};
/// use swarm_network::{Conditions, Fabric, Host, Network, Power, QuicNetwork};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fabric = Arc::new(Mutex::new(Fabric::new(7, 2, |_, _| Conditions::default())));
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
/// runtime.block_on(async {
///     let network = QuicNetwork::new(Arc::clone(&fabric), 7);
///     let moving = tokio::task::spawn(Arc::clone(&network).run());
///     let node = async |host: u32| {
///         fabric.lock().unwrap().set_power(Host(host), Power::Up);
///         let node = AgentNode::builder(IdleAgent).dev_root(RootKey::from_seed([1; 32]));
///         let node = node.identity(IdentityKey::from_seed([host as u8; 32])).rng_seed(u64::from(host));
///         node.start(|speaker| network.open(Host(host), speaker, &NodeConfig::default())).await
///     };
///     let (a, b) = (node(0).await?, node(1).await?);
///
///     a.connect(&b.url()).await?;
///
///     a.shutdown(Duration::from_secs(1)).await?;
///     b.shutdown(Duration::from_secs(1)).await?;
///     moving.abort();
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct QuicNetwork {
    wire: Arc<Wire>,
    seed: u64,
}

impl QuicNetwork {
    /// A network with nobody on it, whose time begins now. Must be called inside a tokio runtime.
    pub fn new(fabric: SharedFabric, seed: u64) -> Arc<Self> {
        Arc::new(Self { wire: Arc::new(Wire::new(fabric)), seed })
    }

    /// Moves packets until it is dropped. Without it nothing arrives.
    pub async fn run(self: Arc<Self>) {
        self.wire.run().await;
    }

    /// Packets that were dropped because 4 MiB were on their way to one host, or waited there unread.
    pub fn overflowed(&self) -> u64 {
        self.wire.overflowed()
    }
}

impl Network for QuicNetwork {
    fn open(
        &self,
        host: Host,
        speaker: &Speaker,
        config: &NodeConfig,
    ) -> Result<Box<dyn Transport>, OpenError> {
        let socket = MemorySocket::plug_in(&self.wire, host);
        let life = format!("quic of run {} in life {}", self.seed, socket.life());
        let seed = speaker.identity.derive(&life);
        let transport = WebTransport::seeded(Arc::new(socket), speaker, config.web_transport.clone(), seed)?;
        Ok(Box::new(transport))
    }
}
