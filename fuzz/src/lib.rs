//! Bytes and texts that nobody would write, for everything that reads what comes from outside.
//!
//! A [`Target`] gives its input to one reader and panics when a property does not hold:
//!
//! - The reader does not panic.
//! - For what peers send it allocates at most 64 times the size of its input and 1 KiB, all allocations of a call added
//!   up; for what people write for themselves 2,048 times and 16 KiB.
//! - What it has read is read again from what it is written as.
//!
//! The tests replay `corpora/`, one directory for each target; the program looks for further inputs, guided by what they
//! reach (`just fuzz`). An input that broke something stays in the corpus.

mod certificate;
mod framing;
mod measure;
mod messages;
mod preamble;
mod scenario;
mod text;

pub use measure::greatest_share;

use swarm_proto::{ControlFrame, FeedPosition, Grant, ReplyFrame, RequestFrame, Revocations};

/// A reader and the properties that it must have.
///
/// ```
/// let guard = swarm_fuzz::target("guard").unwrap();
/// (guard.run)(&[0x92, 0x01, 0xc1]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called, as is the directory of its corpus.
    pub name: &'static str,
    /// Gives the reader an input. It panics when a property does not hold.
    pub run: fn(&[u8]),
}

/// All targets, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "certificate", run: certificate::certificate },
    Target { name: "control", run: messages::frame::<ControlFrame> },
    Target { name: "datagram", run: messages::datagram },
    Target { name: "feed", run: messages::feed },
    Target { name: "feed-position", run: messages::frame::<FeedPosition> },
    Target { name: "framing", run: framing::framing },
    Target { name: "grant", run: messages::statement::<Grant> },
    Target { name: "guard", run: messages::guard },
    Target { name: "hello", run: messages::hello },
    Target { name: "observation", run: messages::observation },
    Target { name: "preamble", run: preamble::preamble },
    Target { name: "reply", run: messages::frame::<ReplyFrame> },
    Target { name: "request", run: messages::frame::<RequestFrame> },
    Target { name: "revocations", run: messages::statement::<Revocations> },
    Target { name: "scenario", run: scenario::scenario },
    Target { name: "signed-grant", run: messages::signed::<Grant> },
    Target { name: "signed-revocations", run: messages::signed::<Revocations> },
    Target { name: "text", run: text::text },
    Target { name: "token", run: text::token },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
