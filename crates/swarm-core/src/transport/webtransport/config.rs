//! The knobs of the WebTransport transport.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, VarInt};

/// How QUIC is set up. The defaults suit a mesh of up to a few hundred nodes.
///
/// ```
/// use std::time::Duration;
/// use swarm_core::transport::webtransport::WebTransportConfig;
///
/// let mut config = WebTransportConfig::default();
/// config.idle_timeout = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebTransportConfig {
    /// A peer that is silent for this long is gone. Default 3 s, so that the requests of one that was killed end within
    /// 4 s; 3 s to 15 s make sense: less mistakes a pause for a death, more keeps requests waiting for one. Keep-alives
    /// are sent at a quarter of it: with hundreds of quiet connections a longer one is cheaper.
    pub idle_timeout: Duration,
    /// What one stream may hold unread, in bytes. Default 128 KiB: with a round trip of 1 ms that is 128 MB/s. A peer can
    /// make a node hold as much on each of its streams: 64 bodies that nobody reads take 11 MiB in all, with 32 KiB for
    /// each of them 4.
    pub stream_window_bytes: u32,
    /// What one connection may hold unread, in bytes. Default 8.5 MiB, which is as much as all of its streams together:
    /// with less, requests whose bodies nobody reads would hold up all others, and the control stream.
    pub connection_window_bytes: u32,
    /// How many bidirectional streams a peer may have open at once. Default 64 for requests and four more for HTTP/3
    /// and the control stream.
    pub max_streams: u32,
    /// The round trip assumed before one was measured. Default 100 ms: with QUIC's own 333 ms a lost first packet
    /// costs a second.
    pub initial_round_trip: Duration,
    /// Datagrams that wait for the network, in bytes per connection. Default 256 KiB, or as much as the path carries in 10
    /// ms, if that is less; beyond it they wait in the outbox, where each drop is counted.
    pub datagram_send_buffer_bytes: usize,
    /// Datagrams that wait to be read, in bytes per connection. Default 1 MiB; beyond it the oldest are lost.
    pub datagram_receive_buffer_bytes: usize,
    /// What is asked of the system for the socket's buffers, in bytes. Default 4 MiB: the usual 208 KiB lose packets
    /// under load.
    pub socket_buffer_bytes: usize,
    /// How many handshakes may wait to be taken up at once. Default 256; further ones are refused.
    pub max_half_open: usize,
    /// What is kept of the further packets of one of them meanwhile, in bytes. Default 16 KiB: a first flight has one to
    /// three packets.
    pub incoming_buffer_bytes: u64,
    /// The same for all of them together, in bytes. Default 1 MiB: nobody has proven anything yet.
    pub incoming_buffers_bytes: u64,
}

const STREAM_WINDOW_BYTES: u32 = 128 << 10;
const MAX_STREAMS: u32 = 64 + 4;

impl Default for WebTransportConfig {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(3),
            stream_window_bytes: STREAM_WINDOW_BYTES,
            connection_window_bytes: MAX_STREAMS * STREAM_WINDOW_BYTES,
            max_streams: MAX_STREAMS,
            initial_round_trip: Duration::from_millis(100),
            datagram_send_buffer_bytes: 256 << 10,
            datagram_receive_buffer_bytes: 1 << 20,
            socket_buffer_bytes: 4 << 20,
            max_half_open: 256,
            incoming_buffer_bytes: 16 << 10,
            incoming_buffers_bytes: 1 << 20,
        }
    }
}

impl WebTransportConfig {
    pub(super) fn quic(&self) -> quinn::TransportConfig {
        let mut quic = quinn::TransportConfig::default();
        let idle = u64::try_from(self.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        quic.max_idle_timeout(VarInt::from_u64(idle).ok().map(IdleTimeout::from))
            .keep_alive_interval(Some(self.idle_timeout / 4))
            .receive_window(self.connection_window_bytes.into())
            .stream_receive_window(self.stream_window_bytes.into())
            .send_window(u64::from(self.connection_window_bytes))
            .max_concurrent_bidi_streams(self.max_streams.into())
            // HTTP/3 opens three unidirectional streams; GREASE may add some.
            .max_concurrent_uni_streams(16_u32.into())
            .initial_rtt(self.initial_round_trip)
            .datagram_send_buffer_size(self.datagram_send_buffer_bytes)
            .datagram_receive_buffer_size(Some(self.datagram_receive_buffer_bytes));
        quic
    }
}

/// Why a transport could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is in use or not one of this machine.
    #[error("cannot listen on UDP {address}: choose another port, or 0 for any that is free")]
    Socket {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The socket has no local address.
    #[error("the socket is not usable")]
    NoAddress(#[source] io::Error),
    /// No certificate could be made, or the TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(Arc<dyn std::error::Error + Send + Sync>),
}
