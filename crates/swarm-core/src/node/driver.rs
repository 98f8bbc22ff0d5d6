//! The task that owns a node: it feeds the mesh, does what the mesh decides, and keeps every other task.
//!
//! It waits only in its own `select!` and never for another task, so it cannot be held up: what it has for a connection
//! or for the agent goes into a bounded queue or is dropped and counted. Each turn of the loop takes one thing and calls
//! one function.

mod connections;
mod dials;

use std::sync::Arc;
use std::time::Duration;

use swarm_proto::CloseCode;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use self::connections::{Connections, Ended};
use self::dials::{Attempts, Finished, Reply};
use super::agent_task;
use super::connection::FromConnection;
use super::handshake::Established;
use super::observe::ReliableQueue;
use super::shared::NodeShared;
use crate::deadline::{after, at};
use crate::door::{Places, Verdict};
use crate::error::ConnectError;
use crate::mesh::{Input, Mesh, Output};
use crate::peer::{GoneReason, PeerEvent};
use crate::trace::TraceEvent;
use crate::transport::{Incoming, Transport};

/// What handles ask of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    /// Dial this address now, once.
    Connect {
        address: std::net::SocketAddr,
        reply: oneshot::Sender<Result<swarm_proto::AgentId, ConnectError>>,
    },
    /// Stop in order; the reply tells how many requests were given up.
    Shutdown { deadline: Duration, reply: oneshot::Sender<usize> },
}

/// Everything that a driver is started with.
pub(super) struct Start {
    pub(super) shared: Arc<NodeShared>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) mesh: Mesh,
    pub(super) seeds: Vec<std::net::SocketAddr>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) reliable_queue: ReliableQueue,
}

/// How much of what peers said may wait for the driver. When it is full, connections wait.
const RECEIVED_QUEUE: usize = 1024;

enum Happened {
    Killed,
    Deadline,
    ConnectionEnded(Ended),
    AgentEnded,
    MeshTimeout,
    Command(Command),
    Attempt(Finished),
    Stranger(Option<Box<dyn Incoming>>),
    Received(FromConnection),
}

/// Stopping, step by step: the agent first, then the peers, then whatever is left.
struct Stopping {
    until: Instant,
    reply: oneshot::Sender<usize>,
}

pub(super) struct Driver {
    shared: Arc<NodeShared>,
    transport: Arc<dyn Transport>,
    mesh: Mesh,
    attempts: Attempts,
    connections: Connections,
    agent_ended: bool,
    stopping: Option<Stopping>,
    /// The deadline has passed, or nobody is left who could stop the node in order.
    gave_up: bool,
    aborted: usize,
    closed_to_strangers: bool,
}

/// Runs a node until it is shut down. Gives the number of requests that were given up.
pub(super) async fn run(start: Start) -> usize {
    let Start { shared, transport, mesh, seeds, mut commands, reliable_queue } = start;
    let _end_of_node = EndOfNode(Arc::clone(&shared));
    let killed = shared.killed.clone();
    let mut agent = spawn_agent(&shared, reliable_queue);
    let (connections, mut received) = Connections::new(Arc::clone(&shared), RECEIVED_QUEUE);
    let mut driver = Driver {
        attempts: Attempts::new(Arc::clone(&shared), Arc::clone(&transport)),
        shared,
        transport: Arc::clone(&transport),
        mesh,
        connections,
        agent_ended: false,
        stopping: None,
        gave_up: false,
        aborted: 0,
        closed_to_strangers: false,
    };
    for seed in seeds {
        driver.decide(Input::Seed(seed));
    }
    let mut stranger = transport.accept();
    while !driver.is_done() {
        let timeout = driver.mesh.next_timeout().map(Instant::from_std);
        let stopping = driver.gave_up || driver.stopping.is_some();
        let deadline = driver.stopping.as_ref().filter(|_| !driver.gave_up).map(|stopping| stopping.until);
        let happened = tokio::select! {
            biased;
            () = killed.cancelled(), if !driver.gave_up => Happened::Killed,
            () = at(deadline), if deadline.is_some() => Happened::Deadline,
            Some(ended) = driver.connections.ended() => Happened::ConnectionEnded(ended),
            () = finished(&mut agent), if !driver.agent_ended => Happened::AgentEnded,
            () = at(timeout), if timeout.is_some() && !stopping => Happened::MeshTimeout,
            Some(command) = commands.recv(), if !stopping => Happened::Command(command),
            Some(finished) = driver.attempts.finished() => Happened::Attempt(finished),
            incoming = &mut stranger, if !driver.closed_to_strangers => {
                stranger = transport.accept();
                Happened::Stranger(incoming)
            }
            Some(from_connection) = received.recv() => Happened::Received(from_connection),
        };
        driver.handle(happened);
    }
    agent.abort();
    // It would keep the port.
    drop(stranger);
    driver.close().await
}

