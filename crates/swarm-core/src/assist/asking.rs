//! What the frames of a reply mean to whoever asked: each chunk once and in order, and exactly one end.

use std::time::Duration;

use swarm_proto::{Outcome, ReplyFrame, ResetCode};

use super::{Heard, Reply};
use crate::error::AssistError;

/// The asking side of one request. After its end it says nothing more, whatever comes.
#[derive(Debug)]
pub(crate) struct Asking {
    resumable: bool,
    /// The number of the next chunk or artefact.
    next: u64,
    over: bool,
    /// The responder has turned the request away before its agent saw it.
    turned_away: bool,
}

/// What follows for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Reply(Reply),
    /// The request is over; nothing follows.
    End(Result<(), AssistError>),
    /// The connection is gone, but the reply may go on over another one, from this number.
    Resume {
        from: u64,
    },
    /// Nothing to tell.
    Nothing,
}

impl Asking {
    pub(crate) fn new(resumable: bool) -> Self {
        Self { resumable, next: 0, over: false, turned_away: false }
    }

    /// Takes what came next on the stream.
    pub(crate) fn hear(&mut self, heard: Heard<ReplyFrame>) -> Told {
        if self.over {
            return Told::Nothing;
        }
        match heard {
            Heard::Frame(ReplyFrame::Chunk(chunk)) => self.count(Reply::Chunk(chunk)),
            Heard::Frame(ReplyFrame::Artefact(artefact)) => self.count(Reply::Artefact(artefact)),
            Heard::Frame(ReplyFrame::Progress(note)) => Told::Reply(Reply::Progress(note)),
            Heard::Frame(ReplyFrame::Position(number)) => self.position(number),
            Heard::Frame(ReplyFrame::End(outcome)) => {
                let refused =
                    matches!(outcome, Outcome::Busy { .. } | Outcome::NoSuchCapability | Outcome::ShutDown);
                self.turned_away = refused && self.next == 0;
                self.end(ending_of(outcome))
            }
            Heard::Reset(code) => self.end(Err(given_up(code))),
            Heard::Nonsense(reason) => self.end(Err(AssistError::Malformed { reason })),
            Heard::Lost if self.resumable => Told::Resume { from: self.next },
            // The end of the stream without an outcome is no end of the reply.
            Heard::Lost | Heard::Ended => self.end(Err(AssistError::PeerLost)),
        }
    }

    /// It ends for a reason on this side. `None` if it is over.
    pub(crate) fn give_up(&mut self, error: AssistError) -> Option<AssistError> {
        (!std::mem::replace(&mut self.over, true)).then_some(error)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether the responder's agent has surely not seen the request.
    pub(crate) fn was_turned_away(&self) -> bool {
        self.turned_away
    }

    fn count(&mut self, reply: Reply) -> Told {
        self.next += 1;
        Told::Reply(reply)
    }

    fn position(&mut self, number: u64) -> Told {
        match number {
            _ if !self.resumable => self.nonsense("a position in a reply that is not resumable"),
            number if number < self.next => self.nonsense("chunks that came before"),
            number if number > self.next => {
                let (from, to) = (self.next, number);
                self.end(Err(AssistError::Gap { from, to }))
            }
            _ => Told::Nothing,
        }
    }

    fn nonsense(&mut self, what: &str) -> Told {
        self.end(Err(AssistError::Malformed { reason: what.to_owned() }))
    }

    fn end(&mut self, ending: Result<(), AssistError>) -> Told {
        self.over = true;
        Told::End(ending)
    }
}

/// What an outcome is to the requester.
fn ending_of(outcome: Outcome) -> Result<(), AssistError> {
    Err(match outcome {
        Outcome::Completed => return Ok(()),
        Outcome::Declined { reason } => AssistError::Declined { reason },
        Outcome::Failed { error } => AssistError::Failed { error },
        Outcome::NoSuchCapability => AssistError::NoSuchCapability,
        Outcome::Busy { retry_after_ms } => {
            AssistError::Busy { retry_after: Duration::from_millis(retry_after_ms.into()) }
        }
        Outcome::DeadlineExceeded => AssistError::DeadlineExceeded,
        Outcome::Idle => AssistError::Idle,
        Outcome::HopLimit => AssistError::HopLimit,
        Outcome::Malformed { reason } => AssistError::Malformed { reason },
        Outcome::ShutDown => AssistError::ShutDown,
        // There is nothing left to go on with: what came so far is not all.
        Outcome::UnknownRequest => AssistError::PeerLost,
    })
}

/// What a reset by the responder is to the requester.
pub(crate) fn given_up(code: ResetCode) -> AssistError {
    match code {
        ResetCode::DeadlineExceeded => AssistError::DeadlineExceeded,
        ResetCode::Idle => AssistError::Idle,
        ResetCode::ShutDown => AssistError::ShutDown,
        ResetCode::Malformed => {
            AssistError::Malformed { reason: "the responder could not read the request".to_owned() }
        }
        _ => AssistError::Cancelled,
    }
}
