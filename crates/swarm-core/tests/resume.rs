//! A reply that is resumed, from a requester that speaks frame by frame: what the responder owes it, and what not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::raw::{Raw, heard, meet, resumable_head};
use common::serving::{Gate, Said, counting};
use common::{PATIENCE, node, node_with, stop, until};
use swarm_core::proto::{CloseCode, Outcome, ReplyFrame, RequestFrame, RequestId, ResetCode};
use swarm_core::transport::{Stream, StreamError};
use swarm_core::{AgentNode, BodyError, Chunk, Ending, IdleAgent, NodeConfig};
use tokio::sync::mpsc;

const SEED: u8 = 66;

fn id(number: u8) -> RequestId {
    RequestId::from_random([number; 16])
}

/// The agent is at work, and has the whole body.
async fn asked(said: &mut mpsc::UnboundedReceiver<Said>) {
    while said.recv().await.unwrap() != Said::Body(Ok(0)) {}
}

/// The labels of the next chunks.
async fn chunks(stream: &mut Stream, count: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        match heard(stream).await.unwrap() {
            ReplyFrame::Chunk(chunk) => numbers.push(chunk.label.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    numbers
}

const END: ReplyFrame = ReplyFrame::End(Outcome::Completed);
const UNKNOWN: ReplyFrame = ReplyFrame::End(Outcome::UnknownRequest);

/// Loses the connection, and the streams on it.
async fn lose(peer: Raw, stream: Stream, node: &AgentNode) {
    peer.connection.close(CloseCode::IdleTimeout, "");
    drop(stream);
    until("the peer is gone", || node.peers().is_empty()).await;
}

#[tokio::test]
async fn it_goes_on_on_another_connection_where_it_was() {
    for from in [3, 1, 0] {
        let gate = Gate::closed();
        let (agent, mut said, _over) = counting(&gate, 6, 10);
        let b = node(agent).await;
        let peer = meet(&b, SEED).await;
        let mut stream = peer.ask(id(1)).await;
        gate.open(3);
        assert_eq!(chunks(&mut stream, 3).await, [0, 1, 2]);
        lose(peer, stream, &b).await;
        // The agent works on, with nobody there.
        gate.open(2);
        while said.recv().await.unwrap() != Said::Sent(4) {}

        let peer = meet(&b, SEED).await;
        let mut stream = peer.resume(id(1), from as u64).await;

        assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(from as u64)));
        assert_eq!(chunks(&mut stream, 5 - from).await, (from..5).collect::<Vec<_>>());
        gate.open(1);
        assert_eq!(chunks(&mut stream, 1).await, [5]);
        assert_eq!(heard(&mut stream).await, Ok(END));
        until("it is over", || b.counters().requests_served == BTreeMap::from([(Ending::Completed, 1)]))
            .await;
        stop([b]).await;
    }
}

#[tokio::test]
async fn what_fell_out_of_the_ring_is_an_exact_gap() {
    let gate = Gate::closed();
    let (agent, _said, _over) = counting(&gate, 12, 30_000);
    let mut config = NodeConfig::default();
    config.resume_buffer_bytes = 100_000;
    let b = node_with(agent, config).await;
    let peer = meet(&b, SEED).await;
    let mut stream = peer.ask(id(1)).await;
    gate.open(8);
    assert_eq!(chunks(&mut stream, 8).await.len(), 8);
    lose(peer, stream, &b).await;

    let peer = meet(&b, SEED).await;
    let mut stream = peer.resume(id(1), 2).await;

    // The ring holds three of these.
    assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(5)));
    gate.open(4);
    assert_eq!(chunks(&mut stream, 7).await, [5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(heard(&mut stream).await, Ok(END));
    stop([b]).await;
}

#[tokio::test]
async fn only_who_asked_may_resume_and_only_what_was_sent() {
    let gate = Gate::closed();
    let (agent, _said, _over) = counting(&gate, 4, 10);
    let b = node(agent).await;
    let peer = meet(&b, SEED).await;
    let mut stream = peer.ask(id(1)).await;
    gate.open(2);
    assert_eq!(chunks(&mut stream, 2).await, [0, 1]);
    lose(peer, stream, &b).await;

    let thief = meet(&b, SEED + 1).await;
    assert_eq!(heard(&mut thief.resume(id(1), 0).await).await, Ok(UNKNOWN));
    let peer = meet(&b, SEED).await;
    for (request, from) in [(id(1), 3), (id(1), u64::MAX), (id(2), 0)] {
        assert_eq!(heard(&mut peer.resume(request, from).await).await, Ok(UNKNOWN), "{from}");
    }

    // None of this has done it any harm.
    let mut stream = peer.resume(id(1), 2).await;
    assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(2)));
    gate.open(2);
    assert_eq!(chunks(&mut stream, 2).await, [2, 3]);
    assert_eq!(heard(&mut stream).await, Ok(END));
    stop([b]).await;
}

