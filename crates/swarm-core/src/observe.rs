//! Decides about observations: which are new, wanted and in time, what waits where, and what goes when.
//!
//! State machines without IO: observations and the time go in, what is due comes out. The tasks that wait for them live
//! in `node/observe`.
//!
//! ```text
//!  publisher ─► Subscriptions ─► Outbox of each peer ─► datagrams ─► Pace ─► Intake ─► Inbox ─► agent
//!                (wanted?)       (when? what makes room?)        (too many?) (new?)  (whose turn?)
//!            ─► FeedLog of each peer ─► a stream ─► Position ─► agent          what is reliable
//! ```
//!
//! What is sealed waits for the grant of its origin if need be ([`parked`]), is remembered by the intake for as long as
//! somebody may pass it on, over a restart too ([`marks`]), and goes to nobody who has it ([`holders`]).

pub(crate) mod duplicates;
pub(crate) mod feed_log;
pub(crate) mod feed_position;
pub(crate) mod holders;
pub(crate) mod inbox;
pub(crate) mod intake;
pub(crate) mod marks;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod parked;
pub(crate) mod share;
pub(crate) mod subscriptions;
pub(crate) mod waiting;

#[cfg(test)]
mod instructions;
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
