//! Asks the questions of one event of the timeline.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use swarm_core::{AssistError, Capability, Chunk, NodeHandle, OutgoingRequest, ReplyStream};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Interval, MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use crate::{
    cluster::Roster,
    registry::{Question, Questions},
    scenario::Ask,
    tally::Tally,
};

/// Longest answer that is kept for its judge. A longer one is not right.
const MOST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Asks until all is asked, the questions end, or the window closes; then waits for the answers under way.
pub(super) struct Asker {
    pub(super) plan: Ask,
    pub(super) ledger: Arc<Ledger>,
    /// The number of the group of those who ask.
    pub(super) group: usize,
    pub(super) content: Source,
    pub(super) roster: Arc<Roster>,
    /// Each counts what is asked while it looks.
    pub(super) tallies: Vec<Arc<Tally>>,
    pub(super) closing: CancellationToken,
    pub(super) notices: mpsc::Sender<String>,
}

/// Where the questions come from.
pub(super) enum Source {
    /// A registered source.
    Questions(Questions),
    /// The same text each time, judged if there is something to expect.
    Payload { payload: Bytes, expect: Option<String> },
}

/// One question on its way.
struct Errand {
    asker: NodeHandle,
    asked: NodeHandle,
    request: OutgoingRequest,
    question: Option<Question>,
    /// When to give up.
    cancel_after: Option<Duration>,
    books: Books,
}

/// Where it is written down what becomes of a question.
#[derive(Clone)]
struct Books {
    tallies: Vec<Arc<Tally>>,
    ledger: Arc<Ledger>,
    group: usize,
    capability: Capability,
}

