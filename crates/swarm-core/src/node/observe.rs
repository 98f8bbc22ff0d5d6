//! The tasks and handles around observations: publishing them, taking them in. What is decided about them is decided in
//! [`crate::observe`].
//!
//! | | publishing | receiving |
//! |---|---|---|
//! | all | `publish`: one observation to all who want it | `inbox`: what the agent is told, in its order |
//! | lossy and latest | the outbox of each [`PeerConnection`](super::peer_connection) | `datagrams`: moves them both ways |
//! | reliable | `feeds`: of all peers, and how long each is kept; `feed`: of one peer; `feed_writer`: carries it on the connection in use | `feed_reader`: takes one, and says how far it has come; `reliable_inbox`: with as much room as is left |
//!
//! ```text
//! publisher                              subscriber
//!   Feed(number) ────────────────────────►│
//!   │◄──────────────────── Position(next) │ where to go on
//!   Observation… ────────────────────────►│ reliable queue of the agent
//!   │◄──────────────────── Position(next) │ everything before it was taken
//! ```

mod datagrams;
mod feed;
mod feed_reader;
mod feed_writer;
mod feeds;
mod inbox;
mod keep;
mod outgoing;
mod pass_on;
mod publish;
mod reliable_inbox;
mod sealed;

pub(super) use self::datagrams::{
    Ended, move_datagrams, refuse_what_has_come, take_in_parked, take_in_what_has_come,
};
pub(super) use self::feed::Feed;
pub(super) use self::feed_reader::read_feed;
pub(super) use self::feed_writer::write_feed;
pub(crate) use self::feeds::Feeds;
pub(super) use self::feeds::expire;
pub(crate) use self::inbox::{AgentInbox, Told};
pub(super) use self::keep::{MarksFile, keep_marks};
pub use self::outgoing::OutgoingObservation;
pub use self::publish::{NotHanded, Receipt};
pub(crate) use self::reliable_inbox::ReliableInbox;
pub(super) use self::reliable_inbox::{ReliableItem, ReliableQueue};
