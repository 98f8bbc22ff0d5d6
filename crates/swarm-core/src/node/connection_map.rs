//! Who is connected, for all tasks to read. The driver alone writes.

use std::sync::Arc;

use dashmap::DashMap;
use swarm_proto::AgentId;
use tokio::sync::watch;

use super::peer_connection::PeerConnection;
use crate::mesh::ConnectionKey;
use crate::peer::PeerInfo;

/// What we have of an agent.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// A connection.
    Ready(Arc<PeerConnection>),
    /// None now, but it is being dialled again.
    Returning,
}

/// A look-up by id for requests, and a list sorted by id for broadcasts: the order of a hash map must not decide in
/// which order peers are sent to, or a simulated run would not repeat.
#[derive(Debug)]
pub(crate) struct ConnectionMap {
    slots: DashMap<AgentId, Slot>,
    sorted: watch::Sender<Arc<[Arc<PeerConnection>]>>,
}

impl ConnectionMap {
    pub(super) fn new() -> Self {
        Self { slots: DashMap::new(), sorted: watch::Sender::new(Arc::from([])) }
    }

    pub(super) fn get(&self, agent: AgentId) -> Option<Slot> {
        self.slots.get(&agent).map(|slot| slot.clone())
    }

    /// One connection per connected peer, sorted by id.
    pub(super) fn all(&self) -> Arc<[Arc<PeerConnection>]> {
        Arc::clone(&self.sorted.borrow())
    }

    pub(crate) fn peers(&self) -> Vec<PeerInfo> {
        self.all().iter().map(|connection| connection.info()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.borrow().len()
    }

    /// Waits until at least so many peers are connected. Cancel safe.
    pub(super) async fn at_least(&self, peers: usize) {
        // The sender lives as long as this map, so there is no error to wait out.
        let _ = self.sorted.subscribe().wait_for(|connections| connections.len() >= peers).await;
    }

    /// Waits for a connection to this agent that is another one than `but`. Cancel safe.
    pub(super) async fn another(&self, agent: AgentId, but: ConnectionKey) -> Arc<PeerConnection> {
        let mut sorted = self.sorted.subscribe();
        loop {
            let found =
                sorted.borrow_and_update().iter().find(|connection| connection.peer.id == agent).cloned();
            match found {
                Some(connection) if connection.id != but => return connection,
                // The sender lives as long as this map, so there is no error to wait out.
                _ => drop(sorted.changed().await),
            }
        }
    }

    pub(super) fn set_ready(&self, connection: Arc<PeerConnection>) {
        self.slots.insert(connection.peer.id, Slot::Ready(Arc::clone(&connection)));
        self.sorted.send_modify(|sorted| {
            let others = sorted.iter().filter(|other| other.peer.id != connection.peer.id);
            let mut connections: Vec<_> = others.cloned().collect();
            let position = connections.partition_point(|other| other.peer.id < connection.peer.id);
            connections.insert(position, connection);
            *sorted = connections.into();
        });
    }

    pub(super) fn set_returning(&self, agent: AgentId) {
        self.slots.insert(agent, Slot::Returning);
        self.unlist(agent);
    }

    pub(super) fn remove(&self, agent: AgentId) {
        self.slots.remove(&agent);
        self.unlist(agent);
    }

    pub(super) fn clear(&self) {
        self.slots.clear();
        self.sorted.send_replace(Arc::from([]));
    }

    fn unlist(&self, agent: AgentId) {
        self.sorted.send_if_modified(|sorted| {
            let before = sorted.len();
            let others: Vec<_> =
                sorted.iter().filter(|connection| connection.peer.id != agent).cloned().collect();
            *sorted = others.into();
            sorted.len() != before
        });
    }
}
