//! The agent as others meet it: over real WebTransport.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_depot::{DepotAgent, DepotParams, FETCH, Parcel, STOCK, TOPIC};
use swarm_core::{
    Agent, AgentNode, AssistError, Chunk, Context, IdleAgent, Lane, Observation, OutgoingRequest, ReplyStream,
};
use tokio::sync::mpsc;

/// Long enough for anything on a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

async fn pair(params: DepotParams, requester: impl Agent) -> (AgentNode, AgentNode) {
    let here = "127.0.0.1:0".parse().unwrap();
    let depot = AgentNode::dev(DepotAgent::new(params)).bind(here).await.unwrap();
    let requester = AgentNode::dev(requester).bind(here).await.unwrap();
    requester.connect(&depot.url()).await.unwrap();
    (depot, requester)
}

async fn all(mut reply: ReplyStream) -> Result<Vec<Chunk>, AssistError> {
    let mut chunks = Vec::new();
    while let Some(chunk) = reply.next_chunk().await? {
        chunks.push(chunk);
    }
    Ok(chunks)
}

#[tokio::test]
async fn a_parcel_arrives_as_it_was_packed_and_the_stock_knows_of_it() {
    let (depot, requester) = pair(DepotParams::default(), IdleAgent).await;
    let parcel = Parcel { number: 7, bytes: 1_000_000 };
    let request = OutgoingRequest::new(FETCH.parse().unwrap()).payload(parcel.to_string()).lane(Lane::Bulk);

    let chunks = all(requester.request(depot.id(), request).await.unwrap()).await.unwrap();

    assert!(parcel.is(&chunks));
    let stock = all(requester.request_assistance(depot.id(), STOCK, "").await.unwrap()).await.unwrap();
    assert_eq!(stock.first().unwrap().payload, "1 parcels handed out");
}

#[tokio::test]
async fn whoever_finds_all_places_taken_is_told_so_at_once() {
    let params =
        DepotParams { at_once: 1, waiting: 0, takes: Duration::from_hours(1), ..DepotParams::default() };
    let (depot, requester) = pair(params, IdleAgent).await;
    let first = requester.request_assistance(depot.id(), FETCH, "1 1").await.unwrap();
    let second = requester.request_assistance(depot.id(), FETCH, "2 1").await.unwrap();

    // Which of them came first is the network's business; the other one is in for an hour.
    let ended = tokio::select! {
        ended = all(first) => ended,
        ended = all(second) => ended,
        () = tokio::time::sleep(PATIENCE) => panic!("nobody is told"),
    };

    assert!(matches!(ended, Err(AssistError::Busy { .. })), "{ended:?}");
}

#[tokio::test]
async fn what_is_no_name_of_a_parcel_is_declined_with_the_remedy() {
    let (depot, requester) = pair(DepotParams::default(), IdleAgent).await;
    let ended = all(requester.request_assistance(depot.id(), FETCH, "the large one").await.unwrap()).await;
    assert!(
        matches!(&ended, Err(AssistError::Declined { reason }) if reason.contains("`7 100000`")),
        "{ended:?}"
    );
}

/// Passes on what it hears.
struct Listener(mpsc::Sender<Observation>);

impl Agent for Listener {
    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let _ = self.0.try_send(observation);
    }
}

#[tokio::test]
async fn everybody_hears_of_the_stock() {
    let (sender, mut heard) = mpsc::channel(8);
    let params = DepotParams { every: Duration::from_millis(10), ..DepotParams::default() };
    let (_depot, _requester) = pair(params, Listener(sender)).await;
    let observation = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("in time").unwrap();
    assert_eq!(observation.topic.as_str(), TOPIC);
    assert_eq!(observation.payload, "0 parcels handed out");
}
