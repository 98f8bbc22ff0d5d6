//! Observations that must not be lost, over real WebTransport and networks that are cut.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use common::serving::Gate;
use common::wire::Wire;
use common::{PATIENCE, node_with, reliable, stop, until};
use swarm_core::{
    Agent, AgentId, AgentNode, BoxedAgent, Context, DropReason, Gap, IdentityKey, IdleAgent, NodeConfig,
    NodeHandle, Observation, PublishError,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const TOPIC: &str = "test.reliable";

/// What a subscriber is told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Number(usize),
    Gap(Option<u64>),
    Size(usize),
}

struct Subscriber {
    told: mpsc::UnboundedSender<Told>,
    /// Passed before each observation.
    gate: Option<Gate>,
}

struct Heard(mpsc::UnboundedReceiver<Told>);

fn subscriber(gate: Option<&Gate>) -> (Subscriber, Heard) {
    let (told, heard) = mpsc::unbounded_channel();
    (Subscriber { told, gate: gate.cloned() }, Heard(heard))
}

impl Agent for Subscriber {
    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        let text = std::str::from_utf8(&observation.payload).ok();
        let number = text.and_then(|text| text.trim().parse().ok());
        let _ = self.told.send(number.map_or(Told::Size(observation.payload.len()), Told::Number));
    }

    async fn on_gap(&self, _cx: &Context, gap: Gap) {
        let _ = self.told.send(Told::Gap(gap.missed));
    }
}

impl Heard {
    async fn next(&mut self) -> Told {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("it is told in time").unwrap()
    }

    async fn numbers(&mut self, expected: Range<usize>) {
        for number in expected {
            assert_eq!(self.next().await, Told::Number(number));
        }
    }

    fn nothing_more(&mut self) {
        assert!(self.0.try_recv().is_err());
    }
}

/// A lost connection is noticed soon, and made again soon.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(2);
    config.mesh.backoff_max = Duration::from_millis(300);
    config.handshake_deadline = Duration::from_secs(1);
    config
}

fn publish(node: &AgentNode, numbers: Range<usize>) {
    for number in numbers {
        let _ = node.broadcast(reliable(TOPIC, number.to_string())).unwrap();
    }
}

/// Publishes numbers of this size.
fn publish_long(node: &AgentNode, numbers: Range<usize>, size: usize) {
    for number in numbers {
        let _ = node.broadcast(reliable(TOPIC, format!("{number:size$}"))).unwrap();
    }
}

async fn lost(wire: &Wire, a: &AgentNode, b: &AgentNode) {
    wire.cut();
    until("both have noticed", || a.peers().is_empty() && b.peers().is_empty()).await;
}

fn dropped(node: &AgentNode, reason: DropReason) -> u64 {
    node.counters().observations_dropped.get(&reason).copied().unwrap_or_default()
}

fn address(node: &AgentNode) -> SocketAddr {
    format!("{}:{}", node.url().host(), node.url().port()).parse().unwrap()
}

