//! A program with an agent of its own: averagers agree on the mean of what each of them knows, by gossip alone.
//!
//! ```text
//! cargo run -p swarm-sim --example averager -- run crates/swarm-sim/examples/averager.toml
//! ```

use std::process::ExitCode;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use swarm_core::{Agent, Context, Observation, PublishError};
use swarm_sim::{Registry, Setup};
use tokio::sync::watch;

/// What a scenario may say of an averager.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Members of the group know 0, this, twice this, …
    step: f64,
}

struct Averager {
    /// What it holds the mean to be.
    estimate: watch::Sender<f64>,
}

impl Averager {
    /// Says every 50 ms what it holds the mean to be.
    async fn speak(cx: Context, estimate: watch::Receiver<f64>) {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let estimate = estimate.borrow().to_be_bytes();
            if let Err(PublishError::ShutDown) =
                cx.broadcast_observation("averager.estimate", estimate.to_vec())
            {
                return;
            }
        }
    }
}

impl Agent for Averager {
    async fn on_start(&self, cx: &Context) {
        cx.spawn(Self::speak(cx.clone(), self.estimate.subscribe()));
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if let Ok(bytes) = <[u8; 8]>::try_from(&*observation.payload) {
            let other = f64::from_be_bytes(bytes);
            self.estimate.send_modify(|estimate| *estimate += (other - *estimate) / 8.0);
        }
    }

    async fn on_stop(&self, cx: &Context) {
        cx.measure("estimate", *self.estimate.borrow());
    }
}

fn main() -> ExitCode {
    let registry = Registry::new().agent(
        "averager",
        "agrees with the others on the mean",
        |setup: Setup<'_, Params>| {
            let knows = setup.params.step * setup.index as f64;
            Ok(Averager { estimate: watch::Sender::new(knows) })
        },
    );
    swarm_sim::cli::main(&registry)
}
