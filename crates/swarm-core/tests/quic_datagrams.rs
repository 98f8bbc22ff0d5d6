//! Datagrams as they come from QUIC, before anybody has looked into them.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::observing::{by_hand, datagram, dropped, listener, number};
use common::stranger::{STRANGER, address, framed, hello, raw};
use common::{PATIENCE, node, node_with, stop, until};
use swarm_core::proto::ControlFrame;
use swarm_core::{AgentNode, DropReason, IdentityKey, IdleAgent, NodeConfig};

/// What every stream of a session begins with.
const PREAMBLE: &[u8] = &[0x40, 0x41, 0x00];

/// A peer that speaks on QUIC itself.
struct Peer {
    quic: quinn::Connection,
    _endpoint: quinn::Endpoint,
    _session: web_transport_quinn::Session,
    _control: (quinn::SendStream, quinn::RecvStream),
}

impl Peer {
    async fn of(node: &AgentNode) -> Self {
        let (endpoint, quic) = raw(address(node), true).await;
        let url: url::Url = format!("https://{}{}", address(node), swarm_core::proto::PATH).parse().unwrap();
        let session = web_transport_quinn::Session::connect(quic.clone(), url).await.unwrap();
        let mut control = quic.open_bi().await.unwrap();
        let hello = framed(&ControlFrame::Hello(hello()));
        control.0.write_all(&[PREAMBLE, &hello].concat()).await.unwrap();
        node.ready(1, PATIENCE).await.unwrap();
        Self { quic, _endpoint: endpoint, _session: session, _control: control }
    }

    fn send(&self, datagram: &[u8]) {
        self.quic.send_datagram(datagram.to_vec().into()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_datagram_of_a_connection_arrives_like_all_others() {
    let origin = IdentityKey::from_seed(STRANGER).agent_id();
    for _ in 0..10 {
        let (agent, mut ears) = listener(["**"]);
        let node = node(agent).await;
        let peer = Peer::of(&node).await;

        for sequence in 1..=6 {
            peer.send(&datagram(&[by_hand(origin, sequence, "count")]));
        }

        let mut came = Vec::new();
        for _ in 1..=6 {
            came.push(number(&ears.observation().await));
        }
        assert_eq!(came, [1, 2, 3, 4, 5, 6]);
        peer.quic.close(0_u32.into(), b"");
        stop([node]).await;
    }
}

#[tokio::test]
async fn datagrams_of_no_session_are_counted_and_are_too_many_like_all_others() {
    let mut config = NodeConfig::default();
    config.max_datagrams_per_second = 8;
    let node = node_with(IdleAgent, config).await;
    let peer = Peer::of(&node).await;
    for _ in 0..50 {
        peer.send(b"\x04of another session");
    }

    until("some are refused unread", || dropped(&node.counters(), DropReason::RateLimited) > 0).await;
    assert!(dropped(&node.counters(), DropReason::Malformed) > 0);
    peer.quic.close(0_u32.into(), b"");
    stop([node]).await;
}
