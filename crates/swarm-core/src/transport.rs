//! The seam to the network: what a node needs of whatever carries its bytes.
//!
//! Everything above this file speaks to these traits; WebTransport over real sockets is one implementation
//! (`webtransport`), a simulator brings others. They are object-safe on purpose: three back-ends fit in one program,
//! and a virtual call is noise beside what a datagram costs.

#[cfg(feature = "webtransport")]
pub mod webtransport;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use swarm_proto::{AgentId, CloseCode, Grant, ResetCode, Signed};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::clock::WallClock;
use crate::error::{AcceptError, DialError};
use crate::identity::IdentityKey;
use crate::trust::Access;

/// Who a transport speaks as: what goes into its certificate and what it asks of others.
///
/// ```
/// use std::sync::Arc;
/// use swarm_core::SystemClock;
/// use swarm_core::transport::Speaker;
/// use swarm_core::trust::{Access, Credentials};
///
/// fn speaker(credentials: &Credentials) -> Speaker {
///     Speaker {
///         identity: Arc::clone(credentials.identity()),
///         access: Arc::new(Access::new(credentials)),
///         guests: false,
///         wall_clock: Arc::new(SystemClock),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Speaker {
    /// The node's key.
    pub identity: Arc<IdentityKey>,
    /// Its grant, and whose grants count.
    pub access: Arc<Access>,
    /// Whether clients without a certificate may open a session. What they show instead is looked at by the node.
    pub guests: bool,
    /// Tells when certificates are issued and due for renewal.
    pub wall_clock: Arc<dyn WallClock>,
}

/// One endpoint of the network: it accepts and dials on the same address.
///
/// ```
/// use swarm_core::transport::Transport;
///
/// fn describe(transport: &dyn Transport) -> String {
///     format!("reachable at {}", transport.local_addr())
/// }
/// ```
pub trait Transport: Debug + Send + Sync + 'static {
    /// The address that others dial.
    fn local_addr(&self) -> SocketAddr;

    /// Opens a connection to `address`; with `expected`, to that agent and nobody else.
    ///
    /// The future may be dropped at any time, which gives the attempt up. It has no deadline of its own.
    fn dial(
        &self,
        address: SocketAddr,
        expected: Option<AgentId>,
    ) -> BoxFuture<'static, Result<Box<dyn Connection>, DialError>>;

    /// Waits for the next stranger at the door; `None` once the transport is closed. Cancel safe.
    ///
    /// What comes back has cost nothing but a packet yet.
    fn accept(&self) -> BoxFuture<'_, Option<Box<dyn Incoming>>>;

    /// SHA-256 of the certificates that it shows now or is about to show (DER), for clients that trust no others.
    fn certificate_hashes(&self) -> Vec<[u8; 32]>;

    /// Closes every connection with `code`, and waits for a bounded time until the other ends were told and the address
    /// is free again.
    fn close(&self, code: CloseCode) -> BoxFuture<'_, ()>;
}

/// For networks that are chosen while the program runs.
impl Transport for Box<dyn Transport> {
    fn local_addr(&self) -> SocketAddr {
        (**self).local_addr()
    }

    fn dial(
        &self,
        address: SocketAddr,
        expected: Option<AgentId>,
    ) -> BoxFuture<'static, Result<Box<dyn Connection>, DialError>> {
        (**self).dial(address, expected)
    }

    fn accept(&self) -> BoxFuture<'_, Option<Box<dyn Incoming>>> {
        (**self).accept()
    }

    fn certificate_hashes(&self) -> Vec<[u8; 32]> {
        (**self).certificate_hashes()
    }

    fn close(&self, code: CloseCode) -> BoxFuture<'_, ()> {
        (**self).close(code)
    }
}

