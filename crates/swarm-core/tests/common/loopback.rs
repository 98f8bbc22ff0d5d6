// What the examples of docs/assistance.md and docs/observations.md begin with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use swarm_core::*;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

mod wire {
    include!("wire.rs");
}

type Done = Result<(), Box<dyn std::error::Error>>;

/// A node on loopback, on any port that is free.
async fn node(agent: impl Agent) -> Result<AgentNode, Box<dyn std::error::Error>> {
    Ok(AgentNode::dev(agent).bind("127.0.0.1:0".parse()?).await?)
}

/// The same with knobs turned.
async fn node_with(agent: impl Agent, config: NodeConfig) -> Result<AgentNode, Box<dyn std::error::Error>> {
    Ok(AgentNode::dev(agent).config(config).bind("127.0.0.1:0".parse()?).await?)
}

/// Of one that notices soon that a connection was cut, and soon makes it again.
fn alert() -> NodeConfig {
    let mut config = NodeConfig::default();
    config.web_transport.idle_timeout = Duration::from_secs(1);
    config.mesh.backoff_max = Duration::from_millis(300);
    config
}

async fn alert_node() -> Result<AgentNode, Box<dyn std::error::Error>> {
    node_with(IdleAgent, alert()).await
}

/// An agent that subscribes to these patterns, and where it puts what it hears.
fn listener(patterns: &[&str]) -> (impl Agent, mpsc::UnboundedReceiver<Observation>) {
    struct Listener(Vec<TopicPattern>, mpsc::UnboundedSender<Observation>);

    impl Agent for Listener {
        fn subscriptions(&self) -> Vec<TopicPattern> {
            self.0.clone()
        }

        async fn on_observation(&self, _cx: &Context, observation: Observation) {
            let _ = self.1.send(observation);
        }
    }

    let (heard, hears) = mpsc::unbounded_channel();
    (Listener(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(), heard), hears)
}

/// Waits until it is so.
async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn run(example: impl Future<Output = Done>) {
    let in_time = async { tokio::time::timeout(Duration::from_secs(60), example).await };
    tokio::runtime::Runtime::new().unwrap().block_on(in_time).expect("the example ends").unwrap();
}
