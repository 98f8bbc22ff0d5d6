//! How things end: nodes that stop while requests run, peers that leave, connections that are replaced.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::virtual_time::{on_both, two};
use common::{PATIENCE, Told, node, node_with, stop, witness};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AgentNode, AssistError, AssistanceRequest, BatchConfig,
    Batcher, Chunk, Context, Counters, Ending, IdentityKey, IdleAgent, NodeConfig, OutgoingRequest, Replies,
    StartError,
};
use swarm_network::{Change, Distribution, Latency};
use swarm_sim::SwarmBuilder;
use tokio::sync::{Semaphore, mpsc};

/// A request whose body grows as the test says.
fn growing(capability: &str) -> (mpsc::Sender<Chunk>, OutgoingRequest) {
    let (body, chunks) = mpsc::channel(1);
    let chunks = futures_util::stream::unfold(chunks, |mut chunks| async move {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    });
    (body, OutgoingRequest::new(capability.parse().unwrap()).body_stream(chunks))
}

fn dropped(counters: &Counters) -> u64 {
    counters.observations_dropped.values().sum()
}

#[tokio::test]
async fn a_body_with_a_chunk_over_the_limit_is_refused_and_not_cut() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let parts = [10, 100_000, 10].map(|size| Chunk::new("", vec![7; size]));
    let request =
        OutgoingRequest::new("test.count".parse().unwrap()).body_stream(futures_util::stream::iter(parts));

    let refused = a.request(peer, request).await.unwrap_err();

    assert!(matches!(refused, AssistError::TooLarge { max: 65_536, .. }), "{refused:?}");
    stop([a, b]).await;
}

#[tokio::test]
async fn the_longest_deadlines_are_deadlines_like_any_other() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let request = OutgoingRequest::new("test.count".parse().unwrap()).deadline(Duration::MAX);

    let mut replies = a.request(peer, request).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "0");
    assert_eq!(replies.next_chunk().await, Ok(None));
    a.shutdown(Duration::MAX).await.unwrap();
    b.shutdown(Duration::MAX).await.unwrap();
}

/// Serves by asking a task of its own, which asks a third agent.
struct Through {
    batcher: std::sync::OnceLock<Batcher<(), String, Result<String, AssistError>>>,
    third: AgentId,
}

