//! What the frames of a request mean to whoever serves it: a body that ends once, or a request that is given up.

use swarm_proto::{Chunk, RequestFrame};

use super::Heard;

/// The body of one request on its way in, after the head. After its end it says nothing more, whatever comes.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    over: bool,
}

/// What follows for whoever serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyStep {
    Chunk(Chunk),
    /// The body is complete.
    Complete,
    /// The requester wants no answer any more.
    Cancelled,
    /// The connection is gone.
    Lost,
    Malformed(String),
    /// Nothing follows.
    Nothing,
}

impl Serving {
    /// Takes what came next on the stream.
    pub(crate) fn hear(&mut self, heard: Heard<RequestFrame>) -> BodyStep {
        if self.over {
            return BodyStep::Nothing;
        }
        let step = match heard {
            Heard::Frame(RequestFrame::Chunk(chunk)) => return BodyStep::Chunk(chunk),
            Heard::Frame(RequestFrame::End) => BodyStep::Complete,
            Heard::Frame(RequestFrame::Head(_) | RequestFrame::Resume(_)) => malformed("a second head"),
            Heard::Ended => malformed("the body ended without its last frame"),
            Heard::Nonsense(reason) => BodyStep::Malformed(reason),
            Heard::Reset(_) => BodyStep::Cancelled,
            Heard::Lost => BodyStep::Lost,
        };
        self.over = true;
        step
    }

    /// Whether the body was read to its end, or to where it was given up.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The agent wants no more of it.
    pub(crate) fn give_up(&mut self) {
        self.over = true;
    }
}

fn malformed(reason: &str) -> BodyStep {
    BodyStep::Malformed(reason.to_owned())
}
