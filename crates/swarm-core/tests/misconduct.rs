//! Peers that break the rules again and again: they are borne for a while, sent away, and cost honest ones nothing.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::observing::{by_hand, datagram, dropped};
use common::raw::{Raw, heard, meet};
use common::siege::Siege;
use common::{PATIENCE, Told, node, stop, until, witness};
use futures_util::FutureExt;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use swarm_core::proto::{ControlFrame, ReplyFrame, RequestFrame, RequestHead, RequestId, ResetCode};
use swarm_core::{AgentNode, DropReason, IdentityKey, IdleAgent, NodeConfig, Observation, RefusedReason};
use tokio::io::AsyncWriteExt;

const SEED: u8 = 7;

fn misconduct(node: &AgentNode) -> u64 {
    node.counters().refused.get(&RefusedReason::Misconduct).copied().unwrap_or_default()
}

async fn sent_away(siege: &Siege, peer: &Raw) {
    tokio::time::timeout(PATIENCE, peer.connection.closed()).await.expect("it is sent away");
    assert_eq!(misconduct(&siege.victim), 1);
    until("only the friend is left", || siege.victim.peers().len() == 1).await;
}

fn forgery(sequence: u64) -> Observation {
    by_hand(IdentityKey::from_seed([SEED + 1; 32]).agent_id(), sequence, "forged")
}

