//! The streams of one end of a connection: which there are, what may be sent on them and in which order, and what was
//! received. No clock and no network: frames go in and come out.
//!
//! It follows RFC 9000, sections 2 to 4, but for acknowledgements: whatever is lost is sent again by whoever sees to
//! frames, so a frame that is given out counts as delivered here.

mod receiving;
mod sending;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll};

use swarm_core::transport::StreamError;
use swarm_proto::ResetCode;

use self::receiving::Receiving;
use self::sending::Sending;
use super::packet::FrameKind;
use super::wakers::Wakers;

/// Changes of windows are told when they are an eighth of the window.
const TOLD_AT: u64 = 8;

/// What both ends of a connection bear, as each told the other in the handshake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    pub(super) stream: u64,
    pub(super) connection: u64,
    pub(super) streams: u64,
}

#[derive(Debug)]
pub(super) struct Streams {
    /// The lowest bit of the numbers of streams that this end opens: 0 for the dialler (RFC 9000, section 2.1).
    own: u64,
    ours: Windows,
    theirs: Windows,
    /// How many this end has opened, and how many it may.
    opened: u64,
    may_open: u64,
    /// How many the peer has opened, how many of them were taken, how many it may open, and what it was told of that.
    opened_by_peer: u64,
    taken: u64,
    peer_may_open: u64,
    told_streams: u64,
    /// Bytes that were taken to be sent, and how many may be, on all streams.
    written: u64,
    may_write: u64,
    /// Bytes that were received and read, or that nobody will read any more; and how many the peer was told it may send.
    read: u64,
    told_data: u64,
    streams: BTreeMap<u64, Box<Stream>>,
    /// Streams with something to send, each with its priority and its turn.
    ready: Vec<Ready>,
    next_turn: u64,
    control: VecDeque<FrameKind>,
    data_frames: u64,
    openers: Wakers,
    takers: Wakers,
    writers: Wakers,
}

#[derive(Debug)]
struct Stream {
    /// None once nothing more can come of it.
    send: Option<Sending>,
    recv: Option<Receiving>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ready {
    priority: Reverse<i32>,
    turn: u64,
    stream: u64,
}

impl Streams {
    pub(super) fn new(is_dialler: bool, ours: Windows, theirs: Windows) -> Self {
        Self {
            own: u64::from(!is_dialler),
            ours,
            theirs,
            opened: 0,
            may_open: theirs.streams,
            opened_by_peer: 0,
            taken: 0,
            peer_may_open: ours.streams,
            told_streams: ours.streams,
            written: 0,
            may_write: theirs.connection,
            read: 0,
            told_data: ours.connection,
            streams: BTreeMap::new(),
            ready: Vec::new(),
            next_turn: 0,
            control: VecDeque::new(),
            data_frames: 0,
            openers: Wakers::default(),
            takers: Wakers::default(),
            writers: Wakers::default(),
        }
    }

    /// How many pieces were given out.
    pub(super) fn data_frames(&self) -> u64 {
        self.data_frames
    }

    /// Whether there is something to send.
    pub(super) fn has_frames(&self) -> bool {
        !self.control.is_empty() || !self.ready.is_empty()
    }

