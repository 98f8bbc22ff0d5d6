//! A node to try a client against: it prints its address, ticks, counts reliably, tells who comes and goes and what it
//! observes, passes on what others have signed, and repeats what it is asked to repeat, word by word.
//!
//! ```text
//! cargo run -p swarm-core --example doorman -- --dev
//! cargo run -p swarm-core --example doorman -- --credentials DIRECTORY
//! ```
//!
//! With `--guests` behind that it takes guests, and prints a link for one of them.

use std::convert::Infallible;
use std::env;
use std::path::Path;
use std::time::Duration;

use swarm_core::proto::Permissions;
use swarm_core::trust::{Credentials, GuestConfig, Invitation};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentNode, AssistanceRequest, Context, NameError, Observation,
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

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        let payload = String::from_utf8_lossy(&observation.payload);
        say(&format!("observed {} from {}: {payload}", observation.topic, observation.origin));
        if observation.seal.is_some()
            && let Err(error) = cx.pass_on(&observation)
        {
            say(&format!("not passed on: {error}"));
        }
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
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (builder, further) = match arguments.as_slice() {
        ["--dev", further @ ..] => (AgentNode::dev(Doorman), further),
        ["--credentials", directory, further @ ..] => {
            let credentials = Credentials::load(Path::new(directory))?;
            (AgentNode::builder(Doorman).credentials(credentials), further)
        }
        _ => {
            return Err(
                "say whom to trust: --dev for work on this machine, or --credentials DIRECTORY".into()
            );
        }
    };
    let takes_guests = further == ["--guests"];
    let builder = if takes_guests { builder.guests(GuestConfig::default()) } else { builder };
    let node = builder.bind("127.0.0.1:0".parse()?).await?;
    for root in node.trust_anchor().roots() {
        say(&format!("trusts the root {}", root.fingerprint()));
    }
    say(&format!("listening at {}", node.url()));
    if takes_guests {
        say(&format!("inviting to {}?t={}", node.url(), node.invite(invitation()?)?));
    }
    tokio::signal::ctrl_c().await?;
    node.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}

/// A guest hears what the doorman says, and asks it.
fn invitation() -> Result<Invitation, NameError> {
    let permissions = Permissions {
        subscribe: vec!["doorman.**".parse()?],
        call: vec!["doorman.*".parse()?],
        ..Permissions::default()
    };
    Ok(Invitation::new(permissions, Duration::from_secs(600)))
}
