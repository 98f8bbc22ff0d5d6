//! What nodes do for each other.

use std::time::Duration;

use futures_util::future::join_all;
use swarm_core::{AgentId, AgentNode, AssistError, Lane, OutgoingRequest};
use swarm_network::Power;
use tokio::time::Instant;

use crate::agents::{Seen, stop, witness};
use crate::world::{IDLE_TIMEOUT, PATIENCE, World};

fn request(capability: &str) -> OutgoingRequest {
    OutgoingRequest::new(capability.parse().unwrap()).deadline(PATIENCE)
}

/// Asks and reads the whole reply.
async fn ask(node: &AgentNode, peer: AgentId, request: OutgoingRequest) -> Result<Vec<u8>, AssistError> {
    let mut replies = node.request(peer, request).await?;
    let mut whole = Vec::new();
    while let Some(chunk) = replies.next_chunk().await? {
        whole.extend_from_slice(&chunk.payload);
    }
    Ok(whole)
}

/// Two nodes that serve each other, the first of which has dialled.
async fn two(world: &World) -> [(AgentNode, Seen); 2] {
    let ((a_agent, a_seen), (b_agent, b_seen)) = (witness(), witness());
    let (a, b) = (world.node(0, a_agent).await, world.node(1, b_agent).await);
    world.connect(&a, &b).await;
    [(a, a_seen), (b, b_seen)]
}

pub(crate) async fn they_go_both_ways_with_a_mebibyte(world: World) {
    let [(a, _), (b, _)] = two(&world).await;
    let body: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();

    let (there, back) = tokio::join!(
        ask(&a, b.id(), request("test.echo").payload(body.clone())),
        ask(&b, a.id(), request("test.echo").payload(body.clone())),
    );

    assert!(there.unwrap() == body);
    assert!(back.unwrap() == body);
    stop([a, b]).await;
}

pub(crate) async fn a_deadline_ends_them_on_both_sides(world: World) {
    let [(a, _), (b, mut b_seen)] = two(&world).await;
    let (deadline, began) = (Duration::from_millis(300), Instant::now());

    let ended = ask(&a, b.id(), request("test.hang").deadline(deadline)).await;

    assert_eq!(ended, Err(AssistError::DeadlineExceeded));
    let took = began.elapsed();
    assert!(took >= deadline, "{took:?}");
    b_seen.over().await;
    if world.is_virtual() {
        assert_eq!(took, deadline);
        assert!(began.elapsed() < deadline + Duration::from_millis(10));
    }
    stop([a, b]).await;
}

pub(crate) async fn whoever_asks_may_cancel(world: World) {
    let [(a, mut a_seen), (b, mut b_seen)] = two(&world).await;
    for (asker, server, seen) in [(&a, &b, &mut b_seen), (&b, &a, &mut a_seen)] {
        let replies = asker.request(server.id(), request("test.hang")).await.unwrap();
        seen.asked().await;

        drop(replies);

        seen.over().await;
    }
    stop([a, b]).await;
}

pub(crate) async fn whoever_serves_may_decline_and_fail(world: World) {
    let [(a, _), (b, _)] = two(&world).await;
    for (asker, server) in [(&a, &b), (&b, &a)] {
        let declined = ask(asker, server.id(), request("test.decline")).await;
        assert_eq!(declined, Err(AssistError::Declined { reason: "not today".to_owned() }));

        let failed = ask(asker, server.id(), request("test.fail")).await;
        assert_eq!(failed, Err(AssistError::Failed { error: "it broke".to_owned() }));

        let unknown = ask(asker, server.id(), request("test.unknown")).await;
        assert_eq!(unknown, Err(AssistError::NoSuchCapability));
    }
    stop([a, b]).await;
}

pub(crate) async fn a_crash_ends_them(world: World) {
    let [(a, _), (b, mut b_seen)] = two(&world).await;
    let (peer, began) = (b.id(), Instant::now());
    let crash = async {
        b_seen.asked().await;
        world.power(1, Power::Down);
        drop(b);
    };

    let (ended, ()) = tokio::join!(ask(&a, peer, request("test.hang")), crash);

    assert_eq!(ended, Err(AssistError::PeerLost));
    let took = began.elapsed();
    if world.is_virtual() {
        assert!(took < 2 * IDLE_TIMEOUT, "{took:?}");
    }
    stop([a]).await;
}

pub(crate) async fn they_complete_over_a_lossy_link(world: World) {
    world.shape(|links| links.loss = Some(swarm_network::Loss::Random(0.1)));
    let [(a, _), (b, _)] = two(&world).await;
    let body = vec![7; 2000];

    let there = (0..40).map(|_| ask(&a, b.id(), request("test.echo").payload(body.clone())));
    let back = (0..40).map(|_| ask(&b, a.id(), request("test.echo").payload(body.clone())));
    let answers = join_all(there.chain(back).collect::<Vec<_>>()).await;

    for answer in answers {
        assert!(answer.unwrap() == body);
    }
    stop([a, b]).await;
}

/// Half a mebibyte takes more than four seconds over this link.
pub(crate) async fn an_urgent_one_passes_a_bulk_transfer(world: World) {
    world.shape(|links| links.bandwidth = Some(1_000_000));
    let [(a, _), (b, mut b_seen)] = two(&world).await;
    let bulk = request("test.count").lane(Lane::Bulk).payload(vec![7; 1 << 19]);
    let began = Instant::now();
    let urgent = async {
        b_seen.asked().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        ask(&a, b.id(), request("test.echo").lane(Lane::Control).payload("stop")).await.unwrap();
        began.elapsed()
    };

    let (counted, urgent_took) = tokio::join!(ask(&a, b.id(), bulk), urgent);

    let bulk_took = began.elapsed();
    assert_eq!(counted.unwrap(), (1 << 19).to_string().into_bytes());
    assert!(bulk_took > Duration::from_secs(4), "{bulk_took:?}");
    // What is on its way already may be in the link's queue, which takes 200 ms, and a loss there costs a round trip.
    assert!(urgent_took < Duration::from_secs(2), "{urgent_took:?}");
    stop([a, b]).await;
}
