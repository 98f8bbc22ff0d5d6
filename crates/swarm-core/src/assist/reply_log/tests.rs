//! The log beside a model that forgets nothing.

use proptest::prelude::*;

use super::*;

const KEEP: usize = 400;

#[derive(Debug, Clone)]
enum Step {
    Chunk { size: usize },
    Artefact { name: usize, revision: u32, size: usize },
    Note,
    Take { stream: usize },
    Resume { stream: usize, back: u64 },
    End,
    CutOff,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..60).prop_map(|size| Step::Chunk { size }),
        4 => (0_usize..2, 0_u32..6, 0_usize..60)
            .prop_map(|(name, revision, size)| Step::Artefact { name, revision, size }),
        2 => Just(Step::Note),
        16 => (0_usize..2).prop_map(|stream| Step::Take { stream }),
        2 => (0_usize..2, 0_u64..12).prop_map(|(stream, back)| Step::Resume { stream, back }),
    ]
}

fn lives() -> impl Strategy<Value = Vec<Step>> {
    let last = prop_oneof![3 => Just(Step::End), 1 => Just(Step::CutOff)];
    let takes = proptest::collection::vec((0_usize..2).prop_map(|stream| Step::Take { stream }), 40);
    (proptest::collection::vec(steps(), 0..80), last, takes).prop_map(|(mut steps, last, takes)| {
        steps.push(last);
        steps.extend(takes);
        steps
    })
}

const NAMES: [&str; 2] = ["map", "plan"];

/// Everything that was ever pushed, and where each of it is.
#[derive(Default)]
struct Model {
    pushed: u8,
    unsent: Vec<(Option<(usize, u32)>, Bytes)>,
    sent: Vec<Bytes>,
    note: Option<Bytes>,
    outcome: Option<Outcome>,
}

impl Model {
    /// Each frame is another one.
    fn frame(&mut self, size: usize) -> Bytes {
        self.pushed += 1;
        vec![self.pushed; size + 1].into()
    }

    /// The number of the first that the ring must still hold: as many of the last as fit.
    fn oldest_kept(&self, keep: usize) -> u64 {
        let mut left = keep;
        let fitting = self.sent.iter().rev().take_while(|frame| match left.checked_sub(cost(frame)) {
            Some(less) => {
                left = less;
                true
            }
            None => false,
        });
        (self.sent.len() - fitting.count()) as u64
    }
}

/// What one stream has been given: the number that it must get next.
struct Stream {
    cursor: Cursor,
    next: u64,
    resumed: bool,
}

fn take(
    log: &mut ReplyLog,
    model: &mut Model,
    stream: &mut Stream,
    keep: usize,
) -> Result<(), TestCaseError> {
    let oldest = model.oldest_kept(keep);
    match log.take(&mut stream.cursor) {
        Next::Position(number) => {
            prop_assert!(stream.resumed || stream.next < oldest, "a position out of place");
            prop_assert_eq!(number, stream.next.max(oldest));
            (stream.next, stream.resumed) = (number, false);
        }
        _ if stream.resumed => prop_assert!(false, "a resumed stream says where it begins"),
        Next::Frame(frame) if Some(&frame) == model.note.as_ref() => model.note = None,
        Next::Frame(frame) => {
            if stream.next == model.sent.len() as u64 {
                prop_assert!(!model.unsent.is_empty());
                model.sent.push(model.unsent.remove(0).1);
            }
            prop_assert_eq!(Some(&frame), model.sent.get(stream.next as usize));
            stream.next += 1;
        }
        Next::End(outcome) => {
            prop_assert_eq!((Some(&outcome), model.unsent.len()), (model.outcome.as_ref(), 0));
            prop_assert_eq!((stream.next, &model.note), (model.sent.len() as u64, &None));
        }
        Next::Wait => {
            prop_assert!(model.unsent.is_empty() && model.note.is_none() && model.outcome.is_none());
            prop_assert_eq!(stream.next, model.sent.len() as u64);
        }
    }
    Ok(())
}

