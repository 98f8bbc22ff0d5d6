//! A connection, whoever began it.

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
use web_transport_quinn::{Session, SessionError, WebTransportError};

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

/// What is heard of a reason for closing.
const MAX_REASON_CHARS: usize = 256;

pub(super) struct WebTransportConnection {
    quic: quinn::Connection,
    /// Open until it is dropped.
    session: Session,
    credential: Credential,
    /// The room for datagrams while none waits.
    datagram_send_buffer: usize,
    closed_here: AtomicBool,
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
        }
    }

    fn lost(&self, error: quinn::ConnectionError) -> ConnectionLost {
        // The library closes once more when the other side has, and QUIC then says that we did it.
        let by_library = matches!(error, quinn::ConnectionError::LocallyClosed)
            && !self.closed_here.load(Ordering::Relaxed);
        match self.session.close_reason() {
            Some(SessionError::WebTransportError(WebTransportError::Closed(code, reason))) if by_library => {
                let reason = reason.chars().take(MAX_REASON_CHARS).collect();
                ConnectionLost::ClosedByPeer { code: CloseCode::from_u32(code), reason }
            }
            _ if by_library => ConnectionLost::Failed("the WebTransport session ended".to_owned()),
            _ => lost(error),
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
        let (room, ahead) = (self.quic.datagram_send_buffer_space(), self.datagrams_unsent());
        if ahead < LEAST_AHEAD_BYTES {
            return room.saturating_sub(1);
        }
        let most_ahead = (self.path().bytes_per_second as f64 * MOST_AHEAD.as_secs_f64()) as usize;
        room.min(most_ahead.saturating_sub(ahead)).saturating_sub(1)
    }

    fn datagrams_unsent(&self) -> usize {
        self.datagram_send_buffer.saturating_sub(self.quic.datagram_send_buffer_space())
    }

    fn receive_datagram(&self) -> BoxFuture<'_, Result<Bytes, ConnectionLost>> {
        async {
            let mut datagram = self.quic.read_datagram().await.map_err(|error| self.lost(error))?;
            // One of another session belongs to nobody here, but whoever sends it is to be told from who sends nothing.
            if datagram.first() != Some(&SESSION_PREFIX) {
                return Ok(Bytes::new());
            }
            Ok(datagram.split_off(1))
        }
        .boxed()
    }

    fn open_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        async { Ok(stream::opened(self.quic.open_bi().await.map_err(|error| self.lost(error))?)) }.boxed()
    }

    fn accept_stream(&self) -> BoxFuture<'_, Result<Stream, ConnectionLost>> {
        async { Ok(stream::taken(self.quic.accept_bi().await.map_err(|error| self.lost(error))?)) }.boxed()
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
                reason: String::from_utf8_lossy(&close.reason).chars().take(MAX_REASON_CHARS).collect(),
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
