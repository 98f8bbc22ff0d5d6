//! Peers that keep to the letter of the protocol, and mean harm.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use common::raw::meet;
use common::serving::{SERVE, ask, serving};
use common::stranger::framed;
use common::{PATIENCE, node, node_with, stop};
use futures_util::{FutureExt, StreamExt};
use swarm_core::proto::{Progress, ReplyFrame, RequestFrame, RequestHead, RequestId};
use swarm_core::{AssistError, IdentityKey, IdleAgent, NodeConfig};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

const SEED: u8 = 66;

#[tokio::test]
async fn a_flood_of_notes_leaves_time_for_others() {
    let a = node(IdleAgent).await;
    let peer = meet(&a, SEED).await;
    a.ready(1, PATIENCE).await.unwrap();
    let flooder = IdentityKey::from_seed([SEED; 32]).agent_id();
    let mut flooding = JoinSet::new();
    flooding.spawn(async move {
        let mut stream = peer.connection.accept_stream().await.unwrap();
        let notes = framed(&ReplyFrame::Progress(Progress::default())).repeat(4000);
        while stream.send.write_all(&notes).await.is_ok() {}
    });
    let mut replies = a.request(flooder, ask().deadline(Duration::from_millis(500))).await.unwrap();

    let mut most_at_once = 0;
    let end = poll_fn(|cx| {
        let mut at_once = 0;
        loop {
            match replies.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(_))) => at_once += 1,
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => {
                    most_at_once = most_at_once.max(at_once);
                    return Poll::Pending;
                }
            }
        }
    });

    assert_eq!(end.await, Some(Err(AssistError::DeadlineExceeded)));
    assert!(most_at_once > 0 && most_at_once < 1000, "{most_at_once}");
    flooding.join_next().await.unwrap().unwrap();
    stop([a]).await;
}

#[tokio::test]
async fn a_peer_that_allows_no_stream_does_not_outlast_the_idle_limit() {
    let mut config = NodeConfig::default();
    // Those of HTTP/3 and the control stream.
    config.web_transport.max_streams = 2;
    let (a, b) = (node(IdleAgent).await, node_with(IdleAgent, config).await);
    let peer = a.connect(&b.url()).await.unwrap();

    let asked = a.request(peer, ask().idle_limit(Duration::from_millis(100)));

    let asked = tokio::time::timeout(PATIENCE, asked).await.unwrap();
    assert_eq!(asked.unwrap_err(), AssistError::Idle);
    stop([a, b]).await;
}

#[tokio::test]
async fn a_tiny_idle_limit_and_a_reader_that_never_reads_cost_little() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let generous = serving(move |_, _, replies| {
        let counted = Arc::clone(&counted);
        let mut sending = async move {
            loop {
                replies.send("", vec![7; 65_000]).await?;
            }
        }
        .boxed();
        poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            sending.poll_unpin(cx)
        })
        .boxed()
    });
    let b = node(generous).await;
    let peer = meet(&b, SEED).await;
    let id = RequestId::from_random([1; 16]);
    let head = RequestHead { idle_ms: Some(1), ..RequestHead::new(id, SERVE.parse().unwrap()) };
    let stream = peer.say(&[RequestFrame::Head(head), RequestFrame::End]).await;

    tokio::time::sleep(Duration::from_secs(1)).await;

    let polls = polls.load(Ordering::Relaxed);
    assert!(polls < 250, "{polls}");
    drop(stream);
    stop([b]).await;
}

#[tokio::test]
async fn a_peer_that_asks_on_after_our_goodbye_does_not_put_off_our_end() {
    let a = node(IdleAgent).await;
    let peer = meet(&a, SEED).await;
    a.ready(1, PATIENCE).await.unwrap();
    let mut asking = JoinSet::new();
    asking.spawn(async move {
        while let Ok(mut stream) = peer.connection.open_stream().await {
            let head = RequestHead::new(RequestId::from_random([7; 16]), SERVE.parse().unwrap());
            if stream.send.write_all(&framed(&RequestFrame::Head(head))).await.is_err() {
                break;
            }
        }
    });

    // Far more than it takes.
    let stopped = tokio::time::timeout(PATIENCE, a.shutdown(Duration::from_secs(3600))).await;

    assert!(stopped.is_ok(), "it still waits for its peer");
}
