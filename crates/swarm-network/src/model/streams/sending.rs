//! What is said on a stream.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use swarm_core::transport::StreamError;
use swarm_proto::ResetCode;

use crate::model::wakers::Wakers;

#[derive(Debug)]
pub(super) struct Sending {
    pub(super) priority: i32,
    /// It waits for its turn.
    pub(super) is_queued: bool,
    /// Somebody may still write.
    pub(super) in_use: bool,
    ending: Ending,
    stopped: Option<ResetCode>,
    written: u64,
    /// How many bytes the peer takes.
    may_write: u64,
    /// Where what was not sent yet begins.
    sent: u64,
    unsent: VecDeque<Bytes>,
    writers: Wakers,
    stop_watchers: Wakers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    /// It ends behind what was written.
    Finishing,
    Finished,
    Reset,
}

impl Sending {
    pub(super) fn new(may_write: u64) -> Self {
        Self {
            priority: 0,
            is_queued: false,
            in_use: true,
            ending: Ending::Open,
            stopped: None,
            written: 0,
            may_write,
            sent: 0,
            unsent: VecDeque::new(),
            writers: Wakers::default(),
            stop_watchers: Wakers::default(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending != Ending::Open
    }

    pub(super) fn was_reset(&self) -> bool {
        self.ending == Ending::Reset
    }

    pub(super) fn is_over(&self) -> bool {
        !self.in_use && matches!(self.ending, Ending::Finished | Ending::Reset)
    }

    pub(super) fn has_something(&self) -> bool {
        !self.unsent.is_empty() || self.ending == Ending::Finishing
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        of_connection: u64,
    ) -> Poll<Result<usize, StreamError>> {
        if self.ending != Ending::Open {
            return Poll::Ready(Err(StreamError::Closed));
        }
        if let Some(code) = self.stopped {
            return Poll::Ready(Err(StreamError::Stopped(code)));
        }
        let room = usize::try_from(of_connection.min(self.may_write - self.written)).unwrap_or(usize::MAX);
        let taken = bytes.get(..room).unwrap_or(bytes);
        if taken.is_empty() && !bytes.is_empty() {
            self.writers.add(cx.waker());
            return Poll::Pending;
        }
        if !taken.is_empty() {
            self.unsent.push_back(Bytes::copy_from_slice(taken));
            self.written += taken.len() as u64;
        }
        Poll::Ready(Ok(taken.len()))
    }

    pub(super) fn finish(&mut self) -> Result<(), StreamError> {
        if self.ending != Ending::Open {
            return Err(StreamError::Closed);
        }
        self.ending = Ending::Finishing;
        Ok(())
    }

    /// Gives the stream up; the size that it will have had, if that is news.
    pub(super) fn reset(&mut self) -> Option<u64> {
        if std::mem::replace(&mut self.ending, Ending::Reset) == Ending::Reset {
            return None;
        }
        self.unsent.clear();
        self.is_queued = false;
        Some(self.written)
    }

    /// The next bytes, where they begin, and whether the stream ends with them.
    pub(super) fn next_piece(&mut self, most_bytes: usize) -> (u64, Bytes, bool) {
        let data = self.cut(most_bytes);
        let offset = self.sent;
        self.sent += data.len() as u64;
        let fin = self.ending == Ending::Finishing && self.unsent.is_empty();
        if fin {
            self.ending = Ending::Finished;
        }
        (offset, data, fin)
    }

    fn cut(&mut self, most_bytes: usize) -> Bytes {
        if self.unsent.len() == 1 {
            // Mostly there is one, which need not be copied.
            let first = self.unsent.front_mut().filter(|first| first.len() > most_bytes);
            return match first {
                Some(first) => first.split_to(most_bytes),
                None => self.unsent.pop_front().unwrap_or_default(),
            };
        }
        if self.unsent.is_empty() {
            return Bytes::new();
        }
        let mut piece = BytesMut::with_capacity(most_bytes);
        while let Some(next) = self.unsent.front_mut() {
            let room = most_bytes - piece.len();
            if next.len() > room {
                piece.extend_from_slice(&next.split_to(room));
                break;
            }
            piece.extend_from_slice(next);
            self.unsent.pop_front();
        }
        piece.freeze()
    }

    pub(super) fn was_stopped(&mut self, code: ResetCode) {
        self.stopped.get_or_insert(code);
        self.wake_all();
    }

    pub(super) fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<ResetCode> {
        match self.stopped {
            Some(code) => Poll::Ready(code),
            None => {
                self.stop_watchers.add(cx.waker());
                Poll::Pending
            }
        }
    }

    pub(super) fn may_send(&mut self, max: u64) {
        self.may_write = self.may_write.max(max);
        self.writers.wake();
    }

    pub(super) fn wake_all(&mut self) {
        self.writers.wake();
        self.stop_watchers.wake();
    }
}
