// What the examples of docs/assistance.md begin with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use swarm_core::*;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

mod wire {
    include!("wire.rs");
}

type Done = Result<(), Box<dyn std::error::Error>>;

/// A node on loopback, on any port that is free.
async fn node(agent: impl Agent) -> Result<AgentNode, Box<dyn std::error::Error>> {
    Ok(AgentNode::builder(agent).bind("127.0.0.1:0".parse()?).await?)
}

/// One that notices soon that a connection was cut, and soon makes it again.
async fn alert_node() -> Result<AgentNode, Box<dyn std::error::Error>> {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(1);
    config.mesh.backoff_max = Duration::from_millis(300);
    Ok(AgentNode::builder(IdleAgent).config(config).bind("127.0.0.1:0".parse()?).await?)
}

fn run(example: impl Future<Output = Done>) {
    let in_time = async { tokio::time::timeout(Duration::from_secs(60), example).await };
    tokio::runtime::Runtime::new().unwrap().block_on(in_time).expect("the example ends").unwrap();
}
