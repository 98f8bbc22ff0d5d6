//! Two nodes over real WebTransport: what a user does first.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::{PATIENCE, Told, node, pair, stop, witness};
use futures_util::StreamExt;
use swarm_core::{
    AgentId, AssistError, Chunk, ConnectError, DialError, Ending, GoneReason, HelloError, IdleAgent,
    OutgoingRequest, PeerEvent, PublishError,
};

#[tokio::test]
async fn an_observation_reaches_the_peer_with_its_origin() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();

    let receipt = a.broadcast_observation("rover.position", "1,2").unwrap();

    let observation = seen.observation().await;
    assert_eq!((receipt.handed, receipt.not_handed.len()), (1, 0));
    assert_eq!((observation.origin, observation.topic.as_str()), (a.id(), "rover.position"));
    assert_eq!(observation.payload, "1,2");
    stop([a, b]).await;
}

#[tokio::test]
async fn both_sides_learn_of_each_other_and_of_the_goodbye() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);

    let peer = a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    assert_eq!((peer, b.peers()[0].id), (b.id(), a.id()));
    assert_eq!(b.peers()[0].address.to_string(), a.url().to_string()[8..].replace("/swarm/v1", ""));
    assert!(a.peers()[0].capabilities.iter().any(|offer| offer.capability.name() == "test.echo"));
    let a_id = a.id();
    stop([a]).await;
    let reason = seen
        .next(|told| match told {
            Told::Peer(PeerEvent::Went { peer, reason }) => Some((peer, reason)),
            _ => None,
        })
        .await;
    assert_eq!(reason, (a_id, GoneReason::Goodbye));
    assert_eq!(b.peers(), []);
    stop([b]).await;
}

#[tokio::test]
async fn a_reply_streams_back_and_ends_in_order() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let mut replies = a.request_assistance(peer, "test.echo", "hello").await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(a.counters().requests_ended.get(&Ending::Completed), Some(&1));
    stop([a, b]).await;
}

#[tokio::test]
async fn the_accepting_side_may_ask_as_well() {
    let (a, b) = (node(witness().0).await, node(IdleAgent).await);
    a.connect(&b.url()).await.unwrap();
    b.ready(1, PATIENCE).await.unwrap();

    let mut replies = b.request_assistance(a.id(), "test.echo", "hello").await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().payload, "hello");
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

#[tokio::test]
async fn replies_come_while_the_body_still_grows() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let (body, growing) = tokio::sync::mpsc::channel(1);
    let growing = futures_util::stream::unfold(growing, |mut growing| async {
        growing.recv().await.map(|chunk| (chunk, growing))
    });
    let request = OutgoingRequest::new("test.echo".parse().unwrap()).body_stream(growing);

    let mut replies = a.request(peer, request).await.unwrap();

    for n in 0..3 {
        body.send(Chunk::new("part", n.to_string())).await.unwrap();
        assert_eq!(replies.next_chunk().await.unwrap(), Some(Chunk::new("part", n.to_string())));
    }
    drop(body);
    assert_eq!(replies.next_chunk().await, Ok(None));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_body_of_many_megabytes_passes_through_bounded_windows() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();

    for (capability, size) in [("test.count", 8 << 20), ("test.echo", 3 << 20)] {
        let mut replies = a.request_assistance(peer, capability, vec![7; size]).await.unwrap();
        let mut received = Vec::new();
        while let Some(chunk) = replies.next_chunk().await.unwrap() {
            received.extend_from_slice(&chunk.payload);
        }
        let expected = if capability == "test.count" { size.to_string().into() } else { vec![7; size] };
        assert!(received == expected, "{capability}: {} bytes", received.len());
    }
    stop([a, b]).await;
}

#[tokio::test]
async fn each_ending_is_told_apart() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let end = async |capability: &str| {
        let mut replies = a.request_assistance(peer, capability, "").await.unwrap();
        let end = replies.next().await.unwrap().unwrap_err();
        assert_eq!(replies.next().await, None, "there is one ending only");
        end
    };

    assert_eq!(end("test.decline").await, AssistError::Declined { reason: "not today".into() });
    assert!(
        matches!(end("test.fail").await, AssistError::Failed { error } if error.contains("invalid digit"))
    );
    assert!(matches!(end("test.panic").await, AssistError::Failed { error } if error.contains("panicked")));
    assert_eq!(end("test.unheard-of").await, AssistError::NoSuchCapability);
    assert_eq!(b.counters().agent_panics, 1);
    stop([a, b]).await;
}

#[tokio::test]
async fn what_cannot_be_asked_fails_at_once_with_its_reason() {
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let stranger = AgentId::from_key_digest([9; 32]);

    let unknown = a.request_assistance(stranger, "test.echo", "").await.unwrap_err();
    let nameless = a.request_assistance(peer, "not a name", "").await.unwrap_err();
    let request = OutgoingRequest::new("test.echo".parse().unwrap()).metadata("key", "x".repeat(20_000));
    let large = a.request(peer, request).await.unwrap_err();

    assert_eq!(unknown, AssistError::NotConnected(stranger));
    assert!(matches!(nameless, AssistError::Capability(_)), "{nameless:?}");
    assert!(matches!(large, AssistError::TooLarge { .. }), "{large:?}");
    stop([a, b]).await;
}

#[tokio::test]
async fn a_deadline_ends_the_request_on_both_sides() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let request = OutgoingRequest::new("test.hang".parse().unwrap()).deadline(Duration::from_millis(200));

    let mut replies = a.request(peer, request).await.unwrap();

    assert_eq!(replies.next_chunk().await.unwrap().unwrap().label, "begun");
    assert_eq!(replies.next_chunk().await, Err(AssistError::DeadlineExceeded));
    seen.next(|told| (told == Told::Cancelled).then_some(())).await;
    stop([a, b]).await;
}

