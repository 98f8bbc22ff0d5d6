//! The connections of a node and their tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarm_proto::{AgentId, CloseCode, Introduction};
use tokio::sync::mpsc;
use tokio_util::task::JoinMap;

use crate::mesh::ConnectionKey;
use crate::node::connection::{self, Begin, FromConnection, ToConnection};
use crate::node::handshake::Established;
use crate::node::peer_connection::PeerConnection;
use crate::node::shared::NodeShared;
use crate::peer::GoneReason;

/// What the driver may have to say to a connection before it is heard; more means that the peer does not listen.
const TOLD_QUEUE: usize = 64;

struct Entry {
    connection: Arc<PeerConnection>,
    tell: mpsc::Sender<ToConnection>,
    /// What its task begins with.
    start: Option<Begin>,
}

/// A connection that is over.
pub(super) struct Ended {
    pub(super) connection: ConnectionKey,
    pub(super) peer: AgentId,
    pub(super) reason: GoneReason,
}

/// All connections. Dropping it ends their tasks.
pub(super) struct Connections {
    shared: Arc<NodeShared>,
    entries: BTreeMap<ConnectionKey, Entry>,
    tasks: JoinMap<ConnectionKey, GoneReason>,
    to_driver: mpsc::Sender<FromConnection>,
    next: u64,
}

impl Connections {
    /// No connections yet, and the queue in which all of them will speak to the driver.
    pub(super) fn new(shared: Arc<NodeShared>, queue: usize) -> (Self, mpsc::Receiver<FromConnection>) {
        let (to_driver, received) = mpsc::channel(queue);
        let connections =
            Self { shared, entries: BTreeMap::new(), tasks: JoinMap::new(), to_driver, next: 0 };
        (connections, received)
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Takes a connection in; its task begins with [`Self::start`].
    pub(super) fn add(&mut self, established: Established) -> ConnectionKey {
        self.next += 1;
        let id = ConnectionKey(self.next);
        let Established { connection: inner, control, peer, terms, place, told_subscriptions } = established;
        match place {
            None => self.shared.learn_shown(&terms.grant),
            // Of a guest whom this node invited nobody else knows, so nothing of it can be passed on.
            Some(_) => drop(self.shared.learn_grant(&terms.grant)),
        }
        let feed = self.shared.feeds.enter(peer.id, peer.epoch);
        let connection = Arc::new(PeerConnection::new(
            id,
            peer,
            terms,
            inner,
            &self.shared.config,
            Arc::clone(&self.shared.recorder),
            feed,
        ));
        let (tell, from_driver) = mpsc::channel(TOLD_QUEUE);
        let to_driver = self.to_driver.clone();
        let start = Some(Begin { control, to_driver, from_driver, place, told_subscriptions });
        self.entries.insert(id, Entry { connection, tell, start });
        id
    }

    /// Starts the task of a connection.
    pub(super) fn start(&mut self, id: ConnectionKey) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(begin) = entry.start.take() {
            let (shared, connection) = (Arc::clone(&self.shared), Arc::clone(&entry.connection));
            self.tasks.spawn(id, connection::run(shared, connection, begin));
        }
    }

    /// The next connection that has ended; `None` when there are none. Cancel safe.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        let (connection, result) = self.tasks.join_next().await?;
        let entry = self.entries.remove(&connection)?;
        if result.is_err() {
            // A panic below us must not leave the connection open.
            tracing::error!(peer = %entry.connection.peer.id, "the task of a connection broke down");
            entry.connection.inner.close(CloseCode::Normal, "");
        }
        Some(Ended { connection, peer: entry.connection.peer.id, reason: result.unwrap_or(GoneReason::Lost) })
    }

    /// Ends whatever connections there are to this peer.
    pub(super) fn expel(&self, peer: AgentId) {
        let of_peer = self.entries.values().filter(|entry| entry.connection.peer.id == peer);
        of_peer.for_each(|entry| entry.connection.expel());
    }

    /// From now on this is the connection to its peer.
    pub(super) fn put_to_use(&self, id: ConnectionKey) {
        if let Some(entry) = self.entries.get(&id) {
            self.shared.feeds.put_to_use(&entry.connection.feed, id);
            self.shared.connections.set_ready(Arc::clone(&entry.connection));
        }
    }

    /// Lets what runs finish, then the connection ends by itself.
    pub(super) fn retire(&self, id: ConnectionKey) {
        if let Some(entry) = self.entries.get(&id) {
            entry.connection.retired.cancel();
        }
    }

    pub(super) fn close(&self, id: ConnectionKey) {
        if let Some(entry) = self.entries.get(&id) {
            entry.connection.inner.close(CloseCode::Duplicate, "");
        }
    }

    pub(super) fn introduce(&self, to: ConnectionKey, peers: Vec<Introduction>) {
        if let Some(entry) = self.entries.get(&to)
            && entry.tell.try_send(ToConnection::Introduce(peers)).is_err()
        {
            tracing::warn!(peer = %entry.connection.peer.id, "a peer does not read its control stream and is sent away");
            entry.connection.inner.close(CloseCode::Overloaded, "the control stream is not read");
        }
    }

    pub(super) fn peer_went(&self, peer: AgentId, returning: bool) {
        self.shared.feeds.went(peer, returning);
        if returning {
            self.shared.connections.set_returning(peer);
        } else {
            self.shared.connections.remove(peer);
        }
    }
}
