//! WebTransport over QUIC: the only place that names web-transport-quinn and quinn.
//!
//! One [`quinn::Endpoint`], so one UDP port, per node: it accepts and dials on the same one, and peers dial the address
//! that they see. web-transport-quinn opens the session, on a connection that is ours to close at any time; streams and
//! datagrams are QUIC's own, so that none of them waits for another.

mod config;
mod connection;
mod preamble;
mod seed;
mod stream;
mod tls;

pub use config::{BindError, WebTransportConfig};

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, TokioRuntime};
use swarm_proto::{AgentId, CloseCode, PATH};
use url::Url;
use web_transport_quinn::http::{HeaderMap, StatusCode};
use web_transport_quinn::{Request, Session};

use self::connection::WebTransportConnection;
use self::seed::Seed;
use self::tls::Tls;
use super::{Connection, Credential, Incoming, Speaker, Transport};
use crate::clock::WallClock;
use crate::error::{AcceptError, DialError};
use crate::identity::IdentityKey;

/// How long `close` waits for the other ends to acknowledge, and then for the port to be free again.
/// Peers have heard a goodbye by then; what this would wait out longer are dials to nobody.
const CLOSE_DEADLINE: Duration = Duration::from_millis(200);

/// How long whoever asked for another path is given to hear that there is nothing.
const REJECTION_GRACE: Duration = Duration::from_millis(200);

/// The transport of a real network: HTTP/3 and WebTransport over QUIC with mutual TLS 1.3.
///
/// ```no_run
/// use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
/// use std::path::Path;
/// use swarm_core::SystemClock;
/// use swarm_core::transport::Speaker;
/// use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
/// use swarm_core::trust::{Access, Credentials};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials::load(Path::new("/etc/swarm/rover-7"))?;
/// let speaker = Speaker {
///     identity: Arc::clone(credentials.identity()),
///     access: Arc::new(Access::new(&credentials)),
///     guests: false,
///     wall_clock: Arc::new(SystemClock),
/// };
/// let transport = WebTransport::bind("127.0.0.1:0".parse()?, &speaker, WebTransportConfig::default())?;
/// # let _ = transport;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebTransport {
    /// Gone once the transport was closed.
    endpoint: Mutex<Option<Endpoint>>,
    socket: Weak<dyn AsyncUdpSocket>,
    local_addr: SocketAddr,
    tls: Arc<Tls>,
    transport_config: Arc<quinn::TransportConfig>,
}

impl WebTransport {
    /// Binds a UDP socket, with buffers as large as the system grants up to the configured size.
    ///
    /// # Errors
    /// When the address is taken or not ours, or no certificate can be made. Must be called inside a tokio runtime.
    pub fn bind(
        address: SocketAddr,
        speaker: &Speaker,
        config: WebTransportConfig,
    ) -> Result<Self, BindError> {
        Self::bind_through(address, speaker, config, |socket| socket)
    }

    /// As [`Self::bind`], and speaks through what `wrap` makes of the socket: something that loses packets, for example. The
    /// address is free again after [`Transport::close`] only if nothing keeps the socket longer than what was made of it.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn bind_through(
        address: SocketAddr,
        speaker: &Speaker,
        config: WebTransportConfig,
        wrap: impl FnOnce(Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket>,
    ) -> Result<Self, BindError> {
        let socket = bound_socket(address, &config).and_then(|socket| TokioRuntime.wrap_udp_socket(socket));
        let socket = socket.map_err(|source| BindError::Socket { address, source })?;
        Self::with_socket(wrap(socket), speaker, config)
    }

    /// Speaks over any socket, with everything above it unchanged.
    ///
    /// # Errors
    /// When the socket has no address or no certificate can be made. Must be called inside a tokio runtime.
    pub fn with_socket(
        socket: Arc<dyn AsyncUdpSocket>,
        speaker: &Speaker,
        config: WebTransportConfig,
    ) -> Result<Self, BindError> {
        Self::on(socket, speaker, config, None)
    }