#[tokio::test]
async fn dropping_the_replies_cancels_the_responder() {
    for dialled in [true, false] {
        let (agent, mut seen) = witness();
        let (a, b) = pair(agent, dialled).await;

        let mut replies = a.request_assistance(b.id(), "test.hang", "").await.unwrap();
        replies.next_chunk().await.unwrap();
        drop(replies);

        seen.next(|told| (told == Told::Cancelled).then_some(())).await;
        assert_eq!(a.counters().requests_ended.get(&Ending::Cancelled), Some(&1));
        stop([a, b]).await;
    }
}

#[tokio::test]
async fn a_lost_peer_ends_its_requests() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let mut replies = a.request_assistance(peer, "test.hang", "").await.unwrap();
    replies.next_chunk().await.unwrap();

    drop(b);

    assert_eq!(replies.next_chunk().await, Err(AssistError::PeerLost));
    stop([a]).await;
}

#[tokio::test]
async fn an_observation_that_fits_into_no_datagram_is_refused() {
    let (a, b) = (node(IdleAgent).await, node(IdleAgent).await);
    a.connect(&b.url()).await.unwrap();

    let refused = a.broadcast_observation("big", vec![0; 3000]).unwrap_err();
    let nameless = a.broadcast_observation("not a topic", "").unwrap_err();

    assert!(
        matches!(refused, PublishError::TooLarge { size, max } if size > 3000 && max < 3000),
        "{refused:?}"
    );
    assert!(matches!(nameless, PublishError::Topic(_)), "{nameless:?}");
    stop([a, b]).await;
}

#[tokio::test]
async fn a_panic_in_the_agent_ends_that_call_only() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    a.connect(&b.url()).await.unwrap();

    a.broadcast_observation("test.panic", "").unwrap();
    a.broadcast_observation("test.after", "").unwrap();

    assert_eq!(seen.observation().await.topic.as_str(), "test.after");
    assert_eq!(b.counters().agent_panics, 1);
    stop([a, b]).await;
}

#[tokio::test]
async fn shutting_down_lets_requests_finish_and_then_fails_everything() {
    let (agent, mut seen) = witness();
    let (a, b) = (node(IdleAgent).await, node(agent).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let (body, growing) = tokio::sync::mpsc::channel(1);
    let growing = futures_util::stream::unfold(growing, |mut growing| async {
        growing.recv().await.map(|chunk| (chunk, growing))
    });
    let request = OutgoingRequest::new("test.echo".parse().unwrap()).body_stream(growing);
    let mut replies = a.request(peer, request).await.unwrap();
    body.send(Chunk::new("", "1")).await.unwrap();
    replies.next_chunk().await.unwrap();

    let b_handle = b.handle();
    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn(b.shutdown(PATIENCE));
    seen.next(|told| (told == Told::Stopped).then_some(())).await;
    body.send(Chunk::new("", "2")).await.unwrap();
    let second = replies.next_chunk().await.unwrap();
    drop(body);

    assert_eq!(second.unwrap().payload, "2");
    assert_eq!(replies.next_chunk().await, Ok(None));
    assert_eq!(stopping.join_next().await.unwrap().unwrap(), Ok(()));
    assert_eq!(b_handle.broadcast_observation("late", ""), Err(PublishError::ShutDown));
    assert_eq!(b_handle.request_assistance(a.id(), "x", "").await.unwrap_err(), AssistError::ShutDown);
    assert!(matches!(b_handle.connect(&a.url()).await, Err(ConnectError::ShutDown)));
    stop([a]).await;
}

#[tokio::test]
async fn what_does_not_finish_before_the_deadline_is_given_up_and_counted() {
    let (a, b) = (node(IdleAgent).await, node(witness().0).await);
    let peer = a.connect(&b.url()).await.unwrap();
    let mut replies = a.request_assistance(peer, "test.hang", "").await.unwrap();
    replies.next_chunk().await.unwrap();

    let stopped = b.shutdown(Duration::from_millis(50)).await;

    assert_eq!(stopped.unwrap_err().aborted, 1);
    let end = replies.next_chunk().await.unwrap_err();
    assert!(matches!(end, AssistError::PeerLost | AssistError::ShutDown), "{end:?}");
    stop([a]).await;
}

#[tokio::test]
async fn nodes_of_different_swarms_do_not_meet() {
    let a = common::dev(IdleAgent).swarm("other".parse().unwrap());
    let a = a.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let b = node(IdleAgent).await;

    let refused = a.connect(&b.url()).await.unwrap_err();

    assert!(matches!(refused, ConnectError::Dial { source: DialError::Refused { .. }, .. }), "{refused:?}");
    assert_eq!((a.peers().len(), b.peers().len()), (0, 0));
    stop([a, b]).await;
}

#[tokio::test]
async fn a_node_does_not_connect_to_itself_or_to_nobody() {
    let a = node(IdleAgent).await;
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();

    let itself = a.connect(&a.url()).await.unwrap_err();
    let nobody = a.connect(&silent.local_addr().unwrap().into()).await.unwrap_err();

    assert!(matches!(itself, ConnectError::Hello { source: HelloError::Itself, .. }), "{itself:?}");
    assert!(matches!(nobody, ConnectError::DeadlineExceeded { .. }), "{nobody:?}");
    stop([a]).await;
}
