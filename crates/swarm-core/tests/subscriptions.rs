//! Who is sent what: only what it subscribed to, from the first observation on, and as it changes its mind.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::observing::{by_hand, flow, listener, number, topic, until_dropped, until_subscribed};
use common::raw::{meet, meet_and_say};
use common::stranger::{address, hello};
use common::wire::Wire;
use common::{PATIENCE, node, node_with, stop, until};
use swarm_core::proto::{ControlFrame, Hello};
use swarm_core::{Direction, DropReason, IdleAgent, NodeConfig, StartError, SubscribeError, TopicPattern};

fn patterns<const N: usize>(patterns: [&str; N]) -> Vec<TopicPattern> {
    patterns.map(|pattern| pattern.parse().unwrap()).into()
}

/// More of them than a hello holds.
fn long_patterns() -> Vec<String> {
    (10..74).map(|n| format!("{}.{}", "a".repeat(63), "b".repeat(61) + &n.to_string())).collect()
}

#[tokio::test]
async fn whoever_says_nothing_hears_everything() {
    let (agent, mut ears) = listener(["**"]);
    let (a, idle, b) = (node(IdleAgent).await, node(IdleAgent).await, node(agent).await);
    for peer in [&idle, &b] {
        a.connect(&peer.url()).await.unwrap();
    }

    let receipt = a.broadcast_observation("any.thing.at-all", "").unwrap();

    assert_eq!((receipt.handed, receipt.not_handed.len()), (2, 0));
    assert_eq!(ears.observation().await.topic.as_str(), "any.thing.at-all");
    stop([a, idle, b]).await;
}

#[tokio::test]
async fn only_what_was_subscribed_to_is_sent() {
    let (agent, mut ears) = listener(["wanted.*"]);
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();
    let choosy = Hello { subscriptions: patterns(["wanted.**"]), ..hello() };
    let by_hand = meet_and_say(address(&a), 7, choosy).await;
    until("both are there", || a.peers().len() == 2).await;

    for n in 0..100 {
        let receipt = a.broadcast_observation("unwanted", n.to_string()).unwrap();
        let for_whom: Vec<_> = receipt.not_handed.iter().map(|not| (not.peer, not.reason)).collect();
        let mut peers = [by_hand.agent, b.id()];
        peers.sort_unstable();
        assert_eq!(
            (receipt.handed, for_whom),
            (0, peers.map(|peer| (peer, DropReason::NotSubscribed)).into())
        );
    }
    let receipt = a.broadcast_observation("wanted.thing", "1").unwrap();

    assert_eq!((receipt.handed, receipt.not_handed), (2, Vec::new()));
    for peer in [by_hand.agent, b.id()] {
        let sent = flow(&a, peer, Direction::Outgoing);
        assert_eq!((sent.passed, sent.dropped), (1, [(DropReason::NotSubscribed, 100)].into()));
    }
    // Whatever else had been sent would have come before.
    let first = by_hand.observations().await;
    assert_eq!(first.iter().map(|o| o.topic.as_str()).collect::<Vec<_>>(), ["wanted.thing"]);
    assert_eq!(ears.observation().await.topic.as_str(), "wanted.thing");
    assert_eq!(flow(&b, a.id(), Direction::Incoming).dropped, [].into());
    stop([a, b]).await;
}

#[tokio::test]
async fn a_peer_is_sent_what_its_patterns_mean() {
    let a = node(IdleAgent).await;
    let mut peer = meet_and_say(address(&a), 7, Hello { subscriptions: Vec::new(), ..hello() }).await;
    until("it is there", || a.peers().len() == 1).await;

    for (said, wanted, unwanted) in [
        (patterns(["arm.*.angle"]), "arm.left.angle", ["arm.angle", "arm.left.angle.raw"]),
        (patterns(["arm.**"]), "arm.left.angle.raw", ["arm", "leg.left"]),
        (patterns(["leg", "arm.*"]), "leg", ["leg.left", "arm.left.angle"]),
    ] {
        peer.tell(&ControlFrame::Subscribe(said)).await;
        until_subscribed(&a, wanted, 1).await;
        for name in unwanted {
            let receipt = a.broadcast_observation(name, "").unwrap();
            assert_eq!(receipt.not_handed_for(DropReason::NotSubscribed), 1, "{name}");
        }
        assert_eq!(a.broadcast_observation(wanted, "").unwrap().handed, 1, "{wanted}");
        let heard = peer.observations().await;
        assert_eq!(heard.iter().map(|o| o.topic.as_str()).collect::<Vec<_>>(), [wanted]);
        peer.tell(&ControlFrame::Subscribe(Vec::new())).await;
        until_subscribed(&a, wanted, 0).await;
    }
    stop([a]).await;
}

#[tokio::test]
async fn subscriptions_change_while_the_nodes_run() {
    let (agent, mut ears) = listener([]);
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();
    assert_eq!(a.broadcast_observation("arm.left", "0").unwrap().handed, 0);

    b.subscribe("arm.*").unwrap();
    until_subscribed(&a, "arm.left", 1).await;
    assert_eq!(a.broadcast_observation("arm.left", "1").unwrap().handed, 1);
    assert_eq!(number(&ears.observation().await), 1);

    assert_eq!(b.unsubscribe("arm.left"), Ok(false), "not that very pattern");
    assert_eq!(b.unsubscribe("arm.*"), Ok(true));
    until_subscribed(&a, "arm.left", 0).await;
    assert_eq!(a.broadcast_observation("arm.left", "2").unwrap().handed, 0);

    b.subscribe("**").unwrap();
    until_subscribed(&a, "arm.left", 1).await;
    a.broadcast_observation("arm.left", "3").unwrap();
    assert_eq!(number(&ears.observation().await), 3);
    stop([a, b]).await;
}