    /// As [`Self::with_socket`], for a run in virtual time: whatever has a bearing on when packets are sent and how long they
    /// are is drawn from the seed. Give each life of a node another one. Its TLS keys follow from it too, on Ed25519 where
    /// they are P-256 otherwise, so it is nothing for a network that others can reach.
    ///
    /// # Errors
    /// As [`Self::with_socket`].
    pub fn seeded(
        socket: Arc<dyn AsyncUdpSocket>,
        speaker: &Speaker,
        config: WebTransportConfig,
        seed: [u8; 32],
    ) -> Result<Self, BindError> {
        Self::on(socket, speaker, config, Some(&Seed::new(seed)))
    }

    fn on(
        socket: Arc<dyn AsyncUdpSocket>,
        speaker: &Speaker,
        config: WebTransportConfig,
        seed: Option<&Seed>,
    ) -> Result<Self, BindError> {
        let local_addr = socket.local_addr().map_err(BindError::NoAddress)?;
        let tls = Arc::new(Tls::new(speaker.clone(), seed)?);
        let transport_config = Arc::new(config.quic());
        let mut server = quinn::ServerConfig::new(tls.server()?, Arc::new(retry_key(&speaker.identity)));
        server
            .transport_config(Arc::clone(&transport_config))
            .time_source(Arc::new(QuicTime(Arc::clone(&speaker.wall_clock))))
            .max_incoming(config.max_half_open)
            .incoming_buffer_size(config.incoming_buffer_bytes)
            .incoming_buffer_size_total(config.incoming_buffers_bytes);
        let weak_socket = Arc::downgrade(&socket);
        let endpoint = Endpoint::new_with_abstract_socket(
            endpoint_config(&speaker.identity, seed),
            Some(server),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(BindError::NoAddress)?;
        Ok(Self {
            endpoint: Mutex::new(Some(endpoint)),
            socket: weak_socket,
            local_addr,
            tls,
            transport_config,
        })
    }

    fn endpoint(&self) -> MutexGuard<'_, Option<Endpoint>> {
        // Nothing can panic while it is held, so a poisoned lock is as good as any.
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for WebTransport {
    fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    fn dial(
        &self,
        address: SocketAddr,
        expected: Option<AgentId>,
    ) -> BoxFuture<'static, Result<Box<dyn Connection>, DialError>> {
        let endpoint = self.endpoint().clone();
        let tls = Arc::clone(&self.tls);
        let transport_config = Arc::clone(&self.transport_config);
        async move {
            let endpoint =
                endpoint.ok_or_else(|| DialError::failed(quinn::ConnectError::EndpointStopping))?;
            let mut config = quinn::ClientConfig::new(tls.client(expected).map_err(DialError::failed)?);
            config.transport_config(transport_config);
            // The name is for the TLS library alone: who answers is proven by its certificate's identity.
            let host = address.ip().to_string();
            let quic = endpoint.connect_with(config, address, &host).map_err(DialError::failed)?.await;
            let quic = quic.map_err(tls::dial_error)?;
            let session = Session::connect(quic.clone(), session_url(address)?).await;
            let session = session.map_err(DialError::failed)?;
            let credential = connection::certified(&quic)?;
            let connection = WebTransportConnection::new(quic, session, credential);
            Ok(Box::new(connection) as Box<dyn Connection>)
        }
        .boxed()
    }

    fn accept(&self) -> BoxFuture<'_, Option<Box<dyn Incoming>>> {
        let endpoint = self.endpoint().clone();
        async move { Some(Box::new(FirstPacket(endpoint?.accept().await?)) as Box<dyn Incoming>) }.boxed()
    }

    fn certificate_hashes(&self) -> Vec<[u8; 32]> {
        self.tls.certificate_hashes()
    }

    fn close(&self, code: CloseCode) -> BoxFuture<'_, ()> {
        async move {
            let Some(endpoint) = self.endpoint().take() else { return };
            endpoint.close(stream::to_wire(code.to_u32()), b"");
            // A peer that is gone never acknowledges; nobody waits for it longer than this.
            let _ = tokio::time::timeout(CLOSE_DEADLINE, endpoint.wait_idle()).await;
            drop(endpoint);
            // The socket goes with the last task that uses it, and there is no telling when but to look.
            let freed = async {
                while self.socket.strong_count() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let _ = tokio::time::timeout(CLOSE_DEADLINE, freed).await;
        }
        .boxed()
    }
}

