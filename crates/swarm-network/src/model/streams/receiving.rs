//! What is heard on a stream.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use swarm_core::transport::StreamError;
use swarm_proto::ResetCode;
use tokio::io::ReadBuf;

use crate::model::wakers::Wakers;

#[derive(Debug)]
pub(super) struct Receiving {
    /// Somebody may still read.
    pub(super) in_use: bool,
    read: u64,
    /// What comes next can be read up to here.
    whole: u64,
    unread: VecDeque<Bytes>,
    /// What came before what is missing.
    early: BTreeMap<u64, Bytes>,
    /// The end of the last byte that came.
    highest: u64,
    /// Known once the end has come.
    size: Option<u64>,
    reset: Option<ResetCode>,
    stopped: bool,
    /// How much the peer was told that it may send.
    told: u64,
    readers: Wakers,
}

impl Receiving {
    pub(super) fn new(window: u64) -> Self {
        Self {
            in_use: true,
            read: 0,
            whole: 0,
            unread: VecDeque::new(),
            early: BTreeMap::new(),
            highest: 0,
            size: None,
            reset: None,
            stopped: false,
            told: window,
            readers: Wakers::default(),
        }
    }

    /// Whether everything came, or nothing more will.
    fn has_all(&self) -> bool {
        self.reset.is_some() || self.size == Some(self.whole)
    }

    /// Whoever stopped a stream still has to hear how much was sent on it.
    pub(super) fn is_over(&self) -> bool {
        !self.in_use && (self.reset.is_some() || self.size.is_some())
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), StreamError>> {
        if self.stopped {
            return Poll::Ready(Err(StreamError::Closed));
        }
        if let Some(code) = self.reset {
            return Poll::Ready(Err(StreamError::Reset(code)));
        }
        if into.remaining() == 0 || self.size == Some(self.read) {
            return Poll::Ready(Ok(()));
        }
        if self.unread.is_empty() {
            self.readers.add(cx.waker());
            return Poll::Pending;
        }
        while let Some(first) = self.unread.front_mut() {
            let copied = first.len().min(into.remaining());
            into.put_slice(first.get(..copied).unwrap_or_default());
            first.advance(copied);
            self.read += copied as u64;
            if !first.is_empty() {
                break;
            }
            self.unread.pop_front();
        }
        Poll::Ready(Ok(()))
    }

    /// Up to where the peer may send, if it should be told.
    pub(super) fn take_news(&mut self, window: u64, told_at: u64) -> Option<u64> {
        let max = self.read + window;
        if self.size.is_some() || max - self.told < window / told_at {
            return None;
        }
        self.told = max;
        Some(max)
    }

    /// Takes a piece; gives the bytes that nobody will read.
    pub(super) fn received(&mut self, offset: u64, data: Bytes, fin: bool) -> u64 {
        let end = offset + data.len() as u64;
        let new = end.saturating_sub(self.highest);
        self.highest += new;
        if fin {
            self.size = Some(end);
        }
        if self.stopped || self.reset.is_some() {
            return if self.reset.is_some() { 0 } else { self.skip_to(self.highest) };
        }
        if offset == self.whole {
            self.whole = end;
            if !data.is_empty() {
                self.unread.push_back(data);
            }
            while let Some(next) = self.early.remove(&self.whole) {
                self.whole += next.len() as u64;
                self.unread.push_back(next);
            }
            self.readers.wake();
        } else if offset > self.whole && !data.is_empty() {
            self.early.insert(offset, data);
        }
        0
    }

    /// Counts everything up to here as read; gives how much that is.
    fn skip_to(&mut self, end: u64) -> u64 {
        let skipped = end.saturating_sub(self.read);
        self.read += skipped;
        skipped
    }

    /// The peer gave it up; gives the bytes that nobody will read.
    pub(super) fn was_reset(&mut self, code: ResetCode, size: u64) -> u64 {
        if self.has_all() {
            return 0;
        }
        self.unread.clear();
        self.early.clear();
        (self.reset, self.size) = (Some(code), Some(size));
        self.readers.wake();
        self.skip_to(size)
    }

    /// Gives the bytes that nobody will read, and whether the peer should be told.
    pub(super) fn stop(&mut self) -> (u64, bool) {
        let tell = !std::mem::replace(&mut self.stopped, true) && !self.has_all();
        self.unread.clear();
        self.early.clear();
        let unread = if self.reset.is_some() { 0 } else { self.skip_to(self.highest) };
        (unread, tell)
    }

    pub(super) fn wake_all(&mut self) {
        self.readers.wake();
    }
}
