//! Runs the agent for one request.

use std::sync::Arc;

use swarm_proto::Outcome;
use tracing::Instrument;

use super::admission::Place;
use super::reply_pipe::Served;
use super::request::{AssistanceRequest, Replies};
use super::responder::out_of_time;
use crate::agent::Agent;
use crate::context::Context;
use crate::error::AgentError;
use crate::node::shared::NodeShared;

/// The agent at work on a request. Dropping it stops the agent, and with it whatever it asked of others.
pub(super) struct Service {
    shared: Arc<NodeShared>,
    served: Arc<Served>,
    request: AssistanceRequest,
    place: Place,
}

impl Service {
    pub(super) fn new(
        shared: Arc<NodeShared>,
        served: Arc<Served>,
        request: AssistanceRequest,
        place: Place,
    ) -> Self {
        Self { shared, served, request, place }
    }

    /// Runs until the agent is done or out of time; how it ended is in the reply.
    pub(super) async fn run(self) {
        let Self { shared, served, request, place } = self;
        let cancelled = shared.killed.child_token();
        // Tasks that the agent spawned for this request end with it, however it ends.
        let _cancel_on_return = cancelled.clone().drop_guard();
        let cx = Context::of_request(Arc::clone(&shared), cancelled, Arc::clone(&served));
        let mut replies = Replies { served: Arc::clone(&served) };
        let end = tokio::select! {
            biased;
            () = shared.killed.cancelled() => Err(Outcome::ShutDown),
            outcome = run_agent(&shared, &cx, request, &mut replies) => Ok(outcome),
            expired = served.reply.expired() => Err(out_of_time(expired)),
        };
        // Whoever hears the end may ask again at once.
        drop(place);
        match end {
            Ok(outcome) => served.reply.end(outcome),
            Err(outcome) => served.reply.cut_off(outcome),
        }
    }
}

async fn run_agent(
    shared: &NodeShared,
    cx: &Context,
    request: AssistanceRequest,
    replies: &mut Replies,
) -> Outcome {
    let span = tracing::debug_span!(
        "on_request",
        id = %request.id(),
        capability = %request.capability(),
        trace = %request.trace(),
    );
    let call = shared.agent.on_request(cx, request, replies).instrument(span);
    match shared.guard("on_request", call).await {
        Some(Ok(())) => Outcome::Completed,
        Some(Err(AgentError::Declined(reason))) => Outcome::Declined { reason },
        Some(Err(AgentError::Failed(error))) => Outcome::Failed { error },
        Some(Err(AgentError::HopLimit)) => Outcome::HopLimit,
        None => Outcome::Failed { error: "the agent panicked".to_owned() },
    }
}