impl Agent for Through {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["through.ask".parse().unwrap()]
    }

    async fn on_start(&self, cx: &Context) {
        let (batcher, worker) = Batcher::new(BatchConfig::default(), |(), words: Vec<String>| async {
            words.into_iter().map(|word| Ok(word.to_uppercase())).collect()
        });
        cx.spawn(worker);
        self.batcher.set(batcher).unwrap();
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        replies.send("begun", "").await?;
        while let Some(chunk) = request.next_chunk().await? {
            let word = String::from_utf8(chunk.payload.to_vec())?;
            let loud = self.batcher.get().unwrap().submit((), word).await??;
            let mut onward = cx.request_assistance(self.third, "test.echo", loud).await?;
            while let Some(chunk) = onward.next_chunk().await? {
                replies.send_chunk(chunk).await?;
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_a_drained_request_needs_lives_as_long_as_it() {
    let third = node(witness().0).await;
    let through = node(Through { batcher: Default::default(), third: third.id() }).await;
    let a = node(IdleAgent).await;
    through.connect(&third.url()).await.unwrap();
    let peer = a.connect(&through.url()).await.unwrap();
    let (body, request) = growing("through.ask");
    let mut replies = a.request(peer, request).await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");

    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn(through.shutdown(PATIENCE));
    // It has said goodbye by the time that it is nobody's peer any more.
    while !a.peers().iter().all(|other| other.id != peer) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    body.send(Chunk::new("", "late")).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "LATE");
    drop(body);
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(stopping.join_next().await.unwrap().unwrap(), Ok(()));
    stop([a, third]).await;
}

/// Waits for its end, and says something of this many bytes twenty times last.
struct Faithful(usize);

impl Agent for Faithful {
    async fn on_start(&self, cx: &Context) {
        cx.cancelled().await;
    }

    async fn on_stop(&self, cx: &Context) {
        for _ in 0..20 {
            cx.broadcast_observation("last.words", vec![7; self.0]).unwrap();
        }
    }
}

/// How many of the last words were heard, and how many were counted as lost: by whom they were sent, and to whom.
fn last_words(builder: SwarmBuilder, bytes: usize, change: Change) -> (u64, u64, u64) {
    let (mut swarm, a, b) = two(builder, move || Faithful(bytes), || witness().0);
    let (leaving, staying) = (swarm.node(a), swarm.node(b));
    swarm.shape(&[a], &[b], change);
    swarm.stop(a);
    // Only once the peer is gone has everything of it been dealt with.
    swarm.run_until(PATIENCE, |_| staying.peers().is_empty()).unwrap();
    swarm.run_for(PATIENCE);
    assert_eq!(leaving.counters().observations_handed, 20);
    let heard = staying.counters().observations_delivered;
    assert_eq!(heard, swarm.seen(b).len() as u64);
    (heard, dropped(&leaving.counters()), dropped(&staying.counters()))
}

#[test]
fn an_agent_may_wait_for_its_end_and_its_last_words_are_heard() {
    on_both(|builder| {
        for seed in 0..10 {
            assert_eq!(
                last_words(builder.clone().seed(seed), 2, Change::default()),
                (20, 0, 0),
                "seed {seed}"
            );
        }
    });
}

#[test]
fn last_words_that_a_slow_network_does_not_take_in_time_are_counted() {
    on_both(|builder| {
        for bits_per_second in [64_000, 512_000, 2_000_000] {
            for milliseconds in [1, 20, 100] {
                let mut slow = Change::default();
                slow.latency =
                    Some(Latency::Set(Distribution::Constant(Duration::from_millis(milliseconds))));
                slow.bandwidth = Some(bits_per_second);
                // None is lost on the way, where nobody can count it.
                slow.queue = Some(Duration::from_secs(60));
                let (heard, unsent, late) = last_words(builder.clone(), 1000, slow);
                assert!(heard > 0);
                assert_eq!(
                    heard + unsent + late,
                    20,
                    "{heard} heard, {unsent} not sent, {late} after the goodbye"
                );
            }
        }
    });
}

#[tokio::test]
async fn crossing_dials_cost_no_request() {
    let mut config = NodeConfig::default();
    config.linger = Duration::from_millis(300);
    for _ in 0..5 {
        let (a, b) =
            (node_with(witness().0, config.clone()).await, node_with(witness().0, config.clone()).await);
        a.connect(&b.url()).await.unwrap();
        b.ready(1, PATIENCE).await.unwrap();

        let ask = async |from: &AgentNode, to: AgentId| {
            for n in 0..60 {
                let mut replies = from.request_assistance(to, "test.echo", n.to_string()).await.unwrap();
                assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, n.to_string());
                assert_eq!(replies.next_chunk().await, Ok(None));
            }
        };
        let (a_url, b_url) = (a.url(), b.url());
        // Each dial replaces the connection that the requests run on.
        let dial = async {
            let (from_a, from_b) = tokio::join!(a.connect(&b_url), b.connect(&a_url));
            from_a.unwrap();
            from_b.unwrap();
        };
        tokio::join!(ask(&a, b.id()), ask(&b, a.id()), dial);
        stop([a, b]).await;
    }
}

#[tokio::test]
async fn a_request_served_on_a_replaced_connection_survives_the_shutdown_of_its_node() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let (body, request) = growing("test.echo");
    let mut replies = a.request(peer, request).await.unwrap();
    body.send(Chunk::new("", "1")).await.unwrap();
    replies.next_chunk().await.unwrap();
    a.connect(&b.url()).await.unwrap();

    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn(b.shutdown(PATIENCE));
    seen.next(|told| (told == Told::Stopped).then_some(())).await;
    // Longer than any pause in which a connection that nothing runs on is closed.
    tokio::time::sleep(NodeConfig::default().linger + Duration::from_millis(500)).await;
    body.send(Chunk::new("", "2")).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "2");
    drop(body);
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(stopping.join_next().await.unwrap().unwrap(), Ok(()));
    stop([a]).await;
}

#[tokio::test]
async fn only_requests_of_others_count_as_given_up() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let mut replies = a.request_assistance(peer, "test.hang", "").await.unwrap();
    replies.next_chunk().await.unwrap();

    assert_eq!(a.shutdown(Duration::from_millis(50)).await, Ok(()));

    drop(replies);
    stop([b]).await;
}