async fn start(agent: impl Agent, seed: u8, address: SocketAddr) -> AgentNode {
    let agent = BoxedAgent::new(agent);
    let starting = async {
        loop {
            let builder = common::dev(agent.clone()).identity(IdentityKey::from_seed([seed; 32]));
            match builder.config(config()).bind(address).await {
                Ok(node) => return node,
                // The life before may still have the port.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, starting).await.unwrap()
}

fn id(seed: u8) -> AgentId {
    IdentityKey::from_seed([seed; 32]).agent_id()
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_reach_three_peers_in_order() {
    const COUNT: usize = 10_000;
    let publisher = node_with(IdleAgent, NodeConfig::default()).await;
    let (mut nodes, mut all_heard) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (agent, heard) = subscriber(None);
        let node = node_with(agent, NodeConfig::default()).await;
        publisher.connect(&node.url()).await.unwrap();
        nodes.push(node);
        all_heard.push(heard);
    }

    for number in 0..COUNT {
        let receipt = publisher.broadcast(reliable(TOPIC, number.to_string())).unwrap();
        assert_eq!((receipt.handed, receipt.not_handed.len()), (3, 0));
    }

    for heard in &mut all_heard {
        heard.numbers(0..COUNT).await;
    }
    let counters = publisher.counters();
    assert_eq!((counters.observations_sent, counters.observations_handed), (10_000, 30_000));
    assert!(nodes.iter().all(|node| node.counters().observations_delivered == 10_000));
    stop(nodes).await;
    stop([publisher]).await;
}

#[tokio::test]
async fn a_mebibyte_arrives_and_one_byte_more_is_too_large() {
    const LARGEST: usize = 1 << 20;
    let (agent, mut heard) = subscriber(None);
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    a.connect(&b.url()).await.unwrap();

    let refused = a.broadcast(reliable(TOPIC, vec![0; LARGEST + 1]));
    let _ = a.broadcast(reliable(TOPIC, vec![0; LARGEST])).unwrap();

    assert_eq!(refused, Err(PublishError::TooLarge { size: LARGEST + 1, max: LARGEST }));
    assert_eq!(heard.next().await, Told::Size(LARGEST));
    stop([a, b]).await;
}

#[tokio::test]
async fn what_is_published_while_the_network_is_cut_arrives_afterwards() {
    let (agent, mut heard) = subscriber(None);
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    publish(&a, 0..100);
    heard.numbers(0..100).await;

    for round in 1..=2 {
        // Sent into the void, then kept for a peer that is away, then sent to one that is there.
        wire.cut();
        publish(&a, round * 100..round * 100 + 40);
        lost(&wire, &a, &b).await;
        publish(&a, round * 100 + 40..round * 100 + 80);
        wire.mend();
        a.ready(1, PATIENCE).await.unwrap();
        publish(&a, round * 100 + 80..round * 100 + 100);

        heard.numbers(round * 100..round * 100 + 100).await;
    }

    heard.nothing_more();
    assert_eq!(b.counters().observations_delivered, 300);
    assert!(a.counters().observations_dropped.is_empty() && b.counters().observations_dropped.is_empty());
    stop([a, b]).await;
}

#[tokio::test]
async fn more_than_is_kept_is_an_exact_gap_at_both_ends() {
    let (agent, mut heard) = subscriber(None);
    let mut small = config();
    small.reliable_buffer_bytes = 25_000;
    let (a, b) = (node_with(IdleAgent, small).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    publish_long(&a, 0..10, 1000);
    heard.numbers(0..10).await;

    lost(&wire, &a, &b).await;
    publish_long(&a, 10..100, 1000);
    wire.mend();

    let Told::Gap(Some(missed)) = heard.next().await else { panic!("the oldest are lost") };
    heard.numbers(10 + missed as usize..100).await;
    assert_eq!(missed, dropped(&a, DropReason::OutboxFull));
    assert_eq!(a.counters().observations_handed, b.counters().observations_delivered + missed);
    assert_eq!(b.counters().observation_gaps, 1);
    stop([a, b]).await;
}

#[tokio::test]
async fn what_a_fast_publisher_loses_adds_up() {
    const COUNT: usize = 2000;
    let gate = Gate::closed();
    let (agent, mut heard) = subscriber(Some(&gate));
    let mut small = config();
    small.reliable_buffer_bytes = 50_000;
    let (a, b) = (node_with(IdleAgent, small).await, node_with(agent, config()).await);
    a.connect(&b.url()).await.unwrap();
    for number in 0..COUNT {
        publish_long(&a, number..number + 1, 1000);
        tokio::task::yield_now().await;
    }
    gate.open(COUNT);

    let mut next = 0;
    while next < COUNT {
        match heard.next().await {
            Told::Gap(missed) => next += missed.unwrap() as usize,
            told => {
                assert_eq!(told, Told::Number(next));
                next += 1;
            }
        }
    }

    let lost = dropped(&a, DropReason::OutboxFull);
    assert!(lost > 0);
    assert_eq!(b.counters().observations_delivered + lost, COUNT as u64);
    stop([a, b]).await;
}

#[tokio::test]
async fn a_slow_agent_slows_the_feed_and_loses_nothing() {
    const COUNT: usize = 1500;
    let gate = Gate::closed();
    let (slow, mut heard_slowly) = subscriber(Some(&gate));
    let (quick, mut heard) = subscriber(None);
    let a = node_with(IdleAgent, NodeConfig::default()).await;
    let (b, c) = (node_with(slow, config()).await, node_with(quick, config()).await);
    a.connect(&b.url()).await.unwrap();
    a.connect(&c.url()).await.unwrap();
    publish_long(&a, 0..COUNT, 1000);

    // The others feel nothing of it.
    heard.numbers(0..COUNT).await;

    for number in 0..COUNT {
        gate.open(1);
        assert_eq!(heard_slowly.next().await, Told::Number(number));
    }
    let counters = [&a, &b, &c].map(|node| node.counters().observations_dropped);
    assert!(counters.iter().all(std::collections::BTreeMap::is_empty), "{counters:?}");
    stop([a, b, c]).await;
}

/// Publishes so many, at a pace, and says when it is done.
async fn keep_publishing(node: NodeHandle, count: usize) {
    for number in 0..count {
        let _ = node.broadcast(reliable(TOPIC, format!("{number:200}"))).unwrap();
        if number % 16 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_survive_a_network_that_is_cut_at_any_moment() {
    const COUNT: usize = 6000;
    let ((agent, mut at_a), (other, mut at_b)) = (subscriber(None), subscriber(None));
    let mut config = config();
    config.web_transport.idle_timeout = Duration::from_millis(300);
    let (a, b) = (node_with(agent, config.clone()).await, node_with(other, config).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();
    let mut publishing = JoinSet::new();
    publishing.spawn(keep_publishing(a.handle(), COUNT));
    publishing.spawn(keep_publishing(b.handle(), COUNT));

    for moment in 0..5 {
        tokio::time::sleep(Duration::from_millis(50 * moment)).await;
        lost(&wire, &a, &b).await;
        wire.mend();
        // Both may have dialled, and one of the connections goes.
        a.ready(1, PATIENCE).await.unwrap();
    }

    at_a.numbers(0..COUNT).await;
    at_b.numbers(0..COUNT).await;
    assert_eq!(publishing.join_all().await.len(), 2);
    assert!([&a, &b].iter().all(|node| node.counters().observations_dropped.is_empty()));
    stop([a, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_dial_each_other_lose_nothing_when_one_connection_goes() {
    for _ in 0..20 {
        let ((agent, mut at_a), (other, mut at_b)) = (subscriber(None), subscriber(None));
        let (a, b) = (node_with(agent, config()).await, node_with(other, config()).await);
        let (to_a, to_b) = (a.url(), b.url());

        let (connected, connected_too) = tokio::join!(
            async {
                let connected = a.connect(&to_b).await;
                publish(&a, 0..200);
                connected
            },
            async {
                let connected = b.connect(&to_a).await;
                publish(&b, 0..200);
                connected
            }
        );

        assert!(connected.is_ok() && connected_too.is_ok());
        at_a.numbers(0..200).await;
        at_b.numbers(0..200).await;
        stop([a, b]).await;
    }
}

#[tokio::test]
async fn reliable_and_lossy_observations_take_turns() {
    let gate = Gate::closed();
    let (agent, mut heard) = subscriber(Some(&gate));
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    a.connect(&b.url()).await.unwrap();
    publish(&a, 0..500);
    for _ in 0..500 {
        let _ = a.broadcast_observation("test.lossy", "lossy").unwrap();
    }

    // One at a time, so that what waits outside the queues comes up meanwhile.
    let (mut waited, mut longest_wait) = ([0; 2], [0; 2]);
    for _ in 0..300 {
        gate.open(1);
        let is_lossy = heard.next().await == Told::Size(5);
        let (this, other) = (usize::from(is_lossy), usize::from(!is_lossy));
        (waited[this], waited[other]) = (0, waited[other] + 1);
        longest_wait[other] = longest_wait[other].max(waited[other]);
    }

    assert!(longest_wait.iter().all(|wait| *wait < 50), "{longest_wait:?}");
    gate.open(1000);
    stop([a, b]).await;
}

#[tokio::test]
async fn a_subscriber_that_restarts_gets_what_comes_after() {
    let a = start(IdleAgent, 1, any_port()).await;
    let (agent, mut heard) = subscriber(None);
    let b = start(agent, 2, any_port()).await;
    let at = address(&b);
    a.connect(&b.url()).await.unwrap();
    publish(&a, 0..10);
    heard.numbers(0..10).await;

    // It dies without a word.
    drop(b);
    let (agent, mut heard) = subscriber(None);
    publish(&a, 10..20);
    let epoch = a.peers().first().map(|peer| peer.epoch);
    let b = start(agent, 2, at).await;
    until("it is back", || a.peers().first().is_some_and(|peer| Some(peer.epoch) > epoch)).await;
    publish(&a, 20..30);

    heard.numbers(20..30).await;
    heard.nothing_more();
    // Of the first ten it may not have heard that they arrived.
    assert!((10..=20).contains(&dropped(&a, DropReason::PeerLost)), "{:?}", a.counters());
    stop([a, b]).await;
}

#[tokio::test]
async fn a_publisher_that_restarts_is_a_new_life() {
    let (agent, mut heard) = subscriber(None);
    let b = start(agent, 2, any_port()).await;
    let a = start(IdleAgent, 1, any_port()).await;
    let at = address(&a);
    b.connect(&a.url()).await.unwrap();
    publish(&a, 0..10);
    heard.numbers(0..10).await;

    drop(a);
    let a = start(IdleAgent, 1, at).await;
    a.ready(1, PATIENCE).await.unwrap();
    publish(&a, 10..20);

    heard.numbers(10..20).await;
    heard.nothing_more();
    assert_eq!(b.peers().first().map(|peer| peer.id), Some(id(1)));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_peer_that_stays_away_is_owed_nothing_and_told_so() {
    let (agent, mut heard) = subscriber(None);
    let mut impatient = config();
    impatient.resume_window = Duration::from_millis(50);
    let (a, b) = (node_with(IdleAgent, impatient).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    publish(&a, 0..10);
    heard.numbers(0..10).await;

    wire.cut();
    publish(&a, 10..20);
    lost(&wire, &a, &b).await;
    until("it is given up", || dropped(&a, DropReason::PeerLost) >= 10).await;
    let receipt = a.broadcast(reliable(TOPIC, "20")).unwrap();
    wire.mend();
    a.ready(1, PATIENCE).await.unwrap();
    publish(&a, 21..30);

    assert_eq!((receipt.handed, receipt.not_handed.len()), (0, 0));
    assert_eq!(heard.next().await, Told::Gap(None));
    heard.numbers(21..30).await;
    stop([a, b]).await;
}

#[tokio::test]
async fn whoever_leaves_in_order_delivers_what_it_owes() {
    const COUNT: usize = 500;
    let gate = Gate::closed();
    let (agent, mut heard) = subscriber(Some(&gate));
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    a.connect(&b.url()).await.unwrap();
    publish_long(&a, 0..COUNT, 1000);
    gate.open(COUNT);

    stop([a]).await;

    heard.numbers(0..COUNT).await;
    stop([b]).await;
}

#[tokio::test]
async fn whoever_leaves_does_not_wait_for_a_peer_that_takes_nothing() {
    let gate = Gate::closed();
    let (agent, _heard) = subscriber(Some(&gate));
    let mut impatient = config();
    impatient.head_deadline = Duration::from_millis(300);
    let (a, b) = (node_with(IdleAgent, impatient).await, node_with(agent, config()).await);
    a.connect(&b.url()).await.unwrap();
    publish_long(&a, 0..500, 1000);
    let handle = a.handle();

    // Far more than it takes.
    let stopped = tokio::time::timeout(PATIENCE, a.shutdown(Duration::from_secs(3600))).await;

    assert!(stopped.is_ok(), "it still waits for its peer");
    let counters = handle.counters();
    assert!(counters.observations_dropped[&DropReason::PeerLost] > 400, "{counters:?}");
    gate.open(500);
    stop([b]).await;
}
