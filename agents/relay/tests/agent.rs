//! A line as others meet it: over real WebTransport.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_relay::{AT_WORK, RelayAgent, RelayParams};
use futures_util::StreamExt;
use swarm_core::{AgentNode, AssistError, IdleAgent, Reply, ReplyStream};

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// A line of three and somebody who knows all of them.
struct Line {
    stages: Vec<AgentNode>,
    guest: AgentNode,
}

impl Line {
    async fn start(circle: bool) -> Self {
        let here = "127.0.0.1:0".parse().unwrap();
        let mut stages: Vec<AgentNode> = Vec::new();
        for index in 0..3 {
            let params = RelayParams { stages: 3, circle, ..RelayParams::default() };
            let node = AgentNode::dev(RelayAgent::new(params, index).unwrap()).bind(here).await.unwrap();
            for other in &stages {
                node.connect(&other.url()).await.unwrap();
            }
            stages.push(node);
        }
        let guest = AgentNode::dev(IdleAgent).bind(here).await.unwrap();
        for stage in &stages {
            guest.connect(&stage.url()).await.unwrap();
        }
        Self { stages, guest }
    }

    async fn ask(&self, stage: usize, capability: &str, payload: &'static str) -> ReplyStream {
        let peer = self.stages.get(stage).expect("a stage").id();
        self.guest.request_assistance(peer, capability, payload).await.unwrap()
    }

    /// What the stages are at work on, all together.
    async fn at_work(&self) -> usize {
        let mut sum = 0;
        for stage in 0..self.stages.len() {
            let chunk = self.ask(stage, AT_WORK, "").await.next_chunk().await.unwrap().unwrap();
            sum += std::str::from_utf8(&chunk.payload).unwrap().parse::<usize>().unwrap();
        }
        sum
    }
}

#[tokio::test]
async fn work_that_ends_is_answered_by_every_stage() {
    let line = Line::start(false).await;
    let mut reply = line.ask(0, "relay.stage-1", "3").await;
    let mut stages = Vec::new();
    while let Some(chunk) = reply.next_chunk().await.unwrap() {
        stages.push(chunk.payload);
    }
    assert_eq!(stages, ["3", "2", "1"]);
}

#[tokio::test]
async fn whoever_lets_go_of_the_reply_stops_the_whole_line() {
    let line = Line::start(false).await;
    let mut reply = line.ask(0, "relay.stage-1", "").await;
    let first = tokio::time::timeout(PATIENCE, reply.next()).await.expect("a note in time");
    assert!(matches!(first, Some(Ok(Reply::Progress(_)))), "{first:?}");
    assert_eq!(line.at_work().await, 3);

    drop(reply);

    let stopped = async { while line.at_work().await > 0 {} };
    tokio::time::timeout(PATIENCE, stopped).await.expect("all stop in time");
}

#[tokio::test]
async fn a_circle_ends_at_the_hop_limit() {
    let line = Line::start(true).await;
    let ended = line.ask(0, "relay.stage-1", "").await.next_chunk().await;
    assert_eq!(ended, Err(AssistError::HopLimit));
}

#[tokio::test]
async fn what_is_no_number_of_steps_is_declined() {
    let line = Line::start(false).await;
    for payload in ["many", "12345678901234567"] {
        let ended = line.ask(2, "relay.stage-3", payload).await.next_chunk().await;
        assert!(matches!(ended, Err(AssistError::Declined { .. })), "{payload}: {ended:?}");
    }
}
