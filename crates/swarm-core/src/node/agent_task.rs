//! Calls the agent: what happens comes one at a time and in order, from queues with a bound.

use std::sync::Arc;

use futures_util::future::Either;
use swarm_proto::{Observation, UnixMicros};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use super::observe::{ReliableInbox, ReliableItem, ReliableQueue, Turns};
use super::shared::NodeShared;
use crate::agent::Agent;
use crate::context::Context;
use crate::observe::Gap;
use crate::peer::PeerEvent;
use crate::trace::{DropReason, TraceEvent};

/// Peer events are rare; observations may fill their queue without pushing them out.
const PEER_EVENTS: usize = 256;

/// Where the driver puts what the agent is to be told. Never waits: when a queue is full the oldest make room, and the
/// agent is told how many.
#[derive(Debug)]
pub(crate) struct AgentInbox {
    observations: Sender<Observation>,
    pub(super) reliable: ReliableInbox,
    peer_events: Sender<PeerEvent>,
}

/// The agent task's end of the inbox.
#[derive(Debug)]
pub(super) struct AgentQueues {
    observations: Receiver<Observation>,
    reliable: ReliableQueue,
    /// Of the two queues above.
    turns: Turns,
    peer_events: Receiver<PeerEvent>,
}

impl AgentInbox {
    pub(super) fn new(capacity: usize) -> (Self, AgentQueues) {
        let (observations, observations_queue) = broadcast::channel(capacity.max(1));
        let (peer_events, peer_events_queue) = broadcast::channel(PEER_EVENTS);
        let (reliable, reliable_queue) = ReliableInbox::new();
        let queues = AgentQueues {
            observations: observations_queue,
            reliable: reliable_queue,
            turns: Turns::default(),
            peer_events: peer_events_queue,
        };
        (Self { observations, reliable, peer_events }, queues)
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
    Reliable(ReliableItem),
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
            Input::Reliable(ReliableItem { gap, observation }) => {
                if let Some(gap) = gap {
                    missed(&shared, &cx, gap).await;
                }
                observed(&shared, &cx, observation).await;
            }
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
    let left = queues.observations.len() as u64 + queues.reliable.close().await;
    shared.recorder.dropped(DropReason::ShutDown, left);
    drop((queues.observations, queues.peer_events));
    shared.guard("on_stop", shared.agent.on_stop(&cx)).await;
}

async fn missed(shared: &NodeShared, cx: &Context, gap: Gap) {
    shared.recorder.record(TraceEvent::ObservationGap { origin: gap.origin, missed: gap.missed });
    shared.guard("on_gap", shared.agent.on_gap(cx, gap)).await;
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
            next = self.turns.either(self.observations.recv(), self.reliable.next()) => match next {
                Either::Left(Ok(observation)) => Input::Observation(observation),
                Either::Left(Err(RecvError::Lagged(missed))) => Input::Lagged(DropKind::Observations, missed),
                Either::Right(Some(item)) => Input::Reliable(item),
                Either::Left(Err(RecvError::Closed)) | Either::Right(None) => Input::Stop,
            },
        }
    }
}
