//! Publishers that wait: for peers to be there, and for them to keep up.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::observing::{dropped, flow, listener};
use common::wire::Wire;
use common::{PATIENCE, node, node_with, stop, until};
use futures_util::FutureExt;
use swarm_core::{AgentNode, Direction, DropReason, IdleAgent, NodeConfig};
use tokio::time::Instant;

#[tokio::test]
async fn whoever_waits_for_peers_speaks_to_nobody_too_soon() {
    let (agent, mut ears) = listener(["**"]);
    let (a, b, c) = (node(IdleAgent).await, node(agent).await, node(IdleAgent).await);
    assert!(a.ready(0, PATIENCE).now_or_never().is_some(), "nobody is waited for");
    let missing = a.ready(1, Duration::ZERO).await.unwrap_err();
    assert_eq!((missing.wanted, missing.have), (1, 0));

    let (both, _) = tokio::join!(a.ready(2, PATIENCE), async {
        b.connect(&a.url()).await.unwrap();
        c.connect(&a.url()).await.unwrap();
    });

    both.unwrap();
    assert_eq!(a.broadcast_observation("first", "").unwrap().handed, 2);
    assert_eq!(ears.observation().await.topic.as_str(), "first");
    let missing = a.ready(3, Duration::from_millis(1)).await.unwrap_err();
    assert_eq!((missing.wanted, missing.have), (3, 2));
    stop([a, b, c]).await;
}

/// A node with so short an outbox that whoever does not wait loses.
fn hasty() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.outbox_capacity = 64;
    config.web_transport.idle_timeout = Duration::from_secs(60);
    config
}

/// One that neither loses a peer soon, nor pushes out what the agent has not heard yet.
async fn patient(agent: impl swarm_core::Agent) -> AgentNode {
    let mut config = NodeConfig::default();
    config.agent_queue = 100_000;
    config.web_transport.idle_timeout = Duration::from_secs(60);
    node_with(agent, config).await
}

#[tokio::test]
async fn whoever_waits_for_its_peers_loses_nothing_to_full_outboxes() {
    const SENT: usize = 5000;
    let (agent, mut ears) = listener(["count", "last"]);
    let (a, b) = (node_with(IdleAgent, hasty()).await, patient(agent).await);
    a.connect(&b.url()).await.unwrap();

    // Whoever does not wait does.
    for _ in 0..SENT {
        a.broadcast_observation("count", vec![0; 500]).unwrap();
    }
    assert!(dropped(&a.counters(), DropReason::OutboxFull) > 0);
    a.broadcast_observation("last", "").unwrap();
    ears.until("last").await;
    let before = a.counters().observations_dropped;

    for _ in 0..SENT {
        a.broadcast_observation("count", vec![0; 500]).unwrap();
        a.paced(PATIENCE).await;
    }
    a.broadcast_observation("last", "").unwrap();

    assert_eq!(ears.until("last").await.len(), SENT);
    assert_eq!(a.counters().observations_dropped, before);
    stop([a, b]).await;
}

/// Publishes, and waits each time; says how often that was in vain.
async fn waits_in_vain(node: &AgentNode, times: usize) -> usize {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut in_vain = 0;
    for _ in 0..times {
        node.broadcast_observation("count", vec![0; 500]).unwrap();
        let began = Instant::now();
        node.paced(PATIENCE).await;
        in_vain += usize::from(began.elapsed() >= PATIENCE);
    }
    in_vain
}

#[tokio::test]
async fn a_peer_that_is_cut_off_delays_a_publisher_once() {
    let (agent, mut ears) = listener(["**"]);
    let (a, cut_off, b) =
        (node_with(IdleAgent, hasty()).await, patient(IdleAgent).await, patient(agent).await);
    let wire = Wire::to(&cut_off).await;
    a.connect(&wire.url()).await.unwrap();
    a.connect(&b.url()).await.unwrap();
    let accounted = || {
        let outgoing = flow(&a, cut_off.id(), Direction::Outgoing);
        let incoming = flow(&cut_off, a.id(), Direction::Incoming);
        common::observing::all(&outgoing) == a.counters().observations_sent && incoming.passed > 0
    };

    for _ in 0..2 {
        wire.cut();
        assert_eq!(waits_in_vain(&a, 2000).await, 1);
        // Once it has caught up it is waited for again.
        wire.mend();
        until("its outbox is empty", accounted).await;
    }

    assert_eq!(flow(&a, b.id(), Direction::Outgoing).dropped, [].into(), "the other misses nothing");
    a.broadcast_observation("last", "").unwrap();
    assert_eq!(ears.until("last").await.len(), 2 * 2000);
    stop([a, cut_off, b]).await;
}

#[tokio::test]
async fn nobody_waits_for_a_peer_that_is_gone() {
    let mut config = hasty();
    config.slow_patience = Some(Duration::from_millis(300));
    let (a, b) = (node_with(IdleAgent, config).await, patient(IdleAgent).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    wire.cut();

    while dropped(&a.counters(), DropReason::OutboxFull) == 0 {
        a.broadcast_observation("count", vec![0; 500]).unwrap();
    }

    // Until it is sent away as too slow.
    let waited = tokio::time::timeout(PATIENCE, a.paced(10 * PATIENCE)).await;

    waited.expect("whoever waits for it goes on");
    until("it was sent away", || a.peers().is_empty()).await;
    stop([a, b]).await;
}
