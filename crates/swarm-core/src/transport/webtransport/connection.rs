//! A connection, whichever library began it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls::pki_types::CertificateDer;
use swarm_proto::CloseCode;

use super::accepted;
use super::stream::{self, from_wire, to_wire};
use crate::error::IdentityError;
use crate::identity::{self, Proven};
use crate::transport::{Connection, ConnectionLost, Credential, DatagramError, Path, Stream};

/// A WebTransport datagram is the payload behind the quarter of its session's id (RFC 9297, section 2.1). A node
/// allows one session per connection, so that is one zero byte.
const SESSION_PREFIX: u8 = 0;

/// Datagrams wait in QUIC for no longer than the path takes to carry them in this time: what waits there can neither be
/// replaced nor expire.
const MOST_AHEAD: Duration = Duration::from_millis(10);

/// Two datagrams of an Ethernet path may always wait.
const LEAST_AHEAD_BYTES: usize = 2 * 1500;

/// The libraries' halves of a session; both keep it open until they are dropped.
pub(super) enum Session {
    Accepted(wtransport::Connection),
    Dialled(Box<web_transport_quinn::Session>),
}

pub(super) struct WebTransportConnection {
    quic: quinn::Connection,
    session: Session,
    credential: Credential,
    /// The room for datagrams while none waits.
    datagram_send_buffer: usize,
    closed_here: AtomicBool,
    control_accepted: AtomicBool,
    /// The datagram that nobody misses came past wtransport, which therefore keeps one that somebody does.
    padding_seen: AtomicBool,
}

impl WebTransportConnection {
    /// Wraps a session whose TLS handshake has verified the certificate of the other side, if it showed one.
    pub(super) fn new(quic: quinn::Connection, session: Session, credential: Credential) -> Self {
        Self {
            datagram_send_buffer: quic.datagram_send_buffer_space(),
            quic,
            session,
            credential,
            closed_here: AtomicBool::new(false),
            control_accepted: AtomicBool::new(false),
            padding_seen: AtomicBool::new(false),
        }
    }

    /// wtransport keeps the first datagram that it gets hold of for itself. The dialler sends one that nobody misses.
    pub(super) fn send_first_datagram(&self) {
        // That a path carries no datagrams shows with the first observation.
        let _ = self.send_datagram([&[SESSION_PREFIX], &swarm_proto::padding()[..]].concat().into());
    }

    /// The next datagram of whatever session. If wtransport has missed its chance to keep the one that nobody misses, it
    /// keeps another, which it has to be asked for; and after that the next. Asking is slower, so it is not done before.
    async fn next_datagram(&self) -> Result<Bytes, quinn::ConnectionError> {
        match &self.session {
            Session::Accepted(session) if self.padding_seen.load(Ordering::Relaxed) => {
                tokio::select! {
                    biased;
                    Ok(kept) = session.receive_datagram() => {
                        Ok([&[SESSION_PREFIX], &*kept.payload()].concat().into())
                    }
                    datagram = self.quic.read_datagram() => datagram,
                }
            }
            Session::Accepted(_) | Session::Dialled(_) => self.quic.read_datagram().await,
        }
    }

    /// wtransport takes one stream at a time from QUIC and waits for its preamble: were it the only one to take
    /// streams, a lost packet or a peer that stalls would hold up all that come later.
    async fn accept_from_either(&self, session: &wtransport::Connection) -> Result<Stream, ConnectionLost> {
        // The control stream is the first one, so nothing may overtake it. wtransport keeps the order.
        if !self.control_accepted.load(Ordering::Relaxed) {
            let control = session.accept_bi().await.map_err(|_| self.loss())?;
            self.control_accepted.store(true, Ordering::Relaxed);
            return Ok(accepted::taken_by_wtransport(control));
        }
        // Both are cancel safe: what the other one has come upon stays where it is until the next call.
        tokio::select! {
            biased;
            stream = session.accept_bi() => Ok(accepted::taken_by_wtransport(stream.map_err(|_| self.loss())?)),
            stream = self.quic.accept_bi() => Ok(accepted::taken(stream.map_err(|error| self.lost(error))?)),
        }
    }

    /// Why the connection is over, once one of the libraries has said that it is.
    fn loss(&self) -> ConnectionLost {
        let ended = || ConnectionLost::Failed("the WebTransport session ended".to_owned());
        self.quic.close_reason().map_or_else(ended, |error| self.lost(error))
    }

    fn lost(&self, error: quinn::ConnectionError) -> ConnectionLost {
        match error {
            // web-transport-quinn closes once more when the other side has closed, and QUIC then says that we did it.
            quinn::ConnectionError::LocallyClosed if !self.closed_here.load(Ordering::Relaxed) => {
                ConnectionLost::Failed("the WebTransport session ended".to_owned())
            }
            other => lost(other),
        }
    }
}