fn push(
    log: &mut ReplyLog,
    model: &mut Model,
    artefact: Option<(usize, u32)>,
    size: usize,
) -> Result<(), TestCaseError> {
    let frame = model.frame(size);
    let room = model.unsent.len() < UNSENT;
    let taken = match artefact {
        None => log.push(&frame),
        Some((name, revision)) => log.push_artefact(NAMES[name], revision, &frame),
    };
    let waiting = artefact.and_then(|(name, _)| {
        model.unsent.iter_mut().find(|(other, _)| other.is_some_and(|(other, _)| other == name))
    });
    match (waiting, artefact) {
        (Some(waiting), Some((name, revision))) => {
            prop_assert!(taken, "an artefact that waits costs no room");
            if waiting.0 <= Some((name, revision)) {
                *waiting = (artefact, frame);
            }
        }
        _ => {
            prop_assert_eq!(taken, room);
            if taken {
                model.unsent.push((artefact, frame));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_stream_gets_every_chunk_once_and_in_order_or_is_told_which_are_lost(
        steps in lives(),
        keep in prop_oneof![Just(KEEP), 0_usize..800],
    ) {
        let (mut log, mut model) = (ReplyLog::new(keep), Model::default());
        let mut streams =
            [0, 1].map(|_| Stream { cursor: Cursor::start(), next: 0, resumed: false });
        for step in steps {
            match step {
                Step::Chunk { size } => push(&mut log, &mut model, None, size)?,
                Step::Artefact { name, revision, size } => {
                    push(&mut log, &mut model, Some((name, revision)), size)?;
                }
                Step::Note => {
                    let note = model.frame(0);
                    log.push_note(note.clone());
                    model.note = Some(note);
                }
                Step::Take { stream } => take(&mut log, &mut model, &mut streams[stream], keep)?,
                Step::Resume { stream, back } => {
                    let from = (model.sent.len() as u64).saturating_sub(back);
                    prop_assert!(log.has_reached(from) && !log.has_reached(from + back + 1));
                    streams[stream] = Stream { cursor: Cursor::resumed(from), next: from, resumed: true };
                }
                Step::End => {
                    log.end(Outcome::Completed);
                    log.end(Outcome::Idle);
                    model.outcome = Some(Outcome::Completed);
                }
                Step::CutOff => {
                    log.cut_off(Outcome::Idle);
                    (model.unsent, model.note, model.outcome) = (Vec::new(), None, Some(Outcome::Idle));
                }
            }
            prop_assert_eq!(log.is_waiting(), !model.unsent.is_empty());
            prop_assert!(log.unsent.len() <= UNSENT && log.sent_bytes <= keep);
            prop_assert_eq!(log.sent_bytes, log.sent.iter().map(cost).sum::<usize>());
        }
    }
}

fn frame(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_stream_that_falls_behind_the_ring_is_told_what_it_missed() {
    let mut log = ReplyLog::new(2 * cost(&frame("0")));
    let (mut slow, mut fast) = (Cursor::start(), Cursor::start());
    for text in ["0", "1", "2", "3"] {
        assert!(log.push(&frame(text)));
        assert_eq!(log.take(&mut fast), Next::Frame(frame(text)));
    }

    assert_eq!(log.take(&mut slow), Next::Position(2));
    assert_eq!(log.take(&mut slow), Next::Frame(frame("2")));
}

#[test]
fn a_late_revision_takes_the_place_of_the_one_that_waits_even_when_there_is_no_room() {
    let mut log = ReplyLog::new(0);
    assert!(log.push_artefact("map", 1, &frame("draft")));
    (1..UNSENT).for_each(|_| assert!(log.push(&frame("chunk"))));
    assert!(!log.push(&frame("chunk")) && !log.push_artefact("plan", 1, &frame("plan")));

    assert!(log.push_artefact("map", 3, &frame("final")));
    assert!(log.push_artefact("map", 2, &frame("late")));

    assert_eq!(log.take(&mut Cursor::start()), Next::Frame(frame("final")));
}
