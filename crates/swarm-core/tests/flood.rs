//! More observations than a path carries, beside a request that wants it too.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::link::{Link, Path};
use common::observing::{all, dropped, flow, listener};
use common::{PATIENCE, Told, node, stop, witness};
use swarm_core::proto::encode_observation;
use swarm_core::{
    AgentNode, Direction, DropReason, IdleAgent, Key, NodeHandle, OutgoingObservation, OutgoingRequest,
};
use tokio::time::Instant;

const SLOW: Path = Path { bytes_per_second: 1_000_000, delay: Duration::from_millis(5), packets: 64 };
/// Across a continent.
const LONG: Path = Path { bytes_per_second: 4_000_000, delay: Duration::from_millis(40), packets: 1024 };
const BODY: usize = 2_000_000;
/// So small that a packet full of them has no room for anything else.
const OBSERVATION: usize = 100;

/// Far more than the path carries, without end.
async fn flood(node: NodeHandle, at_once: usize, size: usize) {
    loop {
        for _ in 0..at_once {
            node.broadcast_observation("flood", vec![0; size]).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn observations_and_a_request_share_a_slow_path() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let link = Link::to(&b, SLOW).await;
    let peer = a.connect(&link.url()).await.unwrap();
    let flood = flood(a.handle(), 100, OBSERVATION);
    let asked = async {
        // The path is full before it is asked.
        for _ in 0..1000 {
            seen.observation().await;
        }
        seen.drain();
        let request = OutgoingRequest::new("test.count".parse().unwrap()).payload(vec![0; BODY]);
        let mut replies = a.request(peer, request).await.unwrap();
        assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, BODY.to_string());
        let heard = seen.drain().into_iter().map(|told| match told {
            Told::Observed(observation) => encode_observation(&observation).len(),
            _ => 0,
        });
        heard.sum::<usize>()
    };

    let observed = tokio::select! {
        observed = tokio::time::timeout(PATIENCE, asked) => observed.expect("the request makes progress"),
        () = flood => unreachable!("a flood has no end"),
    };

    let of_request = BODY as f64 / (BODY + observed) as f64;
    assert!((0.25..0.9).contains(&of_request), "the request had {of_request:.2} of the bytes");
    stop([a, b]).await;
}

/// What the network has taken can neither be replaced nor expire, so it takes no more than it will soon carry.
#[tokio::test]
async fn what_a_slow_path_does_not_carry_soon_waits_where_it_can_be_replaced() {
    let (agent, _ears) = listener(["**"]);
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let link = Link::to(&b, Path { bytes_per_second: 200_000, ..SLOW }).await;
    a.connect(&link.url()).await.unwrap();
    let on_its_way = || {
        let taken = flow(&a, b.id(), Direction::Outgoing).passed;
        (taken - all(&flow(&b, a.id(), Direction::Incoming))) as usize * OBSERVATION
    };

    let mut most = 0;
    for round in 0..500_u32 {
        let payload = [round.to_string().as_bytes(), &[b' '; OBSERVATION]].concat();
        // So many that a packet is full of them.
        for key in 0..50 {
            let observation = OutgoingObservation::new("position".parse().unwrap(), payload.clone());
            a.broadcast(observation.latest(Key::try_from(key.to_string().as_str()).unwrap())).unwrap();
        }
        most = most.max(on_its_way());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    // The path itself holds 64 packets, and loses some.
    assert!(most < 200_000, "{most} bytes were on their way");
    assert!(dropped(&a.counters(), DropReason::Replaced) > 0, "it was slow enough");
    stop([a, b]).await;
}

/// How much of what a long path carries is observed, once there was time to find out how much that is.
async fn part_of_a_long_path(a: &AgentNode, b: &AgentNode) -> f64 {
    const PAYLOAD: usize = 1000;
    let observed = || flow(b, a.id(), Direction::Incoming).passed as usize * PAYLOAD;
    let measured = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (began, before) = (Instant::now(), observed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let carried = f64::from(LONG.bytes_per_second) * began.elapsed().as_secs_f64();
        (observed() - before) as f64 / carried
    };
    tokio::select! {
        part = measured => part,
        () = flood(a.handle(), 10, PAYLOAD) => unreachable!("a flood has no end"),
    }
}

async fn far_apart() -> (AgentNode, AgentNode, Link) {
    let (agent, _) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let link = Link::to(&b, LONG).await;
    a.connect(&link.url()).await.unwrap();
    (a, b, link)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_finds_out_what_a_long_path_carries() {
    let (a, b, _link) = far_apart().await;

    let part = part_of_a_long_path(&a, &b).await;

    assert!(part > 0.5, "{part:.2} of the path was used");
    stop([a, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_only_waits_takes_nothing_of_the_path() {
    let (a, b, _link) = far_apart().await;
    let mut replies = a.request_assistance(b.id(), "test.hang", "").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");

    let part = part_of_a_long_path(&a, &b).await;

    assert!(part > 0.5, "{part:.2} of the path was used");
    drop(replies);
    stop([a, b]).await;
}
