//! Waits: the network `real`, UDP sockets on this machine's loopback address. With a fabric, packets are delayed or dropped
//! before they are sent, by one task.

mod shaper;
mod socket;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::AsyncUdpSocket;
use swarm_core::NodeConfig;
use swarm_core::transport::webtransport::WebTransport;
use swarm_core::transport::{Speaker, Transport};

use self::shaper::Shaper;
use self::socket::ShapedSocket;
use crate::{Host, Network, OpenError, SharedFabric};

/// Real sockets on the loopback address of this machine, in real time.
///
/// With a fabric each host is shaped on its way out: what the fabric says of a packet to another host is done to it in user
/// space, before the system has it. What goes to anybody else, a browser for example, goes as it is. Without a fabric
/// nothing stands between a node and its socket.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::trust::RootKey;
/// use swarm_core::{AgentNode, IdleAgent, NodeConfig};
/// use swarm_network::{Host, Network, RealNetwork};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let network = RealNetwork::new(None, 0);
/// let node = AgentNode::builder(IdleAgent).dev_root(RootKey::from_seed([1; 32]));
/// let node = node.start(|speaker| network.open(Host(0), speaker, &NodeConfig::default())).await?;
/// assert_eq!(node.url().host(), "127.0.0.1");
/// node.shutdown(Duration::from_secs(1)).await?;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct RealNetwork {
    shaper: Option<Arc<Shaper>>,
    first_port: u16,
    /// Where hosts were bound to any port: there they are again in their next life.
    addresses: Mutex<BTreeMap<Host, SocketAddr>>,
}

impl RealNetwork {
    /// A network whose time begins now, where each host has the port `first_port` plus its number, or any that is free if
    /// `first_port` is 0. Must be called inside a tokio runtime.
    pub fn new(fabric: Option<SharedFabric>, first_port: u16) -> Arc<Self> {
        let shaper = fabric.map(|fabric| Arc::new(Shaper::new(fabric)));
        Arc::new(Self { shaper, first_port, addresses: Mutex::default() })
    }

    /// Sends delayed packets when their time has come, until it is dropped. Does nothing without a fabric.
    pub async fn run(self: Arc<Self>) {
        match &self.shaper {
            Some(shaper) => shaper.run().await,
            None => std::future::pending().await,
        }
    }

    /// Packets that were dropped because 16 MiB were held back already, or the system took no more.
    pub fn overflowed(&self) -> u64 {
        self.shaper.as_ref().map_or(0, |shaper| shaper.overflowed())
    }

    fn address_of(&self, host: Host) -> SocketAddr {
        if let Some(known) = self.addresses().get(&host) {
            return *known;
        }
        let offset = u16::try_from(host.0).unwrap_or(u16::MAX);
        let port = if self.first_port == 0 { 0 } else { self.first_port.saturating_add(offset) };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn addresses(&self) -> MutexGuard<'_, BTreeMap<Host, SocketAddr>> {
        // A map is whole after each insertion, so a poisoned lock is as good as any.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network for RealNetwork {
    fn open(
        &self,
        host: Host,
        speaker: &Speaker,
        config: &NodeConfig,
    ) -> Result<Box<dyn Transport>, OpenError> {
        let wrap = |socket: Arc<dyn AsyncUdpSocket>| match &self.shaper {
            Some(shaper) => ShapedSocket::wrap(socket, host, shaper),
            None => socket,
        };
        let config = config.web_transport.clone();
        let transport = WebTransport::bind_through(self.address_of(host), speaker, config, wrap)?;
        let address = transport.local_addr();
        self.addresses().insert(host, address);
        if let Some(shaper) = &self.shaper {
            shaper.set_address(host, address);
        }
        Ok(Box::new(transport))
    }
}
