//! Holds the calls of an agent up: for a while each, or until it goes on.
//!
//! Only calls wait here. What an agent does in tasks of its own goes on; what it sends meanwhile, the network holds.

use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand::rngs::StdRng;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, BoxedAgent, Capacity, Context, Gap, Observation,
    PeerEvent, Replies, TopicPattern,
};
use swarm_network::Distribution;
use tokio::sync::watch;

use crate::swarm::Sights;

/// What holds up the calls of one member, through all of its lives.
#[derive(Debug)]
pub(crate) struct Gate {
    state: watch::Sender<State>,
    rng: Mutex<StdRng>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    is_paused: bool,
    delay: Option<Distribution>,
}

impl Gate {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: watch::Sender::default(), rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// From now on no call begins, or calls begin again.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.state.send_modify(|state| state.is_paused = is_paused);
    }

    /// From now on each call waits for so long first.
    pub(crate) fn slow(&self, delay: Option<Distribution>) {
        self.state.send_modify(|state| state.delay = delay);
    }

    /// Waits for as long as a call has to.
    async fn pass(&self) {
        let State { is_paused, delay } = *self.state.borrow();
        if is_paused {
            // The sender lives as long as this.
            let _ = self.state.subscribe().wait_for(|state| !state.is_paused).await;
        }
        if let Some(delay) = delay {
            let delay = delay.sample(&mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner));
            tokio::time::sleep(delay).await;
        }
    }
}

/// An agent behind a gate.
pub(crate) struct Gated {
    pub(crate) agent: BoxedAgent,
    pub(crate) gate: Arc<Gate>,
    /// Where it is kept what the agent is handed, for tests.
    pub(crate) seen: Option<Arc<Sights>>,
}

impl Agent for Gated {
    fn capabilities(&self) -> Vec<Advertisement> {
        self.agent.capabilities()
    }

    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.agent.subscriptions()
    }

    fn capacity(&self) -> Capacity {
        self.agent.capacity()
    }

    async fn on_start(&self, cx: &Context) {
        self.agent.on_start(cx).await;
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        self.gate.pass().await;
        if let Some(seen) = &self.seen {
            seen.add(observation.clone());
        }
        self.agent.on_observation(cx, observation).await;
    }

    async fn on_lagged(&self, cx: &Context, missed: u64) {
        self.gate.pass().await;
        self.agent.on_lagged(cx, missed).await;
    }

    async fn on_gap(&self, cx: &Context, gap: Gap) {
        self.gate.pass().await;
        self.agent.on_gap(cx, gap).await;
    }

    async fn on_peer(&self, cx: &Context, event: PeerEvent) {
        self.gate.pass().await;
        self.agent.on_peer(cx, event).await;
    }

    async fn on_request(
        &self,
        cx: &Context,
        request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        self.gate.pass().await;
        self.agent.on_request(cx, request, replies).await
    }

    async fn on_stop(&self, cx: &Context) {
        self.agent.on_stop(cx).await;
    }
}
