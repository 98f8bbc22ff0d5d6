//! A node to try a client against: it prints its address, ticks, counts reliably, tells who comes and goes and what it
//! observes, and repeats what it is asked to repeat, word by word.
//!
//! ```text
//! cargo run -p swarm-core --example doorman
//! ```

use std::convert::Infallible;
use std::time::Duration;

use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Context, Observation,
    OutgoingObservation, PeerEvent, PublishError, Replies,
};

/// Enough for a few sentences.
const MAX_WORDS_BYTES: usize = 4096;

struct Doorman;

impl Agent for Doorman {
    fn capabilities(&self) -> Vec<Advertisement> {
        "doorman.repeat".parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        let node = cx.clone();
        cx.spawn(async move {
            // It ends when the node stops.
            let Err(error) = tick(&node).await;
            say(&format!("no more ticks: {error}"));
        });
    }

    async fn on_peer(&self, _cx: &Context, event: PeerEvent) {
        match event {
            PeerEvent::Came(peer) => say(&format!("came {} from {}", peer.id, peer.address)),
            PeerEvent::Went { peer, reason } => say(&format!("went {peer}: {reason}")),
            _ => {}
        }
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        let payload = String::from_utf8_lossy(&observation.payload);
        say(&format!("observed {} from {}: {payload}", observation.topic, observation.origin));
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let words = request.payload(MAX_WORDS_BYTES).await?;
        for word in std::str::from_utf8(&words)?.split_whitespace() {
            replies.send("word", word.to_owned()).await?;
        }
        Ok(())
    }
}

/// Says the same in two ways: one may be lost, the other comes once and in order.
async fn tick(cx: &Context) -> Result<Infallible, PublishError> {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut number = 0_u64;
    loop {
        ticks.tick().await;
        cx.broadcast_observation("doorman.tick", number.to_string())?;
        let count = OutgoingObservation::new("doorman.count".parse()?, number.to_string());
        cx.broadcast(count.reliable())?;
        number += 1;
    }
}

#[expect(clippy::print_stdout, reason = "what the example is for")]
fn say(line: &str) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = AgentNode::dev(Doorman).bind("127.0.0.1:0".parse()?).await?;
    say(&format!("listening at {}", node.url()));
    tokio::signal::ctrl_c().await?;
    node.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}
