//! Who is served, who waits for a place, and who is turned away.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::serving::{Gate, ask, serving};
use common::{PATIENCE, node, node_with, pair, stop, until};
use futures_util::FutureExt;
use swarm_core::{Agent, AgentNode, AssistError, Ending, IdleAgent, NodeConfig, ReplyStream};
use tokio::sync::mpsc;

/// Serves one at a time, as the gate lets it, and tells which.
fn gated(gate: &Gate, waiting: usize) -> (impl Agent + use<>, mpsc::UnboundedReceiver<String>) {
    let (told, served) = mpsc::unbounded_channel();
    let gate = gate.clone();
    let agent = serving(move |_, request, replies| {
        let (gate, told) = (gate.clone(), told.clone());
        async move {
            told.send(request.metadata().get("name").cloned().unwrap_or_default()).unwrap();
            replies.send("begun", "").await?;
            gate.pass().await;
            Ok(())
        }
        .boxed()
    });
    (agent.capacity(1, waiting), served)
}

/// How busy a peer says it is.
fn load(node: &AgentNode, of: &AgentNode) -> u16 {
    node.peers().iter().find(|peer| peer.id == of.id()).map_or(0, |peer| peer.load)
}

async fn begun(a: &AgentNode, b: &AgentNode) -> ReplyStream {
    let mut replies = a.request(b.id(), ask().metadata("name", "first")).await.unwrap();
    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
    replies
}

/// One more that waits, as the responder says itself.
async fn waiting(a: &AgentNode, b: &AgentNode, name: &str, then: u16) -> ReplyStream {
    let replies = a.request(b.id(), ask().metadata("name", name)).await.unwrap();
    until("it waits", || load(a, b) == then).await;
    replies
}

#[tokio::test]
async fn those_who_wait_are_served_in_order_and_further_ones_are_told_when_to_come_back() {
    let gate = Gate::closed();
    let (agent, mut served) = gated(&gate, 6);
    let (a, b) = pair(agent, true).await;
    let mut all = vec![begun(&a, &b).await];
    for (number, name) in ["second", "third", "fourth"].into_iter().enumerate() {
        all.push(waiting(&a, &b, name, 200 + 100 * number as u16).await);
    }

    let turned_away = a.request(b.id(), ask()).await.unwrap().next_chunk().await;

    assert!(
        matches!(turned_away, Err(AssistError::Busy { retry_after }) if !retry_after.is_zero()),
        "{turned_away:?}"
    );
    for name in ["first", "second", "third", "fourth"] {
        assert_eq!(served.recv().await.unwrap(), name);
        assert!(served.try_recv().is_err(), "one at a time");
        gate.open(1);
    }
    for mut replies in all {
        while replies.next_chunk().await.unwrap().is_some() {}
    }
    until("nobody is served any more", || load(&a, &b) == 0).await;
    let over = BTreeMap::from([(Ending::Busy, 1), (Ending::Completed, 4)]);
    assert_eq!(b.counters().requests_served, over);
    stop([a, b]).await;
}

#[tokio::test]
async fn whoever_gives_up_waiting_leaves_the_place_to_another() {
    for dialled in [true, false] {
        let gate = Gate::closed();
        let (agent, mut served) = gated(&gate, 1);
        let (a, b) = pair(agent, dialled).await;
        let mut first = begun(&a, &b).await;
        let second = waiting(&a, &b, "second", 200).await;

        drop(second);
        until("the place is free", || load(&a, &b) == 100).await;
        let mut third = waiting(&a, &b, "third", 200).await;
        gate.open(2);

        assert_eq!(first.next_chunk().await, Ok(None));
        assert_eq!(third.next_chunk().await.unwrap().unwrap().label, "begun");
        assert_eq!(third.next_chunk().await, Ok(None));
        assert_eq!(
            (served.recv().await.unwrap(), served.recv().await.unwrap()),
            ("first".into(), "third".into())
        );
        until("all are over", || b.counters().requests_served.values().sum::<u64>() == 3).await;
        let over = BTreeMap::from([(Ending::Cancelled, 1), (Ending::Completed, 2)]);
        assert_eq!(b.counters().requests_served, over, "dialled: {dialled}");
        stop([a, b]).await;
    }
}

