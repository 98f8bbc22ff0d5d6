//! Requests beside one another on one connection: none waits because nobody reads another.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::time::Duration;

use common::PATIENCE;
use common::virtual_time::{on_both, took, two};
use futures_util::StreamExt;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, Context, IdleAgent, Lane, OutgoingRequest, Replies,
};

/// Echoes, or never reads what it is sent.
struct Reader;

impl Agent for Reader {
    fn capabilities(&self) -> Vec<Advertisement> {
        ["lanes.echo", "lanes.ignore", "lanes.flood"].map(|name| name.parse().unwrap()).into()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        match request.capability().name() {
            "lanes.echo" => {
                while let Some(chunk) = request.next_chunk().await? {
                    replies.send_chunk(chunk).await?;
                }
                Ok(())
            }
            "lanes.flood" => loop {
                replies.send("", vec![7; 60_000]).await?;
            },
            _ => {
                replies.send("begun", "").await?;
                std::future::pending().await
            }
        }
    }
}

fn request(capability: &str) -> OutgoingRequest {
    OutgoingRequest::new(capability.parse().unwrap()).deadline(PATIENCE)
}

/// Forty requests, with more on the way in both directions than anybody reads, in each lane: another one is answered
/// none the less.
#[test]
fn requests_that_nobody_reads_hold_up_no_other() {
    on_both(|builder| {
        for lane in [Lane::Control, Lane::Interactive, Lane::Bulk] {
            let (mut swarm, asker, reader) = two(builder.clone(), || IdleAgent, || Reader);
            let (node, peer) = (swarm.node(asker), swarm.node(reader).id());
            let unread = swarm.block_on(async {
                let mut unread = Vec::new();
                for _ in 0..20 {
                    let upload = request("lanes.ignore").lane(lane).payload(vec![7; 1 << 20]);
                    let mut upload = node.request(peer, upload).await.unwrap();
                    // Whoever polls it sends: after this as much of the body as goes.
                    upload.next_chunk().await.unwrap();
                    assert!(futures_util::poll!(upload.next()).is_pending());
                    unread.push(upload);
                    unread.push(node.request(peer, request("lanes.flood").lane(lane)).await.unwrap());
                }
                unread
            });
            let begun = swarm.now();

            let echo = swarm.request(asker, reader, request("lanes.echo").payload("small")).unwrap();

            assert_eq!(echo.iter().map(|chunk| &chunk.payload[..]).collect::<Vec<_>>(), [b"small"]);
            took(swarm.now() - begun, Duration::ZERO);
            drop(unread);
        }
    });
}
