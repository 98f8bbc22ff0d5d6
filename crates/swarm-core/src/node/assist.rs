//! Assistance: a request on a stream of its own, answered in chunks.
//!
//! ```text
//! requester                              responder
//!   Head, Chunk…, End ───────────────────►│ on_request
//!   │◄──────────── Chunk…, End(outcome) ──│
//! ```
//!
//! Both directions run at once. Resetting a direction cancels; ending it without its last frame means cut off.

mod body;
mod record;
mod reply_stream;
mod requester;
mod responder;

pub use self::reply_stream::ReplyStream;
pub use self::requester::OutgoingRequest;
pub(super) use self::requester::open;
pub(super) use self::responder::{Admission, serve};
pub use self::responder::{AssistanceRequest, Replies};
