//! Strangers in numbers, and agents that were sent away: what they get, and that others get in all the same.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::observing::{by_hand, datagram};
use common::raw::meet;
use common::siege::Siege;
use common::spoofed::{initials, is_retry};
use common::stranger::{SETTINGS, address, client_config, framed, hello, speaker};
use common::{PATIENCE, node_with, root, stop, until};
use futures_util::future::join_all;
use swarm_core::proto::{CloseCode, ControlFrame, Frame, Goodbye, Hello};
use swarm_core::transport::Transport;
use swarm_core::transport::webtransport::{WebTransport, WebTransportConfig};
use swarm_core::trust::Credentials;
use swarm_core::{
    AddressRate, AgentNode, IdentityKey, IdleAgent, NodeConfig, RefusedReason, Retry, SwarmName, SystemClock,
    WallClock,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::Instant;

fn refused(node: &AgentNode, reason: RefusedReason) -> u64 {
    node.counters().refused.get(&reason).copied().unwrap_or_default()
}

/// What a node answers to a first packet.
async fn answer_to_an_initial(at: SocketAddr) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&initials(at, 1).concat(), at).await.unwrap();
    let mut answer = vec![0; 2000];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.expect("an answer").unwrap();
    answer.truncate(length);
    answer
}

#[tokio::test]
async fn where_anybody_may_knock_strangers_prove_their_address_and_agents_get_in() {
    for (bind, retry, proof) in [
        ("127.0.0.1:0", Retry::Crowded, false),
        ("127.0.0.1:0", Retry::Always, true),
        ("0.0.0.0:0", Retry::Crowded, true),
        ("0.0.0.0:0", Retry::Never, false),
    ] {
        let mut config = NodeConfig::default();
        config.door.retry = retry;
        let credentials = Credentials::dev(
            &root(),
            SwarmName::default(),
            IdentityKey::from_seed([5; 32]),
            SystemClock.now(),
        );
        let builder = AgentNode::builder(IdleAgent).credentials(credentials.unwrap()).config(config);
        let node = builder.bind(bind.parse().unwrap()).await.unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], node.url().port()));

        assert_eq!(is_retry(&answer_to_an_initial(at).await), proof, "{bind} {retry:?}");

        let other = node_with(IdleAgent, NodeConfig::default()).await;
        other.connect(&at.into()).await.unwrap();
        stop([node, other]).await;
    }
}

#[tokio::test]
async fn an_address_that_knocks_too_often_is_refused_and_may_knock_again_later() {
    let mut config = NodeConfig::default();
    config.door.retry = Retry::Always;
    config.door.address_rate = Some(AddressRate { per_second: 4, at_once: 3 });
    let node = node_with(IdleAgent, config).await;
    let knock = || async {
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.connect_with(client_config(true), address(&node), "swarm").unwrap().await.map(|_| endpoint)
    };

    let began = Instant::now();
    let knocks = join_all((0..8).map(|_| knock())).await;

    let admitted = knocks.iter().filter(|knock| knock.is_ok()).count();
    let most = 3 + 4 * (1 + began.elapsed().as_secs());
    assert!((3..=most).contains(&(admitted as u64)), "{admitted}");
    assert_eq!(refused(&node, RefusedReason::AddressRate), 8 - admitted as u64);
    let again = async {
        while knock().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("its time comes");
    stop([node]).await;
}

/// Dials as the agent of this seed, and says what comes instead of a hello.
async fn turned_away(from: &AgentNode, seed: u8) -> Goodbye {
    let any_port = "127.0.0.1:0".parse().unwrap();
    let transport =
        WebTransport::bind(any_port, &speaker([seed; 32]), WebTransportConfig::default()).unwrap();
    let connection = transport.dial(address(from), None).await.unwrap();
    let mut control = connection.open_stream().await.unwrap();
    let agent = IdentityKey::from_seed([seed; 32]).agent_id();
    let hello = framed(&ControlFrame::Hello(Hello { agent, ..hello() }));
    control.send.write_all(&hello).await.unwrap();
    let mut answer = vec![0; control.recv.read_u32().await.unwrap() as usize];
    control.recv.read_exact(&mut answer).await.unwrap();
    match ControlFrame::decode(&answer).unwrap() {
        ControlFrame::Goodbye(goodbye) => goodbye,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_was_sent_away_is_turned_away_for_a_while_and_others_are_not() {
    const AWAY: Duration = Duration::from_secs(2);
    let mut config = NodeConfig::default();
    config.door.sent_away_for = AWAY;
    let node = node_with(IdleAgent, config).await;
    let forger = meet(&node, 7).await;
    let other = IdentityKey::from_seed([8; 32]).agent_id();
    let forgeries: Vec<_> = (1..=3).map(|sequence| by_hand(other, sequence, "forged")).collect();

    let _ = forger.connection.send_datagram(datagram(&forgeries));
    tokio::time::timeout(PATIENCE, forger.connection.closed()).await.expect("it is sent away");

    let sent_away_at = Instant::now();
    assert_eq!(refused(&node, RefusedReason::Misconduct), 1);
    until("it is gone", || node.peers().is_empty()).await;
    assert_eq!(turned_away(&node, 7).await.code, CloseCode::Overloaded);
    until("it is counted", || refused(&node, RefusedReason::SentAway) == 1).await;
    let _other = meet(&node, 8).await;
    tokio::time::sleep_until(sent_away_at + AWAY).await;
    let _forger = meet(&node, 7).await;
    until("both are peers", || node.peers().len() == 2).await;
    stop([node]).await;
}

/// What clients say after TLS that say no more.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    /// The settings, and the begin of a request that never ends.
    HalfARequest,
}

async fn half_a_request(connection: &quinn::Connection) -> Result<[quinn::SendStream; 2], quinn::WriteError> {
    let mut settings = connection.open_uni().await?;
    settings.write_all(SETTINGS).await?;
    let (mut request, _) = connection.open_bi().await?;
    request.write_all(&[0x01, 0x40]).await?;
    Ok([settings, request])
}

/// A client that shows its certificate and then only stays. Gives how long it was borne, from its first packet on.
async fn silent(at: SocketAddr, says: Says) -> Duration {
    let began = Instant::now();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connection = endpoint.connect_with(client_config(true), at, "swarm").unwrap().await.unwrap();
    let _opened = match says {
        Says::Nothing => None,
        // On a busy machine its time may be over before.
        Says::HalfARequest => half_a_request(&connection).await.ok(),
    };
    connection.closed().await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_that_fall_silent_after_tls_are_gone_after_the_deadline() {
    const CLIENTS: usize = 200;
    for says in [Says::Nothing, Says::HalfARequest] {
        let mut config = NodeConfig::default();
        (config.max_half_open, config.max_connections) = (CLIENTS + 20, CLIENTS + 20);
        let deadline = config.handshake_deadline;
        let mut siege = Siege::of(config).await;
        let at = address(&siege.victim);

        let clients = join_all((0..CLIENTS).map(|_| silent(at, says)));
        let borne = siege.under("200 silent clients", clients).await;

        println!("{says:?}: borne for at most {:?}, the deadline is {deadline:?}", borne.iter().max());
        let counted = || refused(&siege.victim, RefusedReason::Deadline);
        until("all are counted", || counted() == CLIENTS as u64).await;
        siege.end().await;
    }
}
