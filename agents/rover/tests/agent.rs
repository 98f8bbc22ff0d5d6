//! The agent as others meet it: over real WebTransport.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use agent_rover::messages::{ACCEPTED, Accepted, COMMAND, Command, DONE, Done, Order, TELEMETRY, Telemetry};
use agent_rover::{RoverAgent, RoverParams};
use swarm_core::proto::to_vec;
use swarm_core::{Agent, AgentId, AgentNode, AssistError, Chunk, Context, IdentityKey, Observation};
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
}

impl Pair {
    async fn start() -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let agent = RoverAgent::new(RoverParams::default(), 3);
        let rover = AgentNode::builder(agent).bind(loopback).await.unwrap();
        let (listener, heard) = mpsc::channel(64);
        let requester = AgentNode::builder(Listener(listener)).identity(IdentityKey::from_seed([1; 32]));
        let requester = requester.bind(loopback).await.unwrap();
        let peer = requester.connect(&rover.url()).await.unwrap();
        Self { rover, requester, peer, heard }
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
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        let observation = heard.expect("in time").expect("the listener is there");
        assert_eq!((observation.origin, observation.topic.as_str()), (self.peer, TELEMETRY));
        Chunk::new("", observation.payload).decode().unwrap()
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
    let again = AgentNode::builder(Listener(listener)).identity(IdentityKey::from_seed([1; 32]));
    pair.requester = again.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    pair.heard = heard;
    pair.requester.connect(&pair.rover.url()).await.unwrap();

    assert!(!pair.command(1, Order::Report).await.repeated);
    assert!(pair.command(1, Order::Report).await.repeated);
    pair.stop().await;
}