#[tokio::test]
async fn an_end_that_was_lost_is_told_again() {
    let gate = Gate::closed();
    gate.open(2);
    let (agent, _said, _over) = counting(&gate, 2, 10);
    let b = node(agent).await;
    let peer = meet(&b, SEED).await;
    let stream = peer.ask(id(1)).await;
    until("it is delivered", || !b.counters().requests_served.is_empty()).await;
    lose(peer, stream, &b).await;

    for _ in 0..2 {
        let peer = meet(&b, SEED).await;
        let mut stream = peer.resume(id(1), 1).await;
        assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(1)));
        assert_eq!(chunks(&mut stream, 1).await, [1]);
        assert_eq!(heard(&mut stream).await, Ok(END));
        lose(peer, stream, &b).await;
    }
    assert_eq!(b.counters().requests_served, BTreeMap::from([(Ending::Completed, 1)]));
    stop([b]).await;
}

#[tokio::test]
async fn if_nobody_comes_back_the_agent_is_stopped_and_its_place_is_free() {
    let gate = Gate::closed();
    let mut config = NodeConfig::default();
    config.resume_window = Duration::from_millis(200);
    config.max_requests_served = 1;
    config.max_requests_waiting = 0;
    let (agent, mut said, mut over) = counting(&gate, 1, 10);
    let b = node_with(agent, config).await;
    let peer = meet(&b, SEED).await;
    let stream = peer.ask(id(1)).await;
    asked(&mut said).await;
    let mut second = peer.ask(id(2)).await;
    assert!(matches!(heard(&mut second).await, Ok(ReplyFrame::End(Outcome::Busy { .. }))));
    lose(peer, stream, &b).await;

    tokio::time::timeout(PATIENCE, over.recv()).await.unwrap().unwrap();

    until("it is recorded", || b.counters().requests_served.contains_key(&Ending::PeerLost)).await;
    let peer = meet(&b, SEED).await;
    assert_eq!(heard(&mut peer.resume(id(1), 0).await).await, Ok(UNKNOWN));
    gate.open(1);
    let mut stream = peer.ask(id(3)).await;
    assert_eq!(chunks(&mut stream, 1).await, [0]);
    stop([b]).await;
}

#[tokio::test]
async fn giving_up_ends_it_at_once() {
    let gate = Gate::closed();
    let (agent, _said, mut over) = counting(&gate, 2, 10);
    let b = node(agent).await;
    let peer = meet(&b, SEED).await;
    let mut stream = peer.ask(id(1)).await;
    gate.open(1);
    assert_eq!(chunks(&mut stream, 1).await, [0]);

    stream.recv.stop(ResetCode::Cancelled);

    tokio::time::timeout(PATIENCE, over.recv()).await.unwrap().unwrap();
    assert_eq!(heard(&mut peer.resume(id(1), 1).await).await, Ok(UNKNOWN));
    until("it is recorded", || b.counters().requests_served.contains_key(&Ending::Cancelled)).await;
    stop([b]).await;
}

#[tokio::test]
async fn whoever_resumes_later_replaces_the_stream_before() {
    let gate = Gate::closed();
    let (agent, _said, _over) = counting(&gate, 3, 10);
    let b = node(agent).await;
    let peer = meet(&b, SEED).await;
    let mut first = peer.ask(id(1)).await;
    gate.open(1);
    assert_eq!(chunks(&mut first, 1).await, [0]);

    let mut second = peer.resume(id(1), 1).await;
    assert_eq!(heard(&mut second).await, Ok(ReplyFrame::Position(1)));
    let mut third = peer.resume(id(1), 0).await;
    assert_eq!(heard(&mut third).await, Ok(ReplyFrame::Position(0)));
    gate.open(2);

    for stream in [&mut first, &mut second] {
        assert_eq!(heard(stream).await, Err(StreamError::Reset(ResetCode::Cancelled)));
    }
    assert_eq!(chunks(&mut third, 3).await, [0, 1, 2]);
    assert_eq!(heard(&mut third).await, Ok(END));
    stop([b]).await;
}

