//! Peers whose feeds keep to the letter of the protocol, or do not, and mean harm.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use bytes::Bytes;
use common::raw::{Raw, meet};
use common::stranger::framed;
use common::{PATIENCE, Seen, Told, Witness, node, node_with, reliable, stop, until, witness};
use swarm_core::proto::{
    Delivery, FeedFrame, FeedPosition, Frame, MAX_FEED_FRAME_BYTES, RequestFrame, ResetCode,
    encode_observation,
};
use swarm_core::transport::{Stream, StreamError};
use swarm_core::{
    Agent, AgentId, AgentNode, Context, DropReason, Epoch, IdentityKey, IdleAgent, NodeConfig, Observation,
    Sequence, UnixMicros,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SEED: u8 = 66;
const TOPIC: &str = "test.reliable";

fn hostile() -> AgentId {
    IdentityKey::from_seed([SEED; 32]).agent_id()
}

/// As the hostile peer would say it.
fn frame(number: u64) -> FeedFrame {
    frame_of(hostile(), number, Delivery::Reliable, 10)
}

fn frame_of(origin: AgentId, number: u64, delivery: Delivery, size: usize) -> FeedFrame {
    let observation = Observation {
        origin,
        epoch: Epoch::new(1),
        sequence: Sequence::new(number),
        topic: TOPIC.parse().unwrap(),
        sent_at: UnixMicros::new(0),
        hops: 0,
        payload: Bytes::from(vec![0; size]),
        delivery,
        expires_ms: None,
        seal: None,
    };
    FeedFrame { number, encoded: encode_observation(&observation) }
}

async fn say(stream: &mut Stream, frame: &impl Frame) {
    stream.send.write_all(&framed(frame)).await.unwrap();
}

/// The next frame on a stream, or how it was cut off.
async fn next<F: Frame>(stream: &mut Stream) -> Result<F, StreamError> {
    let frame = async {
        let length = stream.recv.read_u32().await?;
        let mut body = vec![0; length as usize];
        stream.recv.read_exact(&mut body).await?;
        std::io::Result::Ok(F::decode(&body).unwrap())
    };
    let frame = tokio::time::timeout(PATIENCE, frame).await.expect("there is an answer");
    frame.map_err(|error| StreamError::of(&error))
}

async fn next_position(stream: &mut Stream) -> Result<u64, StreamError> {
    next::<FeedPosition>(stream).await.map(|position| position.0)
}

/// The feed that the node opens to the peer.
async fn feed_of(peer: &Raw) -> Stream {
    let opened = async {
        let mut stream = peer.connection.accept_stream().await.unwrap();
        assert!(matches!(next(&mut stream).await, Ok(RequestFrame::Feed(_))));
        stream
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("there is a feed")
}

fn dropped(node: &AgentNode, reason: DropReason) -> u64 {
    node.counters().observations_dropped.get(&reason).copied().unwrap_or_default()
}

async fn sequence(seen: &mut Seen) -> u64 {
    seen.observation().await.sequence.get()
}

/// A node that a hostile peer has met, and an honest peer of it.
struct Pair {
    victim: AgentNode,
    seen: Seen,
    honest: AgentNode,
    heard: Seen,
}

impl Pair {
    async fn new(config: NodeConfig) -> Self {
        let (agent, seen) = witness();
        Self::around(agent, seen, config).await
    }

    async fn around(agent: impl Agent, seen: Seen, config: NodeConfig) -> Self {
        let (other, heard) = witness();
        let (victim, honest) = (node_with(agent, config).await, node(other).await);
        victim.connect(&honest.url()).await.unwrap();
        honest.ready(1, PATIENCE).await.unwrap();
        Self { victim, seen, honest, heard }
    }

    /// Both ways between the honest.
    async fn is_unharmed(&mut self) {
        let _ = self.victim.broadcast(reliable(TOPIC, "out")).unwrap();
        let _ = self.honest.broadcast(reliable(TOPIC, "in")).unwrap();
        let is = |payload: &'static str| {
            move |told| match told {
                Told::Observed(observation) if observation.payload == payload => Some(()),
                _ => None,
            }
        };
        self.heard.next(is("out")).await;
        self.seen.next(is("in")).await;
    }

    async fn stop(self) {
        stop([self.victim, self.honest]).await;
    }
}

#[tokio::test]
async fn a_second_feed_takes_the_place_of_the_first() {
    let mut pair = Pair::new(NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    let mut first = peer.say(&[RequestFrame::Feed(1)]).await;
    assert_eq!(next_position(&mut first).await, Ok(0));
    say(&mut first, &frame(1)).await;
    assert_eq!(next_position(&mut first).await, Ok(2));

    let mut second = peer.say(&[RequestFrame::Feed(1)]).await;

    assert_eq!(next_position(&mut second).await, Ok(2));
    assert_eq!(next_position(&mut first).await, Err(StreamError::Reset(ResetCode::Cancelled)));
    say(&mut second, &frame(2)).await;
    assert_eq!((sequence(&mut pair.seen).await, sequence(&mut pair.seen).await), (1, 2));
    // However many there were.
    for _ in 0..200 {
        let mut another = peer.say(&[RequestFrame::Feed(1)]).await;
        assert_eq!(next_position(&mut another).await, Ok(3));
    }
    pair.is_unharmed().await;
    pair.stop().await;
}

#[tokio::test]
async fn a_feed_that_breaks_the_rules_is_reset_and_counted() {
    let mut pair = Pair::new(NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    let forged = frame_of(pair.honest.id(), 1, Delivery::Reliable, 10);
    let lossy = frame_of(hostile(), 1, Delivery::Lossy, 10);
    let too_long = frame_of(hostile(), 1, Delivery::Reliable, (1 << 20) + 1);
    let garbage = FeedFrame { number: 1, encoded: Bytes::from_static(b"garbage") };

    for (broken, reason) in [
        (forged, DropReason::Forged),
        (lossy, DropReason::Malformed),
        (too_long, DropReason::Malformed),
        (garbage, DropReason::Malformed),
    ] {
        let before = dropped(&pair.victim, reason);
        let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;
        assert_eq!(next_position(&mut stream).await, Ok(0));
        say(&mut stream, &broken).await;
        assert_eq!(next_position(&mut stream).await, Err(StreamError::Reset(ResetCode::Malformed)));
        assert_eq!(dropped(&pair.victim, reason), before + 1);
    }

    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;
    assert_eq!(next_position(&mut stream).await, Ok(0));
    let beyond = u32::try_from(MAX_FEED_FRAME_BYTES + 1).unwrap();
    stream.send.write_all(&beyond.to_be_bytes()).await.unwrap();
    assert_eq!(next_position(&mut stream).await, Err(StreamError::Reset(ResetCode::Malformed)));
    pair.is_unharmed().await;
    pair.stop().await;
}

#[tokio::test]
async fn what_comes_again_or_too_late_is_not_told_again() {
    let mut pair = Pair::new(NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;

    for number in [0, 5, 5, 3, 6, u64::MAX - 1, 7, u64::MAX] {
        say(&mut stream, &frame(number)).await;
    }

    for number in [5, 6, u64::MAX - 1, u64::MAX] {
        assert_eq!(sequence(&mut pair.seen).await, number);
    }
    until("it is counted", || dropped(&pair.victim, DropReason::Duplicate) == 4).await;
    assert_eq!(pair.victim.counters().observation_gaps, 2);
    pair.is_unharmed().await;
    pair.stop().await;
}

#[tokio::test]
async fn a_gap_before_what_is_not_wanted_is_told_all_the_same() {
    let pair = Pair::new(NodeConfig::default()).await;
    assert_eq!(pair.victim.unsubscribe("**"), Ok(true));
    let peer = meet(&pair.victim, SEED).await;
    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;

    for number in [1, 4] {
        say(&mut stream, &frame(number)).await;
    }

    // What is missing may have been of a topic that is wanted.
    until("it is told", || pair.victim.counters().observation_gaps == 1).await;
    until("it is counted", || dropped(&pair.victim, DropReason::NotSubscribed) == 2).await;
    assert_eq!(pair.victim.counters().observations_delivered, 0);
    pair.stop().await;
}

#[tokio::test]
async fn a_peer_that_has_taken_what_nobody_sent_is_owed_nothing_more() {
    let mut pair = Pair::new(NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    pair.victim.ready(2, PATIENCE).await.unwrap();
    for _ in 0..3 {
        let _ = pair.victim.broadcast(reliable(TOPIC, "x")).unwrap();
    }
    let mut feed = feed_of(&peer).await;

    say(&mut feed, &FeedPosition(4)).await;

    assert_eq!(next::<FeedFrame>(&mut feed).await, Err(StreamError::Reset(ResetCode::Cancelled)));
    until("it is dropped", || dropped(&pair.victim, DropReason::PeerLost) == 3).await;
    let receipt = pair.victim.broadcast(reliable(TOPIC, "x")).unwrap();
    assert_eq!((receipt.handed, receipt.not_handed.len()), (1, 1));
    pair.is_unharmed().await;
    pair.stop().await;
}

#[tokio::test]
async fn a_peer_that_refuses_its_feed_is_not_asked_again() {
    let mut pair = Pair::new(NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    pair.victim.ready(2, PATIENCE).await.unwrap();
    let _ = pair.victim.broadcast(reliable(TOPIC, "x")).unwrap();
    let mut feed = feed_of(&peer).await;

    feed.send.reset(ResetCode::Overloaded);

    until("it is dropped", || dropped(&pair.victim, DropReason::PeerLost) == 1).await;
    assert_eq!(pair.victim.broadcast(reliable(TOPIC, "x")).unwrap().not_handed.len(), 1);
    pair.is_unharmed().await;
    pair.stop().await;
}

/// Tells nothing of what the hostile peer says.
struct Indifferent(Witness);

impl Agent for Indifferent {
    async fn on_observation(&self, cx: &Context, observation: Observation) {
        if observation.origin != hostile() {
            self.0.on_observation(cx, observation).await;
        }
    }
}

/// What the process has in memory, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn peers_that_do_not_read_answer_or_acknowledge_cost_bounded_memory() {
    const PUBLISHED: usize = 150;
    let mut config = NodeConfig::default();
    config.head_deadline = Duration::from_millis(200);
    let mut pair = Pair::new(config).await;
    let mut silent = Vec::new();
    for seed in 0..3 {
        silent.push(meet(&pair.victim, 200 + seed).await);
    }
    pair.victim.ready(4, PATIENCE).await.unwrap();
    let _ = pair.victim.broadcast(reliable(TOPIC, "first")).unwrap();
    // The first does not answer, the second does not read on, the third reads and never acknowledges.
    let mut unread = feed_of(&silent[1]).await;
    say(&mut unread, &FeedPosition(0)).await;
    let mut read = feed_of(&silent[2]).await;
    say(&mut read, &FeedPosition(0)).await;
    let before = resident();

    let mut published = Vec::new();
    for number in 0..PUBLISHED {
        let payload = vec![u8::try_from(number).unwrap(); 1 << 20];
        published.push(pair.victim.broadcast(reliable(TOPIC, payload)).unwrap().handed);
        // The honest keep up, and the third.
        assert!(next::<FeedFrame>(&mut read).await.is_ok());
        pair.heard.next(|told| matches!(told, Told::Observed(_)).then_some(())).await;
    }

    assert!(published.iter().all(|handed| *handed == 4));
    let grown = resident().saturating_sub(before);
    assert!(grown < 40 << 20, "{} MiB more", grown >> 20);
    // One or two are kept for each of the first two.
    assert!(dropped(&pair.victim, DropReason::OutboxFull) >= 2 * (PUBLISHED as u64 - 4));
    pair.is_unharmed().await;
    pair.stop().await;
}

#[tokio::test]
async fn a_flood_of_small_observations_leaves_room_for_others() {
    let (agent, seen) = witness();
    let mut pair = Pair::around(Indifferent(agent), seen, NodeConfig::default()).await;
    let peer = meet(&pair.victim, SEED).await;
    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;
    let mut flooding = tokio::task::JoinSet::new();
    flooding.spawn(async move {
        // It never reads an answer.
        for number in 1.. {
            if stream.send.write_all(&framed(&frame(number))).await.is_err() {
                break;
            }
        }
    });

    for _ in 0..20 {
        pair.is_unharmed().await;
    }

    flooding.abort_all();
    drop(peer);
    pair.stop().await;
}

#[tokio::test]
async fn a_feed_that_is_opened_and_left_holds_nothing_up() {
    let a = node(IdleAgent).await;
    let peer = meet(&a, SEED).await;
    a.ready(1, PATIENCE).await.unwrap();
    let mut stream = peer.say(&[RequestFrame::Feed(1)]).await;
    assert_eq!(next_position(&mut stream).await, Ok(0));

    // Far more than it takes.
    let stopped = tokio::time::timeout(PATIENCE, a.shutdown(Duration::from_secs(3600))).await;

    assert!(stopped.is_ok(), "it still waits for its peer");
}
