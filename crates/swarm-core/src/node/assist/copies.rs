//! One request to several peers.

use std::sync::Arc;

use tokio::time::Instant;

use super::fan_in::Opening;
use super::outgoing::OutgoingRequest;
use super::reply_pipe::Served;
use crate::assist::routing::Candidate;
use crate::deadline::after;
use crate::node::shared::NodeShared;

/// Makes copies of a request that share its deadline and the parent of its span.
pub(super) struct Copies {
    shared: Arc<NodeShared>,
    on_behalf: Option<Arc<Served>>,
    /// `None` once a body that can be sent only once has been.
    request: Option<OutgoingRequest>,
    idempotent: bool,
    deadline: Instant,
}

impl Copies {
    pub(super) fn new(
        shared: &Arc<NodeShared>,
        on_behalf: Option<Arc<Served>>,
        mut request: OutgoingRequest,
    ) -> Self {
        let wish = &mut request.wish;
        let shares = on_behalf.as_ref().filter(|_| !wish.bounds_only);
        let idempotent = wish.idempotency_key.is_some()
            || shares.is_some_and(|outer| outer.budget.idempotency_key.is_some());
        if wish.trace.is_none() && shares.is_none() {
            wish.trace = Some(shared.new_span());
        }
        let now = Instant::now();
        // Inside of another request that one's deadline is the default, and the latest.
        let outer = on_behalf.as_ref().map(|outer| outer.budget.deadline);
        let default = || outer.unwrap_or_else(|| after(now, shared.config.request_deadline));
        let deadline = wish.deadline.map_or_else(default, |own| after(now, own));
        Self { shared: Arc::clone(shared), on_behalf, request: Some(request), idempotent, deadline }
    }

    /// Whether serving it twice does no harm.
    pub(super) fn are_idempotent(&self) -> bool {
        self.idempotent
    }

    /// One for this candidate; sent when polled. `None` if there can be no more.
    pub(super) fn open(&mut self, candidate: &Candidate) -> Option<Opening> {
        let again = self.request.as_ref().and_then(OutgoingRequest::again);
        let mut request = again.or_else(|| self.request.take())?;
        request.pattern = candidate.capability.clone().into();
        let (shared, on_behalf) = (Arc::clone(&self.shared), self.on_behalf.clone());
        let (peer, deadline) = (candidate.peer, self.deadline);
        Some(Box::pin(async move {
            request.wish.deadline = Some(deadline.saturating_duration_since(Instant::now()));
            shared.request(on_behalf, peer, request).await
        }))
    }
}
