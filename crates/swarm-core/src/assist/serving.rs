//! What the frames of a request mean to whoever serves it: a body that ends once, or a request that is given up.

use swarm_proto::{Chunk, RequestFrame, ResetCode};

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
    Cancelled(ResetCode),
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
            Heard::Frame(RequestFrame::Head(_) | RequestFrame::Resume(_) | RequestFrame::Feed(_)) => {
                malformed("a second head")
            }
            Heard::Ended => malformed("the body ended without its last frame"),
            Heard::Nonsense(reason) => BodyStep::Malformed(reason),
            Heard::Reset(code) => BodyStep::Cancelled(code),
            Heard::Lost => BodyStep::Lost,
        };
        self.over = true;
        step
    }

    /// The agent wants no more of it.
    pub(crate) fn give_up(&mut self) {
        self.over = true;
    }
}

fn malformed(reason: &str) -> BodyStep {
    BodyStep::Malformed(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use swarm_proto::{RequestHead, RequestId, Resume};

    use super::*;

    fn any_heard() -> impl Strategy<Value = Heard<RequestFrame>> {
        let id = RequestId::from_random([7; 16]);
        let head = RequestHead::new(id, "test.echo".parse().unwrap());
        prop_oneof![
            8 => any::<u8>().prop_map(|n| Heard::Frame(RequestFrame::Chunk(Chunk::new("", vec![n])))),
            1 => prop_oneof![
                Just(Heard::Frame(RequestFrame::End)),
                Just(Heard::Frame(RequestFrame::Head(head))),
                any::<u64>().prop_map(move |from| Heard::Frame(RequestFrame::Resume(Resume { id, from }))),
                any::<u32>().prop_map(|code| Heard::Reset(ResetCode::from_u32(code))),
                Just(Heard::Ended),
                Just(Heard::Lost),
                Just(Heard::Nonsense("nonsense".to_owned())),
            ],
        ]
    }

    proptest! {
        #[test]
        fn a_body_ends_once_and_as_what_it_is(all in proptest::collection::vec(any_heard(), 0..40)) {
            let (mut serving, mut over) = (Serving::default(), false);
            for heard in all {
                let step = serving.hear(heard.clone());
                let expected = match heard {
                    _ if over => step == BodyStep::Nothing,
                    Heard::Frame(RequestFrame::Chunk(chunk)) => step == BodyStep::Chunk(chunk),
                    Heard::Frame(RequestFrame::End) => step == BodyStep::Complete,
                    Heard::Reset(code) => step == BodyStep::Cancelled(code),
                    Heard::Lost => step == BodyStep::Lost,
                    // Its end without the last frame is no end.
                    Heard::Frame(_) | Heard::Ended | Heard::Nonsense(_) => {
                        matches!(step, BodyStep::Malformed(_))
                    }
                };
                prop_assert!(expected, "{step:?}");
                over |= !matches!(step, BodyStep::Chunk(_));
            }
        }
    }

    #[test]
    fn nothing_follows_for_an_agent_that_wants_no_more() {
        let mut serving = Serving::default();
        serving.give_up();

        assert_eq!(serving.hear(Heard::Frame(RequestFrame::End)), BodyStep::Nothing);
        assert_eq!(serving.hear(Heard::Reset(ResetCode::Cancelled)), BodyStep::Nothing);
    }
}
