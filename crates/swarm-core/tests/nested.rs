//! Requests made for other requests, in each way to make them.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::{node, stop};
use futures_util::StreamExt;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, Context, FanInItem, IdleAgent, OutgoingRequest,
    Replies, Reply, Route,
};

/// Tells how many seconds it has.
struct Last;

impl Agent for Last {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["last.time".parse().unwrap()]
    }

    async fn on_request(
        &self,
        cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        replies.send("", cx.time_left().unwrap_or_default().as_secs().to_string()).await?;
        Ok(())
    }
}

/// Asks the last one in every way, and passes on what it hears.
struct Middle;

impl Agent for Middle {
    fn capabilities(&self) -> Vec<Advertisement> {
        vec!["middle.ask".parse().unwrap()]
    }

    async fn on_request(
        &self,
        cx: &Context,
        _request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let ask = || OutgoingRequest::new("last.time".parse().unwrap());
        let last = cx.peers().iter().find(|peer| peer.offers("last.time")).unwrap().id;
        for mut answer in [
            cx.request_assistance(last, "last.time", "").await?,
            cx.request_capability("last.time", "").await?,
            cx.route(Route::new().hedge(), ask()).await?,
        ] {
            replies.send_chunk(answer.next_chunk().await?.unwrap()).await?;
        }
        for chunk in cx.request_first(Route::new(), ask(), 1000).await?.chunks {
            replies.send_chunk(chunk).await?;
        }
        let mut all = cx.request_all(Route::new(), ask())?;
        while let Some(event) = all.next().await {
            if let FanInItem::Reply(Reply::Chunk(chunk)) = event.what {
                replies.send_chunk(chunk).await?;
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_nested_request_has_the_time_of_the_outer_one_in_whichever_way_it_is_made() {
    let (last, middle, asker) = (node(Last).await, node(Middle).await, node(IdleAgent).await);
    middle.connect(&last.url()).await.unwrap();
    let peer = asker.connect(&middle.url()).await.unwrap();

    // Far more than a node allows by itself.
    let request = OutgoingRequest::new("middle.ask".parse().unwrap()).deadline(Duration::from_secs(3000));
    let mut replies = asker.request(peer, request).await.unwrap();
    let mut told = Vec::new();
    while let Some(chunk) = replies.next_chunk().await.unwrap() {
        told.push(chunk.text().unwrap().parse::<u64>().unwrap());
    }

    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|seconds| (2000..3000).contains(seconds)), "{told:?}");
    stop([asker, middle, last]).await;
}
