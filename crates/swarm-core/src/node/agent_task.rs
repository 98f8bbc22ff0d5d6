//! Calls the agent: what happens comes one at a time and in order, from queues with a bound.

use std::sync::Arc;

use swarm_proto::{AgentId, Observation, UnixMicros};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::observe::Next;
use super::shared::NodeShared;
use crate::agent::Agent;
use crate::context::Context;
use crate::peer::PeerEvent;
use crate::trace::{Direction, DropReason, TraceEvent};

/// Peer events are rare; observations may fill their queue without pushing them out.
pub(super) const PEER_EVENTS: usize = 256;

enum Input {
    Observed(Next),
    Peer(PeerEvent),
    PeerEventsLagged(u64),
    Stop,
}

/// Runs the agent from start to stop. Ends after `on_stop` once `stop` is cancelled.
pub(super) async fn run(
    shared: Arc<NodeShared>,
    mut peer_events: Receiver<PeerEvent>,
    stop: CancellationToken,
) {
    let cx = Context::of_node(Arc::clone(&shared));
    shared.guard("on_start", shared.agent.on_start(&cx)).await;
    loop {
        match next(&shared, &mut peer_events, &stop).await {
            Input::Observed(Next::Observation(observation)) => observed(&shared, &cx, observation).await,
            Input::Observed(Next::Lagged(missed)) | Input::PeerEventsLagged(missed) => {
                shared.guard("on_lagged", shared.agent.on_lagged(&cx, missed)).await;
            }
            Input::Peer(event) => {
                shared.guard("on_peer", shared.agent.on_peer(&cx, event)).await;
            }
            Input::Stop => break,
        }
    }
    drop(peer_events);
    for (origin, count) in shared.inbox.close() {
        shared.recorder.dropped_of(origin, Direction::Incoming, DropReason::ShutDown, count);
    }
    shared.guard("on_stop", shared.agent.on_stop(&cx)).await;
}

/// The end comes first, then what happened to peers, then observations.
async fn next(shared: &NodeShared, peer_events: &mut Receiver<PeerEvent>, stop: &CancellationToken) -> Input {
    let expired = |origin: AgentId| {
        shared.recorder.dropped_of(origin, Direction::Incoming, DropReason::Expired, 1);
    };
    loop {
        if stop.is_cancelled() {
            return Input::Stop;
        }
        match peer_events.try_recv() {
            Ok(event) => return Input::Peer(event),
            Err(TryRecvError::Lagged(missed)) => return Input::PeerEventsLagged(missed),
            Err(TryRecvError::Closed) => return Input::Stop,
            Err(TryRecvError::Empty) => {}
        }
        if let Some(next) = shared.inbox.try_next(expired) {
            return Input::Observed(next);
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Input::Stop,
            event = peer_events.recv() => match event {
                Ok(event) => return Input::Peer(event),
                Err(RecvError::Lagged(missed)) => return Input::PeerEventsLagged(missed),
                Err(RecvError::Closed) => return Input::Stop,
            },
            () = shared.inbox.filled() => {}
        }
    }
}

async fn observed(shared: &NodeShared, cx: &Context, observation: Observation) {
    shared.recorder.delivered(observation.origin, || {
        let now = UnixMicros::from_system_time(shared.wall_clock.now());
        TraceEvent::ObservationDelivered {
            origin: observation.origin,
            topic: observation.topic.clone(),
            sequence: observation.sequence,
            sent_at: observation.sent_at,
            latency: now.saturating_since(observation.sent_at),
        }
    });
    shared.guard("on_observation", shared.agent.on_observation(cx, observation)).await;
}
