//! What a peer that takes nothing, and one that sends without end, cost a node in memory: the node runs in a process of
//! its own, whose resident size is the measure.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::apart::{Apart, State, obey};
use common::observing::{by_hand, datagram};
use common::serving::SERVE;
use common::stranger::framed;
use common::{PATIENCE, node_with};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use swarm_core::proto::{RequestFrame, RequestHead, RequestId};
use swarm_core::transport::Connection;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, Chunk, Context, NodeConfig, Observation, Replies,
};
use tokio::io::AsyncWriteExt;

/// What one peer may cost, in KiB: 4.2 MiB.
const MOST_KIB: u64 = 4300;

/// What 64 requests at work cost a node beside what is said in them, in KiB: 4 MiB.
const REQUESTS_KIB: u64 = 4096;

/// Tells the node apart how large its windows are.
const STREAM_WINDOW: &str = "STREAM_WINDOW";

/// As large as any path carries.
const LARGE: usize = 1000;

/// Hears nothing to the end, and reads nothing of what it is asked.
struct Absent;

impl Agent for Absent {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec![SERVE.parse().unwrap()]
    }

    async fn on_observation(&self, _cx: &Context, _observation: Observation) {
        std::future::pending().await
    }

    async fn on_request(
        &self,
        _cx: &Context,
        _request: AssistanceRequest,
        _replies: &mut Replies,
    ) -> Result<(), AgentError> {
        std::future::pending().await
    }
}

fn full(state: &State) -> u64 {
    state.get("outbox_full")
}

#[tokio::test]
#[ignore = "the part of the other tests that runs in a process of its own"]
async fn node_in_a_process_of_its_own() {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(60);
    (config.slow_patience, config.greedy_patience) = (None, None);
    config.max_datagrams_per_second = 2000;
    if let Ok(bytes) = std::env::var(STREAM_WINDOW) {
        let bytes = bytes.parse().unwrap();
        let quic = &mut config.web_transport;
        (quic.stream_window_bytes, quic.connection_window_bytes) = (bytes, bytes * quic.max_streams);
    }
    let node = node_with(Absent, config).await;
    obey(node, async |node, line| {
        if line == "publish" {
            // Of this every slow peer keeps as much as it may.
            for _ in 0..3000 {
                node.broadcast_observation("large", vec![0; LARGE]).unwrap();
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn peers_that_take_nothing_cost_a_node_little() {
    const SLOW: u8 = 8;
    let mut node = Apart::new().await;
    // What is allocated once is not of the others.
    let first = node.peer(100).await;
    node.ask_until(|state| state.get("peers") == 1).await;
    first.0.cut();
    node.ask("publish").await;
    let before = node.ask("publish").await;
    assert!(full(&before) > 0, "{before:?}");

    let mut slow = Vec::new();
    for seed in 0..SLOW {
        slow.push(node.peer(seed).await);
    }
    node.ask_until(|state| state.get("peers") == 1 + u64::from(SLOW)).await;
    slow.iter().for_each(|(wire, _)| wire.cut());
    let after = node.ask("publish").await;

    assert!(full(&after) > full(&before) + 1000 * u64::from(SLOW), "{after:?}");
    let each = after.kib().saturating_sub(before.kib()) / u64::from(SLOW);
    println!("each of {SLOW} slow peers costs {each} KiB");
    assert!((50..MOST_KIB).contains(&each), "each costs {each} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_floods_costs_a_node_little() {
    let mut node = Apart::new().await;
    let (_wire, flooder) = node.peer(1).await;
    let before = node.ask_until(|state| state.get("peers") == 1).await;
    let (mut sequence, mut most) = (0, before.kib());

    let flood = async {
        let mut limited = 0;
        while limited < 5000 {
            for _ in 0..2000 {
                sequence += 10;
                let many: Vec<_> = (1..=10).map(|n| by_hand(flooder.agent, sequence + n, "flood")).collect();
                let _ = flooder.connection.send_datagram(datagram(&many));
            }
            let state = node.ask("state").await;
            (limited, most) = (state.get("rate_limited"), most.max(state.kib()));
        }
    };
    tokio::time::timeout(PATIENCE, flood).await.expect("it floods");

    let cost = most.saturating_sub(before.kib());
    println!("a flood of {sequence} observations costs {cost} KiB");
    assert!((100..MOST_KIB).contains(&cost), "it costs {cost} KiB");
}

/// Asks, and says as much as the node lets it.
async fn pour(connection: &dyn Connection, number: u8, poured: &AtomicU64) {
    let head = RequestHead::new(RequestId::from_random([number; 16]), SERVE.parse().unwrap());
    let chunk = framed(&RequestFrame::Chunk(Chunk::new("", vec![0; 62_500])));
    let mut stream = connection.open_stream().await.unwrap();
    stream.send.write_all(&framed(&RequestFrame::Head(head))).await.unwrap();
    for _ in 0..20 {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            // Of so many at once the last are told that the node is busy.
            let Ok(written) = stream.send.write(rest).await else { return };
            poured.fetch_add(written as u64, Ordering::Relaxed);
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}

/// What a peer costs a node in KiB that says in a hundred requests as much as it may, none of which is read.
#[expect(clippy::print_stdout, reason = "a measure for whoever wants to see it")]
async fn cost_of_bodies_that_nobody_reads(mut node: Apart) -> u64 {
    let (_wire, peer) = node.peer(1).await;
    let before = node.ask_until(|state| state.get("peers") == 1).await;
    let poured = AtomicU64::new(0);
    let mut pouring: FuturesUnordered<_> =
        (0..100).map(|number| pour(&*peer.connection, number, &poured)).collect();
    let watching = async {
        let (mut last, mut quiet, mut most) = (0, 0, before.kib());
        while quiet < 10 {
            most = most.max(node.ask("state").await.kib());
            let now = poured.load(Ordering::Relaxed);
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        most
    };
    let most = tokio::select! {
        most = watching => most,
        () = async { while pouring.next().await.is_some() {} } => unreachable!("nobody reads"),
    };
    let cost = most.saturating_sub(before.kib());
    println!("{} KiB that nobody reads cost {cost} KiB", poured.load(Ordering::Relaxed) >> 10);
    cost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_nobody_reads_cost_a_node_no_more_than_its_windows() {
    let windows = u64::from(NodeConfig::default().web_transport.connection_window_bytes) >> 10;

    let cost = cost_of_bodies_that_nobody_reads(Apart::new().await).await;
    assert!(cost < windows + REQUESTS_KIB, "it costs {cost} KiB");

    let small = Apart::told(&[(STREAM_WINDOW, "32768")]).await;
    let cost = cost_of_bodies_that_nobody_reads(small).await;
    assert!(cost < windows / 4 + REQUESTS_KIB, "it costs {cost} KiB");
}
