//! Several nodes over real WebTransport: how they find, lose and find each other again.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{PATIENCE, Told, node, node_with, stop, witness};
use swarm_core::{AgentNode, GoneReason, IdentityKey, IdleAgent, NodeConfig, PeerEvent, PeerUrl};

/// Notices a silent peer soon, so that tests need not wait for long.
fn impatient() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(2);
    config
}

async fn with_key(seed: u8, address: SocketAddr) -> Result<AgentNode, swarm_core::StartError> {
    let builder = common::dev(IdleAgent).identity(IdentityKey::from_seed([seed; 32]));
    builder.config(impatient()).bind(address).await
}

/// After a crash it takes a moment until the port is free.
async fn restarted(seed: u8, address: SocketAddr) -> AgentNode {
    let again = async {
        loop {
            match with_key(seed, address).await {
                Ok(node) => return node,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the port becomes free")
}

fn address_of(node: &AgentNode) -> SocketAddr {
    format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()
}

/// On several threads, so that the driver of a node does not run in step with whoever waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_connected_can_be_asked_at_once() {
    let hub = node(witness().0).await;

    for _ in 0..30 {
        let guest = node(IdleAgent).await;
        let peer = guest.connect(&hub.url()).await.unwrap();
        let mut replies = guest.request_assistance(peer, "test.echo", "hello").await.unwrap();
        assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
        assert_eq!(replies.next_chunk().await, Ok(None));
        stop([guest]).await;
    }
    stop([hub]).await;
}

#[tokio::test]
async fn one_connection_joins_a_full_mesh() {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        nodes.push(node(IdleAgent).await);
    }

    for pair in nodes.windows(2) {
        pair[1].connect(&pair[0].url()).await.unwrap();
    }

    for node in &nodes {
        node.ready(5, PATIENCE).await.unwrap();
    }
    stop(nodes).await;
}

#[tokio::test]
async fn without_introductions_only_those_who_dial_are_connected() {
    let mut config = NodeConfig::default();
    config.mesh.introduce = false;
    let (a, hub, b) = (
        node_with(IdleAgent, config.clone()).await,
        node_with(IdleAgent, config.clone()).await,
        node_with(IdleAgent, config).await,
    );

    a.connect(&hub.url()).await.unwrap();
    b.connect(&hub.url()).await.unwrap();
    hub.ready(2, PATIENCE).await.unwrap();
    let too_many = a.ready(2, Duration::from_millis(300)).await;

    assert_eq!(too_many.unwrap_err().have, 1);
    stop([a, hub, b]).await;
}

#[tokio::test]
async fn simultaneous_dials_end_in_one_connection_and_lose_nothing() {
    let mut config = NodeConfig::default();
    config.linger = Duration::from_millis(50);
    for _ in 0..5 {
        let (a, b) =
            (node_with(witness().0, config.clone()).await, node_with(witness().0, config.clone()).await);

        let (a_url, b_url) = (a.url(), b.url());
        let (from_a, from_b) = tokio::join!(a.connect(&b_url), b.connect(&a_url));
        from_a.unwrap();
        from_b.unwrap();

        // Requests in both directions all complete, whichever connection goes away meanwhile.
        for n in 0..20 {
            for (from, to) in [(&a, &b), (&b, &a)] {
                let mut replies = from.request_assistance(to.id(), "test.echo", n.to_string()).await.unwrap();
                assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, n.to_string());
                assert_eq!(replies.next_chunk().await, Ok(None));
            }
        }
        assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
        stop([a, b]).await;
    }
}

#[tokio::test]
async fn a_peer_that_restarts_is_met_again_by_itself() {
    let (agent, mut seen) = witness();
    let a = node_with(agent, impatient()).await;
    let b = with_key(2, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (b_id, b_address) = (b.id(), address_of(&b));
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    drop(b);
    let b = restarted(2, b_address).await;

    let gone = seen
        .next(|told| match told {
            Told::Peer(PeerEvent::Went { peer, reason }) => Some((peer, reason)),
            _ => None,
        })
        .await;
    assert_eq!(gone.0, b_id);
    assert!(matches!(gone.1, GoneReason::Lost | GoneReason::Restarted), "{gone:?}");
    let back = seen
        .next(|told| match told {
            Told::Peer(PeerEvent::Came(peer)) => Some(peer),
            _ => None,
        })
        .await;
    assert_eq!(back.id, b_id);
    b.ready(1, PATIENCE).await.unwrap();
    stop([a, b]).await;
}

#[tokio::test]
async fn a_seed_that_is_not_there_yet_is_found_once_it_starts() {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let early = common::dev(IdleAgent).config(impatient()).seed_peer(free);
    let early = early.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();

    let late = restarted(3, free).await;

    early.ready(1, PATIENCE).await.unwrap();
    assert_eq!(early.peers()[0].id, late.id());
    stop([early, late]).await;
}

#[tokio::test]
async fn a_port_in_use_is_told_before_anything_starts() {
    let a = node(IdleAgent).await;

    let refused = common::dev(IdleAgent).bind(address_of(&a)).await.unwrap_err();

    assert!(refused.to_string().contains(&a.url().port().to_string()), "{refused}");
    stop([a]).await;
}

#[tokio::test]
async fn after_a_shutdown_the_port_is_free_at_once() {
    let a = node(IdleAgent).await;
    let b = node(IdleAgent).await;
    a.connect(&b.url()).await.unwrap();
    let address = address_of(&a);
    stop([a]).await;

    let again = with_key(4, address).await;

    stop([again.unwrap(), b]).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let a = node(IdleAgent).await;
    let nowhere: PeerUrl = "https://nowhere.invalid:4433".parse().unwrap();

    let refused = a.connect(&nowhere).await.unwrap_err();

    assert!(refused.to_string().contains("nowhere.invalid"), "{refused}");
    stop([a]).await;
}

#[tokio::test]
async fn everything_that_is_sent_is_delivered_or_counted() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    let mut handed = 0;
    for n in 0_u32..2000 {
        handed += a.broadcast_observation("count", n.to_string()).unwrap().handed as u64;
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    a.broadcast_observation("last", "").unwrap();
    seen.next(|told| match told {
        Told::Observed(observation) if observation.topic.as_str() == "last" => Some(()),
        _ => None,
    })
    .await;

    let (sent, received) = (a.counters(), b.counters());
    let dropped = |counters: &swarm_core::Counters| counters.observations_dropped.values().sum::<u64>();
    assert_eq!(sent.observations_handed, handed + 1);
    assert_eq!(
        sent.observations_handed,
        received.observations_delivered + dropped(&sent) + dropped(&received),
        "{sent:?} {received:?}"
    );
    stop([a, b]).await;
}