/// A connection that somebody else wants to begin: a packet, and no handshake yet. Dropping it turns the stranger away.
///
/// ```
/// use swarm_core::transport::Incoming;
///
/// /// Wants to know of everybody where they are before anything is done for them.
/// fn distrust(incoming: Box<dyn Incoming>) -> Option<Box<dyn Incoming>> {
///     if incoming.is_address_validated() {
///         return Some(incoming);
///     }
///     incoming.retry();
///     None
/// }
/// ```
pub trait Incoming: Debug + Send {
    /// Where it says that it comes from.
    fn remote_addr(&self) -> SocketAddr;

    /// Whether it has shown that packets sent there reach it.
    fn is_address_validated(&self) -> bool;

    /// Asks it to show just that and to begin anew; nothing is kept of it meanwhile. Turns it away if it has already.
    fn retry(self: Box<Self>);

    /// The handshake, to be polled under a deadline: it has none of its own. Giving it up turns the stranger away.
    fn accept(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Connection>, AcceptError>>;
}

/// What the other end of a connection has shown of itself.
///
/// ```
/// use swarm_core::transport::Credential;
///
/// fn is_guest(credential: &Credential) -> bool {
///     matches!(credential, Credential::Token { .. })
/// }
/// ```
#[derive(Debug, Clone)]
pub enum Credential {
    /// A certificate, which the handshake has verified.
    Certificate {
        /// Who it is.
        agent: AgentId,
        /// Its grant.
        grant: Arc<Signed<Grant>>,
    },
    /// No certificate: a browser or a script that dialled. Nothing is verified yet.
    Token {
        /// The grant that it carries, as text; from the header `authorization` or the query `t`.
        token: Option<String>,
        /// The web page that it belongs to, by the header `origin`, which browsers send and scripts need not.
        origin: Option<String>,
    },
}

/// A connection to somebody who has shown a credential.
///
/// ```
/// use swarm_core::transport::Connection;
///
/// fn describe(connection: &dyn Connection) -> String {
///     format!("{:?} at {}", connection.credential(), connection.remote_addr())
/// }
/// ```
pub trait Connection: Debug + Send + Sync + 'static {
    /// What the other end has shown.
    fn credential(&self) -> &Credential;

    /// Where the other end is.
    fn remote_addr(&self) -> SocketAddr;

    /// The current estimate of the round trip.
    fn round_trip(&self) -> Duration;

    /// What is known of the path now, all at the same moment. [`Self::round_trip`] alone is cheaper.
    fn path(&self) -> Path;

    /// What every datagram begins with. Whoever builds one leaves it in front, so that nothing need be copied.
    fn datagram_prefix(&self) -> &'static [u8];

    /// Hands a datagram, behind its [prefix](Self::datagram_prefix), to the network. Never waits. Callers look at [`Connection::datagram_room`] first, because a
    /// full buffer would lose an older datagram without a word.
    ///
    /// # Errors
    /// When the datagram is larger than the path carries now, or the connection is gone.
    fn send_datagram(&self, datagram: Bytes) -> Result<(), DatagramError>;

    /// The largest datagram that the path carries now, in bytes without the prefix. Changes with the path.
    fn max_datagram_bytes(&self) -> usize;

    /// How many bytes of datagrams may be handed over now. Never more than the send buffer takes before it would lose older
    /// ones, and not more than the path carries soon: what waits there can neither be replaced nor expire.
    fn datagram_room(&self) -> usize;

    /// How many bytes of datagrams were handed over and are not sent yet: a close would lose them without a word.
    fn datagrams_unsent(&self) -> usize;

    /// Waits for the next datagram, and takes its prefix away; an empty one stands for one that was not meant for this
    /// connection. Cancel safe.
    fn receive_datagram(&self) -> BoxFuture<'_, Result<Bytes, ConnectionLost>>;

    /// Opens a bidirectional stream; waits while the peer grants no more of them. Cancel safe.
    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>>;

    /// Waits for the next bidirectional stream that the peer opens. Cancel safe.
    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>>;

    /// Closes at once; what was not sent yet is lost. Further calls do nothing.
    fn close(&self, code: CloseCode, reason: &str);

    /// Waits until the connection is over, for whatever reason. Cancel safe.
    fn closed(&self) -> BoxFuture<'_, ConnectionLost>;
}