#[tokio::test]
async fn a_request_that_ends_with_its_connection_is_recorded() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let mut replies = a.request_assistance(peer, "test.hang", "").await.unwrap();
    replies.next_chunk().await.unwrap();

    drop(a);

    let served = async {
        while b.counters().requests_served.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    let endings = b.counters().requests_served;
    assert!(
        endings.keys().all(|ending| matches!(ending, Ending::PeerLost | Ending::Cancelled)),
        "{endings:?}"
    );
    stop([b]).await;
}

#[tokio::test]
async fn a_dropped_node_is_nobody_s_peer_and_nobody_is_its() {
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    a.connect(&b.url()).await.unwrap();
    let handle = a.handle();

    drop(a);

    let gone = async {
        while !handle.peers().is_empty() || !b.peers().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert!(b.counters().refused.is_empty(), "{:?}", b.counters());
    stop([b]).await;
}

/// Offers more than a hello can carry.
struct Braggart;

impl Agent for Braggart {
    fn capabilities(&self) -> Vec<Advertisement> {
        (0..64).map(|n| format!("{}.{n}", "a".repeat(60)).parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn an_agent_that_offers_too_much_does_not_start() {
    let refused = common::dev(Braggart).bind("127.0.0.1:0".parse().unwrap()).await;

    assert!(matches!(refused, Err(StartError::TooManyCapabilities(_))), "{refused:?}");
}

#[tokio::test]
async fn nodes_on_ipv4_meet_through_one_on_both_versions() {
    let hub = AgentNode::builder(IdleAgent).credentials(common::stranger::credentials([200; 32]));
    let hub = hub.bind("[::]:0".parse().unwrap()).await.unwrap();
    let hub_url = format!("https://127.0.0.1:{}", hub.url().port()).parse().unwrap();
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);

    a.connect(&hub_url).await.unwrap();
    b.connect(&hub_url).await.unwrap();

    a.ready(2, PATIENCE).await.unwrap();
    b.ready(2, PATIENCE).await.unwrap();
    stop([a, b, hub]).await;
}

#[tokio::test]
async fn a_new_agent_at_an_old_address_ends_the_wait_for_the_old_one() {
    let a = node(IdleAgent).await;
    let b = node(IdleAgent).await;
    let address: SocketAddr = format!("{}:{}", b.url().host(), b.url().port()).parse().unwrap();
    let old = a.connect(&b.url()).await.unwrap();
    drop(b);

    let again = async {
        loop {
            let builder = common::dev(IdleAgent).identity(IdentityKey::from_seed([77; 32]));
            if let Ok(node) = builder.bind(address).await {
                return node;
            }
            tokio::task::yield_now().await;
        }
    };
    let b = tokio::time::timeout(PATIENCE, again).await.unwrap();
    a.connect(&b.url()).await.unwrap();

    let forgotten = async {
        while a.request_assistance(old, "x", "").await.unwrap_err() != AssistError::NotConnected(old) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, forgotten).await.unwrap();
    stop([a, b]).await;
}

/// Serves as many at once as the test lets it.
struct Gate(Arc<Semaphore>);

impl Agent for Gate {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["gate.pass".parse().unwrap()]
    }

    async fn on_request(
        &self,
        _cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        replies.send("begun", "").await?;
        self.0.acquire().await?.forget();
        Ok(())
    }
}

#[tokio::test]
async fn a_node_serves_so_many_at_once_over_all_peers() {
    let mut config = NodeConfig::default();
    config.max_requests_served = 2;
    config.max_requests_waiting = 0;
    let gate = Arc::new(Semaphore::new(0));
    let server = node_with(Gate(Arc::clone(&gate)), config).await;
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    a.connect(&server.url()).await.unwrap();
    b.connect(&server.url()).await.unwrap();
    let mut first = a.request_assistance(server.id(), "gate.pass", "").await.unwrap();
    let mut second = b.request_assistance(server.id(), "gate.pass", "").await.unwrap();
    first.next_chunk().await.unwrap();
    second.next_chunk().await.unwrap();

    let third = a.request_assistance(server.id(), "gate.pass", "").await.unwrap().next_chunk().await;
    gate.add_permits(2);

    assert!(matches!(third, Err(AssistError::Busy { .. })), "{third:?}");
    assert_eq!((first.next_chunk().await, second.next_chunk().await), (Ok(None), Ok(None)));
    stop([a, b, server]).await;
}
