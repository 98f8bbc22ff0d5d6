//! What waits is left alone.

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::serving::{ask, serving};
use common::{PATIENCE, dev, node, stop};
use futures_util::{FutureExt, StreamExt};
use swarm_core::{Chunk, IdleAgent};
use tokio::sync::mpsc;

#[tokio::test]
async fn an_agent_that_waits_for_a_body_is_not_asked_over_and_over() {
    let looked = Arc::new(AtomicUsize::new(0));
    let (waits, mut is_waiting) = mpsc::unbounded_channel();
    let agent = serving({
        let looked = Arc::clone(&looked);
        move |_, mut request, _| {
            let (looked, waits) = (Arc::clone(&looked), waits.clone());
            async move {
                let mut next = std::pin::pin!(request.next_chunk());
                // It does something else too, which wakes it once.
                let mut pause = std::pin::pin!(tokio::time::sleep(Duration::from_millis(10)).fuse());
                poll_fn(|cx| {
                    let _ = pause.as_mut().poll(cx);
                    let polled = next.as_mut().poll(cx);
                    looked.fetch_add(1, Ordering::Relaxed);
                    let _ = waits.send(());
                    polled
                })
                .await?;
                Ok(())
            }
            .boxed()
        }
    });
    let (a, b) = (node(IdleAgent).await, dev(agent).bind("127.0.0.1:0".parse().unwrap()).await.unwrap());
    let peer = a.connect(&b.url()).await.unwrap();
    let (body, chunks) = mpsc::unbounded_channel::<Chunk>();
    let chunks = futures_util::stream::unfold(chunks, async |mut chunks| {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    let mut replies = a.request(peer, ask().body_stream(chunks.boxed()).deadline(PATIENCE)).await.unwrap();
    let ended = async {
        is_waiting.recv().await.unwrap();
        // However long this takes, nothing is to be seen meanwhile.
        tokio::time::sleep(Duration::from_millis(100)).await;
        body.send(Chunk::new("", "at last")).unwrap();
        drop(body);
    };

    let (reply, ()) = tokio::join!(replies.next_chunk(), ended);

    assert_eq!(reply, Ok(None));
    let looked = looked.load(Ordering::Relaxed);
    assert!(looked < 20, "the agent was asked {looked} times");
    stop([a, b]).await;
}