#[tokio::test]
async fn a_forger_is_sent_away_with_the_third_and_nothing_of_it_is_delivered() {
    let mut siege = Siege::of(NodeConfig::default()).await;
    let forger = meet(&siege.victim, SEED).await;
    let forged = |siege: &Siege| dropped(&siege.victim.counters(), DropReason::Forged);
    for sequence in 1..=2 {
        forger.send(&[forgery(sequence)]);
        until("it is counted", || forged(&siege) == sequence).await;
    }
    assert_eq!(siege.victim.peers().len(), 2, "two are borne");

    let attack = async {
        for sequence in 3..=1000 {
            let _ = forger.connection.send_datagram(datagram(&[forgery(sequence)]));
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(PATIENCE, forger.connection.closed()).await.expect("it is sent away");
    };
    siege.under("a forger", attack).await;

    sent_away(&siege, &forger).await;
    assert!(!siege.told().iter().any(|told| matches!(told, Told::Observed(_))));
    siege.end().await;
}

#[tokio::test]
async fn a_few_unreadable_datagrams_are_borne_and_many_are_not() {
    let mut siege = Siege::of(NodeConfig::default()).await;
    let peer = meet(&siege.victim, SEED).await;
    let garbage = [peer.connection.datagram_prefix(), &[0x11, 0xff, 0xff]].concat();
    let malformed = |siege: &Siege| dropped(&siege.victim.counters(), DropReason::Malformed);
    for count in 1..=15 {
        peer.connection.send_datagram(garbage.clone().into()).unwrap();
        until("it is counted", || malformed(&siege) == count).await;
    }
    assert_eq!(siege.victim.peers().len(), 2, "it may be an accident");

    let attack = async {
        while peer.connection.send_datagram(garbage.clone().into()).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    siege.under("unreadable datagrams", attack).await;

    sent_away(&siege, &peer).await;
    println!("{} unreadable datagrams were read", malformed(&siege));
    siege.end().await;
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_without_end_end_the_connection() {
    let mut siege = Siege::of(NodeConfig::default()).await;
    let peer = meet(&siege.victim, SEED).await;

    let attack = async {
        let mut opened = 0_u64;
        while let Ok(mut stream) = peer.connection.open_stream().await {
            // Something has to be sent, or nobody hears of the stream.
            let _ = stream.send.write_all(&[0]).await;
            stream.send.reset(ResetCode::Cancelled);
            stream.recv.stop(ResetCode::Cancelled);
            opened += 1;
            assert!(opened < 100_000, "it goes on for ever");
        }
        opened
    };
    let opened = siege.under("opened and reset", attack).await;

    println!("{opened} streams were opened and reset");
    sent_away(&siege, &peer).await;
    siege.end().await;
}

#[tokio::test]
async fn streams_that_begin_with_garbage_again_and_again_end_the_connection() {
    let mut siege = Siege::of(NodeConfig::default()).await;
    let peer = meet(&siege.victim, SEED).await;

    let attack = async {
        let mut said = 0;
        while let Ok(mut stream) = peer.connection.open_stream().await {
            let _ = stream.send.write_all(b"\0\0\0\x03abc").await;
            let _ = stream.send.shutdown().await;
            said += 1;
            assert!(said < 100_000, "it goes on for ever");
        }
        said
    };
    let said = siege.under("garbage on streams", attack).await;

    println!("{said} streams of garbage");
    sent_away(&siege, &peer).await;
    siege.end().await;
}

#[tokio::test]
async fn control_frames_without_end_end_the_connection() {
    for frame in [
        ControlFrame::Introduce(Vec::new()),
        ControlFrame::Load(50),
        ControlFrame::Subscribe(vec!["a.*".parse().unwrap()]),
    ] {
        let mut siege = Siege::of(NodeConfig::default()).await;
        let mut peer = meet(&siege.victim, SEED).await;
        let frames = common::stranger::framed(&frame).repeat(100);

        let attack = async {
            while peer.control().write_all(&frames).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        siege.under("control frames", attack).await;

        sent_away(&siege, &peer).await;
        siege.end().await;
    }
}

/// Asks for something that never comes, and waits until that is said.
async fn ask_in_vain(peer: &Raw, number: usize) {
    let id = RequestId::from_random((number as u128 + 1).to_be_bytes());
    let head = RequestHead { deadline_ms: Some(10), ..RequestHead::new(id, "test.hang".parse().unwrap()) };
    let mut stream = peer.say(&[RequestFrame::Head(head)]).await;
    while !matches!(heard(&mut stream).await.unwrap(), ReplyFrame::End(_)) {}
}

#[tokio::test]
async fn of_ten_thousand_streams_no_more_than_sixty_four_are_served_at_once() {
    const STREAMS: usize = 10_000;
    let mut siege = Siege::of(NodeConfig::default()).await;
    let peer = meet(&siege.victim, SEED).await;

    let attack = async {
        let all = stream::iter(0..STREAMS).map(|number| ask_in_vain(&peer, number));
        all.buffer_unordered(1000).for_each(async |()| {}).await;
    };
    siege.under("10,000 streams", attack).await;

    let (mut live, mut most) = (0_usize, 0);
    for told in siege.told() {
        match told {
            Told::Asked(_) => live += 1,
            Told::Cancelled => live -= 1,
            _ => {}
        }
        most = most.max(live);
    }
    let served = siege.victim.counters().requests_served;
    println!("{most} at once, of {STREAMS} {served:?}");
    assert!((32..=64).contains(&most), "{most} at once");
    assert_eq!((siege.victim.peers().len(), misconduct(&siege.victim)), (2, 0));
    drop(peer);
    siege.end().await;
}

#[tokio::test]
async fn an_agent_that_gives_up_all_its_requests_at_once_remains_a_peer() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    for _ in 0..10 {
        let asking = (0..60).map(|_| a.request_assistance(peer, "test.hang", ""));
        // Most heads have not arrived when they are given up, some have.
        let _ = join_all(asking).now_or_never();
        let held = join_all((0..30).map(|_| a.request_assistance(peer, "test.hang", ""))).await;
        drop(held);
    }

    let mut replies = a.request_assistance(peer, "test.echo", "still here").await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "still here");
    assert_eq!(misconduct(&b), 0);
    drop(replies);
    stop([a, b]).await;
}

#[tokio::test]
async fn an_agent_that_changes_its_mind_all_the_time_remains_a_peer() {
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    a.connect(&b.url()).await.unwrap();
    let changing = async {
        for n in 0_u32.. {
            let pattern = format!("topic.{}", n % 8);
            a.subscribe(pattern.as_str()).unwrap();
            tokio::time::sleep(Duration::from_micros(500)).await;
            a.unsubscribe(pattern.as_str()).unwrap();
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(4), changing).await;

    a.subscribe("the.last").unwrap();
    let topic = "the.last".parse().unwrap();
    a.unsubscribe("**").unwrap();
    until("it is known in the end", || b.subscribers(&topic) == 1).await;
    assert_eq!((misconduct(&b), b.peers().len()), (0, 1));
    stop([a, b]).await;
}
