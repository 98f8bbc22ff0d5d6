//! Connections in the making: our dials and the handshakes of strangers, each in a task of its own with a deadline.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use swarm_proto::AgentId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::JoinMap;

use crate::deadline::after;
use crate::error::ConnectError;
use crate::node::handshake::{self, Established, Side};
use crate::node::shared::NodeShared;
use crate::trace::{RefusedReason, TraceEvent};
use crate::transport::{Incoming, Transport};

pub(super) type Reply = oneshot::Sender<Result<AgentId, ConnectError>>;

/// How an attempt ended.
pub(super) enum Finished {
    Established {
        established: Box<Established>,
        /// Who waits for the connection; to be told once it can be used.
        reply: Option<Reply>,
    },
    Failed {
        /// Where to, if it was a dial.
        dialled: Option<SocketAddr>,
    },
}

enum Direction {
    Dial { address: SocketAddr, reply: Option<Reply> },
    Accept { from: SocketAddr },
}

type Attempt = Result<Established, AttemptError>;

/// Why an attempt failed, in either direction.
enum AttemptError {
    Dial(ConnectError),
    Accept { reason: RefusedReason, text: String },
}

/// All attempts under way. Dropping it ends them.
pub(super) struct Attempts {
    shared: Arc<NodeShared>,
    transport: Arc<dyn Transport>,
    tasks: JoinMap<u64, Attempt>,
    directions: BTreeMap<u64, Direction>,
    next: u64,
}

impl Attempts {
    pub(super) fn new(shared: Arc<NodeShared>, transport: Arc<dyn Transport>) -> Self {
        Self { shared, transport, tasks: JoinMap::new(), directions: BTreeMap::new(), next: 0 }
    }

    /// How many strangers are shaking hands.
    pub(super) fn half_open(&self) -> usize {
        self.directions.values().filter(|direction| matches!(direction, Direction::Accept { .. })).count()
    }

    pub(super) fn dial(&mut self, address: SocketAddr, expected: Option<AgentId>, reply: Option<Reply>) {
        let dialling = dial(Arc::clone(&self.shared), Arc::clone(&self.transport), address, expected);
        self.begin(Direction::Dial { address, reply }, dialling);
    }

    pub(super) fn accept(&mut self, incoming: Box<dyn Incoming>) {
        let from = incoming.remote_addr();
        self.begin(Direction::Accept { from }, accept(Arc::clone(&self.shared), incoming));
    }

    /// The next attempt that has ended; `None` when there are none. Cancel safe.
    pub(super) async fn finished(&mut self) -> Option<Finished> {
        let (key, result) = self.tasks.join_next().await?;
        let direction = self.directions.remove(&key)?;
        Some(match direction {
            Direction::Dial { address, reply } => dial_finished(address, reply, result),
            Direction::Accept { from } => self.accept_finished(from, result),
        })
    }

    pub(super) fn abort_all(&mut self) {
        self.tasks.abort_all();
        // Whoever waits for a connection is told by the loss of its channel that the node has shut down.
        self.directions.clear();
    }

    fn begin(&mut self, direction: Direction, task: impl Future<Output = Attempt> + Send + 'static) {
        self.next += 1;
        self.directions.insert(self.next, direction);
        self.tasks.spawn(self.next, task);
    }

    fn accept_finished(&self, from: SocketAddr, result: Result<Attempt, tokio::task::JoinError>) -> Finished {
        let (reason, text) = match result {
            Ok(Ok(established)) => {
                return Finished::Established { established: Box::new(established), reply: None };
            }
            Ok(Err(AttemptError::Accept { reason, text })) => (reason, text),
            Ok(Err(AttemptError::Dial(error))) => (RefusedReason::Handshake, error.to_string()),
            Err(panic) => (RefusedReason::Broken, panic.to_string()),
        };
        tracing::info!(%from, %reason, text, "a stranger did not become a peer");
        self.shared.recorder.record(TraceEvent::Refused { reason });
        Finished::Failed { dialled: None }
    }
}

fn dial_finished(
    address: SocketAddr,
    reply: Option<Reply>,
    result: Result<Attempt, tokio::task::JoinError>,
) -> Finished {
    let result = match result {
        Ok(Ok(established)) => Ok(established),
        Ok(Err(AttemptError::Dial(error))) => Err(error),
        Ok(Err(AttemptError::Accept { .. })) | Err(_) => Err(ConnectError::Broken { address }),
    };
    match result {
        Ok(mut established) => {
            // Whatever the packets say, this is where it can be dialled.
            established.peer.address = address;
            Finished::Established { established: Box::new(established), reply }
        }
        Err(error) => {
            tracing::debug!(%address, error = %error, "a dial failed");
            let _ = reply.map(|reply| reply.send(Err(error)));
            Finished::Failed { dialled: Some(address) }
        }
    }
}

async fn dial(
    shared: Arc<NodeShared>,
    transport: Arc<dyn Transport>,
    address: SocketAddr,
    expected: Option<AgentId>,
) -> Attempt {
    if shared.local_only && !address.ip().to_canonical().is_loopback() {
        return Err(AttemptError::Dial(ConnectError::NotLoopback { address }));
    }
    let deadline = after(Instant::now(), shared.config.handshake_deadline);
    let late = ConnectError::DeadlineExceeded { address, within: shared.config.handshake_deadline };
    let dialled = timeout_at(deadline, transport.dial(address, expected)).await;
    let connection = dialled
        .map_err(|_| AttemptError::Dial(late))?
        .map_err(|source| AttemptError::Dial(ConnectError::Dial { address, source }))?;
    handshake::exchange_hellos(&shared, connection, Side::Dialler, deadline)
        .await
        .map_err(|source| AttemptError::Dial(ConnectError::Hello { address, source }))
}

async fn accept(shared: Arc<NodeShared>, incoming: Box<dyn Incoming>) -> Attempt {
    let deadline = after(Instant::now(), shared.config.handshake_deadline);
    let refused = |reason, text| AttemptError::Accept { reason, text };
    let connection = timeout_at(deadline, incoming.accept())
        .await
        .map_err(|_| refused(RefusedReason::Deadline, "no WebTransport session".to_owned()))?
        .map_err(|error| refused(RefusedReason::Handshake, error.to_string()))?;
    handshake::exchange_hellos(&shared, connection, Side::Acceptor, deadline)
        .await
        .map_err(|error| refused(handshake::refused_reason(&error), error.to_string()))
}
