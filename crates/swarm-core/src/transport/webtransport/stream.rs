//! Streams of a session: QUIC's own, behind the bytes that say which session they belong to, with codes in
//! WebTransport's own range.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quinn::VarInt;
use swarm_proto::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use web_transport_quinn::proto::{error_from_http3, error_to_http3};

use super::preamble::{PREAMBLE, PreambleReader, WrongPreamble};
use crate::transport::{RecvStream, SendStream, Stream, StreamError};

/// What is copied of a first write, so that it shares a packet with the preamble: a packet holds no more.
const FIRST_WRITE_BYTES: usize = 1200;

/// A code of ours as HTTP/3 carries it (draft-ietf-webtrans-http3, section 4.4).
pub(super) fn to_wire(code: u32) -> VarInt {
    VarInt::from_u64(error_to_http3(code)).unwrap_or(VarInt::MAX)
}

/// A code of ours out of what HTTP/3 carried; `None` for codes of the layers below.
pub(super) fn from_wire(code: VarInt) -> Option<u32> {
    error_from_http3(code.into_inner())
}

/// A stream that the peer opened. Whether it belongs to the session shows when it is read: accepting it waits for nobody.
pub(super) fn taken(halves: (quinn::SendStream, quinn::RecvStream)) -> Stream {
    of_halves(halves, &[], PreambleReader::new())
}

/// A stream that we opened. The preamble goes out with the first write.
pub(super) fn opened(halves: (quinn::SendStream, quinn::RecvStream)) -> Stream {
    of_halves(halves, PREAMBLE, PreambleReader::done())
}

fn of_halves(
    (send, recv): (quinn::SendStream, quinn::RecvStream),
    unsent: &'static [u8],
    preamble: PreambleReader,
) -> Stream {
    let stopped = stopped(&send);
    Stream {
        send: Box::new(Sender { stream: send, unsent, stopped, ended: false }),
        recv: Box::new(Receiver { stream: recv, preamble, stopped: false }),
    }
}

fn reset_code(code: VarInt) -> ResetCode {
    from_wire(code).map_or(ResetCode::Cancelled, ResetCode::from_u32)
}

fn stopped(stream: &quinn::SendStream) -> BoxFuture<'static, StreamError> {
    let stopped = stream.stopped();
    async move {
        match stopped.await {
            Ok(Some(code)) => StreamError::Stopped(reset_code(code)),
            // Everything was delivered and acknowledged: nobody will stop it any more.
            Ok(None) => std::future::pending().await,
            Err(_) => StreamError::ConnectionLost,
        }
    }
    .boxed()
}

/// A sending half that is reset when it is dropped before its end.
struct Sender {
    stream: quinn::SendStream,
    /// What is left of the preamble.
    unsent: &'static [u8],
    stopped: BoxFuture<'static, StreamError>,
    ended: bool,
}

impl Sender {
    fn poll_quic(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf).map_err(|error| write_error(&error).into())
    }

    fn poll_preamble(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(self.poll_quic(cx, self.unsent))?;
            self.unsent = self.unsent.get(sent..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }
}

impl SendStream for Sender {
    fn reset(&mut self, code: ResetCode) {
        self.ended = true;
        // An error says that it is over already.
        let _ = self.stream.reset(to_wire(code.to_u32()));
    }

    fn set_priority(&self, priority: i32) {
        // An error says that it is over already.
        let _ = self.stream.set_priority(priority);
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stopped.poll_unpin(cx)
    }
}

impl AsyncWrite for Sender {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.unsent.is_empty() {
            let first = buf.get(..FIRST_WRITE_BYTES).unwrap_or(buf);
            let together = [self.unsent, first].concat();
            let sent = ready!(self.poll_quic(cx, &together))?;
            let of_buf = sent.saturating_sub(self.unsent.len());
            self.unsent = self.unsent.get(sent..).unwrap_or_default();
            if of_buf > 0 {
                return Poll::Ready(Ok(of_buf));
            }
            ready!(self.poll_preamble(cx))?;
        }
        self.poll_quic(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_preamble(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_preamble(cx))?;
        self.ended = true;
        Poll::Ready(self.stream.finish().map_err(|_| StreamError::Closed.into()))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if !self.ended {
            self.reset(ResetCode::Cancelled);
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A receiving half that is stopped when it is dropped; after the end of the stream that does nothing.
#[derive(Debug)]
struct Receiver {
    stream: quinn::RecvStream,
    preamble: PreambleReader,
    stopped: bool,
}

impl Receiver {
    fn poll_preamble(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8];
        while self.preamble.missing() > 0 {
            let mut room = ReadBuf::new(&mut bytes);
            let mut read = room.take(self.preamble.missing());
            ready!(self.poll_quic(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Err(io::Error::other(WrongPreamble)));
            }
            read.filled().iter().try_for_each(|byte| self.preamble.push(*byte)).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_quic(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_buf(cx, buf).map_err(|error| read_error(&error).into())
    }
}

impl RecvStream for Receiver {
    fn stop(&mut self, code: ResetCode) {
        if !std::mem::replace(&mut self.stopped, true) {
            // An error says that it is over already.
            let _ = self.stream.stop(to_wire(code.to_u32()));
        }
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_preamble(cx))?;
        self.poll_quic(cx, buf)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop(ResetCode::Cancelled);
    }
}

fn read_error(error: &quinn::ReadError) -> StreamError {
    match error {
        quinn::ReadError::Reset(code) => StreamError::Reset(reset_code(*code)),
        quinn::ReadError::ClosedStream => StreamError::Closed,
        _ => StreamError::ConnectionLost,
    }
}

fn write_error(error: &quinn::WriteError) -> StreamError {
    match error {
        quinn::WriteError::Stopped(code) => StreamError::Stopped(reset_code(*code)),
        quinn::WriteError::ClosedStream => StreamError::Closed,
        _ => StreamError::ConnectionLost,
    }
}
