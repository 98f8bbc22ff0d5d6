//! First packets that nobody stands behind.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::stranger::client_config;

/// Whole QUIC Initials to this address, each of a connection of its own, as a client without a certificate sends them.
pub(crate) fn initials(to: SocketAddr, count: usize) -> Vec<Vec<u8>> {
    let (config, now) = (client_config(false), Instant::now().into_std());
    let endpoint_config = Arc::new(quinn_proto::EndpointConfig::default());
    let mut endpoint = quinn_proto::Endpoint::new(endpoint_config, None, true, None);
    let initial = || {
        let (_, mut connection) = endpoint.connect(now, config.clone(), to, "swarm").unwrap();
        let mut packet = Vec::new();
        let transmit = connection.poll_transmit(now, 1, &mut packet).unwrap();
        assert_eq!(transmit.size, packet.len());
        packet
    };
    std::iter::repeat_with(initial).take(count).collect()
}

/// Whether this packet asks to prove the address (RFC 9000, section 17.2.5).
pub(crate) fn is_retry(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0xf0 == 0xf0)
}
