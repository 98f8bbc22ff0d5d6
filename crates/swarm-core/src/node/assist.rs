//! Assistance: a request on a stream of its own, answered in chunks.
//!
//! ```text
//! requester                              responder
//!   Head, Chunk…, End ───────────────────►│ on_request
//!   │◄──────────── Chunk…, End(outcome) ──│
//! ```
//!
//! | asking | serving |
//! |---|---|
//! | `outgoing`: a request as its maker describes it | `responder`: a stream from its first frame on |
//! | `requester`: opens and resumes | `admission`: who is served, who waits |
//! | `reply_stream`, `body`: what the caller polls | `service`: the agent at work; `request`: what it holds |
//! | `record`: one trace event per end | `carrier`: body in, reply out; `reply_pipe` between the two |
//! | `route`: finds who replies; `first`: the first whole answer | `resumable`: replies that outlive a connection |
//! | `copies`: one request to several; `fan_in`: their replies | |
//!
//! Both directions run at once. Resetting a direction cancels; ending it without its last frame means cut off.

mod admission;
mod body;
mod carrier;
mod copies;
mod fan_in;
mod first;
mod outgoing;
mod record;
mod reply_pipe;
mod reply_stream;
mod request;
mod requester;
mod responder;
mod resumable;
mod route;
mod service;
mod turn;

pub(crate) use self::admission::Admission;
pub use self::fan_in::{FanIn, FanInEvent, FanInItem};
pub use self::first::Answer;
pub(super) use self::first::request_first;
pub use self::outgoing::OutgoingRequest;
pub(crate) use self::reply_pipe::Served;
pub use self::reply_stream::ReplyStream;
pub use self::request::{AssistanceRequest, Replies};
pub(super) use self::requester::open;
pub(super) use self::responder::serve;
pub(crate) use self::resumable::Resumables;
pub use self::route::Route;
pub(super) use self::route::{request_all, route};