    /// Opens a stream, once the peer grants one more.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        if self.opened == self.may_open {
            self.openers.add(cx.waker());
            return Poll::Pending;
        }
        let stream = self.opened << 1 | self.own;
        self.opened += 1;
        self.add(stream);
        Poll::Ready(stream)
    }

    /// Takes the next stream that the peer has opened.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        if self.taken == self.opened_by_peer {
            self.takers.add(cx.waker());
            return Poll::Pending;
        }
        let stream = self.taken << 1 | (1 - self.own);
        self.taken += 1;
        Poll::Ready(stream)
    }

    fn add(&mut self, stream: u64) {
        let halves = Stream {
            send: Some(Sending::new(self.theirs.stream)),
            recv: Some(Receiving::new(self.ours.stream)),
        };
        self.streams.insert(stream, Box::new(halves));
    }

    /// Whoever opens a stream has opened all before it.
    fn opened_by_peer(&mut self, stream: u64) {
        if stream & 1 == self.own || stream >> 1 < self.opened_by_peer {
            return;
        }
        while self.opened_by_peer <= stream >> 1 {
            self.add(self.opened_by_peer << 1 | (1 - self.own));
            self.opened_by_peer += 1;
        }
        self.takers.wake();
    }

    fn sending(&mut self, stream: u64) -> Option<&mut Sending> {
        self.streams.get_mut(&stream)?.send.as_mut()
    }

    fn receiving(&mut self, stream: u64) -> Option<&mut Receiving> {
        self.streams.get_mut(&stream)?.recv.as_mut()
    }

    /// Takes as much of `bytes` as the windows allow.
    pub(super) fn poll_write(
        &mut self,
        stream: u64,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, StreamError>> {
        let of_connection = self.may_write - self.written;
        let Some(sending) = self.sending(stream) else { return Poll::Ready(Err(StreamError::Closed)) };
        let taken = sending.poll_write(cx, bytes, of_connection);
        match taken {
            Poll::Ready(Ok(taken)) => {
                self.written += taken as u64;
                self.is_ready(stream);
            }
            Poll::Pending if of_connection == 0 => self.writers.add(cx.waker()),
            _ => {}
        }
        taken
    }

    /// Ends a stream behind what was written.
    pub(super) fn finish(&mut self, stream: u64) -> Result<(), StreamError> {
        self.sending(stream).ok_or(StreamError::Closed)?.finish()?;
        self.is_ready(stream);
        Ok(())
    }

    pub(super) fn reset(&mut self, stream: u64, code: ResetCode) {
        if let Some(size) = self.sending(stream).and_then(Sending::reset) {
            self.ready.retain(|ready| ready.stream != stream);
            self.control.push_back(FrameKind::Reset { stream, code, size });
        }
    }

    pub(super) fn set_priority(&mut self, stream: u64, priority: i32) {
        if let Some(sending) = self.sending(stream) {
            sending.priority = priority;
        }
        if let Some(ready) = self.ready.iter_mut().find(|ready| ready.stream == stream) {
            ready.priority = Reverse(priority);
        }
    }

    pub(super) fn poll_stopped(&mut self, stream: u64, cx: &mut Context<'_>) -> Poll<ResetCode> {
        self.sending(stream).map_or(Poll::Pending, |sending| sending.poll_stopped(cx))
    }

    /// The sending half is not used any more.
    pub(super) fn drop_sending(&mut self, stream: u64) {
        if let Some(sending) = self.sending(stream)
            && !sending.has_ended()
        {
            self.reset(stream, ResetCode::Cancelled);
        }
        if let Some(sending) = self.sending(stream) {
            sending.in_use = false;
        }
        self.tidy(stream);
    }

    /// Copies what has come; nothing at the end. `None` while there is nothing yet.
    pub(super) fn poll_read(
        &mut self,
        stream: u64,
        cx: &mut Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<Result<(), StreamError>> {
        let window = self.ours.stream;
        let Some(receiving) = self.receiving(stream) else { return Poll::Ready(Err(StreamError::Closed)) };
        let before = into.filled().len();
        let read = receiving.poll_read(cx, into);
        let copied = (into.filled().len() - before) as u64;
        if copied > 0 {
            if let Some(max) = receiving.take_news(window, TOLD_AT) {
                self.control.push_back(FrameKind::MaxStreamData { stream, max });
            }
            self.was_read(copied);
        }
        read
    }

    /// Nobody wants to hear more of this stream.
    pub(super) fn stop(&mut self, stream: u64, code: ResetCode) {
        let Some(receiving) = self.receiving(stream) else { return };
        let (unread, tell) = receiving.stop();
        if tell {
            self.control.push_back(FrameKind::Stop { stream, code });
        }
        self.was_read(unread);
    }

    /// The receiving half is not used any more.
    pub(super) fn drop_receiving(&mut self, stream: u64) {
        self.stop(stream, ResetCode::Cancelled);
        if let Some(receiving) = self.receiving(stream) {
            receiving.in_use = false;
        }
        self.tidy(stream);
    }

    /// So many bytes make room for others.
    fn was_read(&mut self, bytes: u64) {
        self.read += bytes;
        let max = self.read + self.ours.connection;
        if max - self.told_data >= self.ours.connection / TOLD_AT {
            self.told_data = max;
            self.control.push_back(FrameKind::MaxData { max });
        }
    }

    /// Forgets halves of which nothing can come any more, and grants the peer another stream for one that is over.
    fn tidy(&mut self, stream: u64) {
        let Some(halves) = self.streams.get_mut(&stream) else { return };
        halves.send.take_if(|sending| sending.is_over());
        halves.recv.take_if(|receiving| receiving.is_over());
        if halves.send.is_some() || halves.recv.is_some() {
            return;
        }
        self.streams.remove(&stream);
        if stream & 1 == self.own {
            return;
        }
        self.peer_may_open += 1;
        // As soon as it could run short of them.
        if self.told_streams - self.opened_by_peer < self.ours.streams.div_ceil(2) {
            self.told_streams = self.peer_may_open;
            self.control.push_back(FrameKind::MaxStreams { max: self.told_streams });
        }
    }

    fn is_ready(&mut self, stream: u64) {
        let turn = self.next_turn;
        let Some(sending) = self.sending(stream) else { return };
        if sending.has_something() && !std::mem::replace(&mut sending.is_queued, true) {
            let priority = Reverse(sending.priority);
            self.next_turn += 1;
            self.ready.push(Ready { priority, turn, stream });
        }
    }

    /// What must be said and takes no room.
    pub(super) fn next_control(&mut self) -> Option<FrameKind> {
        self.control.pop_front()
    }

    /// The next piece, of the stream with the highest priority whose turn it is.
    pub(super) fn next_data(&mut self, most_bytes: usize) -> Option<FrameKind> {
        let (index, next) = self.ready.iter().copied().enumerate().min_by_key(|(_, ready)| *ready)?;
        self.ready.swap_remove(index);
        let stream = next.stream;
        let sending = self.sending(stream)?;
        sending.is_queued = false;
        let (offset, data, fin) = sending.next_piece(most_bytes);
        self.is_ready(stream);
        self.tidy(stream);
        self.data_frames += 1;
        Some(FrameKind::Data { stream, offset, data, fin })
    }

    /// Whether a frame that was lost need not be said any more.
    pub(super) fn is_moot(&mut self, frame: &FrameKind) -> bool {
        match frame {
            FrameKind::Data { stream, .. } => {
                self.sending(*stream).is_some_and(|sending| sending.was_reset())
            }
            _ => false,
        }
    }

    /// Takes a frame of the peer.
    pub(super) fn received(&mut self, frame: FrameKind) {
        match frame {
            FrameKind::Data { stream, offset, data, fin } => {
                self.opened_by_peer(stream);
                if let Some(receiving) = self.receiving(stream) {
                    let unwanted = receiving.received(offset, data, fin);
                    self.was_read(unwanted);
                    self.tidy(stream);
                }
            }
            FrameKind::Reset { stream, code, size } => {
                self.opened_by_peer(stream);
                if let Some(receiving) = self.receiving(stream) {
                    let unread = receiving.was_reset(code, size);
                    self.was_read(unread);
                    self.tidy(stream);
                }
            }
            FrameKind::Stop { stream, code } => {
                self.opened_by_peer(stream);
                if let Some(sending) = self.sending(stream) {
                    sending.was_stopped(code);
                }
            }
            FrameKind::MaxStreamData { stream, max } => {
                if let Some(sending) = self.sending(stream) {
                    sending.may_send(max);
                }
            }
            FrameKind::MaxData { max } => {
                self.may_write = self.may_write.max(max);
                self.writers.wake();
            }
            FrameKind::MaxStreams { max } => {
                self.may_open = self.may_open.max(max);
                self.openers.wake();
            }
        }
    }

    /// The connection is over: everybody who waits should look again.
    pub(super) fn wake_all(&mut self) {
        self.openers.wake();
        self.takers.wake();
        self.writers.wake();
        for halves in self.streams.values_mut() {
            halves.send.iter_mut().for_each(Sending::wake_all);
            halves.recv.iter_mut().for_each(Receiving::wake_all);
        }
    }
}
