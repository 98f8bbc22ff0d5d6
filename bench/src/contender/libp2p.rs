//! libp2p: gossipsub to send to all, request-response to ask one, over QUIC.

mod exchange;
mod node;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use libp2p::PeerId;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::node::{Handle, Order};
use super::probe::Probe;
use super::{Ability, Contender, Heard, Mesh, Problem, Shape};
use crate::link::Link;
use crate::locked::locked;

/// Until every node knows what the others have subscribed to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gossip over an overlay that the nodes build for themselves.
#[derive(Debug)]
pub struct Libp2p;

impl Contender for Libp2p {
    fn name(&self) -> &'static str {
        "libp2p"
    }

    fn version(&self) -> &'static str {
        locked(&["libp2p", "libp2p-gossipsub", "libp2p-request-response", "libp2p-quic", "quinn", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "QUIC with its defaults (streams only, cryptography by aws-lc-rs, which is fixed in libp2p-tls); gossipsub with \
         its defaults, so flood publish: the author sends to everybody it is connected with, six of them pass on what \
         they get; no IDONTWANT, which is for messages above 1,000 bytes; messages carry author \
         and number without a signature (Author, Permissive), as the connection is authenticated; in a full mesh all are connected, in a star what a node sends reaches all by way of node 0; \
         connections never idle out; a transfer is one request on the same connection"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, ability: Ability) -> bool {
        match ability {
            Ability::Ask | Ability::Transfer | Ability::Link => true,
        }
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        Box::pin(async move { Ok(Arc::new(Overlay::start(shape, heard).await?) as Arc<dyn Mesh>) })
    }
}

struct Overlay {
    nodes: Vec<Handle>,
    tasks: Mutex<JoinSet<()>>,
    /// In front of node 0.
    _link: Option<Link>,
}

impl Overlay {
    async fn start(shape: Shape, heard: Heard) -> Result<Self, Problem> {
        let probe = Arc::new(Probe::new(shape.nodes, heard));
        let subscriptions = Arc::new(Semaphore::new(0));
        let mut tasks = JoinSet::new();
        let mut nodes: Vec<Handle> = Vec::new();
        let mut addresses: Vec<(PeerId, SocketAddr)> = Vec::new();
        let mut link = None;
        for node in 0..shape.nodes {
            let known = if shape.full { addresses.len() } else { addresses.len().min(1) };
            let dialled = addresses.get(..known).unwrap_or_default();
            let (handle, mut address) =
                node::start(&mut tasks, node, dialled, Arc::clone(&probe), Arc::clone(&subscriptions))
                    .await?;
            if node == 0
                && let Some(settings) = shape.link
            {
                address = link.insert(Link::udp(settings, address)?).address();
            }
            addresses.push((handle.peer, address));
            nodes.push(handle);
        }
        let others = shape.nodes.saturating_sub(1);
        let ends = if shape.full { shape.nodes * others } else { 2 * others };
        timeout(PATIENCE, subscriptions.acquire_many(u32::try_from(ends)?))
            .await
            .map_err(|_| "not all nodes found each other")??
            .forget();

        let mesh = Self { nodes, tasks: Mutex::new(tasks), _link: link };
        probe.until_all_reached(|payload| mesh.broadcast(0, payload)).await?;
        Ok(mesh)
    }

    fn node(&self, node: usize) -> Result<&Handle, Problem> {
        self.nodes.get(node).ok_or_else(|| format!("there is no node {node}").into())
    }
}

impl Mesh for Overlay {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move { self.node(from)?.order(Order::Publish(payload)).await })
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        Box::pin(async move {
            let to = self.node(to)?.peer;
            self.node(0)?.request(|reply| Order::Ask { to, payload, reply }).await
        })
    }

    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let (to, payload) = (self.node(1)?.peer, vec![0; bytes].into());
            self.node(0)?.request(|reply| Order::Move { to, payload, reply }).await?;
            Ok(())
        })
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.tasks.lock().await.shutdown().await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::check;

    #[tokio::test(flavor = "multi_thread")]
    async fn reaches_everybody() -> Result<(), Problem> {
        check::overlay(&Libp2p).await
    }
}
