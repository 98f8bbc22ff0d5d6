//! Peers that speak nonsense, the wrong thing, or nothing: each is dropped with a counted reason, and an honest pair
//! beside it notices nothing.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::stranger::{SETTINGS, STRANGER, address, client_config, framed, hello, raw, speaker};
use common::{PATIENCE, node_with, stop, witness};
use futures_util::FutureExt;
use swarm_core::proto::{
    self, CloseCode, ControlFrame, Frame, Outcome, ProtocolVersion, ReplyFrame, RequestFrame, RequestHead,
    RequestId, VersionRange,
};
use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
use swarm_core::transport::{Connection, ConnectionLost, Stream, Transport};
use swarm_core::{AgentNode, DropReason, Epoch, IdentityKey, IdleAgent, NodeConfig, RefusedReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Like the default, but the tests need not wait three seconds for each stranger.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.handshake_deadline = Duration::from_millis(500);
    config.head_deadline = Duration::from_millis(500);
    config.max_requests_per_peer = 4;
    config
}

/// A connection with a WebTransport session and a valid certificate, and nothing said yet.
async fn session(to: SocketAddr) -> (WebTransport, Box<dyn Connection>) {
    let any_port = "127.0.0.1:0".parse().unwrap();
    let transport = WebTransport::bind(any_port, &speaker(STRANGER), WebTransportConfig::default()).unwrap();
    let connection = transport.dial(to, None).await.unwrap();
    (transport, connection)
}

async fn say(connection: &dyn Connection, bytes: &[u8]) -> Stream {
    let mut stream = connection.open_stream().await.unwrap();
    stream.send.write_all(bytes).await.unwrap();
    stream
}

async fn closed(connection: &dyn Connection) -> ConnectionLost {
    tokio::time::timeout(PATIENCE, connection.closed()).await.expect("the stranger is sent away")
}

async fn refused(node: &AgentNode, reason: RefusedReason) {
    let counted = async {
        while !node.counters().refused.contains_key(&reason) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted)
        .await
        .unwrap_or_else(|_| panic!("{reason}: {:?}", node.counters()));
}

/// The goodbye that is the next frame on a control stream.
async fn goodbye(control: &mut Stream) -> proto::Goodbye {
    let length = control.recv.read_u32().await.unwrap();
    let mut body = vec![0; length as usize];
    control.recv.read_exact(&mut body).await.unwrap();
    match ControlFrame::decode(&body).unwrap() {
        ControlFrame::Goodbye(goodbye) => goodbye,
        other => panic!("{other:?}"),
    }
}

/// Runs an attack beside an honest pair, which must not notice.
async fn beside_an_honest_pair<F: Future<Output = ()>>(attack: impl FnOnce(Arc<AgentNode>) -> F) {
    let (agent, mut seen) = witness();
    let victim = Arc::new(node_with(agent, config()).await);
    let friend = node_with(IdleAgent, config()).await;
    friend.connect(&victim.url()).await.unwrap();

    attack(Arc::clone(&victim)).await;

    friend.broadcast_observation("still.here", "").unwrap();
    assert_eq!(seen.observation().await.topic.as_str(), "still.here");
    let mut replies = friend.request_assistance(victim.id(), "test.echo", "hello").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!((victim.peers().len(), friend.peers().len()), (1, 1));
    stop([Arc::into_inner(victim).unwrap(), friend]).await;
}

/// Says these bytes on the first stream and is turned away for this reason.
async fn first_words(bytes: Vec<u8>, reason: RefusedReason) {
    beside_an_honest_pair(|victim| async move {
        let (_transport, connection) = session(address(&victim)).await;
        let _stream = say(&*connection, &bytes).await;
        closed(&*connection).await;
        refused(&victim, reason).await;
    })
    .await;
}

#[test]
fn strangers_have_three_seconds_by_default() {
    assert_eq!(NodeConfig::default().handshake_deadline, Duration::from_secs(3));
}

#[tokio::test]
async fn half_a_hello_is_dropped_at_the_deadline() {
    let whole = framed(&ControlFrame::Hello(hello()));
    first_words(whole[..whole.len() / 2].to_vec(), RefusedReason::Deadline).await;
}

