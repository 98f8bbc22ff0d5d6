//! A reply whose connection is lost under two nodes that go on, as its requester sees it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::serving::{Gate, Said, ask, counting, serving};
use common::wire::Wire;
use common::{PATIENCE, node_with, stop, until};
use futures_util::FutureExt;
use swarm_core::{
    AgentNode, AssistError, Chunk, Ending, IdentityKey, IdleAgent, NodeConfig, OutgoingRequest, ReplyStream,
};
use tokio::sync::mpsc;

/// A lost connection is noticed soon, and made again soon.
fn config() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(2);
    config.mesh.backoff_max = Duration::from_millis(300);
    config.handshake_deadline = Duration::from_secs(1);
    config.request_deadline = Duration::from_secs(120);
    config
}

async fn next(replies: &mut ReplyStream) -> usize {
    replies.next_chunk().await.unwrap().unwrap().label.parse().unwrap()
}

async fn lost(wire: &Wire, a: &AgentNode, b: &AgentNode) {
    wire.cut();
    until("both have noticed", || a.peers().is_empty() && b.peers().is_empty()).await;
}

#[tokio::test]
async fn it_goes_on_after_every_loss_with_nothing_lost_and_nothing_doubled() {
    const CHUNKS: usize = 60;
    let gate = Gate::closed();
    let (agent, ..) = counting(&gate, CHUNKS, 1000);
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let mut replies = a.request(peer, ask().resumable()).await.unwrap();

    let mut numbers = Vec::new();
    for _ in 0..2 {
        gate.open(20);
        for _ in 0..10 {
            numbers.push(next(&mut replies).await);
        }
        lost(&wire, &a, &b).await;
        wire.mend();
    }
    gate.open(20);
    while let Some(chunk) = replies.next_chunk().await.unwrap() {
        numbers.push(chunk.label.parse().unwrap());
    }

    assert_eq!(numbers, (0..CHUNKS).collect::<Vec<_>>());
    assert_eq!(a.counters().requests_ended.get(&Ending::Completed), Some(&1));
    assert_eq!((a.counters().requests_sent, b.counters().requests_served[&Ending::Completed]), (1, 1));
    stop([a, b]).await;
}

/// Sends at full speed into a network that is cut, and resumes.
async fn sent_into_the_void(chunks: usize, size: usize) {
    let gate = Gate::closed();
    let (agent, ..) = counting(&gate, chunks, size);
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let mut replies = a.request(peer, ask().resumable()).await.unwrap();
    gate.open(1);
    assert_eq!(next(&mut replies).await, 0);

    wire.cut();
    gate.open(chunks - 1);
    lost(&wire, &a, &b).await;
    wire.mend();

    for number in 1..chunks {
        assert_eq!(next(&mut replies).await, number, "of {chunks}");
    }
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

#[tokio::test]
async fn all_that_one_stream_may_have_on_its_way_is_kept() {
    tokio::join!(
        sent_into_the_void(12, 65_536),
        sent_into_the_void(700, 1000),
        sent_into_the_void(5000, 100),
    );
}

#[tokio::test]
async fn more_lost_than_is_kept_is_an_exact_gap() {
    let gate = Gate::closed();
    let (agent, mut said, _) = counting(&gate, 12, 8_000);
    let mut small = config();
    small.resume_buffer_bytes = 25_000;
    let (a, b) = (node_with(IdleAgent, config()).await, node_with(agent, small).await);
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let mut replies = a.request(peer, ask().resumable()).await.unwrap();
    gate.open(1);
    assert_eq!(next(&mut replies).await, 0);

    // It is all sent into the void, and the ring holds the last three.
    wire.cut();
    gate.open(11);
    while said.recv().await.unwrap() != Said::Sent(11) {}
    lost(&wire, &a, &b).await;
    wire.mend();

    assert_eq!(replies.next_chunk().await, Err(AssistError::Gap { from: 1, to: 9 }));
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(a.counters().requests_ended.get(&Ending::Gap), Some(&1));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_responder_that_was_restarted_has_nothing_to_go_on_with() {
    let gate = Gate::closed();
    gate.open(1);
    let identity = || IdentityKey::from_seed([77; 32]);
    let start = async |address: SocketAddr| {
        let (agent, ..) = counting(&gate, 2, 10);
        common::dev(agent).identity(identity()).bind(address).await
    };
    let a = node_with(IdleAgent, config()).await;
    let b = start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("{}:{}", b.url().host(), b.url().port()).parse().unwrap();
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let mut replies = a.request(peer, ask().resumable()).await.unwrap();
    assert_eq!(next(&mut replies).await, 0);

    // It dies without a word.
    wire.cut();
    drop(b);
    let again = async {
        loop {
            match start(address).await {
                Ok(node) => return node,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let b = tokio::time::timeout(PATIENCE, again).await.unwrap();
    until("it is lost", || a.peers().is_empty()).await;
    wire.mend();

    assert_eq!(replies.next_chunk().await, Err(AssistError::PeerLost));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_requester_that_stops_does_not_wait_for_the_responder_to_come_back() {
    let gate = Gate::closed();
    gate.open(1);
    let (agent, ..) = counting(&gate, 2, 10);
    let mut patient = config();
    patient.resume_window = Duration::from_secs(3600);
    let (a, b) = (node_with(IdleAgent, patient).await, node_with(agent, config()).await);
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let mut replies = a.request(peer, ask().resumable()).await.unwrap();
    assert_eq!(next(&mut replies).await, 0);
    lost(&wire, &a, &b).await;
    assert!(replies.next_chunk().now_or_never().is_none());

    stop([a]).await;

    let end = tokio::time::timeout(PATIENCE, replies.next_chunk()).await;
    assert_eq!(end.expect("it ends with its node"), Err(AssistError::ShutDown));
    stop([b]).await;
}

#[tokio::test]
async fn half_a_body_cannot_be_resumed_and_nobody_waits_for_it() {
    let counts = serving(|_, mut request, replies| {
        async move {
            while let Some(chunk) = request.next_chunk().await? {
                replies.send_chunk(chunk).await?;
            }
            Ok(())
        }
        .boxed()
    });
    let mut patient = config();
    patient.resume_window = Duration::from_secs(3600);
    let (a, b) = (node_with(IdleAgent, patient).await, node_with(counts, config()).await);
    let wire = Wire::to(&b).await;
    let peer = a.connect(&wire.url()).await.unwrap();
    let (body, growing) = mpsc::channel(1);
    let growing = futures_util::stream::unfold(growing, |mut growing: mpsc::Receiver<Chunk>| async {
        growing.recv().await.map(|chunk| (chunk, growing))
    });
    let request: OutgoingRequest = ask().body_stream(growing).resumable();
    let mut replies = a.request(peer, request).await.unwrap();
    body.send(Chunk::new("0", "")).await.unwrap();
    assert_eq!(next(&mut replies).await, 0);

    lost(&wire, &a, &b).await;
    body.send(Chunk::new("1", "")).await.unwrap();

    let end = tokio::time::timeout(PATIENCE, replies.next_chunk()).await;
    assert_eq!(end.expect("there is nothing to wait for"), Err(AssistError::PeerLost));
    stop([a, b]).await;
}
