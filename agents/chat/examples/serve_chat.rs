//! Serves an endpoint to a swarm; the environment says which one. For a model on this machine, with Ollama:
//!
//! ```text
//! export OPENAI_BASE_URL=http://127.0.0.1:11434/v1 SWARM_CHAT_MODEL=llama3.2
//! cargo run -p agent-chat --example serve_chat -- 127.0.0.1:4433
//! ```
//!
//! Without an address it takes a free port of this machine.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use agent_chat::{ChatAgent, ChatParams};
use swarm_core::AgentNode;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "what went wrong is for whoever started it")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever wants to ask needs the address")]
async fn serve() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let address = address
        .parse()
        .map_err(|_| format!("{address:?} is no address: say where to listen, such as 0.0.0.0:4433"))?;
    let agent = ChatAgent::new(ChatParams::from_env()?)?;
    let node = AgentNode::dev(agent).bind(address).await?;
    println!("serving at {}", node.url());
    tokio::signal::ctrl_c().await?;
    node.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}
