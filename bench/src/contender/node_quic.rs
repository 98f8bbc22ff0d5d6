//! QUIC as a node of the swarm sets it up, as far as its configuration tells.

use std::net::{SocketAddr, UdpSocket};

use quinn::TransportConfig;
use swarm_core::transport::webtransport::WebTransportConfig;

use super::Problem;

/// Windows, buffers, timeouts.
pub fn transport() -> Result<TransportConfig, Problem> {
    let node = WebTransportConfig::default();
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(node.idle_timeout.try_into()?))
        .keep_alive_interval(Some(node.idle_timeout / 4))
        .receive_window(node.connection_window_bytes.into())
        .stream_receive_window(node.stream_window_bytes.into())
        .send_window(node.connection_window_bytes.into())
        .max_concurrent_bidi_streams(node.max_streams.into())
        .max_concurrent_uni_streams(16_u32.into())
        .initial_rtt(node.initial_round_trip)
        .datagram_send_buffer_size(node.datagram_send_buffer_bytes)
        .datagram_receive_buffer_size(Some(node.datagram_receive_buffer_bytes));
    Ok(config)
}

/// A socket on any port, with buffers as large as a node's.
pub fn socket() -> Result<UdpSocket, Problem> {
    let size = WebTransportConfig::default().socket_buffer_bytes;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_recv_buffer_size(size)?;
    socket.set_send_buffer_size(size)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket.into())
}
