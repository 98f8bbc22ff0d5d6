//! Requests made for other requests, in each way to make them.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::virtual_time::{CROSSINGS, on_both, three};
use futures_util::StreamExt;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, Context, FanInItem, OutgoingRequest, Replies, Reply,
    Route,
};

/// Tells how many milliseconds it has.
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
        replies.send("", cx.time_left().unwrap_or_default().as_millis().to_string()).await?;
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

#[test]
fn a_nested_request_has_the_time_of_the_outer_one_in_whichever_way_it_is_made() {
    // Far more than a node allows by itself.
    const OUTER: Duration = Duration::from_secs(3000);
    on_both(|builder| {
        let (mut swarm, [asker, middle, _]) = three(builder, |_| Middle, || Last);

        let request = OutgoingRequest::new("middle.ask".parse().unwrap()).deadline(OUTER);
        let reply = swarm.request(asker, middle, request).unwrap();

        let left: Vec<_> =
            reply.iter().map(|chunk| Duration::from_millis(chunk.text().unwrap().parse().unwrap())).collect();
        assert_eq!(left.len(), 5);
        // One after another, and each has all that is left.
        assert!(left.is_sorted_by(|before, after| before >= after), "{left:?}");
        assert!(left.iter().all(|left| (OUTER - 2 * CROSSINGS..=OUTER).contains(left)), "{left:?}");
    });
}