/// What the certificate of the other side proves.
pub(super) fn certified(quic: &quinn::Connection) -> Result<Credential, IdentityError> {
    let identity = quic.peer_identity().ok_or(IdentityError::NoCertificate)?;
    let chain =
        identity.downcast::<Vec<CertificateDer<'static>>>().map_err(|_| IdentityError::NoCertificate)?;
    let end_entity = chain.first().ok_or(IdentityError::NoCertificate)?;
    let Proven { agent, grant } = identity::read_again(end_entity)?;
    Ok(Credential::Certificate { agent, grant: Arc::new(grant) })
}

impl Connection for WebTransportConnection {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn remote_addr(&self) -> SocketAddr {
        canonical(self.quic.remote_address())
    }

    fn round_trip(&self) -> Duration {
        self.quic.rtt()
    }

    fn path(&self) -> Path {
        let stats = self.quic.stats();
        let round_trip = stats.path.rtt;
        let window_lasts = round_trip.max(Duration::from_micros(1)).as_secs_f64();
        Path {
            bytes_per_second: (stats.path.cwnd as f64 / window_lasts) as u64,
            round_trip,
            stream_frames: stats.frame_tx.stream,
        }
    }

    fn datagram_prefix(&self) -> &'static [u8] {
        &[SESSION_PREFIX]
    }

    fn send_datagram(&self, datagram: Bytes) -> Result<(), DatagramError> {
        self.quic.send_datagram(datagram).map_err(|error| match error {
            quinn::SendDatagramError::ConnectionLost(_) => DatagramError::ConnectionLost,
            _ => DatagramError::TooLarge { max: self.max_datagram_bytes() },
        })
    }

    fn max_datagram_bytes(&self) -> usize {
        self.quic.max_datagram_size().unwrap_or_default().saturating_sub(1)
    }

    fn datagram_room(&self) -> usize {
        let room = self.quic.datagram_send_buffer_space();
        let ahead = self.datagram_send_buffer.saturating_sub(room);
        if ahead < LEAST_AHEAD_BYTES {
            return room.saturating_sub(1);
        }
        let most_ahead = (self.path().bytes_per_second as f64 * MOST_AHEAD.as_secs_f64()) as usize;
        room.min(most_ahead.saturating_sub(ahead)).saturating_sub(1)
    }

    fn receive_datagram(&self) -> BoxFuture<'_, Result<Bytes, ConnectionLost>> {
        async {
            let mut datagram = self.next_datagram().await.map_err(|error| self.lost(error))?;
            // One of another session belongs to nobody here, but whoever sends it is to be told from who sends nothing.
            if datagram.first() != Some(&SESSION_PREFIX) {
                return Ok(Bytes::new());
            }
            let datagram = datagram.split_off(1);
            if datagram == swarm_proto::padding() {
                self.padding_seen.store(true, Ordering::Relaxed);
            }
            Ok(datagram)
        }
        .boxed()
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        async {
            match &self.session {
                Session::Accepted(_) => {
                    Ok(accepted::opened(self.quic.open_bi().await.map_err(|error| self.lost(error))?))
                }
                Session::Dialled(session) => {
                    Ok(stream::dialled(session.open_bi().await.map_err(|_| self.loss())?))
                }
            }
        }
        .boxed()
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        async {
            match &self.session {
                Session::Accepted(session) => self.accept_from_either(session).await,
                Session::Dialled(session) => {
                    Ok(stream::dialled(session.accept_bi().await.map_err(|_| self.loss())?))
                }
            }
        }
        .boxed()
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.closed_here.store(true, Ordering::Relaxed);
        self.quic.close(to_wire(code.to_u32()), reason.as_bytes());
    }

    fn closed(&self) -> BoxFuture<'_, ConnectionLost> {
        async { self.lost(self.quic.closed().await) }.boxed()
    }
}

impl fmt::Debug for WebTransportConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebTransportConnection")
            .field("credential", &self.credential)
            .field("remote_addr", &self.quic.remote_address())
            .finish_non_exhaustive()
    }
}

/// A socket for both IP versions reports an IPv4 peer as mapped into IPv6, which nobody on IPv4 can dial.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn lost(error: quinn::ConnectionError) -> ConnectionLost {
    match error {
        quinn::ConnectionError::ApplicationClosed(close) => match from_wire(close.error_code) {
            Some(code) => ConnectionLost::ClosedByPeer {
                code: CloseCode::from_u32(code),
                reason: String::from_utf8_lossy(&close.reason).chars().take(256).collect(),
            },
            // A library closed it, for want of anybody who did: the peer broke down.
            None => ConnectionLost::Failed(format!("closed with QUIC code {}", close.error_code)),
        },
        quinn::ConnectionError::LocallyClosed => ConnectionLost::ClosedHere,
        quinn::ConnectionError::TimedOut => ConnectionLost::Silent("idle timeout".to_owned()),
        quinn::ConnectionError::Reset => ConnectionLost::Silent("it restarted".to_owned()),
        other => ConnectionLost::Failed(other.to_string()),
    }
}
