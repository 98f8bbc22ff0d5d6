//! What is compared: ways to connect a number of nodes, send to all of them, ask one and move something large.

mod certificate;
#[cfg(test)]
mod check;
pub mod grpc;
pub mod iroh_gossip;
pub mod libp2p;
mod moved;
pub mod nats;
pub mod node_quic;
pub mod pairs;
mod probe;
pub mod quinn;
pub mod sessions;
pub mod swarm;
pub mod tls;
pub mod websocket;
pub mod wtransport;
pub mod zenoh;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Whatever went wrong in a contender; a run that meets one reports it and goes on with the next.
pub type Problem = Box<dyn Error + Send + Sync>;

/// All that are compared, in the order of the tables. The first one is what ratios are to.
pub fn all() -> Vec<Arc<dyn Contender>> {
    vec![
        Arc::new(quinn::Quinn),
        Arc::new(wtransport::WebTransport),
        Arc::new(swarm::Swarm::Plain),
        Arc::new(swarm::Swarm::Sharing),
        Arc::new(swarm::Swarm::Quiet),
        Arc::new(zenoh::Zenoh::Quic),
        Arc::new(zenoh::Zenoh::Tcp),
        Arc::new(libp2p::Libp2p),
        Arc::new(iroh_gossip::IrohGossip),
        Arc::new(nats::Nats),
        Arc::new(websocket::WebSocket),
        Arc::new(grpc::Grpc),
    ]
}

/// One way to build a mesh of nodes, all of them in this process.
pub trait Contender: Send + Sync {
    /// Its name in tables: `swarm`, `zenoh/quic`.
    fn name(&self) -> &'static str;

    /// What was built in: crates and programs with their versions.
    fn version(&self) -> &'static str;

    /// What a reader must know to judge its figures: protocol, settings that differ from the defaults.
    fn settings(&self) -> &'static str;

    /// Whether what crosses the wire is encrypted.
    fn encrypts(&self) -> bool;

    /// Whether it can do what a workload asks for.
    fn can(&self, ability: Ability) -> bool;

    /// Whether it is worth its time in this workload. Variants are not in most.
    fn joins(&self, workload: &str) -> bool {
        let _ = workload;
        true
    }

    /// Starts the nodes and returns once each of them would get what node 0 sends to all. What arrives goes to `heard`.
    fn start(&self, shape: Shape, heard: Heard) -> BoxFuture<'_, Result<Arc<dyn Mesh>, Problem>>;
}

/// What not every contender can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// [`Mesh::ask`].
    Ask,
    /// [`Mesh::transfer`] on the connection that the observations take.
    Transfer,
    /// Let node 1 dial a [`Link`](crate::link::Link) that stands in front of node 0.
    Link,
}

/// Which nodes there are and who is connected with whom. All listen on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many nodes, node 0 included.
    pub nodes: usize,
    /// Every node with every other; else node 0 with all others.
    pub full: bool,
    /// Stands in front of node 0, for whoever dials it.
    pub link: Option<LinkSettings>,
}

/// An emulated link.
#[derive(Debug, Clone, Copy)]
pub struct LinkSettings {
    /// One way, in milliseconds.
    pub delay_ms: u64,
    /// Of the packets, between 0 and 1. TCP contenders lose segments, which their kernel repairs.
    pub loss: f64,
    /// Decides which.
    pub seed: u64,
}

/// Called for every payload that arrives at a node that did not send it: the node's number and the payload.
pub type Heard = Arc<dyn Fn(usize, &[u8]) + Send + Sync>;

/// A mesh that is up. Dropping it ends it.
pub trait Mesh: Send + Sync {
    /// Sends to all nodes that `from` is connected with. Waits only if the contender has a way to say that there is no
    /// room: flat out, that is what paces the sender.
    fn broadcast(&self, from: usize, payload: Bytes) -> BoxFuture<'_, Result<(), Problem>>;

    /// Asks node `to`, which answers with the same payload. Node 0 asks.
    fn ask(&self, to: usize, payload: Bytes) -> BoxFuture<'_, Result<Bytes, Problem>>;

    /// Moves so many bytes from node 0 to node 1 on the connection that broadcasts take, and waits until all were read.
    fn transfer(&self, bytes: usize) -> BoxFuture<'_, Result<(), Problem>>;

    /// The process ids of helpers outside this process, such as a broker, whose CPU time counts as well.
    fn processes(&self) -> Vec<u32>;

    /// Ends everything that was started, and returns when it has ended.
    fn stop(&self) -> BoxFuture<'_, ()>;
}
