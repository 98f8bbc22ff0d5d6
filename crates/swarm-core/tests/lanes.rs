//! Requests beside one another on one connection: none waits because nobody reads another.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use common::{PATIENCE, node, stop};
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
#[tokio::test]
async fn requests_that_nobody_reads_hold_up_no_other() {
    for lane in [Lane::Control, Lane::Interactive, Lane::Bulk] {
        let (asker, reader) = (node(IdleAgent).await, node(Reader).await);
        let peer = asker.connect(&reader.url()).await.unwrap();
        let mut unread = Vec::new();
        for _ in 0..20 {
            let upload = request("lanes.ignore").lane(lane).payload(vec![7; 1 << 20]);
            let mut upload = asker.request(peer, upload).await.unwrap();
            // Whoever polls it sends: after this as much of the body as goes.
            upload.next_chunk().await.unwrap();
            assert!(futures_util::poll!(upload.next()).is_pending());
            unread.push(upload);
            unread.push(asker.request(peer, request("lanes.flood").lane(lane)).await.unwrap());
        }

        let mut echo = asker.request(peer, request("lanes.echo").payload("small")).await.unwrap();
        assert_eq!(echo.next_chunk().await.unwrap().unwrap().payload, "small");
        assert_eq!(echo.next_chunk().await, Ok(None));

        drop(unread);
        stop([asker, reader]).await;
    }
}