#[tokio::test]
async fn whoever_is_late_is_told_so() {
    beside_an_honest_pair(|victim| async move {
        let (_transport, connection) = session(address(&victim)).await;
        let whole = framed(&ControlFrame::Hello(hello()));
        let mut stream = say(&*connection, &whole[..20]).await;
        assert_eq!(goodbye(&mut stream).await.code, CloseCode::HelloDeadline);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_a_word_is_dropped_at_the_deadline() {
    beside_an_honest_pair(|victim| async move {
        let (_transport, connection) = session(address(&victim)).await;
        closed(&*connection).await;
        refused(&victim, RefusedReason::Deadline).await;
    })
    .await;
}

#[tokio::test]
async fn garbage_instead_of_a_hello_is_nonsense() {
    first_words([&[0, 0, 0, 5][..], b"abcde"].concat(), RefusedReason::Nonsense).await;
}

#[tokio::test]
async fn a_frame_that_claims_to_be_huge_is_nonsense() {
    first_words(vec![0xff; 64], RefusedReason::Nonsense).await;
}

#[tokio::test]
async fn another_frame_than_hello_is_nonsense() {
    first_words(framed(&ControlFrame::Introduce(Vec::new())), RefusedReason::Nonsense).await;
}

#[tokio::test]
async fn an_unknown_version_is_told_and_dropped() {
    let unknown = ProtocolVersion::new(99);
    let mut hello = hello();
    hello.versions = VersionRange { min: unknown, max: unknown };
    first_words(framed(&ControlFrame::Hello(hello)), RefusedReason::Version).await;
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_why() {
    beside_an_honest_pair(|victim| async move {
        let (_transport, connection) = session(address(&victim)).await;
        let mut hello = hello();
        hello.swarm = "elsewhere".parse().unwrap();
        let mut stream = say(&*connection, &framed(&ControlFrame::Hello(hello))).await;

        let goodbye = goodbye(&mut stream).await;

        assert_eq!(goodbye.code, CloseCode::WrongSwarm);
        assert!(goodbye.reason.contains("elsewhere"), "{}", goodbye.reason);
        refused(&victim, RefusedReason::WrongSwarm).await;
    })
    .await;
}

#[tokio::test]
async fn a_hello_in_the_name_of_another_is_dropped() {
    let mut hello = hello();
    hello.agent = IdentityKey::from_seed([1; 32]).agent_id();
    first_words(framed(&ControlFrame::Hello(hello)), RefusedReason::OtherAgent).await;
}

/// Becomes a peer, and then misbehaves.
async fn as_a_peer<F: Future<Output = ()>>(
    misbehave: impl FnOnce(Arc<AgentNode>, Box<dyn Connection>, Stream) -> F,
) {
    beside_an_honest_pair(|victim| async move {
        let (_transport, connection) = session(address(&victim)).await;
        let stream = say(&*connection, &framed(&ControlFrame::Hello(hello()))).await;
        victim.ready(2, PATIENCE).await.unwrap();
        misbehave(Arc::clone(&victim), connection, stream).await;
        let gone = async {
            while victim.peers().len() > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("the peer is gone");
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_turns_to_garbage_is_sent_away() {
    as_a_peer(|victim, connection, mut control| async move {
        control.send.write_all(&[0, 0, 0, 3, 0xc1, 0xc1, 0xc1]).await.unwrap();
        closed(&*connection).await;
        refused(&victim, RefusedReason::Nonsense).await;
    })
    .await;
}

#[tokio::test]
async fn a_peer_may_end_its_control_stream_after_its_goodbye() {
    as_a_peer(|victim, connection, mut control| async move {
        let goodbye = proto::Goodbye { code: CloseCode::Normal, reason: String::new() };
        control.send.write_all(&framed(&ControlFrame::Goodbye(goodbye))).await.unwrap();
        control.send.shutdown().await.unwrap();
        while victim.peers().len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.close(CloseCode::Normal, "");
        assert!(!victim.counters().refused.contains_key(&RefusedReason::Nonsense));
    })
    .await;
}

#[tokio::test]
async fn saying_goodbye_again_and_again_does_not_put_off_the_end() {
    let mut config = config();
    config.request_deadline = Duration::from_millis(500);
    let victim = node_with(IdleAgent, config).await;
    let (_transport, connection) = session(address(&victim)).await;
    let mut control = say(&*connection, &framed(&ControlFrame::Hello(hello()))).await;
    victim.ready(1, PATIENCE).await.unwrap();
    let goodbye =
        framed(&ControlFrame::Goodbye(proto::Goodbye { code: CloseCode::Normal, reason: String::new() }));

    let repeating = async {
        while control.send.write_all(&goodbye).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    tokio::time::timeout(PATIENCE, repeating).await.expect("the connection ends all the same");
    stop([victim]).await;
}

#[tokio::test]
async fn garbage_datagrams_are_counted_and_nothing_else() {
    as_a_peer(|victim, connection, control| async move {
        let _control = control;
        let malformed = async {
            while !victim.counters().observations_dropped.contains_key(&DropReason::Malformed) {
                connection.send_datagram(vec![0, 0x11, 0xff, 0xff].into()).unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, malformed).await.expect("it is counted");
        assert_eq!(victim.peers().len(), 2, "a bad datagram may be an accident");
        connection.close(CloseCode::Normal, "");
    })
    .await;
}

#[tokio::test]
async fn an_observation_in_the_name_of_another_is_dropped_and_counted() {
    as_a_peer(|victim, connection, control| async move {
        let _control = control;
        let forged = proto::encode_observation(&swarm_core::Observation {
            origin: IdentityKey::from_seed([1; 32]).agent_id(),
            epoch: Epoch::new(1),
            sequence: swarm_core::Sequence::new(1),
            topic: "forged".try_into().unwrap(),
            sent_at: swarm_core::UnixMicros::new(0),
            hops: 0,
            payload: "".into(),
            delivery: swarm_proto::Delivery::Lossy,
            expires_ms: None,
            seal: None,
        });
        let mut datagram = proto::DatagramBuilder::behind(connection.datagram_prefix(), 1000, 0);
        assert!(datagram.try_push(&forged));
        let datagram = datagram.finish();
        let counted = async {
            while !victim.counters().observations_dropped.contains_key(&DropReason::Forged) {
                connection.send_datagram(datagram.clone()).unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("it is counted");
        connection.close(CloseCode::Normal, "");
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_for_more_than_was_announced_is_answered_with_busy() {
    as_a_peer(|victim, connection, control| async move {
        let _control = control;
        let ask = |n: usize| {
            let (id, capability) = (RequestId::from_random([n as u8; 16]), "test.hang".parse().unwrap());
            framed(&RequestFrame::Head(RequestHead::new(id, capability)))
        };
        let mut held = Vec::new();
        for n in 0..config().max_requests_per_peer {
            let mut stream = say(&*connection, &ask(n)).await;
            // It hangs, but not before it has begun.
            stream.recv.read_u32().await.unwrap();
            held.push(stream);
        }

        let mut stream = say(&*connection, &ask(200)).await;

        let length = stream.recv.read_u32().await.unwrap();
        let mut reply = vec![0; length as usize];
        stream.recv.read_exact(&mut reply).await.unwrap();
        let reply = ReplyFrame::decode(&reply).unwrap();
        assert!(matches!(reply, ReplyFrame::End(Outcome::Busy { .. })), "{reply:?}");
        drop(held);
        connection.close(CloseCode::Normal, "");
        drop(victim);
    })
    .await;
}

#[tokio::test]
async fn a_request_of_garbage_or_silence_is_reset_and_the_next_one_served() {
    as_a_peer(|_victim, connection, control| async move {
        let _control = control;
        for bytes in [&b"\x00\x00\x00\x03abc"[..], b"\xff\xff\xff\xff", b"\x00"] {
            let mut stream = say(&*connection, bytes).await;
            let mut reply = Vec::new();
            let read = tokio::time::timeout(PATIENCE, stream.recv.read_to_end(&mut reply)).await;
            assert!(read.expect("the stream is given up").is_err(), "{bytes:?} {reply:?}");
        }
        connection.close(CloseCode::Normal, "");
    })
    .await;
}

#[tokio::test]
async fn whoever_only_keeps_a_connection_alive_is_dropped_at_the_deadline() {
    beside_an_honest_pair(|victim| async move {
        let (_endpoint, connection) = raw(address(&victim), true).await;
        tokio::time::timeout(PATIENCE, connection.closed()).await.expect("dropped");
        refused(&victim, RefusedReason::Deadline).await;
    })
    .await;
}

#[tokio::test]
async fn whoever_shows_no_certificate_does_not_get_in() {
    beside_an_honest_pair(|victim| async move {
        let (_endpoint, connection) = raw(address(&victim), false).await;
        tokio::time::timeout(PATIENCE, connection.closed()).await.expect("dropped");
        refused(&victim, RefusedReason::Handshake).await;
    })
    .await;
}

#[tokio::test]
async fn garbage_in_place_of_http3_is_dropped() {
    beside_an_honest_pair(|victim| async move {
        let (_endpoint, connection) = raw(address(&victim), true).await;
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(&[0x2f; 4096]).await.unwrap();
        let mut control = connection.open_uni().await.unwrap();
        // A control stream whose first frame is no SETTINGS.
        control.write_all(&[0x00, 0x21, 0x04, 1, 2, 3, 4]).await.unwrap();
        tokio::time::timeout(PATIENCE, connection.closed()).await.expect("dropped");
        let counters = victim.counters();
        let known = [RefusedReason::Handshake, RefusedReason::Deadline];
        let counted = async {
            while !known.iter().any(|reason| victim.counters().refused.contains_key(reason)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("{counters:?}"));
    })
    .await;
}

#[tokio::test]
async fn a_session_on_another_path_is_not_found() {
    beside_an_honest_pair(|victim| async move {
        let (_endpoint, connection) = raw(address(&victim), true).await;
        let url = format!("https://{}/chat", address(&victim)).parse::<url::Url>().unwrap();
        let refusal = web_transport_quinn::Session::connect(connection, url).await;
        assert!(refusal.is_err());
        refused(&victim, RefusedReason::Handshake).await;
    })
    .await;
}

#[tokio::test]
async fn packets_of_garbage_are_ignored() {
    beside_an_honest_pair(|victim| async move {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for size in [1_usize, 20, 200, 1200] {
            for first in [0x00_u8, 0x40, 0xc0, 0xff] {
                let packet: Vec<u8> = std::iter::once(first).chain((1..size).map(|n| n as u8)).collect();
                socket.send_to(&packet, address(&victim)).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn more_strangers_than_allowed_are_turned_away_at_once() {
    let mut config = config();
    config.max_half_open = 4;
    config.handshake_deadline = PATIENCE;
    let victim = node_with(IdleAgent, config).await;

    let dials = (0..8).map(|_| raw_attempt(address(&victim)));
    let connected = futures_util::future::join_all(dials).await;

    let kept = connected.iter().filter(|attempt| attempt.is_some()).count();
    assert_eq!(kept, 4, "{:?}", victim.counters());
    assert_eq!(victim.counters().refused.get(&RefusedReason::Overloaded), Some(&4));
    drop(connected);
    stop([victim]).await;
}

#[tokio::test]
async fn whoever_never_ends_its_request_for_a_session_is_dropped_at_the_deadline() {
    beside_an_honest_pair(|victim| async move {
        let (_endpoint, connection) = raw(address(&victim), true).await;
        let mut settings = connection.open_uni().await.unwrap();
        settings.write_all(SETTINGS).await.unwrap();
        let (mut connect, _) = connection.open_bi().await.unwrap();
        // A frame header that never comes to its end.
        connect.write_all(&[0x01]).await.unwrap();
        tokio::time::timeout(PATIENCE, connection.closed()).await.expect("dropped");
        refused(&victim, RefusedReason::Deadline).await;
    })
    .await;
}

async fn raw_attempt(to: SocketAddr) -> Option<(quinn::Endpoint, quinn::Connection)> {
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(client_config(true), to, "swarm").unwrap();
    connecting.map(Result::ok).await.map(|connection| (endpoint, connection))
}
