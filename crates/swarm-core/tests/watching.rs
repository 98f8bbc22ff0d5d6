//! Whoever watches a node may act on what it sees.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use common::{PATIENCE, node, stop};
use swarm_core::{AgentId, DropReason, IdleAgent, NodeConfig, NodeHandle, TraceEvent, TraceSink};

/// Says once that something was lost.
#[derive(Clone, Default)]
struct Alarm(Arc<OnceLock<NodeHandle>>, Arc<OnceLock<()>>);

impl TraceSink for Alarm {
    fn record(&self, _node: AgentId, event: TraceEvent) {
        let lost = matches!(event, TraceEvent::ObservationDropped { reason: DropReason::OutboxFull, .. });
        if lost && self.1.set(()).is_ok() {
            self.0.get().unwrap().broadcast_observation("alarm.lost", "").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_may_be_told_to_everybody() {
    let mut config = NodeConfig::default();
    (config.outbox_capacity, config.coalescing_window) = (1, Duration::from_secs(60));
    let alarm = Alarm::default();
    let builder = common::dev(IdleAgent).config(config).trace(alarm.clone());
    let a = builder.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let b = node(IdleAgent).await;
    alarm.0.set(a.handle()).unwrap();
    a.connect(&b.url()).await.unwrap();

    // On a thread of its own, which a lock that is taken twice would keep for ever.
    let (publisher, (done, over)) = (a.handle(), mpsc::channel());
    std::thread::spawn(move || {
        for number in 0..3 {
            publisher.broadcast_observation("count", number.to_string()).unwrap();
        }
        done.send(()).unwrap();
    });
    tokio::task::block_in_place(|| over.recv_timeout(PATIENCE)).unwrap();

    assert!(alarm.1.get().is_some(), "something was lost");
    stop([a, b]).await;
}
