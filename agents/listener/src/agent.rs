//! The behaviour of a listener.

use swarm_core::{Agent, Context, Observation, TopicPattern};

use crate::Params;

/// What it measures: how many observations it has missed, each time it is told so.
pub const MISSED: &str = "listener.missed";

/// An agent that takes its time for each observation, and may pass it on before.
///
/// ```
/// use agent_listener::{Listener, Params};
/// use swarm_core::Agent;
///
/// let listener = Listener::new(Params { subscriptions: vec!["rover.*".parse()?], ..Params::default() });
/// assert_eq!(listener.subscriptions().len(), 1);
/// # Ok::<(), swarm_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    params: Params,
}

impl Listener {
    /// A listener with these params.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self { params }
    }
}

impl Agent for Listener {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.params.subscriptions.clone()
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        if self.params.passes_on {
            // What is not signed is for those alone whom its origin knows.
            let _ = cx.pass_on(&observation);
        }
        if !self.params.takes.is_zero() {
            tokio::time::sleep(self.params.takes).await;
        }
    }

    async fn on_lagged(&self, cx: &Context, missed: u64) {
        cx.measure(MISSED, missed as f64);
    }
}
