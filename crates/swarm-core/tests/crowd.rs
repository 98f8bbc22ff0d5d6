//! Peers that take nothing, and peers that send without end: they are counted and sent away, and honest ones notice
//! nothing.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::observing::{all, by_hand, datagram, dropped, flow};
use common::raw::meet;
use common::serving::Events;
use common::wire::Wire;
use common::{PATIENCE, node_with, stop, until};
use swarm_core::{AgentNode, Direction, DropReason, GoneReason, IdleAgent, NodeConfig, TraceEvent};

/// Loses nothing of what honest peers say, and sends others away soon.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(60);
    config.agent_queue = 100_000;
    config.slow_patience = Some(Duration::from_millis(500));
    config.greedy_patience = Some(Duration::from_millis(500));
    config.max_datagrams_per_second = 2000;
    config
}

async fn watched(config: NodeConfig) -> (AgentNode, Events) {
    let events = Events::default();
    let builder = common::dev(IdleAgent).config(config).trace(events.clone());
    (builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), events)
}

fn went(events: &Events, peer: swarm_core::AgentId) -> Option<GoneReason> {
    events.all().into_iter().find_map(|event| match event {
        TraceEvent::PeerWent { peer: who, reason } if who == peer => Some(reason),
        _ => None,
    })
}

/// All of these broadcast at a rate that any path carries, until it is over. Gives how many each did.
async fn converse(nodes: &[&AgentNode], over: impl Fn() -> bool) -> u64 {
    let mut rounds = 0;
    let conversation = async {
        while !over() {
            for node in nodes {
                node.broadcast_observation("word", vec![0; 100]).unwrap();
            }
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, conversation).await.expect("it is over in time");
    rounds
}

/// Nothing of what one said is missing at the other.
async fn nothing_is_missing(nodes: &[&AgentNode], said: u64) {
    for from in nodes {
        for to in nodes.iter().filter(|to| to.id() != from.id()) {
            let outgoing = flow(from, to.id(), Direction::Outgoing);
            assert_eq!((outgoing.passed, outgoing.dropped), (said, [].into()));
            until("all has come", || all(&flow(to, from.id(), Direction::Incoming)) == said).await;
            assert_eq!(flow(to, from.id(), Direction::Incoming).dropped, [].into());
        }
    }
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_sent_away_and_costs_the_others_nothing() {
    let mut short = config();
    short.outbox_capacity = 64;
    let (a, events) = watched(short).await;
    let (slow, b, c) = (
        node_with(IdleAgent, config()).await,
        node_with(IdleAgent, config()).await,
        node_with(IdleAgent, config()).await,
    );
    for honest in [&b, &c] {
        honest.connect(&a.url()).await.unwrap();
    }
    let honest = [&a, &b, &c];
    for node in honest {
        node.ready(2, PATIENCE).await.unwrap();
    }
    let wire = Wire::to(&slow).await;
    a.connect(&wire.url()).await.unwrap();
    wire.cut();

    let said = converse(&honest, || went(&events, slow.id()).is_some()).await;

    assert_eq!(went(&events, slow.id()), Some(GoneReason::TooSlow));
    assert!(dropped(&a.counters(), DropReason::OutboxFull) > 0);
    nothing_is_missing(&honest, said).await;
    stop([a, slow, b, c]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_that_floods_is_sent_away_and_costs_the_others_nothing() {
    let (a, events) = watched(config()).await;
    let (b, c) = (node_with(IdleAgent, config()).await, node_with(IdleAgent, config()).await);
    for honest in [&b, &c] {
        honest.connect(&a.url()).await.unwrap();
    }
    let honest = [&a, &b, &c];
    for node in honest {
        node.ready(2, PATIENCE).await.unwrap();
    }
    let flooder = meet(&a, 7).await;
    let (mut sequence, done) = (0, AtomicBool::new(false));
    let flood = async {
        while !done.load(Ordering::Relaxed) {
            for _ in 0..100 {
                sequence += 1;
                let one = datagram(&[by_hand(flooder.agent, sequence, "flood")]);
                let _ = flooder.connection.send_datagram(one);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };

    let (said, ()) = tokio::join!(
        async {
            let said = converse(&honest, || went(&events, flooder.agent).is_some()).await;
            done.store(true, Ordering::Relaxed);
            said
        },
        flood
    );

    println!("{said} rounds, {sequence} datagrams, {:?}", a.counters().observations_dropped);
    assert_eq!(went(&events, flooder.agent), Some(GoneReason::Misbehaved));
    let closed = tokio::time::timeout(PATIENCE, flooder.connection.closed()).await;
    closed.expect("it is told");
    assert!(dropped(&a.counters(), DropReason::RateLimited) > 0);
    nothing_is_missing(&honest, said).await;
    stop([a, b, c]).await;
}

#[tokio::test]
async fn whoever_is_sent_away_for_a_flood_has_nothing_more_of_it_taken() {
    const SENT: u64 = 60;
    let mut strict = config();
    strict.max_datagrams_per_second = 8;
    strict.greedy_patience = Some(Duration::ZERO);
    let (a, events) = watched(strict).await;
    let flooder = meet(&a, 7).await;
    until("it is there", || a.peers().len() == 1).await;

    // All are there before the first is looked at.
    for sequence in 1..=SENT {
        flooder.send(&[by_hand(flooder.agent, sequence, "flood")]);
    }

    until("it is sent away", || went(&events, flooder.agent) == Some(GoneReason::Misbehaved)).await;
    until("nothing waits", || {
        let counters = a.counters();
        counters.observations_delivered + dropped(&counters, DropReason::RateLimited) == SENT
    })
    .await;
    assert!(a.counters().observations_delivered <= 2, "a quarter of a second's, less one for the padding");
    stop([a]).await;
}