fn spawn_agent(shared: &Arc<NodeShared>, reliable: ReliableQueue) -> AbortOnDropHandle<()> {
    let (shared, stop) = (Arc::clone(shared), shared.leaving.clone());
    let agent: JoinHandle<()> = shared.tasks.spawn(agent_task::run(Arc::clone(&shared), reliable, stop));
    AbortOnDropHandle::new(agent)
}

/// A panic in the agent task itself counts as its end.
async fn finished(agent: &mut AbortOnDropHandle<()>) {
    let _ = agent.await;
}

/// However the driver ends, even in a panic, nobody goes on believing in the node.
struct EndOfNode(Arc<NodeShared>);

impl Drop for EndOfNode {
    fn drop(&mut self) {
        self.0.kill();
        self.0.connections.clear();
    }
}

impl Driver {
    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Killed | Happened::Deadline => self.give_up(),
            Happened::ConnectionEnded(ended) => self.connection_ended(ended),
            Happened::AgentEnded => self.agent_ended(),
            Happened::MeshTimeout => self.decide(Input::Timeout),
            Happened::Command(Command::Connect { address, reply }) => {
                self.attempts.dial(address, None, Some(reply));
            }
            Happened::Command(Command::Shutdown { deadline, reply }) => self.stop(deadline, reply),
            Happened::Attempt(finished) => self.attempt_finished(finished),
            Happened::Stranger(Some(incoming)) => self.stranger(incoming),
            Happened::Stranger(None) => self.transport_ended(),
            Happened::Received(from_connection) => self.received(from_connection),
        }
    }

    fn received(&mut self, from_connection: FromConnection) {
        match from_connection {
            FromConnection::Introduced(peers) => self.decide(Input::Introduced(peers)),
            FromConnection::Replaced(connection) => self.decide(Input::Replaced(connection)),
            FromConnection::Leaving(connection, reason) => self.decide(Input::Down { connection, reason }),
        }
    }

    /// Nobody can reach the node any more, nor it them.
    fn transport_ended(&mut self) {
        self.closed_to_strangers = true;
        if self.stopping.is_none() {
            tracing::error!(agent = %self.shared.id, "the transport has ended, and the node with it");
            self.give_up();
        }
    }

    fn stranger(&mut self, incoming: Box<dyn Incoming>) {
        if self.stopping.is_some() {
            // Dropping it turns the stranger away.
            return;
        }
        let (now, from) = (Instant::now().into_std(), incoming.remote_addr());
        let present = Places { half_open: self.attempts.half_open(), connections: self.connections.len() };
        match self.shared.door().knock(now, from, incoming.is_address_validated(), present) {
            Verdict::Admit => self.attempts.accept(incoming),
            Verdict::Retry => incoming.retry(),
            Verdict::Refuse(reason) => {
                tracing::debug!(%from, %reason, "a stranger is turned away");
                self.shared.recorder.record(TraceEvent::Refused { reason });
            }
        }
    }

    /// Whoever was sent away is to be gone altogether, and not to be dialled soon.
    fn connection_ended(&mut self, Ended { connection, peer, reason }: Ended) {
        if reason == GoneReason::Misbehaved {
            self.connections.expel(peer);
            let until = self.shared.door().sent_away_until(peer);
            until.into_iter().for_each(|until| self.decide(Input::SentAway { peer, until }));
        }
        self.decide(Input::Down { connection, reason });
    }

    fn attempt_finished(&mut self, finished: Finished) {
        match finished {
            Finished::Failed { dialled: Some(address) } => self.decide(Input::DialFailed(address)),
            Finished::Failed { dialled: None } => {}
            Finished::Established { established, reply } => self.established(*established, reply),
        }
    }

    fn established(&mut self, established: Established, reply: Option<Reply>) {
        if self.shared.stopping.is_cancelled() {
            established.connection.close(CloseCode::ShutDown, "");
            return;
        }
        let peer = established.peer.clone();
        let connection = self.connections.add(established);
        let id = peer.id;
        self.decide(Input::Up { connection, peer });
        // Not before the agent knows of the peer: observations come after that.
        self.connections.start(connection);
        // Whoever asked may have stopped waiting; the connection stays all the same.
        let _ = reply.map(|reply| reply.send(Ok(id)));
    }

    /// Feeds the mesh and does what it decides.
    fn decide(&mut self, input: Input) {
        let now = Instant::now().into_std();
        for output in self.mesh.handle(now, input) {
            match output {
                Output::Dial { .. } if self.stopping.is_some() => {}
                Output::Dial { address, expected } => self.attempts.dial(address, expected, None),
                Output::Use(connection) => self.connections.put_to_use(connection),
                Output::Retire(connection) => self.connections.retire(connection),
                Output::Close(connection) => self.connections.close(connection),
                Output::Introduce { to, peers } => self.connections.introduce(to, peers),
                Output::Came(peer) => {
                    tracing::debug!(peer = %peer.id, address = %peer.address, "a peer came");
                    self.shared.recorder.record(TraceEvent::PeerCame { peer: peer.id });
                    self.shared.inbox.peer(PeerEvent::Came(peer));
                }
                Output::Went { peer, reason, returning } => {
                    tracing::debug!(%peer, %reason, "a peer went");
                    self.connections.peer_went(peer, returning);
                    self.shared.recorder.record(TraceEvent::PeerWent { peer, reason });
                    self.shared.inbox.peer(PeerEvent::Went { peer, reason });
                    if !returning {
                        self.shared.forget(peer);
                    }
                }
                Output::Forgotten(peer) => {
                    self.connections.peer_went(peer, false);
                    self.shared.forget(peer);
                }
            }
        }
    }

    /// First the agent stops, with all its peers still there.
    fn stop(&mut self, deadline: Duration, reply: oneshot::Sender<usize>) {
        self.stopping = Some(Stopping { until: after(Instant::now(), deadline), reply });
        self.shared.leaving.cancel();
    }

    /// Then nothing new begins: every connection says goodbye and ends with its last request.
    fn agent_ended(&mut self) {
        self.agent_ended = true;
        if self.stopping.is_some() {
            self.shared.stopping.cancel();
            self.attempts.abort_all();
        }
    }

    /// What is left at the deadline ends at once.
    fn give_up(&mut self) {
        self.aborted = self.shared.serving();
        self.gave_up = true;
        self.agent_ended = true;
        self.attempts.abort_all();
        self.shared.kill();
    }

    /// Killed connections end by themselves, each within the time of a frame to its peer.
    fn is_done(&self) -> bool {
        let stopping = self.gave_up || self.stopping.is_some();
        stopping && self.agent_ended && self.connections.is_empty()
    }

    async fn close(self) -> usize {
        self.shared.kill();
        self.transport.close(CloseCode::ShutDown).await;
        if let Some(stopping) = self.stopping {
            // Whoever asked may have stopped waiting.
            let _ = stopping.reply.send(self.aborted);
        }
        self.aborted
    }
}