#[tokio::test]
async fn many_changes_at_once_end_with_what_was_said_last() {
    let (a, b) = (node(IdleAgent).await, node(listener([]).0).await);
    a.connect(&b.url()).await.unwrap();

    for n in 0..1000 {
        b.subscribe(format!("t{n}").as_str()).unwrap();
        b.unsubscribe(format!("t{n}").as_str()).unwrap();
    }
    b.subscribe("last").unwrap();

    until_subscribed(&a, "last", 1).await;
    assert!((0..1000).all(|n| a.subscribers(&topic(&format!("t{n}"))) == 0));
    stop([a, b]).await;
}

/// From the first observation on.
async fn nothing_unwanted_comes(subscriptions: &[String], dials: bool) {
    let (agent, mut ears) = listener(subscriptions.iter().map(String::as_str));
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let wanted = subscriptions.last().unwrap().as_str();

    if dials {
        b.connect(&a.url()).await.unwrap();
        a.ready(1, PATIENCE).await.unwrap();
    } else {
        a.connect(&b.url()).await.unwrap();
    }
    let first = a.broadcast_observation("unwanted", "").unwrap();
    until_subscribed(&a, wanted, 1).await;
    let then = a.broadcast_observation("unwanted", "").unwrap();
    let last = a.broadcast_observation(wanted, "").unwrap();

    assert_eq!((first.handed, then.handed, last.handed), (0, 0, 1), "dials: {dials}");
    assert_eq!(ears.observation().await.topic.as_str(), wanted);
    assert_eq!(flow(&b, a.id(), Direction::Incoming).dropped, [].into());
    assert!(subscriptions.iter().all(|name| a.subscribers(&topic(name)) == 1));
    stop([a, b]).await;
}

#[tokio::test]
async fn what_a_node_wants_is_known_with_its_hello() {
    for dials in [true, false] {
        nothing_unwanted_comes(&["wanted".to_owned()], dials).await;
    }
}

#[tokio::test]
async fn more_patterns_than_a_hello_holds_are_said_behind_it() {
    for dials in [true, false] {
        nothing_unwanted_comes(&long_patterns(), dials).await;
    }
}

#[tokio::test]
async fn what_comes_without_having_been_asked_for_is_counted_and_not_delivered() {
    let (agent, mut ears) = listener(["wanted"]);
    let b = node(agent).await;
    let peer = meet(&b, 7).await;

    peer.send(&[by_hand(peer.agent, 1, "unwanted"), by_hand(peer.agent, 2, "wanted")]);

    assert_eq!(number(&ears.observation().await), 2);
    let came = flow(&b, peer.agent, Direction::Incoming);
    assert_eq!((came.passed, came.dropped), (1, [(DropReason::NotSubscribed, 1)].into()));

    b.unsubscribe("wanted").unwrap();
    peer.send(&[by_hand(peer.agent, 3, "wanted")]);
    until_dropped(&b, DropReason::NotSubscribed, 2).await;
    assert_eq!(ears.drain(), []);
    stop([b]).await;
}

#[tokio::test]
async fn there_is_an_end_to_what_a_node_may_subscribe_to() {
    let a = node(listener([]).0).await;
    for n in 0..64 {
        a.subscribe(format!("t{n}").as_str()).unwrap();
    }

    assert_eq!(a.subscribe("one.more"), Err(SubscribeError::TooMany { max: 64 }));
    assert_eq!(a.subscribe("t7"), Ok(()), "it has that");
    assert!(matches!(a.subscribe("no pattern"), Err(SubscribeError::Pattern(_))));
    assert!(matches!(a.unsubscribe("**.x"), Err(SubscribeError::Pattern(_))));
    assert_eq!(a.subscriptions().len(), 64);

    assert_eq!(a.unsubscribe("t7"), Ok(true));
    assert_eq!(a.subscribe("one.more"), Ok(()));

    let greedy = (0..65).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let (agent, _) = listener(greedy.iter().map(String::as_str));
    let refused = common::dev(agent).bind("127.0.0.1:0".parse().unwrap()).await;
    assert!(matches!(refused, Err(StartError::TooManySubscriptions { max: 64 })));
    stop([a]).await;
}

#[tokio::test]
async fn subscriptions_hold_after_the_connection_was_lost() {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(1);
    config.mesh.backoff_max = Duration::from_millis(300);
    let (agent, mut ears) = listener(["first"]);
    let (a, b) = (node_with(IdleAgent, config.clone()).await, node_with(agent, config).await);
    let wire = Wire::to(&b).await;
    a.connect(&wire.url()).await.unwrap();
    b.subscribe("second").unwrap();
    until_subscribed(&a, "second", 1).await;

    wire.cut();
    until("both have noticed", || a.peers().is_empty() && b.peers().is_empty()).await;
    b.unsubscribe("first").unwrap();
    b.subscribe("third").unwrap();
    wire.mend();

    a.ready(1, PATIENCE).await.unwrap();
    assert_eq!(a.broadcast_observation("first", "").unwrap().handed, 0);
    for name in ["second", "third"] {
        assert_eq!(a.broadcast_observation(name, "").unwrap().handed, 1, "{name}");
        assert_eq!(ears.observation().await.topic.as_str(), name);
    }
    stop([a, b]).await;
}
