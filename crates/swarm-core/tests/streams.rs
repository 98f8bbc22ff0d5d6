//! Streams of one connection do not wait for one another, whatever a peer says or does not say on one of them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::stranger::{address, framed, hello, raw};
use common::{PATIENCE, Seen, node_with, stop, witness};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use swarm_core::proto::{Chunk, ControlFrame, Outcome, ReplyFrame, RequestFrame, RequestHead, RequestId};
use swarm_core::{AgentNode, NodeConfig};

/// What every stream of a session begins with.
const PREAMBLE: &[u8] = &[0x40, 0x41, 0x00];

/// A peer of a node that speaks on QUIC's own streams.
struct Peer {
    node: AgentNode,
    quic: quinn::Connection,
    _session: web_transport_quinn::Session,
    _control: (quinn::SendStream, quinn::RecvStream),
    _endpoint: quinn::Endpoint,
    _seen: Seen,
}

impl Peer {
    async fn of_node(head_deadline: Duration) -> Self {
        Self::saying(head_deadline, &[]).await
    }

    /// Says this right behind the hello, on a stream of its own.
    async fn saying(head_deadline: Duration, at_once: &[u8]) -> Self {
        let mut config = NodeConfig::default();
        config.head_deadline = head_deadline;
        let (agent, seen) = witness();
        let node = node_with(agent, config).await;
        let (endpoint, quic) = raw(address(&node), true).await;
        let url =
            format!("https://{}{}", address(&node), swarm_core::proto::PATH).parse::<url::Url>().unwrap();
        let session = web_transport_quinn::Session::connect(quic.clone(), url).await.unwrap();
        let control = say(&quic, &[PREAMBLE, &framed(&ControlFrame::Hello(hello()))].concat()).await;
        if !at_once.is_empty() {
            let (_, recv) = say(&quic, at_once).await;
            served(recv).await;
        }
        node.ready(1, PATIENCE).await.unwrap();
        Self { node, quic, _session: session, _control: control, _endpoint: endpoint, _seen: seen }
    }

    async fn say(&self, bytes: &[u8]) -> (quinn::SendStream, quinn::RecvStream) {
        say(&self.quic, bytes).await
    }

    async fn leave(self) {
        // The node would wait for what stalls.
        self.quic.close(0_u32.into(), b"");
        stop([self.node]).await;
    }

    /// A request is answered as if nothing had been said before it.
    async fn is_served(&self) {
        let (_send, recv) = self.say(&request()).await;
        served(recv).await;
    }
}

async fn say(quic: &quinn::Connection, bytes: &[u8]) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut send, recv) = quic.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    (send, recv)
}

fn request() -> Vec<u8> {
    let head =
        RequestFrame::Head(RequestHead::new(RequestId::from_random([1; 16]), "test.echo".parse().unwrap()));
    let chunk = RequestFrame::Chunk(Chunk::new("", "hello"));
    [PREAMBLE, &framed(&head), &framed(&chunk), &framed(&RequestFrame::End)].concat()
}

async fn served(mut recv: quinn::RecvStream) {
    let reply = tokio::time::timeout(PATIENCE, recv.read_to_end(4096)).await;
    let reply = reply.expect("the request does not wait for another").unwrap();
    let chunk = framed(&ReplyFrame::Chunk(Chunk::new("", "hello")));
    let end = framed(&ReplyFrame::End(Outcome::Completed));
    assert_eq!(reply, [chunk, end].concat());
}

#[tokio::test]
async fn streams_that_stall_within_their_preamble_hold_up_no_request() {
    let peer = Peer::of_node(10 * PATIENCE).await;
    let mut stalled = Vec::new();
    for part in [&PREAMBLE[..1], &PREAMBLE[..2], &[0xc0, 0, 0, 0]] {
        stalled.push(peer.say(part).await);
        peer.is_served().await;
    }
    peer.leave().await;
}

#[tokio::test]
async fn streams_that_stall_within_their_preamble_are_given_up_at_the_head_deadline() {
    let peer = Peer::of_node(Duration::from_millis(200)).await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(peer.say(&PREAMBLE[..1]).await);
    }

    let mut given_up: FuturesUnordered<_> =
        stalled.iter_mut().map(|(_, recv)| recv.read_chunk(1, true)).collect();

    for _ in 0..4 {
        let cut = tokio::time::timeout(PATIENCE, given_up.next()).await.expect("the stream is given up");
        assert!(matches!(cut, Some(Err(quinn::ReadError::Reset(_)))), "{cut:?}");
    }
    drop(given_up);
    peer.is_served().await;
    peer.leave().await;
}

#[tokio::test]
async fn a_stream_of_no_session_of_ours_harms_only_itself() {
    let peer = Peer::of_node(Duration::from_millis(200)).await;
    let other_session = [&[0x40, 0x41, 0x04], &request()[3..]].concat();
    let other_type = [&[0x40, 0x54, 0x00], &request()[3..]].concat();
    let mut wrong = Vec::new();
    for bytes in [&other_session[..], &other_type, &[0x21, 0x00]] {
        wrong.push(peer.say(bytes).await);
        peer.is_served().await;
    }
    assert_eq!(peer.node.peers().len(), 1);
    peer.leave().await;
}

#[tokio::test]
async fn a_preamble_may_come_byte_by_byte() {
    let peer = Peer::of_node(10 * PATIENCE).await;
    for _ in 0..4 {
        let (mut send, recv) = peer.quic.open_bi().await.unwrap();
        for byte in &request()[..8] {
            send.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        send.write_all(&request()[8..]).await.unwrap();
        served(recv).await;
    }
    peer.leave().await;
}

#[tokio::test]
async fn a_request_right_behind_the_hello_is_not_taken_for_the_control_stream() {
    for _ in 0..8 {
        let peer = Peer::saying(10 * PATIENCE, &request()).await;
        peer.leave().await;
    }
}
