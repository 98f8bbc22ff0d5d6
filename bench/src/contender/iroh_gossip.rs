//! iroh-gossip: a tree for broadcasts over an overlay of few neighbours each, over QUIC.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, join_all};
use iroh::address_lookup::memory::MemoryLookup;
use iroh::endpoint::{Connection, presets};
use iroh::protocol::{AcceptError, ProtocolHandler, Router};
use iroh::{Endpoint, EndpointAddr, RelayMode};
use iroh_gossip::api::{Event, GossipReceiver, GossipSender};
use iroh_gossip::net::{GOSSIP_ALPN, Gossip};
use iroh_gossip::proto::TopicId;
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;

use super::probe::Probe;
use super::{Ability, Contender, Heard, Mesh, Problem, Shape};
use crate::locked::locked;

/// What questions go by.
const ASK: &[u8] = b"bench/ask/1";

/// Of a question, in bytes.
const LARGEST: usize = 64 * 1024;

/// Gossip over an overlay that the nodes build for themselves.
#[derive(Debug)]
pub struct IrohGossip;

impl Contender for IrohGossip {
    fn name(&self) -> &'static str {
        "iroh-gossip"
    }

    fn version(&self) -> &'static str {
        locked(&["iroh-gossip", "iroh", "noq", "rustls"])
    }

    fn settings(&self) -> &'static str {
        "QUIC on 127.0.0.1, no relays, no lookup but a table of the addresses, no port mapping; gossip with its defaults: \
         each node is told of node 0 (star) or of all before it (full), keeps five of them as neighbours, and passes \
         on what it gets, so that a broadcast takes several hops; a node that reads too slowly loses the oldest \
         events; questions take a stream each of a second connection between the two, as gossip has none; no \
         transfers, as gossip does not share its connection"
    }

    fn encrypts(&self) -> bool {
        true
    }

    fn can(&self, ability: Ability) -> bool {
        match ability {
            Ability::Ask => true,
            Ability::Transfer | Ability::Link => false,
        }
    }

    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>> {
        Box::pin(async move { Ok(Arc::new(Overlay::start(shape, heard).await?) as Arc<dyn Mesh>) })
    }
}

struct Overlay {
    nodes: Vec<Node>,
    tasks: Mutex<JoinSet<()>>,
}

struct Node {
    router: Router,
    topic: GossipSender,
    address: EndpointAddr,
    /// Over which node 0 asks this one; opened by the first question.
    asked: OnceCell<Connection>,
}

impl Overlay {
    async fn start(shape: Shape, heard: Heard) -> Result<Self, Problem> {
        let probe = Arc::new(Probe::new(shape.nodes, heard));
        let lookup = MemoryLookup::new();
        let mut tasks = JoinSet::new();
        let mut nodes: Vec<Node> = Vec::new();
        for number in 0..shape.nodes {
            let endpoint = Endpoint::builder(presets::Minimal)
                .relay_mode(RelayMode::Disabled)
                .address_lookup(lookup.clone())
                .clear_ip_transports()
                .bind_addr("127.0.0.1:0")?
                .bind()
                .await?;
            let address = endpoint
                .bound_sockets()
                .into_iter()
                .fold(EndpointAddr::new(endpoint.id()), EndpointAddr::with_ip_addr);
            lookup.add_endpoint_info(address.clone());

            let gossip = Gossip::builder().spawn(endpoint.clone());
            let router =
                Router::builder(endpoint).accept(GOSSIP_ALPN, gossip.clone()).accept(ASK, Answer).spawn();
            let known = if shape.full { number } else { number.min(1) };
            let known = nodes.iter().take(known).map(|node| node.address.id).collect();
            let (topic, events) = gossip.subscribe(TopicId::from_bytes([0; 32]), known).await?.split();
            tasks.spawn(listen(events, number, Arc::clone(&probe)));
            nodes.push(Node { router, topic, address, asked: OnceCell::new() });
        }
        let mesh = Self { nodes, tasks: Mutex::new(tasks) };
        probe.until_all_reached(|payload| mesh.broadcast(0, payload)).await?;
        Ok(mesh)
    }

    fn node(&self, node: usize) -> Result<&Node, Problem> {
        self.nodes.get(node).ok_or_else(|| format!("there is no node {node}").into())
    }
}

impl Mesh for Overlay {
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move { Ok(self.node(from)?.topic.broadcast(payload).await?) })
    }

    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>> {
        Box::pin(async move {
            let (from, to) = (self.node(0)?, self.node(to)?);
            let dial = || from.router.endpoint().connect(to.address.clone(), ASK);
            let (mut send, mut receive) = to.asked.get_or_try_init(dial).await?.open_bi().await?;
            send.write_all(&payload).await?;
            send.finish()?;
            Ok(receive.read_to_end(LARGEST).await?.into())
        })
    }

    fn transfer(&self, _: usize) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async { Err("gossip takes no large objects".into()) })
    }

    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.tasks.lock().await.shutdown().await;
            // What has ended already is as good.
            let _ = join_all(self.nodes.iter().map(|node| node.router.shutdown())).await;
        })
    }
}

async fn listen(mut events: GossipReceiver, node: usize, probe: Arc<Probe>) {
    while let Some(Ok(event)) = events.next().await {
        if let Event::Received(message) = event {
            probe.arrived(node, &message.content);
        }
    }
}

/// Sends every question back.
#[derive(Debug)]
struct Answer;

impl ProtocolHandler for Answer {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        let mut answers = JoinSet::new();
        while let Ok((mut send, mut receive)) = connection.accept_bi().await {
            answers.spawn(async move {
                let question = receive.read_to_end(LARGEST).await?;
                send.write_all(&question).await?;
                send.finish()?;
                Ok::<_, Problem>(())
            });
            // Those that have ended; one that failed is missed by who asked.
            while answers.try_join_next().is_some() {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::check;

    #[tokio::test(flavor = "multi_thread")]
    async fn reaches_everybody() -> Result<(), Problem> {
        check::overlay(&IrohGossip).await
    }
}