#[tokio::test]
async fn half_a_body_is_not_taken_for_a_whole_one() {
    for resumes in [false, true] {
        let (agent, mut said, mut over) = counting(&Gate::closed(), 1, 10);
        let b = node(agent).await;
        let peer = meet(&b, SEED).await;
        let half = RequestFrame::Chunk(Chunk::new("", vec![1; 500]));
        let stream = peer.say(&[resumable_head(id(1)), half]).await;
        assert_eq!(said.recv().await.unwrap(), Said::Began);

        if resumes {
            // The responder may still believe in the connection that its requester has given up.
            assert_eq!(heard(&mut peer.resume(id(1), 0).await).await, Ok(UNKNOWN));
        }
        lose(peer, stream, &b).await;

        tokio::time::timeout(PATIENCE, over.recv()).await.unwrap().unwrap();
        let said = said.try_recv();
        assert!(matches!(said, Err(_) | Ok(Said::Body(Err(BodyError::CutOff)))), "{said:?}");
        until("it is recorded", || b.counters().requests_served.contains_key(&Ending::PeerLost)).await;
        stop([b]).await;
    }
}

#[tokio::test]
async fn one_peer_cannot_take_all_that_may_be_resumed() {
    let gate = Gate::closed();
    let mut config = NodeConfig::default();
    config.max_resumable = 4;
    let (agent, mut said, _over) = counting(&gate, 1, 10);
    let b = node_with(agent, config).await;
    let greedy = meet(&b, SEED).await;
    let mut held = Vec::new();
    for number in 1..=8 {
        held.push(greedy.ask(id(number)).await);
        asked(&mut said).await;
    }
    let peer = meet(&b, SEED + 1).await;
    let stream = peer.ask(id(1)).await;
    asked(&mut said).await;

    peer.connection.close(CloseCode::IdleTimeout, "");
    drop(stream);
    until("the peer is gone", || b.peers().len() == 1).await;
    let peer = meet(&b, SEED + 1).await;
    let mut stream = peer.resume(id(1), 0).await;

    assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(0)));
    gate.open(9);
    assert_eq!(chunks(&mut stream, 1).await, [0]);
    stop([b]).await;
}

#[tokio::test]
async fn a_node_that_stops_waits_for_nobody_to_come_back() {
    let (agent, mut said, mut over) = counting(&Gate::closed(), 1, 10);
    let b = node(agent).await;
    let other = node(IdleAgent).await;
    other.connect(&b.url()).await.unwrap();
    let peer = meet(&b, SEED).await;
    let stream = peer.ask(id(1)).await;
    asked(&mut said).await;
    peer.connection.close(CloseCode::IdleTimeout, "");
    drop(stream);
    until("the peer is gone", || b.peers().len() == 1).await;

    tokio::time::timeout(PATIENCE, b.shutdown(PATIENCE)).await.unwrap().unwrap();

    over.recv().await.unwrap();
    stop([other]).await;
}

#[tokio::test]
async fn a_rest_that_is_on_its_way_is_not_cut_by_the_end_of_the_window() {
    let gate = Gate::closed();
    let (agent, _said, _over) = counting(&gate, 4, 60_000);
    let mut config = NodeConfig::default();
    config.resume_window = Duration::from_millis(400);
    let b = node_with(agent, config).await;
    let peer = meet(&b, SEED).await;
    let mut stream = peer.ask(id(1)).await;
    gate.open(4);
    assert_eq!(chunks(&mut stream, 4).await, [0, 1, 2, 3]);
    assert_eq!(heard(&mut stream).await, Ok(END));
    until("it was carried", || !b.counters().requests_served.is_empty()).await;
    lose(peer, stream, &b).await;

    let peer = meet(&b, SEED).await;
    let mut stream = peer.resume(id(1), 0).await;
    assert_eq!(heard(&mut stream).await, Ok(ReplyFrame::Position(0)));
    // A stream holds two chunks unread.
    tokio::time::sleep(Duration::from_millis(800)).await;

    assert_eq!(chunks(&mut stream, 4).await, [0, 1, 2, 3]);
    assert_eq!(heard(&mut stream).await, Ok(END));
    stop([b]).await;
}
