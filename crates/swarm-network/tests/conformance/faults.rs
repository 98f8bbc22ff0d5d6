//! What links do to nodes.

use std::time::Duration;

use swarm_core::{AgentNode, OutgoingRequest, PublishError};
use swarm_network::{Distribution, Latency, Power};
use tokio::time::Instant;

use crate::agents::{stop, witness};
use crate::world::{IDLE_TIMEOUT, PATIENCE, World};

async fn two(world: &World) -> (AgentNode, AgentNode) {
    let (a, b) = (world.node(0, witness().0).await, world.node(1, witness().0).await);
    world.connect(&a, &b).await;
    (a, b)
}

async fn echo(from: &AgentNode, to: &AgentNode, payload: Vec<u8>) -> Duration {
    let began = Instant::now();
    let echo = OutgoingRequest::new("test.echo".parse().unwrap()).deadline(PATIENCE).payload(payload);
    let mut replies = from.request(to.id(), echo).await.unwrap();
    while replies.next_chunk().await.unwrap().is_some() {}
    began.elapsed()
}

/// Both ends find out by themselves, each as long after the last packet as it waits for one.
async fn noticed(world: &World, a: &AgentNode, b: &AgentNode) {
    let took = world.until("both have noticed", || a.peers().is_empty() && b.peers().is_empty()).await;
    if world.is_virtual() {
        assert!((IDLE_TIMEOUT * 3 / 4..IDLE_TIMEOUT * 3 / 2).contains(&took), "{took:?}");
    }
}

pub(crate) async fn a_cut_link_is_noticed_after_the_idle_timeout(world: World) {
    let (a, b) = two(&world).await;

    world.cut(&[0], &[1]);

    noticed(&world, &a, &b).await;
    stop([a, b]).await;
}

pub(crate) async fn a_cut_one_way_is_a_cut(world: World) {
    let (a, b) = two(&world).await;

    world.cut_one_way(&[0], &[1]);

    world.until("both have noticed", || a.peers().is_empty() && b.peers().is_empty()).await;
    stop([a, b]).await;
}

pub(crate) async fn a_healed_link_is_used_again(world: World) {
    let (a, b) = two(&world).await;
    let cut = world.cut(&[0], &[1]);
    noticed(&world, &a, &b).await;

    world.heal(cut);

    let took = world.until("both are back", || !a.peers().is_empty() && !b.peers().is_empty()).await;
    if world.is_virtual() {
        // A dial that was under way may be in its last pause, and the next one follows.
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    echo(&a, &b, b"again".to_vec()).await;
    stop([a, b]).await;
}

pub(crate) async fn latency_shows_in_the_time_of_a_request(world: World) {
    let (a, b) = two(&world).await;
    let (one_way, small) = (Duration::from_millis(40), vec![1; 16]);
    let slow = world.shape(|links| links.latency = Some(Latency::Set(Distribution::Constant(one_way))));

    let took = echo(&a, &b, small.clone()).await;

    assert!(took >= 2 * one_way, "{took:?}");
    if world.is_virtual() {
        assert_eq!(took, 2 * one_way);
    }
    world.heal(slow);
    let took = echo(&a, &b, small).await;
    if world.is_virtual() {
        assert_eq!(took, 2 * crate::world::LATENCY);
    }
    stop([a, b]).await;
}

pub(crate) async fn a_paused_host_goes_on_where_it_was(world: World) {
    let (a, b) = two(&world).await;
    let pause = IDLE_TIMEOUT / 4;
    world.power(1, Power::Paused);
    let resume = async {
        tokio::time::sleep(pause).await;
        world.power(1, Power::Up);
    };

    let (took, ()) = tokio::join!(echo(&a, &b, b"still there?".to_vec()), resume);

    assert!(took >= pause, "{took:?}");
    assert_eq!((a.peers().len(), b.peers().len()), (1, 1), "nobody was lost");
    assert_eq!(a.counters().requests_sent, 1);
    stop([a, b]).await;
}

pub(crate) async fn bandwidth_bounds_what_comes_through(world: World) {
    const BYTES: usize = 256 << 10;
    let (a, b) = two(&world).await;
    world.shape(|links| links.bandwidth = Some(4_000_000));
    let least = Duration::from_secs_f64(BYTES as f64 * 8.0 / 4e6);

    let took = echo(&a, &b, vec![7; BYTES]).await;

    assert!(took >= least, "{took:?} is faster than the link, which takes {least:?}");
    if world.is_virtual() {
        assert!(took < 4 * least, "{took:?} wastes the link, which takes {least:?}");
    }
    stop([a, b]).await;
}

pub(crate) async fn a_host_paused_for_too_long_is_lost_and_comes_back(world: World) {
    let (a, b) = two(&world).await;
    world.power(1, Power::Paused);
    // Whether the host itself notices before it goes on is left open: its clocks may be paused too.
    world.until("it is gone", || a.peers().is_empty()).await;

    world.power(1, Power::Up);

    world.until("both are back", || !a.peers().is_empty() && !b.peers().is_empty()).await;
    echo(&a, &b, b"again".to_vec()).await;
    stop([a, b]).await;
}

pub(crate) async fn packets_that_overtake_one_another_change_nothing(world: World) {
    let (a, b) = two(&world).await;
    world.shape(|links| {
        links.reorder = Some(0.2);
        links.jitter = Some(Duration::from_millis(10));
    });

    for size in [1, 3000, 200_000] {
        let body: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
        let same =
            OutgoingRequest::new("test.echo".parse().unwrap()).deadline(PATIENCE).payload(body.clone());
        let mut replies = a.request(b.id(), same).await.unwrap();
        let mut heard = Vec::new();
        while let Some(chunk) = replies.next_chunk().await.unwrap() {
            heard.extend_from_slice(&chunk.payload);
        }
        assert!(heard == body);
    }
    stop([a, b]).await;
}

pub(crate) async fn a_narrow_path_carries_less_at_once(world: World) {
    world.shape(|links| links.mtu = Some(1300));
    let (a, b) = two(&world).await;
    echo(&a, &b, vec![7; 100_000]).await;

    let refused = a.broadcast_observation("test.news", vec![1; 1280]);

    assert!(matches!(refused, Err(PublishError::TooLarge { .. })), "{refused:?}");
    a.broadcast_observation("test.news", vec![1; 1000]).unwrap();
    stop([a, b]).await;
}

pub(crate) async fn a_path_that_becomes_narrower_carries_on(world: World) {
    let (a, b) = two(&world).await;
    echo(&a, &b, vec![7; 100_000]).await;

    world.shape(|links| links.mtu = Some(1250));

    echo(&a, &b, vec![7; 100_000]).await;
    echo(&b, &a, vec![7; 100_000]).await;
    stop([a, b]).await;
}
