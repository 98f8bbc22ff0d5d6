//! Asks an agent that serves a model, and prints the answer as it forms:
//!
//! ```text
//! cargo run -p agent-chat --example ask_chat -- https://127.0.0.1:4433 Why is the sky blue?
//! ```

use std::error::Error;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use agent_chat::messages::{COMPLETE, ChatRequest, DONE, Done, Message, Role, TOKEN};
use swarm_core::{AgentId, AgentNode, Chunk, IdleAgent, OutgoingRequest};

/// Long answers take their time.
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::main]
#[expect(clippy::print_stderr, reason = "what went wrong is for whoever asked")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (url, question) = (arguments.next().unwrap_or_default(), arguments.collect::<Vec<_>>().join(" "));
    if question.is_empty() {
        return Err("say whom to ask, and what: ask_chat https://127.0.0.1:4433 Hello".into());
    }
    let node = AgentNode::dev(IdleAgent).bind("127.0.0.1:0".parse()?).await?;
    let peer = node.connect(&url.parse()?).await?;
    // Leaving in order tells the agent at once that nobody listens any more.
    let asked = tokio::select! {
        asked = ask(&node, peer, question) => asked,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    node.shutdown(Duration::from_secs(2)).await?;
    asked
}

async fn ask(node: &AgentNode, peer: AgentId, question: String) -> Result<(), Box<dyn Error>> {
    let conversation = ChatRequest::new([Message::new(Role::User, question)]);
    let body = Chunk::encode("", &conversation)?.payload;
    let request = OutgoingRequest::new(COMPLETE.parse()?).payload(body).deadline(DEADLINE);
    let mut replies = node.request(peer, request).await?;
    let mut out = stdout();
    while let Some(chunk) = replies.next_chunk().await? {
        match chunk.label.as_str() {
            TOKEN => out.write_all(&chunk.payload)?,
            DONE => write!(out, "\n[{}]\n", summary(&chunk.decode()?))?,
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}

fn summary(done: &Done) -> String {
    let reason = done.finish_reason.as_deref().unwrap_or("no reason");
    match done.usage {
        Some(usage) => {
            format!("{}: {reason}, {} + {} tokens", done.model, usage.prompt_tokens, usage.completion_tokens)
        }
        None => format!("{}: {reason}", done.model),
    }
}