impl Asker {
    pub(super) async fn run(mut self) {
        let mut interval = self.interval();
        // In an open loop nothing is waited for but the time.
        let wait_below = if self.plan.open_loop { usize::MAX } else { self.plan.in_flight };
        let mut under_way = JoinSet::new();
        let mut turns = (0, 0);
        for number in 0..self.plan.count {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                () = until_next(&mut interval, &mut under_way, wait_below) => {}
            }
            let Some((payload, question)) = self.content.next() else {
                self.ledger.exhausted();
                let _ =
                    self.notices.try_send(format!("the questions for {} ended after {number}", self.plan.to));
                break;
            };
            self.ledger.asked();
            if question.is_some() {
                for tally in self.looking() {
                    tally.question_asked(self.group, &self.plan.capability);
                }
            }
            if under_way.len() >= self.plan.in_flight {
                self.too_many();
                continue;
            }
            match self.errand(&mut turns, payload, question) {
                Some(errand) => drop(under_way.spawn(errand.run())),
                None => self.nobody_there(),
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    fn interval(&self) -> Option<Interval> {
        let mut interval = (!self.plan.every.is_zero()).then(|| tokio::time::interval(self.plan.every));
        if let Some(interval) = &mut interval {
            // Questions that had to wait are not made up for, as they would come all at once. In an open loop none has
            // to wait for another, and the rate is what counts.
            let late =
                if self.plan.open_loop { MissedTickBehavior::Burst } else { MissedTickBehavior::Delay };
            interval.set_missed_tick_behavior(late);
        }
        interval
    }

    fn errand(
        &self,
        turns: &mut (usize, usize),
        payload: Bytes,
        question: Option<Question>,
    ) -> Option<Errand> {
        let (_, asker) = self.roster.next(&self.plan.from, &mut turns.0, None)?;
        let (_, asked) = self.roster.next(&self.plan.to, &mut turns.1, Some(asker.id()))?;
        let request = OutgoingRequest::new(self.plan.capability.clone().into())
            .payload(payload)
            .deadline(self.plan.deadline)
            .lane(self.plan.lane);
        let books = Books {
            tallies: self.looking().cloned().collect(),
            ledger: self.ledger.clone(),
            group: self.group,
            capability: self.plan.capability.clone(),
        };
        Some(Errand { asker, asked, request, question, cancel_after: self.plan.cancel_after, books })
    }

    /// The tallies that count what begins now.
    fn looking(&self) -> impl Iterator<Item = &Arc<Tally>> {
        self.tallies.iter().filter(|tally| tally.window().contains(tally.now()))
    }

    fn too_many(&self) {
        self.looking().for_each(|tally| tally.request_not_sent(self.group, &self.plan.capability));
        self.ledger.skipped();
        let Ask { from, to, in_flight, .. } = &self.plan;
        let _ = self.notices.try_send(format!(
            "{from} asks {to}, but {in_flight} questions are without an answer already, so some were not sent"
        ));
    }

    fn nobody_there(&self) {
        self.looking().for_each(|tally| tally.request_not_sent(self.group, &self.plan.capability));
        self.ledger.skipped();
        let Ask { from, to, .. } = &self.plan;
        let _ = self.notices.try_send(format!("{from} asks {to}, but nobody runs on one of the two sides"));
    }
}

/// Waits for the moment of the next question and until fewer than `in_flight` are under way.
async fn until_next(interval: &mut Option<Interval>, under_way: &mut JoinSet<()>, in_flight: usize) {
    if let Some(interval) = interval {
        interval.tick().await;
    }
    // Those that have ended are taken off, or they would be kept until the end.
    while under_way.try_join_next().is_some() {}
    while under_way.len() >= in_flight {
        under_way.join_next().await;
    }
}

impl Source {
    /// The next thing to say, with a judge if there is one.
    fn next(&mut self) -> Option<(Bytes, Option<Question>)> {
        match self {
            Self::Questions(questions) => {
                let question = questions.next()?;
                Some((question.payload().clone(), Some(question)))
            }
            Self::Payload { payload, expect } => {
                let question = expect.clone().map(|expect| {
                    Question::new(payload.clone(), move |answer| joined(answer).contains(&expect))
                });
                Some((payload.clone(), question))
            }
        }
    }
}

fn joined(answer: &[Chunk]) -> String {
    let bytes: Vec<u8> = answer.iter().flat_map(|chunk| chunk.payload.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Errand {
    async fn run(self) {
        let Self { asker, asked, request, question, cancel_after, books } = self;
        let ask = async {
            match asker.request(asked.id(), request).await {
                Ok(reply) => answer(reply).await.map_err(Unanswered::Failed),
                Err(error) if was_not_sent(&error) => Err(Unanswered::NotSent(error)),
                Err(error) => Err(Unanswered::Failed(error)),
            }
        };
        // Letting go of the reply is what cancels.
        match timeout(cancel_after.unwrap_or(Duration::MAX), ask).await {
            Err(_) => books.ledger.given_up(),
            Ok(Err(Unanswered::NotSent(error))) => books.not_sent(&error),
            Ok(Err(Unanswered::Failed(error))) => books.ledger.failed(&error),
            Ok(Ok(answer)) => {
                books.ledger.completed();
                if let Some(question) = question {
                    books.judge(question, answer.as_deref());
                }
            }
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    /// No node knows of the request.
    NotSent(AssistError),
    Failed(AssistError),
}

/// Whether our own node refused to send it; everything else the node itself traces.
fn was_not_sent(error: &AssistError) -> bool {
    matches!(
        error,
        AssistError::NotConnected(_)
            | AssistError::NotReady(_)
            | AssistError::Overloaded { .. }
            | AssistError::Busy { .. }
    )
}

impl Books {
    fn not_sent(&self, error: &AssistError) {
        self.tallies.iter().for_each(|tally| tally.request_not_sent(self.group, &self.capability));
        self.ledger.not_sent(error);
    }

    fn judge(&self, question: Question, answer: Option<&[Chunk]>) {
        let asked = question.payload().clone();
        if answer.is_some_and(|answer| question.judge(answer)) {
            self.tallies.iter().for_each(|tally| tally.answered_rightly(self.group, &self.capability));
        } else {
            self.ledger.wrong(&asked, answer);
        }
    }
}

/// The whole answer once it came to its end, or nothing of one that is too long to be judged.
async fn answer(mut reply: ReplyStream) -> Result<Option<Vec<Chunk>>, AssistError> {
    let mut chunks = Vec::new();
    let mut bytes = 0_usize;
    while let Some(chunk) = reply.next_chunk().await? {
        bytes = bytes.saturating_add(chunk.payload.len());
        // Read on to its end all the same: the request itself is a good one.
        if bytes <= MOST_ANSWER_BYTES {
            chunks.push(chunk);
        }
    }
    Ok((bytes <= MOST_ANSWER_BYTES).then_some(chunks))
}
