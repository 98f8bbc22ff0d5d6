//! Decides about reliable observations: what is kept for a peer that has not taken it yet, and what a frame means to
//! whoever receives it. State machines that take input and return output; whatever waits is in `node::observe`.

pub(crate) mod feed_log;
pub(crate) mod feed_position;

#[cfg(test)]
mod tests;

use swarm_proto::AgentId;

/// Reliable observations of one origin are lost for good: it published more than its buffer for this node holds while
/// this node was away or slow, or it gave this node up for a while.
///
/// ```
/// use swarm_core::{Agent, Context, Gap};
///
/// struct Ledger;
///
/// impl Agent for Ledger {
///     async fn on_gap(&self, cx: &Context, gap: Gap) {
///         // Whoever needs them all asks for what it missed.
///         let _ = cx.request_assistance(gap.origin, "ledger.snapshot", "").await;
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Whose observations are missing.
    pub origin: AgentId,
    /// How many; `None` if nobody knows, possibly none.
    pub missed: Option<u64>,
}