/// What is known of the path of a connection.
///
/// ```
/// use swarm_core::transport::{Connection, Path};
///
/// /// How many bytes may be under way before the first of them can have been acknowledged.
/// fn window(connection: &dyn Connection) -> f64 {
///     let Path { bytes_per_second, round_trip, .. } = connection.path();
///     bytes_per_second as f64 * round_trip.as_secs_f64()
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Path {
    /// What it is thought to carry: the congestion window over the round trip.
    pub bytes_per_second: u64,
    /// The current estimate of the round trip.
    pub round_trip: Duration,
    /// How many pieces of streams have been sent over it. Tells whether streams move while datagrams go before them.
    pub stream_frames: u64,
}

/// The two halves of a bidirectional stream.
#[derive(Debug)]
pub struct Stream {
    /// What we say.
    pub send: Box<dyn SendStream>,
    /// What we hear.
    pub recv: Box<dyn RecvStream>,
}

/// The sending half of a stream. `poll_shutdown` ends it in order; dropping it without that resets it with
/// [`ResetCode::Cancelled`], so that *ended* and *cut off* cannot be confused. Errors are [`StreamError`] inside
/// [`io::Error`].
pub trait SendStream: AsyncWrite + Debug + Send + Unpin {
    /// Gives the stream up: the peer learns of it at once, and what was not delivered yet is lost.
    fn reset(&mut self, code: ResetCode);

    /// Streams of a higher priority are sent first; the default is 0.
    fn set_priority(&self, priority: i32);

    /// Ready when the peer does not want to hear more, or the connection is gone. Not after an orderly end.
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError>;
}

/// The receiving half of a stream. Dropping it before its end tells the peer to stop, with
/// [`ResetCode::Cancelled`]. Errors are [`StreamError`] inside [`io::Error`]; any other says that the peer broke the
/// rules of the layer below on this stream.
pub trait RecvStream: AsyncRead + Debug + Send + Unpin {
    /// Tells the peer that we do not want to hear more.
    fn stop(&mut self, code: ResetCode);
}

/// How a stream was cut off.
///
/// ```
/// use std::io;
/// use swarm_core::transport::StreamError;
///
/// let error = io::Error::other(StreamError::ConnectionLost);
/// assert_eq!(StreamError::of(&error), StreamError::ConnectionLost);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The peer gave its sending half up.
    #[error("the peer reset the stream ({0})")]
    Reset(ResetCode),
    /// The peer does not want to hear more.
    #[error("the peer stopped the stream ({0})")]
    Stopped(ResetCode),
    /// The connection is gone.
    #[error("the connection was lost")]
    ConnectionLost,
    /// We ended or reset this half before.
    #[error("the stream was closed on this side")]
    Closed,
}

impl StreamError {
    /// The stream error inside an [`io::Error`]; anything else counts as a lost connection.
    pub fn of(error: &io::Error) -> Self {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied().unwrap_or(Self::ConnectionLost)
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        Self::other(error)
    }
}

/// Why a datagram was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// It is larger than the path carries.
    #[error("the datagram is larger than the {max} bytes that the path carries")]
    TooLarge {
        /// The most that the path carries now, in bytes.
        max: usize,
    },
    /// The connection is gone.
    #[error("the connection was lost")]
    ConnectionLost,
}

/// The connection is over, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionLost {
    /// The peer closed it.
    #[error("the peer closed the connection: {code}{}", reason_suffix(reason))]
    ClosedByPeer {
        /// Its code.
        code: CloseCode,
        /// Its words, at most 256 bytes.
        reason: String,
    },
    /// We closed it.
    #[error("the connection was closed on this side")]
    ClosedHere,
    /// Nothing was heard of the peer for the idle timeout, or it forgot the connection in a restart.
    #[error("the peer fell silent: {0}")]
    Silent(String),
    /// The peer broke the rules of the layers below, or they failed.
    #[error("the connection failed: {0}")]
    Failed(String),
}

fn reason_suffix(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