#[tokio::test]
async fn a_deadline_or_an_idle_limit_ends_the_waiting_too() {
    let gate = Gate::closed();
    let (agent, mut served) = gated(&gate, 2);
    let (a, b) = pair(agent, true).await;
    let mut first = begun(&a, &b).await;
    let short = Duration::from_millis(200);

    let late = a.request(b.id(), ask().deadline(short)).await.unwrap().next_chunk().await;
    let idle = a.request(b.id(), ask().idle_limit(short)).await.unwrap().next_chunk().await;

    assert_eq!((late, idle), (Err(AssistError::DeadlineExceeded), Err(AssistError::Idle)));
    until("their places are free", || load(&a, &b) == 100).await;
    gate.open(1);
    assert_eq!(first.next_chunk().await, Ok(None));
    until("all are over", || b.counters().requests_served.values().sum::<u64>() == 3).await;
    let over = [Ending::Completed, Ending::DeadlineExceeded, Ending::Idle].map(|ending| (ending, 1));
    assert_eq!(b.counters().requests_served, BTreeMap::from(over));
    assert_eq!((served.recv().await.unwrap(), served.try_recv().is_err()), ("first".into(), true));
    stop([a, b]).await;
}

#[tokio::test]
async fn whoever_has_waited_has_its_whole_idle_limit_once_it_is_served() {
    const IDLE: Duration = Duration::from_secs(2);
    let gate = Gate::closed();
    let pass = gate.clone();
    let agent = serving(move |_, request, replies| {
        let gate = pass.clone();
        async move {
            match request.metadata().get("name").map(String::as_str) {
                Some("first") => {
                    replies.send("begun", "").await?;
                    gate.pass().await;
                }
                _ => tokio::time::sleep(IDLE * 2 / 3).await,
            }
            Ok(())
        }
        .boxed()
    });
    let (a, b) = pair(agent.capacity(1, 1), true).await;
    let mut first = begun(&a, &b).await;
    let mut second = a.request(b.id(), ask().idle_limit(IDLE)).await.unwrap();

    tokio::time::sleep(IDLE * 2 / 3).await;
    gate.open(1);

    assert_eq!(first.next_chunk().await, Ok(None));
    assert_eq!(second.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_node_that_stops_serves_nobody_who_waits() {
    let gate = Gate::closed();
    let (agent, mut served) = gated(&gate, 1);
    let (a, b) = pair(agent, true).await;
    let mut first = begun(&a, &b).await;
    let mut second = waiting(&a, &b, "second", 200).await;

    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn(b.shutdown(PATIENCE));

    assert_eq!(second.next_chunk().await, Err(AssistError::ShutDown));
    gate.open(1);
    assert_eq!(first.next_chunk().await, Ok(None));
    assert_eq!(stopping.join_next().await.unwrap().unwrap(), Ok(()));
    assert_eq!((served.recv().await.unwrap(), served.recv().await), ("first".into(), None));
    stop([a]).await;
}

#[tokio::test]
async fn a_peer_that_is_lost_while_it_waits_leaves_nothing_behind() {
    let gate = Gate::closed();
    let (agent, mut served) = gated(&gate, 1);
    let (a, b) = pair(agent, true).await;
    let other = node(IdleAgent).await;
    other.connect(&b.url()).await.unwrap();
    let mut first = begun(&other, &b).await;
    let second = waiting(&a, &b, "second", 200).await;

    drop((a, second));
    until("its place is free", || load(&other, &b) == 100).await;
    let mut third = waiting(&other, &b, "third", 200).await;
    gate.open(2);

    assert_eq!(first.next_chunk().await, Ok(None));
    assert_eq!(third.next_chunk().await.unwrap().unwrap().label, "begun");
    assert_eq!(
        (served.recv().await.unwrap(), served.recv().await.unwrap()),
        ("first".into(), "third".into())
    );
    stop([other, b]).await;
}

#[tokio::test]
async fn one_peer_may_have_so_many_under_way_and_the_others_notice_nothing() {
    let gate = Gate::closed();
    let mut config = NodeConfig::default();
    config.max_requests_per_peer = 2;
    let pass = gate.clone();
    let server = node_with(
        serving(move |_, _, replies| {
            let gate = pass.clone();
            async move {
                replies.send("begun", "").await?;
                gate.pass().await;
                Ok(())
            }
            .boxed()
        }),
        config,
    )
    .await;
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    a.connect(&server.url()).await.unwrap();
    b.connect(&server.url()).await.unwrap();
    let mut all = vec![begun(&a, &server).await, begun(&a, &server).await];

    let third = a.request(server.id(), ask()).await;
    all.push(begun(&b, &server).await);
    gate.open(3);

    assert!(matches!(third, Err(AssistError::Busy { .. })), "{third:?}");
    for mut replies in all {
        assert_eq!(replies.next_chunk().await, Ok(None));
    }
    stop([a, b, server]).await;
}
