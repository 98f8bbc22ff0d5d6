//! The log of a reply, between the task of the agent and the stream that carries it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_proto::{Frame, Outcome, Progress, ReplyFrame};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::assist::budget::Budget;
use crate::assist::patience::{Expired, Patience};
use crate::assist::reply_log::{Cursor, Next, ReplyLog};
use crate::error::ReplyError;

/// A request that is being served: what it may cost, and its reply.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) budget: Budget,
    pub(super) reply: ReplyPipe,
    /// Nothing of the request is in the requester's hands any more.
    whole_body: AtomicBool,
    body_wanted: Notify,
}

impl Served {
    pub(super) fn new(budget: Budget, keep_bytes: usize, now: Instant) -> Self {
        let patience = Patience::new(now, budget.deadline, budget.idle_limit);
        let state = State { log: ReplyLog::new(keep_bytes), patience, noted_at: now };
        let reply = ReplyPipe { state: Mutex::new(state), filled: Notify::new(), room: Notify::new() };
        Self { budget, reply, whole_body: AtomicBool::new(false), body_wanted: Notify::new() }
    }

    /// The body has come to its end, or the agent wants no more of it.
    pub(super) fn body_ended(&self) {
        self.whole_body.store(true, Ordering::Release);
    }

    /// The agent waits for more of the body.
    pub(super) fn want_body(&self) {
        self.body_wanted.notify_one();
    }

    /// Waits until the agent waits. Cancel safe.
    pub(super) async fn body_wanted(&self) {
        self.body_wanted.notified().await;
    }

    pub(super) fn has_whole_body(&self) -> bool {
        self.whole_body.load(Ordering::Acquire)
    }

    /// Somebody who works for this request has made progress, and so has it. Its own requester hears of that often
    /// enough to know.
    pub(super) fn nested_progress(&self, now: Instant) {
        if let Some(idle_limit) = self.budget.idle_limit {
            self.reply.nested_progress(now, idle_limit);
        }
    }
}

#[derive(Debug)]
pub(super) struct ReplyPipe {
    state: Mutex<State>,
    filled: Notify,
    room: Notify,
}

#[derive(Debug)]
struct State {
    log: ReplyLog,
    patience: Patience,
    noted_at: Instant,
}

/// How many notes of progress go out per idle limit for what others do.
const NOTES_PER_IDLE_LIMIT: u32 = 4;

/// How often, at most, to look whether a slow requester still keeps a request from being idle. Its idle limit may be
/// tiny, and it may have many requests.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

impl ReplyPipe {
    /// Takes an encoded chunk, once there is room. Cancel safe.
    pub(super) async fn send(&self, frame: &Bytes) -> Result<(), ReplyError> {
        self.put(|log| log.push(frame)).await
    }

    /// Takes an encoded artefact: in place of an earlier revision that was not sent, or once there is room. Cancel safe.
    pub(super) async fn send_artefact(
        &self,
        name: &str,
        revision: u32,
        frame: &Bytes,
    ) -> Result<(), ReplyError> {
        self.put(|log| log.push_artefact(name, revision, frame)).await
    }

    /// Takes a note, in place of one that was not sent.
    pub(super) fn note(&self, progress: &Progress) -> Result<(), ReplyError> {
        let frame = ReplyFrame::Progress(progress.clone()).encode()?;
        let now = Instant::now();
        let mut state = self.state();
        if state.log.outcome().is_some() {
            return Err(ReplyError::Gone);
        }
        state.note(frame, now);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    fn nested_progress(&self, now: Instant, idle_limit: Duration) {
        let mut state = self.state();
        state.patience.moved(now);
        if now.saturating_duration_since(state.noted_at) < idle_limit / NOTES_PER_IDLE_LIMIT {
            return;
        }
        if let Ok(frame) = ReplyFrame::Progress(Progress::default()).encode() {
            state.note(frame, now);
            drop(state);
            self.filled.notify_one();
        }
    }

    async fn put(&self, push: impl Fn(&mut ReplyLog) -> bool) -> Result<(), ReplyError> {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state();
                if state.log.outcome().is_some() {
                    return Err(ReplyError::Gone);
                }
                if push(&mut state.log) {
                    state.patience.moved(Instant::now());
                    drop(state);
                    self.filled.notify_one();
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// The body has moved.
    pub(super) fn moved(&self) {
        self.state().patience.moved(Instant::now());
    }

    /// The reply ends like this, after what was sent. The first end stays.
    pub(super) fn end(&self, outcome: Outcome) {
        self.state().log.end(outcome);
        self.filled.notify_one();
    }

    /// The reply ends like this, at once.
    pub(super) fn cut_off(&self, outcome: Outcome) {
        self.state().log.cut_off(outcome);
        self.filled.notify_one();
        self.room.notify_one();
    }

    /// What the stream at this cursor sends next.
    pub(super) fn take(&self, cursor: &mut Cursor) -> Next {
        let mut state = self.state();
        let was_waiting = state.log.is_waiting();
        let next = state.log.take(cursor);
        if was_waiting {
            // That the requester takes what waited is progress as well.
            state.patience.moved(Instant::now());
            drop(state);
            self.room.notify_one();
        }
        next
    }

    /// Whether the reply has got as far as this number.
    pub(super) fn has_reached(&self, number: u64) -> bool {
        self.state().log.has_reached(number)
    }

    /// Waits until there may be something to take. Cancel safe.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Somebody else takes from here on.
    pub(super) fn hand_over(&self) {
        self.filled.notify_one();
    }

    /// Waits until the request has run out of time. While a reply waits for a slow requester it is not idle. Cancel safe.
    pub(super) async fn expired(&self) -> Expired {
        loop {
            let (expired, next) = {
                let mut state = self.state();
                let now = Instant::now();
                let waiting = state.log.is_waiting();
                if waiting {
                    state.patience.moved(now);
                }
                let next = state.patience.next_timeout();
                (state.patience.expired(now), if waiting { next.max(now + LOOK_PAUSE) } else { next })
            };
            match expired {
                Some(expired) => return expired,
                None => tokio::time::sleep_until(next).await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The log is whole after each of its methods, so a poisoned lock is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, frame: Bytes, now: Instant) {
        self.log.push_note(frame);
        self.patience.moved(now);
        self.noted_at = now;
    }
}
