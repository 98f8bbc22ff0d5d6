//! What happens when there is too much of something: it is refused or dropped, told, and counted.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{PATIENCE, Told, node, node_with, stop, witness};
use swarm_core::{
    Advertisement, Agent, AgentError, AssistError, AssistanceRequest, Context, DropReason, Ending, IdleAgent,
    NodeConfig, Observation, Replies,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_node_that_asks_for_too_much_at_once_is_told_so() {
    let mut config = NodeConfig::default();
    config.max_requests_made = 2;
    let (a, b) = (node_with(IdleAgent, config).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let first = a.request_assistance(peer, "test.hang", "").await.unwrap();
    let _second = a.request_assistance(peer, "test.hang", "").await.unwrap();

    let third = a.request_assistance(peer, "test.echo", "").await.unwrap_err();
    drop(first);
    let fourth = a.request_assistance(peer, "test.echo", "").await;

    assert_eq!(third, AssistError::Overloaded { limit: 2 });
    assert!(fourth.is_ok(), "one has ended: {fourth:?}");
    drop(fourth);
    drop(_second);
    stop([a, b]).await;
}

#[tokio::test]
async fn whoever_asks_for_more_than_the_peer_serves_is_told_without_asking() {
    let mut config = NodeConfig::default();
    config.max_requests_per_peer = 2;
    let (a, b) = (node(IdleAgent).await, node_with(witness().0, config).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut replies = a.request_assistance(peer, "test.hang", "").await.unwrap();
        replies.next_chunk().await.unwrap();
        held.push(replies);
    }

    let refused = a.request_assistance(peer, "test.echo", "").await;
    held.pop();
    let served = a.request_assistance(peer, "test.echo", "").await;

    assert!(matches!(refused, Err(AssistError::Busy { .. })), "{refused:?}");
    assert!(served.is_ok(), "one has ended: {served:?}");
    assert_eq!(b.counters().requests_served.get(&Ending::Busy), None);
    drop((held, served));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_peer_that_is_being_met_again_is_not_ready() {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(2);
    let (agent, mut seen) = witness();
    let (a, b) = (node_with(agent, config).await, node(IdleAgent).await);
    let peer = a.connect(&b.url()).await.unwrap();

    drop(b);
    seen.next(|told| match told {
        Told::Peer(swarm_core::PeerEvent::Went { .. }) => Some(()),
        _ => None,
    })
    .await;

    let refused = a.request_assistance(peer, "test.echo", "").await.unwrap_err();
    assert_eq!(refused, AssistError::NotReady(peer));
    stop([a]).await;
}

/// Observes only when it is let.
struct Slow {
    let_through: Arc<Semaphore>,
    told: mpsc::UnboundedSender<Result<Observation, u64>>,
}

impl Agent for Slow {
    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        self.let_through.acquire().await.unwrap().forget();
        self.told.send(Ok(observation)).unwrap();
    }

    async fn on_lagged(&self, _cx: &Context, missed: u64) {
        self.told.send(Err(missed)).unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_lags_loses_the_oldest_and_is_told_how_many() {
    const QUEUE: usize = 8;
    let mut config = NodeConfig::default();
    config.agent_queue = QUEUE;
    let let_through = Arc::new(Semaphore::new(0));
    let (told, mut heard) = mpsc::unbounded_channel();
    let (a, b) = (
        node(IdleAgent).await,
        node_with(Slow { let_through: Arc::clone(&let_through), told }, config).await,
    );
    a.connect(&b.url()).await.unwrap();

    const SENT: u64 = 100;
    for n in 0..SENT {
        a.broadcast_observation("count", n.to_string()).unwrap();
        // One datagram each, so that the order and the number are certain.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let_through.add_permits(SENT as usize);

    let (mut delivered, mut missed, mut last) = (0, 0, String::new());
    while last != (SENT - 1).to_string() {
        match tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap() {
            Ok(observation) => {
                delivered += 1;
                last = String::from_utf8(observation.payload.to_vec()).unwrap();
            }
            Err(count) => missed += count,
        }
    }
    let lost = b.counters().observations_dropped.get(&DropReason::AgentLagged).copied();
    assert!(delivered <= QUEUE as u64 + 1, "{delivered}");
    assert_eq!((delivered + missed, lost), (SENT, Some(missed)));
    stop([a, b]).await;
}

/// Asks a third agent on behalf of whoever asks it.
struct Between {
    next: swarm_core::AgentId,
}

impl Agent for Between {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["between.ask".parse().unwrap()]
    }

    async fn on_request(
        &self,
        cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let mut onward = cx.request_assistance(self.next, "test.hang", "").await?;
        while let Some(chunk) = onward.next_chunk().await? {
            replies.send_chunk(chunk).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn cancelling_reaches_what_was_asked_of_others() {
    let (agent, mut seen) = witness();
    let last = node(agent).await;
    let between = node(Between { next: last.id() }).await;
    let first = node(IdleAgent).await;
    between.connect(&last.url()).await.unwrap();
    first.connect(&between.url()).await.unwrap();

    let mut replies = first.request_assistance(between.id(), "between.ask", "").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
    drop(replies);

    seen.next(|told| (told == Told::Cancelled).then_some(())).await;
    stop([first, between, last]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_again_at_the_end_of_an_answer_is_never_told_that_the_peer_is_busy() {
    const AT_ONCE: usize = 4;
    let mut config = NodeConfig::default();
    (config.max_requests_per_peer, config.max_requests_served) = (AT_ONCE, AT_ONCE);
    config.max_requests_waiting = 0;
    let (a, b) = (node(IdleAgent).await, node_with(witness().0, config).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut askers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let node = a.handle();
        askers.spawn(async move {
            for _ in 0..500 {
                let mut replies = node.request_assistance(peer, "test.echo", "again").await.unwrap();
                while replies.next_chunk().await.unwrap().is_some() {}
            }
        });
    }
    while let Some(asked) = askers.join_next().await {
        asked.unwrap();
    }
    stop([a, b]).await;
}
