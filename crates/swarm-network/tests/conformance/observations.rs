//! What nodes tell each other.

use swarm_core::{OutgoingObservation, PublishError, TopicName};

use crate::agents::{stop, witness};
use crate::world::World;

fn topic() -> TopicName {
    "test.news".parse().unwrap()
}

pub(crate) async fn they_go_both_ways(world: World) {
    let ((a_agent, mut a_seen), (b_agent, mut b_seen)) = (witness(), witness());
    let (a, b) = (world.node(0, a_agent).await, world.node(1, b_agent).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, crate::world::PATIENCE).await.unwrap();

    a.broadcast_observation(topic(), "from a").unwrap();
    b.broadcast_observation(topic(), "from b").unwrap();

    assert_eq!(a_seen.observation().await.payload, "from b");
    let heard = b_seen.observation().await;
    assert_eq!((heard.payload, heard.origin), ("from a".into(), a.id()));
    stop([a, b]).await;
}

pub(crate) async fn one_that_is_larger_than_the_path_is_refused(world: World) {
    let (b_agent, mut b_seen) = witness();
    let (a, b) = (world.node(0, swarm_core::IdleAgent).await, world.node(1, b_agent).await);
    a.connect(&b.url()).await.unwrap();

    let refused = a.broadcast_observation(topic(), vec![0; 1600]);
    assert!(matches!(refused, Err(PublishError::TooLarge { .. })), "{refused:?}");

    a.broadcast_observation(topic(), vec![1; 1000]).unwrap();
    assert_eq!(b_seen.observation().await.payload, vec![1; 1000]);
    stop([a, b]).await;
}

pub(crate) async fn what_arrives_twice_is_delivered_once(world: World) {
    const MANY: u32 = 50;
    world.shape(|links| links.duplicate = Some(1.0));
    let (b_agent, mut b_seen) = witness();
    let (a, b) = (world.node(0, swarm_core::IdleAgent).await, world.node(1, b_agent).await);
    a.connect(&b.url()).await.unwrap();

    for number in 0..MANY {
        a.broadcast_observation(topic(), number.to_be_bytes().to_vec()).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    a.broadcast(OutgoingObservation::new(topic(), "last").reliable()).unwrap();

    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != b"last") {
        heard.push(b_seen.observation().await.payload.to_vec());
    }
    tokio::time::sleep(2 * crate::world::LATENCY).await;
    heard.extend(b_seen.payloads());
    heard.sort();
    let once = heard.windows(2).all(|two| two[0] != two[1]);
    assert!(once && heard.len() == MANY as usize + 1, "{heard:?}");
    stop([a, b]).await;
}

pub(crate) async fn reliable_ones_come_in_order_over_a_lossy_link(world: World) {
    const MANY: u32 = 200;
    world.shape(|links| links.loss = Some(swarm_network::Loss::Random(0.1)));
    let ((a_agent, mut a_seen), (b_agent, mut b_seen)) = (witness(), witness());
    let (a, b) = (world.node(0, a_agent).await, world.node(1, b_agent).await);
    world.connect(&a, &b).await;

    for number in 0..MANY {
        for node in [&a, &b] {
            let reliable = OutgoingObservation::new(topic(), number.to_be_bytes().to_vec()).reliable();
            node.broadcast(reliable).unwrap();
        }
    }

    for seen in [&mut a_seen, &mut b_seen] {
        for number in 0..MANY {
            assert_eq!(seen.observation().await.payload, number.to_be_bytes().to_vec());
        }
    }
    stop([a, b]).await;
}
