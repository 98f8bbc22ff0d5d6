//! Topics whose observations are values, from one node to another.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::observing::{by_hand, listener};
use common::{PATIENCE, node, stop};
use serde::{Deserialize, Serialize};
use swarm_core::{AgentNode, Delivery, IdleAgent, OutgoingObservation, PublishError, Topic};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Position {
    x: f64,
    label: Option<String>,
}

fn position() -> Position {
    Position { x: 0.25, label: Some("dock".to_owned()) }
}

async fn pair() -> (AgentNode, AgentNode, common::observing::Ears) {
    let (agent, ears) = listener(["**"]);
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();
    (a, b, ears)
}

#[tokio::test]
async fn a_value_arrives_as_it_was() {
    let (a, b, mut ears) = pair().await;
    let life = std::time::Duration::from_secs(60);
    let lossy = Topic::<Position>::lossy("rover.seen").unwrap();
    let latest = Topic::<Position>::latest("rover.position").unwrap().expires_after(life);

    a.publish(&lossy, &position()).unwrap();
    a.broadcast(latest.observation_of("rover-7", &position()).unwrap()).unwrap();

    let (first, second) = (ears.observation().await, ears.observation().await);
    assert_eq!(lossy.read(&first), Some(Ok(position())));
    assert_eq!((first.delivery, first.expires_ms), (Delivery::Lossy, None));
    assert_eq!(latest.read(&second), Some(Ok(position())));
    assert_eq!(second.delivery, Delivery::Latest { key: "rover-7".try_into().unwrap() });
    assert_eq!(second.expires_ms.map(u32::from), Some(60_000));
    stop([a, b]).await;
}

#[tokio::test]
async fn what_is_no_such_value_is_told_from_what_is_about_something_else() {
    let (a, b, mut ears) = pair().await;
    let topic = Topic::<Position>::lossy("rover.position").unwrap();

    let foreign = OutgoingObservation::new(topic.name().clone(), "not MessagePack of a position");
    a.broadcast(foreign).unwrap();
    a.publish(&Topic::<Position>::lossy("rover.goal").unwrap(), &position()).unwrap();

    assert!(matches!(topic.read(&ears.observation().await), Some(Err(_))));
    assert_eq!(topic.read(&ears.observation().await), None);
    stop([a, b]).await;
}

/// As a later version may say more, and an earlier one less.
#[test]
fn fields_may_be_added_later() {
    #[derive(Serialize)]
    struct Later<'a> {
        y: u8,
        label: Option<&'a str>,
        x: f64,
    }
    let (now, later) = (Topic::<Position>::lossy("t").unwrap(), Topic::<Later<'_>>::lossy("t").unwrap());
    let mut observation = by_hand(swarm_core::IdentityKey::from_seed([1; 32]).agent_id(), 1, "t");

    let payload = swarm_core::proto::to_vec(&Later { y: 1, label: Some("dock"), x: 0.25 }).unwrap();
    observation.payload = payload.into();

    assert_eq!(now.read(&observation), Some(Ok(position())));
    assert_eq!(later.name(), now.name());
}

#[tokio::test]
async fn a_key_that_is_too_long_is_no_key() {
    let topic = Topic::<Position>::latest("rover.position").unwrap();
    let long = "k".repeat(65);

    assert!(matches!(topic.observation_of(&long, &position()), Err(PublishError::Unencodable(_))));
    assert!(topic.observation_of(&long[..64], &position()).is_ok());
    assert!(Topic::<Position>::latest("no topic").is_err());

    // Where there are no keys there is none that could be too long.
    let lossy = Topic::<Position>::lossy("rover.position").unwrap();
    assert!(lossy.observation_of(&long, &position()).is_ok());
    let a = node(IdleAgent).await;
    a.publish(&lossy, &position()).unwrap();
    tokio::time::timeout(PATIENCE, stop([a])).await.unwrap();
}
