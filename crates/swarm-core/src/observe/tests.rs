//! A feed over a series of connections that are lost at any moment, beside a model that forgets nothing.

use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;
use swarm_proto::FeedFrame;

use super::feed_log::FeedLog;
use super::feed_position::{Meaning, Position};

#[derive(Debug, Clone)]
enum Step {
    Push { size: usize },
    Send,
    Arrive,
    Acknowledge,
    AcknowledgementArrives,
    Lose,
    Connect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_usize..300).prop_map(|size| Step::Push { size }),
        8 => Just(Step::Send),
        6 => Just(Step::Arrive),
        3 => Just(Step::Acknowledge),
        3 => Just(Step::AcknowledgementArrives),
        1 => Just(Step::Lose),
        3 => Just(Step::Connect),
    ];
    proptest::collection::vec(step, 0..300)
}

/// What is under way on the present connection.
#[derive(Default)]
struct Connection {
    frames: VecDeque<FeedFrame>,
    acknowledgements: VecDeque<u64>,
}

struct Swarm {
    log: FeedLog,
    position: Position,
    connection: Option<Connection>,
    pushed: u64,
    /// What the publisher says is lost.
    lost: u64,
    /// What the subscriber has taken, and what it was told is missing.
    taken: Vec<u64>,
    missed: u64,
}

impl Swarm {
    fn new(max_bytes: usize) -> Self {
        Self {
            log: FeedLog::new(3, max_bytes),
            position: Position::default(),
            connection: None,
            pushed: 0,
            lost: 0,
            taken: Vec::new(),
            missed: 0,
        }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match (step, &mut self.connection) {
            (Step::Push { size }, _) => {
                self.pushed += 1;
                let mut encoded = self.pushed.to_be_bytes().to_vec();
                encoded.resize(8 + size, 0);
                self.lost += self.log.push(encoded.into());
            }
            (Step::Send, Some(connection)) => connection.frames.extend(self.log.take()),
            (Step::Arrive, Some(connection)) => {
                if let Some(frame) = connection.frames.pop_front() {
                    self.arrived(&frame)?;
                }
            }
            (Step::Acknowledge, Some(connection)) => {
                connection.acknowledgements.push_back(self.position.open(3));
            }
            (Step::AcknowledgementArrives, Some(connection)) => {
                if let Some(next) = connection.acknowledgements.pop_front() {
                    prop_assert_eq!(self.log.acknowledge(next), Ok(()));
                }
            }
            (Step::Lose, connection) => *connection = None,
            (Step::Connect, connection @ None) => {
                let lost = self.log.resume(self.position.open(3));
                prop_assert!(lost.is_ok());
                self.lost += lost.unwrap_or_default();
                *connection = Some(Connection::default());
            }
            _ => {}
        }
        Ok(())
    }

    fn arrived(&mut self, frame: &FeedFrame) -> Result<(), TestCaseError> {
        let content: [u8; 8] = frame.encoded[..8].try_into().unwrap();
        prop_assert_eq!(u64::from_be_bytes(content), frame.number, "numbers count what was pushed");
        match self.position.take(frame.number) {
            Meaning::Known => prop_assert!(false, "{} came twice", frame.number),
            Meaning::Next => {}
            Meaning::AfterGap(Some(missed)) => self.missed += missed,
            // Only the first can be of an unknown feed, and the model knows what was before it.
            Meaning::AfterGap(None) => {
                prop_assert!(self.taken.is_empty());
                self.missed += frame.number - 1;
            }
        }
        prop_assert!(self.taken.last().is_none_or(|last| *last < frame.number));
        self.taken.push(frame.number);
        prop_assert_eq!(self.taken.len() as u64 + self.missed, frame.number, "no gap goes untold");
        Ok(())
    }

    /// A last connection that holds.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.step(Step::Lose)?;
        self.step(Step::Connect)?;
        while self.log.has_next() {
            for step in [Step::Send, Step::Arrive, Step::Acknowledge, Step::AcknowledgementArrives] {
                self.step(step)?;
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_observation_arrives_once_and_in_order_or_is_counted_and_told(
        steps in steps(),
        max_bytes in prop_oneof![Just(usize::MAX), 0_usize..2000],
    ) {
        let mut swarm = Swarm::new(max_bytes);
        for step in steps {
            swarm.step(step)?;
        }
        swarm.settle()?;

        prop_assert_eq!(swarm.taken.len() as u64 + swarm.lost, swarm.pushed);
        prop_assert_eq!(swarm.missed, swarm.lost);
        prop_assert!(swarm.log.is_empty());
        prop_assert!(max_bytes < usize::MAX || swarm.lost == 0);
    }
}

#[test]
fn what_is_kept_stays_within_its_bytes() {
    let mut log = FeedLog::new(1, 10_000);
    for _ in 0..1000 {
        log.push(Bytes::from_static(&[0; 936]));
    }

    assert_eq!(log.len(), 10);
}