/// What quinn holds of a stranger until it is decided what becomes of it; refuses it when it is dropped.
#[derive(Debug)]
struct FirstPacket(quinn::Incoming);

impl Incoming for FirstPacket {
    fn remote_addr(&self) -> SocketAddr {
        connection::canonical(self.0.remote_address())
    }

    fn is_address_validated(&self) -> bool {
        self.0.remote_address_validated()
    }

    fn retry(self: Box<Self>) {
        // The error gives back whoever has been asked already, to be refused.
        drop(self.0.retry());
    }

    fn accept(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Connection>, AcceptError>> {
        accepted(self.0).boxed()
    }
}

/// The whole handshake of a stranger. However it ends before it is done, the connection ends with it.
async fn accepted(incoming: quinn::Incoming) -> Result<Box<dyn Connection>, AcceptError> {
    let quic = incoming.await.map_err(|error| tls::accept_error(&error))?;
    let unfinished = Unfinished(Some(quic.clone()));
    let request = Request::accept(quic.clone()).await.map_err(|error| tls::accept_error(&error))?;
    if request.url.path() != PATH {
        let path = request.url.path().chars().take(64).collect();
        // It should hear of it before the connection ends. `reject` would stop its control stream meanwhile, which HTTP/3
        // forbids.
        if let Ok(_answered) = request.respond(StatusCode::NOT_FOUND).await {
            let _ = tokio::time::timeout(REJECTION_GRACE, quic.closed()).await;
        }
        quic.close(stream::to_wire(CloseCode::Normal.to_u32()), b"another path");
        return Err(AcceptError::WrongPath { path });
    }
    let credential = match quic.peer_identity() {
        Some(_) => connection::certified(&quic)?,
        None => token(&request.headers, request.url.query().unwrap_or_default()),
    };
    let session = request.ok().await.map_err(|error| tls::accept_error(&error))?;
    unfinished.finish();
    Ok(Box::new(WebTransportConnection::new(quic, session, credential)))
}

/// A connection that is closed unless its handshake comes to an end: whoever holds a part of it would keep it open.
struct Unfinished(Option<quinn::Connection>);

impl Unfinished {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(quic) = &self.0 {
            quic.close(stream::to_wire(CloseCode::HelloDeadline.to_u32()), b"no WebTransport session");
        }
    }
}

/// What a client without a certificate may show, in the request that opens the session (RFC 6750).
fn token(headers: &HeaderMap, query: &str) -> Credential {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("t="));
    Credential::Token {
        token: bearer.or(asked).map(str::to_owned),
        origin: header("origin").map(str::to_owned),
    }
}

fn session_url(address: SocketAddr) -> Result<Url, DialError> {
    Url::parse(&format!("https://{address}{PATH}")).map_err(DialError::failed)
}

fn bound_socket(address: SocketAddr, config: &WebTransportConfig) -> std::io::Result<UdpSocket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    // The system may grant less: the defaults lose packets under load, but they work.
    let _ = socket.set_recv_buffer_size(config.socket_buffer_bytes);
    let _ = socket.set_send_buffer_size(config.socket_buffer_bytes);
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What proofs of address are sealed with. It follows from the node's secret too, so that one which was sent before a
/// restart is good after it.
fn retry_key(identity: &IdentityKey) -> ring::hkdf::Prk {
    ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, &[]).extract(&identity.derive("quic retry"))
}

/// The clock that proofs of address are dated by: the same as that of certificates.
struct QuicTime(Arc<dyn WallClock>);

impl quinn_proto::TimeSource for QuicTime {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

/// Reset and connection-id keys follow from the node's secret, so that peers notice a restart at once. The ids themselves
/// are drawn anew in each life: packets for an earlier one open nothing.
fn endpoint_config(identity: &IdentityKey, seed: Option<&Seed>) -> EndpointConfig {
    let reset_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &identity.derive("quic stateless reset"));
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    let [a, b, c, d, e, f, g, h, ..] = identity.derive("quic connection id");
    let cid_key = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    config.cid_generator(move || Box::new(quinn_proto::HashedConnectionIdGenerator::from_key(cid_key)));
    config.rng_seed(seed.map(|seed| seed.derive("quic")));
    config
}

impl fmt::Display for WebTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebTransport at {}", self.local_addr)
    }
}
