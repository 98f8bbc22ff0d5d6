//! Calls the agent: what happens comes one at a time and in order, from queues with a bound.

use std::pin::pin;
use std::sync::Arc;

use swarm_proto::{AgentId, Observation, UnixMicros};
use tokio_util::sync::CancellationToken;

use super::observe::{ReliableItem, ReliableQueue, Told};
use super::shared::NodeShared;
use crate::agent::Agent;
use crate::context::Context;
use crate::trace::{Direction, DropReason, TraceEvent};

/// How much may be told between two looks at whether the agent should stop, which take a lock that all tasks share.
const TOLD_AT_ONCE: usize = 16;

/// Runs the agent from start to stop. Ends after `on_stop` once `stop` is cancelled.
pub(super) async fn run(shared: Arc<NodeShared>, mut reliable: ReliableQueue, stop: CancellationToken) {
    let cx = Context::of_node(Arc::clone(&shared));
    shared.guard("on_start", shared.agent.on_start(&cx)).await;
    // Kept across turns of the loop: made anew at each turn, they would cost locks.
    let (mut stopped, mut filled) = (pin!(stop.cancelled()), pin!(shared.inbox.filled()));
    while !stop.is_cancelled() {
        if tell_some(&shared, &cx, &mut reliable).await {
            continue;
        }
        tokio::select! {
            biased;
            () = &mut stopped => {}
            () = &mut filled => filled.set(shared.inbox.filled()),
            Some(item) = reliable.next() => reliably(&shared, &cx, item).await,
        }
    }
    for origin in reliable.close().await {
        shared.recorder.dropped_of(origin, Direction::Incoming, DropReason::ShutDown, 1);
    }
    for (origin, count) in shared.inbox.close() {
        shared.recorder.dropped_of(origin, Direction::Incoming, DropReason::ShutDown, count);
    }
    shared.guard("on_stop", shared.agent.on_stop(&cx)).await;
}

/// Tells the agent some of what waits, in turns with what is reliable. False when there is nothing left.
async fn tell_some(shared: &NodeShared, cx: &Context, reliable: &mut ReliableQueue) -> bool {
    let expired = |origin: AgentId| {
        shared.recorder.dropped_of(origin, Direction::Incoming, DropReason::Expired, 1);
    };
    for _ in 0..TOLD_AT_ONCE {
        let item = reliable.try_next();
        let told_something = item.is_some();
        match shared.inbox.next(expired) {
            Some(Told::Observed(observation)) => observed(shared, cx, observation).await,
            Some(Told::Peer(event)) => {
                shared.guard("on_peer", shared.agent.on_peer(cx, event)).await;
            }
            Some(Told::Lagged(missed)) => {
                shared.guard("on_lagged", shared.agent.on_lagged(cx, missed)).await;
            }
            None if told_something => {}
            None => return false,
        }
        if let Some(item) = item {
            reliably(shared, cx, item).await;
        }
    }
    true
}

async fn reliably(shared: &NodeShared, cx: &Context, ReliableItem { gap, observation }: ReliableItem) {
    if let Some(gap) = gap {
        shared.recorder.record(TraceEvent::ObservationGap { origin: gap.origin, missed: gap.missed });
        shared.guard("on_gap", shared.agent.on_gap(cx, gap)).await;
    }
    if let Some(observation) = observation {
        observed(shared, cx, observation).await;
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
