//! Decides about observations: which are new, wanted and in time, what waits where, and what goes when.
//!
//! State machines without IO: observations and the time go in, what is due comes out. The tasks that wait for them live
//! in `node/observe`.
//!
//! ```text
//!  publisher ─► Subscriptions ─► Outbox of each peer ─► datagrams ─► Pace ─► Intake ─► Inbox ─► agent
//!                (wanted?)       (when? what makes room?)        (too many?) (new?)  (whose turn?)
//! ```

pub(crate) mod duplicates;
pub(crate) mod inbox;
pub(crate) mod intake;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod share;
pub(crate) mod subscriptions;
pub(crate) mod waiting;
