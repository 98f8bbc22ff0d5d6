//! A node with a seed, on a runtime of one thread, leaves nothing to other threads.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses a part")]
mod common;

use std::thread;

use common::{PATIENCE, dev, stop};
use swarm_core::{Agent, Context, Inference};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// Computes something once, and tells where.
struct Thinker(mpsc::UnboundedSender<thread::ThreadId>);

impl Agent for Thinker {
    async fn on_start(&self, cx: &Context) {
        let told = self.0.clone();
        cx.spawn(async move {
            let computed = Inference::new().run(|| thread::current().id()).await;
            let _ = told.send(computed.unwrap());
        });
    }
}

/// Where an agent's inference is computed.
fn computed_at(runtime: &mut Builder, seed: Option<u64>) -> thread::ThreadId {
    runtime.enable_all().build().unwrap().block_on(async {
        let (told, mut computed) = mpsc::unbounded_channel();
        let mut node = dev(Thinker(told));
        if let Some(seed) = seed {
            node = node.rng_seed(seed);
        }
        let node = node.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let thread = tokio::time::timeout(PATIENCE, computed.recv()).await.unwrap().unwrap();
        stop([node]).await;
        thread
    })
}

#[test]
fn inference_is_computed_in_place_only_where_a_run_can_repeat() {
    let here = thread::current().id();

    assert_eq!(computed_at(&mut Builder::new_current_thread(), Some(7)), here);
    assert_ne!(computed_at(&mut Builder::new_current_thread(), None), here);
    assert_ne!(computed_at(&mut Builder::new_multi_thread(), Some(7)), here);
}
