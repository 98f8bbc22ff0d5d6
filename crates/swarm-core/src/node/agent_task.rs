//! Calls the agent: what happens comes one at a time and in order, from queues with a bound.

use std::sync::Arc;

use swarm_proto::{Observation, UnixMicros};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use super::shared::NodeShared;
use crate::agent::Agent;
use crate::context::Context;
use crate::peer::PeerEvent;
use crate::trace::{DropReason, TraceEvent};

/// Peer events are rare; observations may fill their queue without pushing them out.
const PEER_EVENTS: usize = 256;

/// Where the driver puts what the agent is to be told. Never waits: when a queue is full the oldest make room, and the
/// agent is told how many.
#[derive(Debug)]
pub(crate) struct AgentInbox {
    observations: Sender<Observation>,
    peer_events: Sender<PeerEvent>,
}

/// The agent task's end of the inbox.
#[derive(Debug)]
pub(super) struct AgentQueues {
    observations: Receiver<Observation>,
    peer_events: Receiver<PeerEvent>,
}

impl AgentInbox {
    pub(super) fn new(capacity: usize) -> (Self, AgentQueues) {
        let (observations, observations_queue) = broadcast::channel(capacity.max(1));
        let (peer_events, peer_events_queue) = broadcast::channel(PEER_EVENTS);
        (
            Self { observations, peer_events },
            AgentQueues { observations: observations_queue, peer_events: peer_events_queue },
        )
    }

    /// False when the agent has stopped and nobody is left to tell.
    pub(super) fn observed(&self, observation: Observation) -> bool {
        self.observations.send(observation).is_ok()
    }

    pub(super) fn peer(&self, event: PeerEvent) {
        // An agent that has stopped need not know.
        let _ = self.peer_events.send(event);
    }
}

enum Input {
    Observation(Observation),
    Peer(PeerEvent),
    Lagged(DropKind, u64),
    Stop,
}

#[derive(Clone, Copy, PartialEq)]
enum DropKind {
    Observations,
    PeerEvents,
}

/// Runs the agent from start to stop. Ends after `on_stop` once `stop` is cancelled.
pub(super) async fn run(shared: Arc<NodeShared>, mut queues: AgentQueues, stop: CancellationToken) {
    let cx = Context::of_node(Arc::clone(&shared));
    shared.guard("on_start", shared.agent.on_start(&cx)).await;
    loop {
        match queues.next(&stop).await {
            Input::Observation(observation) => observed(&shared, &cx, observation).await,
            Input::Peer(event) => {
                shared.guard("on_peer", shared.agent.on_peer(&cx, event)).await;
            }
            Input::Lagged(kind, missed) => {
                if kind == DropKind::Observations {
                    shared.recorder.dropped(DropReason::AgentLagged, missed);
                }
                shared.guard("on_lagged", shared.agent.on_lagged(&cx, missed)).await;
            }
            Input::Stop => break,
        }
    }
    shared.recorder.dropped(DropReason::ShutDown, queues.observations.len() as u64);
    drop(queues);
    shared.guard("on_stop", shared.agent.on_stop(&cx)).await;
}

async fn observed(shared: &NodeShared, cx: &Context, observation: Observation) {
    let now = UnixMicros::from_system_time(shared.wall_clock.now());
    shared.recorder.record(TraceEvent::ObservationDelivered {
        origin: observation.origin,
        topic: observation.topic.clone(),
        sequence: observation.sequence,
        sent_at: observation.sent_at,
        latency: now.saturating_since(observation.sent_at),
    });
    shared.guard("on_observation", shared.agent.on_observation(cx, observation)).await;
}

impl AgentQueues {
    async fn next(&mut self, stop: &CancellationToken) -> Input {
        tokio::select! {
            biased;
            () = stop.cancelled() => Input::Stop,
            event = self.peer_events.recv() => match event {
                Ok(event) => Input::Peer(event),
                Err(RecvError::Lagged(missed)) => Input::Lagged(DropKind::PeerEvents, missed),
                Err(RecvError::Closed) => Input::Stop,
            },
            observation = self.observations.recv() => match observation {
                Ok(observation) => Input::Observation(observation),
                Err(RecvError::Lagged(missed)) => Input::Lagged(DropKind::Observations, missed),
                Err(RecvError::Closed) => Input::Stop,
            },
        }
    }
}
