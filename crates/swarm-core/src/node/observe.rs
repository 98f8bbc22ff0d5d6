//! Reliable observations: to each peer a feed, which outlives the connections that carry it.
//!
//! ```text
//! publisher                              subscriber
//!   Feed(number) ────────────────────────►│
//!   │◄──────────────────── Position(next) │ where to go on
//!   Observation… ────────────────────────►│ reliable queue of the agent
//!   │◄──────────────────── Position(next) │ everything before it was taken
//! ```
//!
//! | publishing | receiving |
//! |---|---|
//! | `feeds`: the feeds of all peers, and how long each is kept | `feed_reader`: takes a feed, and says how far it has come |
//! | `feed`: what one peer is still to get, and has come so far | `inbox`: the agent's queue, with as much room as is left |
//! | `feed_writer`: carries it on the connection in use | |

mod feed;
mod feed_reader;
mod feed_writer;
mod feeds;
mod inbox;

pub(super) use self::feed::Feed;
pub(super) use self::feed_reader::read_feed;
pub(super) use self::feed_writer::write_feed;
pub(crate) use self::feeds::Feeds;
pub(super) use self::feeds::expire;
pub(crate) use self::inbox::ReliableInbox;
pub(super) use self::inbox::{ReliableItem, ReliableQueue, Turns};
