//! Nodes that come and go.

use std::time::Duration;

use swarm_core::{AgentNode, GoneReason, IdleAgent, PeerEvent};
use swarm_network::Power;
use tokio::time::Instant;

use crate::agents::{stop, witness};
use crate::world::{IDLE_TIMEOUT, PATIENCE, World, config};

pub(crate) async fn two_nodes_say_hello(world: World) {
    let (b_agent, mut b_seen) = witness();
    let (a, b) = (world.node(0, IdleAgent).await, world.node(1, b_agent).await);

    assert_eq!(a.connect(&b.url()).await.unwrap(), b.id());

    assert!(a.peers()[0].offers("test.echo"));
    let PeerEvent::Came(peer) = b_seen.peer().await else { panic!("it has only come") };
    assert_eq!((peer.id, peer.address), (a.id(), world.address(&a)));
    stop([a, b]).await;
}

pub(crate) async fn a_full_mesh_grows_from_introductions(world: World) {
    const NODES: u32 = 6;
    let mut nodes = Vec::new();
    for host in 0..NODES {
        nodes.push(world.node(host, IdleAgent).await);
    }

    for node in &nodes[1..] {
        node.connect(&nodes[0].url()).await.unwrap();
    }

    for node in &nodes {
        node.ready(nodes.len() - 1, PATIENCE).await.unwrap();
    }
    stop(nodes).await;
}

pub(crate) async fn a_goodbye_is_told(world: World) {
    let (a_agent, mut a_seen) = witness();
    let (a, b) = (world.node(0, a_agent).await, world.node(1, IdleAgent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    assert!(matches!(a_seen.peer().await, PeerEvent::Came(_)));
    let began = Instant::now();

    stop([b]).await;

    assert_eq!(a_seen.peer().await, PeerEvent::Went { peer, reason: GoneReason::Goodbye });
    assert!(began.elapsed() < IDLE_TIMEOUT, "nobody has to find out");
    stop([a]).await;
}

/// Starts a node again as soon as its address is free.
async fn again(world: &World, host: u32) -> AgentNode {
    let starting = async {
        loop {
            match world.try_node(host, IdleAgent, config()).await {
                Ok(node) => return node,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, starting).await.expect("its address is free again")
}

pub(crate) async fn a_peer_restarts_at_the_same_address(world: World) {
    let (a_agent, mut a_seen) = witness();
    let (a, b) = (world.node(0, a_agent).await, world.node(1, IdleAgent).await);
    let (peer, url) = (a.connect(&b.url()).await.unwrap(), b.url());
    let PeerEvent::Came(first) = a_seen.peer().await else { panic!("it has only come") };

    world.power(1, Power::Down);
    drop(b);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let b = again(&world, 1).await;

    assert_eq!(b.url(), url);
    let PeerEvent::Went { reason, .. } = a_seen.peer().await else { panic!("it was there") };
    assert!(matches!(reason, GoneReason::Lost | GoneReason::Restarted), "{reason:?}");
    let PeerEvent::Came(second) = a_seen.peer().await else { panic!("it was gone") };
    assert_eq!(second.id, peer);
    assert!(second.epoch > first.epoch, "it is another life");
    stop([a, b]).await;
}

pub(crate) async fn a_peer_that_crashes_is_lost(world: World) {
    let (a_agent, mut a_seen) = witness();
    let (a, b) = (world.node(0, a_agent).await, world.node(1, IdleAgent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    assert!(matches!(a_seen.peer().await, PeerEvent::Came(_)));

    world.power(1, Power::Down);
    drop(b);

    assert_eq!(a_seen.peer().await, PeerEvent::Went { peer, reason: GoneReason::Lost });
    stop([a]).await;
}

pub(crate) async fn a_quiet_connection_stays(world: World) {
    let (a_agent, mut a_seen) = witness();
    let (a, b) = (world.node(0, a_agent).await, world.node(1, IdleAgent).await);
    a.connect(&b.url()).await.unwrap();
    assert!(matches!(a_seen.peer().await, PeerEvent::Came(_)));

    tokio::time::sleep(if world.is_virtual() { PATIENCE } else { 3 * IDLE_TIMEOUT }).await;

    assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
    assert!(a_seen.nothing(), "it has neither gone nor come again");
    stop([a, b]).await;
}
