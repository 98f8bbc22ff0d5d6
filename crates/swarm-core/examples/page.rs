//! A web page that joins as a guest, hears what it may, and says hello.
//!
//! ```text
//! cargo run -p swarm-core --example page              open the address that it prints
//! cargo run -p swarm-core --example page -- --once    ends when a page has said hello
//! ```

use std::time::Duration;

use swarm_core::proto::Permissions;
use swarm_core::trust::{GuestConfig, Invitation};
use swarm_core::{Agent, AgentNode, Context, NodeHandle, Observation, agent_id_of_subject};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Where the page finds what it was invited with.
const PLACEHOLDER: &str = "\"INVITATION\"";

/// A browser asks in fewer bytes, and at once.
const MAX_ASKED_BYTES: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(2);

struct Host {
    greeted: mpsc::Sender<()>,
}

impl Agent for Host {
    async fn on_start(&self, cx: &Context) {
        let node = cx.clone();
        cx.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(500));
            let mut number = 0_u64;
            // It ends when the node stops.
            while node.broadcast_observation("map.tile", number.to_string()).is_ok() {
                ticks.tick().await;
                number += 1;
            }
        });
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        say(&format!("{}: {}", observation.origin, String::from_utf8_lossy(&observation.payload)));
        // One is enough, and nobody need listen.
        let _ = self.greeted.try_send(());
    }
}

/// The page, with an invitation of its own.
fn page(node: &NodeHandle) -> Result<String, Box<dyn std::error::Error>> {
    let permissions = Permissions {
        publish: vec!["guest.hello".parse()?],
        subscribe: vec!["map.**".parse()?],
        ..Permissions::default()
    };
    let token = node.invite(Invitation::new(permissions, Duration::from_secs(300)))?;
    let agent = agent_id_of_subject(&token.statement().subject);
    let invitation = format!(
        "{{ url: \"{}?t={token}\", hashes: {:?}, agent: {:?}, swarm: \"{}\" }}",
        node.url(),
        node.certificate_hashes(),
        agent.as_bytes(),
        node.trust_anchor().swarm(),
    );
    Ok(include_str!("page.html").replace(PLACEHOLDER, &invitation))
}

/// Answers one request: with the page, if it is for that.
async fn answer(node: &NodeHandle, stream: &mut TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") && asked.len() < MAX_ASKED_BYTES {
        if stream.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = match asked.starts_with(b"GET / ") {
        true => ("200 OK", page(node)?),
        false => ("404 Not Found", String::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n", body.len());
    stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await?;
    Ok(())
}

async fn serve(node: NodeHandle, listener: TcpListener) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer(&node, &mut stream)).await {
            say(&format!("no page: {error}"));
        }
    }
}

#[expect(clippy::print_stdout, reason = "what the example is for")]
fn say(line: &str) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let once = std::env::args().any(|argument| argument == "--once");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let page = format!("http://{}", listener.local_addr()?);
    let mut guests = GuestConfig::default();
    guests.origins = vec![page.clone()];
    guests.without_origin = false;
    let (greeted, mut greetings) = mpsc::channel(1);
    let node = AgentNode::dev(Host { greeted }).guests(guests).bind("127.0.0.1:0".parse()?).await?;
    say(&format!("open {page}/"));
    tokio::select! {
        () = serve(node.handle(), listener) => {}
        Some(()) = greetings.recv(), if once => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    node.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}
