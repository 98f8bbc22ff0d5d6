//! The agent as others meet it: over real WebTransport.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use agent_rover::messages::{
    ACCEPTED, Accepted, COMMAND, Command, DONE, Done, Event, Incident, Order, Telemetry, Vibration,
};
use agent_rover::{RoverAgent, RoverParams, RoverTopics};
use serde::de::DeserializeOwned;
use swarm_core::proto::to_vec;
use swarm_core::{Agent, AgentId, AgentNode, AssistError, Chunk, Context, IdentityKey, Observation, Topic};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what it hears.
struct Listener(mpsc::Sender<Observation>);

impl Agent for Listener {
    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let _ = self.0.try_send(observation);
    }
}

struct Pair {
    rover: AgentNode,
    requester: AgentNode,
    peer: AgentId,
    heard: mpsc::Receiver<Observation>,
    topics: RoverTopics,
}

impl Pair {
    async fn start() -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let vibration_hz = Some(20.0.try_into().unwrap());
        let params = RoverParams { vibration_hz, ..RoverParams::default() };
        let agent = RoverAgent::new(params, 3);
        let rover = AgentNode::dev(agent).bind(loopback).await.unwrap();
        let (listener, heard) = mpsc::channel(64);
        let requester = AgentNode::dev(Listener(listener)).identity(IdentityKey::from_seed([1; 32]));
        let requester = requester.bind(loopback).await.unwrap();
        let peer = requester.connect(&rover.url()).await.unwrap();
        let topics = RoverTopics::new();
        Self { rover, requester, peer, heard, topics }
    }

    async fn send(&self, body: impl Into<Vec<u8>>) -> Result<Vec<Chunk>, AssistError> {
        let mut replies = self.requester.request_assistance(self.peer, COMMAND, body.into()).await?;
        let mut chunks = Vec::new();
        while let Some(chunk) = replies.next_chunk().await? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    async fn command(&self, id: u64, order: Order) -> Done {
        let chunks = self.send(to_vec(&Command { id, order }).unwrap()).await.unwrap();
        let labels: Vec<_> = chunks.iter().map(|chunk| chunk.label.as_str()).collect();
        assert_eq!(labels, [ACCEPTED, DONE]);
        assert_eq!(chunks[0].decode::<Accepted>().unwrap(), Accepted { id });
        chunks[1].decode().unwrap()
    }

    async fn telemetry(&mut self) -> Telemetry {
        self.next(|topics| topics.telemetry.clone()).await
    }

    /// The next value that is heard about a topic.
    async fn next<T: DeserializeOwned>(&mut self, topic: impl Fn(&RoverTopics) -> Topic<T>) -> T {
        let topic = topic(&self.topics);
        let next = async {
            loop {
                let observation = self.heard.recv().await.expect("the listener is there");
                assert_eq!(observation.origin, self.peer);
                if let Some(value) = topic.read(&observation) {
                    return value.unwrap();
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("in time")
    }

    async fn event(&mut self) -> Event {
        self.next(|topics| topics.events.clone()).await
    }

    async fn stop(self) {
        self.requester.shutdown(PATIENCE).await.unwrap();
        self.rover.shutdown(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_rover_tells_where_it_is_and_moves_when_told() {
    let mut pair = Pair::start().await;
    let resting = pair.telemetry().await;
    assert_eq!(resting.speed_mps, 0.0);

    let done = pair.command(1, Order::Goto { x_m: 500.0, y_m: 500.0 }).await;

    assert_eq!((done.id, done.repeated), (1, false));
    let moved = async { while pair.telemetry().await.speed_mps == 0.0 {} };
    tokio::time::timeout(PATIENCE, moved).await.expect("it moves in time");
    pair.stop().await;
}

#[tokio::test]
async fn a_repeated_command_is_confirmed_again_as_repeated() {
    let pair = Pair::start().await;
    let goto = Order::Goto { x_m: 500.0, y_m: 500.0 };
    assert!(!pair.command(1, goto).await.repeated);
    assert!(!pair.command(2, Order::Stop).await.repeated);

    assert!(pair.command(1, goto).await.repeated);
    assert!(pair.command(2, Order::Stop).await.repeated);
    assert!(!pair.command(3, Order::Report).await.repeated);
    pair.stop().await;
}

#[tokio::test]
async fn a_command_that_cannot_be_obeyed_is_declined_and_its_id_stays_free() {
    let pair = Pair::start().await;
    let nowhere = to_vec(&Command { id: 1, order: Order::Goto { x_m: f64::NAN, y_m: 0.0 } }).unwrap();

    for (body, why) in
        [(nowhere, "no rover can go"), (b"go!".to_vec(), "no command"), (vec![0; 999], "at most 256")]
    {
        let error = pair.send(body).await.unwrap_err();
        assert!(
            matches!(&error, AssistError::Declined { reason } if reason.contains(why)),
            "{why}: {error:?}"
        );
    }

    assert!(!pair.command(1, Order::Report).await.repeated);
    pair.stop().await;
}

#[tokio::test]
async fn a_restarted_requester_numbers_its_commands_anew() {
    let mut pair = Pair::start().await;
    assert!(!pair.command(1, Order::Report).await.repeated);

    pair.requester.shutdown(PATIENCE).await.unwrap();
    let (listener, heard) = mpsc::channel(64);
    let again = AgentNode::dev(Listener(listener)).identity(IdentityKey::from_seed([1; 32]));
    pair.requester = again.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    pair.heard = heard;
    pair.requester.connect(&pair.rover.url()).await.unwrap();

    assert!(!pair.command(1, Order::Report).await.repeated);
    assert!(pair.command(1, Order::Report).await.repeated);
    pair.stop().await;
}

#[tokio::test]
async fn what_happens_to_a_rover_is_told_by_numbers() {
    let mut pair = Pair::start().await;
    let place = pair.telemetry().await;

    pair.command(1, Order::Goto { x_m: place.x_m + 0.1, y_m: place.y_m }).await;
    assert_eq!(pair.event().await, Event { number: 1, incident: Incident::Departed });
    assert_eq!(pair.event().await, Event { number: 2, incident: Incident::Arrived });

    pair.command(2, Order::Stop).await;
    pair.command(2, Order::Stop).await;
    pair.command(3, Order::Report).await;
    pair.command(4, Order::Stop).await;
    assert_eq!(pair.event().await, Event { number: 3, incident: Incident::Halted });
    assert_eq!(pair.event().await, Event { number: 4, incident: Incident::Halted });
    pair.stop().await;
}

#[tokio::test]
async fn what_is_said_to_the_fleet_is_obeyed_and_what_is_no_order_is_not() {
    let mut pair = Pair::start().await;
    let nowhere = pair.topics.orders.observation(&Order::Goto { x_m: f64::INFINITY, y_m: 0.0 }).unwrap();
    let halt = pair.topics.orders.observation(&Order::Stop).unwrap();

    for topic in ["rover.telemetry", "fleet.order"] {
        let _ = pair.requester.broadcast_observation(topic, "halt!").unwrap();
    }
    pair.requester.broadcast(nowhere).unwrap();
    pair.requester.broadcast(halt).unwrap();

    assert_eq!(pair.event().await, Event { number: 1, incident: Incident::Halted });
    pair.stop().await;
}

#[tokio::test]
async fn a_rover_that_stands_does_not_shake() {
    let mut pair = Pair::start().await;
    let still = pair.next(|topics| topics.vibration.clone()).await;
    assert_eq!(still, Vibration { rms_mps2: 0.0, peak_mps2: 0.0 });

    pair.command(1, Order::Goto { x_m: 500.0, y_m: 500.0 }).await;

    let shaken = async { while pair.next(|topics| topics.vibration.clone()).await.peak_mps2 == 0.0 {} };
    tokio::time::timeout(PATIENCE, shaken).await.expect("it shakes in time");
    pair.stop().await;
}
