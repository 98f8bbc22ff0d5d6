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
                let refused = matches!(
                    outcome,
                    Outcome::Busy { .. }
                        | Outcome::NoSuchCapability
                        | Outcome::NotPermitted
                        | Outcome::ShutDown
                );
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
        Outcome::NotPermitted => AssistError::NotPermitted,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use swarm_proto::{Artefact, Chunk, Progress};

    use super::*;

    fn chunk(number: u64) -> Heard<ReplyFrame> {
        Heard::Frame(ReplyFrame::Chunk(Chunk::new("", number.to_string())))
    }

    fn position(number: u64) -> Heard<ReplyFrame> {
        Heard::Frame(ReplyFrame::Position(number))
    }

    fn any_heard() -> impl Strategy<Value = Heard<ReplyFrame>> {
        let end = |outcome| Heard::Frame(ReplyFrame::End(outcome));
        prop_oneof![
            12 => any::<u64>().prop_map(chunk),
            4 => any::<u32>().prop_map(|n| Heard::Frame(ReplyFrame::Artefact(Artefact::new("a", n, 1, "")))),
            4 => Just(Heard::Frame(ReplyFrame::Progress(Progress::default()))),
            4 => (0_u64..12).prop_map(position),
            1 => any::<u64>().prop_map(position),
            2 => Just(Heard::Lost),
            1 => prop_oneof![
                Just(end(Outcome::Completed)),
                Just(end(Outcome::UnknownRequest)),
                any::<u32>().prop_map(move |ms| end(Outcome::Busy { retry_after_ms: ms })),
                any::<u32>().prop_map(|code| Heard::Reset(ResetCode::from_u32(code))),
                Just(Heard::Ended),
                Just(Heard::Nonsense("nonsense".to_owned())),
            ],
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_there_is_one_end_and_nothing_after_it(
            resumable: bool,
            all in proptest::collection::vec(any_heard(), 0..60),
        ) {
            let mut asking = Asking::new(resumable);
            let (mut number, mut over) = (0, false);
            for heard in all {
                let told = asking.hear(heard.clone());
                match told {
                    _ if over => prop_assert_eq!(told, Told::Nothing),
                    Told::Reply(reply) => {
                        number += u64::from(!matches!(reply, Reply::Progress(_)));
                        let same = match reply {
                            Reply::Chunk(chunk) => ReplyFrame::Chunk(chunk),
                            Reply::Artefact(artefact) => ReplyFrame::Artefact(artefact),
                            Reply::Progress(note) => ReplyFrame::Progress(note),
                        };
                        prop_assert_eq!(Heard::Frame(same), heard);
                    }
                    Told::End(Err(AssistError::Gap { from, to })) => {
                        over = true;
                        prop_assert_eq!((from, position(to)), (number, heard));
                        prop_assert!(from < to);
                    }
                    Told::End(_) => over = true,
                    Told::Resume { from } => {
                        prop_assert_eq!((from, resumable, heard), (number, true, Heard::Lost));
                    }
                    Told::Nothing => prop_assert_eq!(heard, position(number)),
                }
                prop_assert_eq!(asking.is_over(), over);
            }
            prop_assert_eq!(asking.give_up(AssistError::Idle).is_some(), !over);
            prop_assert_eq!(asking.hear(chunk(1)), Told::Nothing);
        }

        /// The responder goes on where it was asked to, or further on if it does not have that any more.
        #[test]
        fn a_reply_that_is_cut_anywhere_is_whole_or_has_an_exact_gap(
            cuts in proptest::collection::vec((0_u64..6, 0_u64..8), 0..6),
        ) {
            let mut asking = Asking::new(true);
            let mut next = 0;
            for (sent, lost) in cuts {
                for number in next..next + sent {
                    prop_assert!(matches!(asking.hear(chunk(number)), Told::Reply(Reply::Chunk(_))));
                }
                next += sent;
                prop_assert_eq!(asking.hear(Heard::Lost), Told::Resume { from: next });
                let kept = lost.saturating_sub(6);
                let told = asking.hear(position(next + kept));
                if kept > 0 {
                    prop_assert_eq!(told, Told::End(Err(AssistError::Gap { from: next, to: next + kept })));
                    return Ok(());
                }
                prop_assert_eq!(told, Told::Nothing);
            }
            let end = Heard::Frame(ReplyFrame::End(Outcome::Completed));
            prop_assert_eq!(asking.hear(end), Told::End(Ok(())));
        }
    }

    #[test]
    fn without_being_resumable_a_lost_connection_is_the_end() {
        let mut asking = Asking::new(false);
        asking.hear(chunk(0));

        assert_eq!(asking.hear(Heard::Lost), Told::End(Err(AssistError::PeerLost)));
    }

    #[test]
    fn only_an_outcome_is_an_orderly_end() {
        for heard in [Heard::Ended, Heard::Reset(ResetCode::Cancelled), Heard::Nonsense("x".to_owned())] {
            let told = Asking::new(true).hear(heard.clone());
            assert!(matches!(told, Told::End(Err(_))), "{heard:?} {told:?}");
        }
    }

    #[test]
    fn a_position_is_nonsense_if_nobody_asked_or_if_it_goes_back() {
        let mut plain = Asking::new(false);
        assert!(matches!(plain.hear(position(0)), Told::End(Err(AssistError::Malformed { .. }))));

        let mut resumed = Asking::new(true);
        resumed.hear(chunk(0));
        assert!(matches!(resumed.hear(position(0)), Told::End(Err(AssistError::Malformed { .. }))));
    }

    #[test]
    fn a_refusal_counts_as_one_only_before_the_first_chunk() {
        let busy = || Heard::Frame(ReplyFrame::End(Outcome::Busy { retry_after_ms: 5 }));
        let mut at_once = Asking::new(false);
        at_once.hear(busy());
        let mut late = Asking::new(false);
        late.hear(chunk(0));
        late.hear(busy());

        assert!(at_once.was_turned_away() && !late.was_turned_away());
    }
}
