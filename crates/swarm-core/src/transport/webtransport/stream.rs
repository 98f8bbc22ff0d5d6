//! Streams of the two libraries behind one face, with stream codes in WebTransport's own range.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use quinn::VarInt;
use swarm_proto::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use web_transport_quinn::WriteError;
use web_transport_quinn::generic::poll::SendStream as _;
use web_transport_quinn::proto::{error_from_http3, error_to_http3};

use super::preamble::WrongPreamble;
use crate::transport::{RecvStream, SendStream, Stream, StreamError};

/// A code of ours as HTTP/3 carries it (draft-ietf-webtrans-http3, section 4.4).
pub(super) fn to_wire(code: u32) -> VarInt {
    VarInt::from_u64(error_to_http3(code)).unwrap_or(VarInt::MAX)
}

/// A code of ours out of what HTTP/3 carried; `None` for codes of the layers below.
pub(super) fn from_wire(code: VarInt) -> Option<u32> {
    error_from_http3(code.into_inner())
}

pub(super) fn dialled(
    (send, recv): (web_transport_quinn::SendStream, web_transport_quinn::RecvStream),
) -> Stream {
    of_halves(send, recv)
}

pub(super) fn of_halves(
    send: impl SendHalf + Send + 'static,
    recv: impl RecvHalf + Send + 'static,
) -> Stream {
    Stream {
        send: Box::new(Sender { half: send, ended: false }),
        recv: Box::new(Receiver { half: recv, stopped: false }),
    }
}

pub(super) fn reset_code(code: VarInt) -> ResetCode {
    from_wire(code).map_or(ResetCode::Cancelled, ResetCode::from_u32)
}

/// What each library's sending half does in its own way.
pub(super) trait SendHalf: Unpin {
    fn io(&mut self) -> &mut (impl AsyncWrite + Unpin);
    fn reset(&mut self, code: ResetCode);
    fn set_priority(&self, priority: i32);
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError>;
}

impl SendHalf for web_transport_quinn::SendStream {
    fn io(&mut self) -> &mut (impl AsyncWrite + Unpin) {
        self
    }

    fn reset(&mut self, code: ResetCode) {
        // This library maps the code itself.
        let _ = Self::reset(self, code.to_u32());
    }

    fn set_priority(&self, priority: i32) {
        let _ = Self::set_priority(self, priority);
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match ready!(self.poll_closed(cx)) {
            // Everything was delivered and acknowledged: nobody will stop it any more.
            Ok(()) => Poll::Pending,
            Err(WriteError::Stopped(code)) => Poll::Ready(StreamError::Stopped(ResetCode::from_u32(code))),
            Err(WriteError::InvalidStopped(_)) => Poll::Ready(StreamError::Stopped(ResetCode::Cancelled)),
            Err(_) => Poll::Ready(StreamError::ConnectionLost),
        }
    }
}

/// A sending half that is reset when it is dropped before its end.
struct Sender<H: SendHalf> {
    half: H,
    ended: bool,
}

impl<H: SendHalf + Send> SendStream for Sender<H> {
    fn reset(&mut self, code: ResetCode) {
        self.ended = true;
        self.half.reset(code);
    }

    fn set_priority(&self, priority: i32) {
        self.half.set_priority(priority);
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.half.poll_stopped(cx)
    }
}

impl<H: SendHalf> AsyncWrite for Sender<H> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.half.io()).poll_write(cx, buf).map_err(typed)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.half.io()).poll_flush(cx).map_err(typed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        Pin::new(self.half.io()).poll_shutdown(cx).map_err(typed)
    }
}

impl<H: SendHalf> Drop for Sender<H> {
    fn drop(&mut self) {
        if !self.ended {
            self.half.reset(ResetCode::Cancelled);
        }
    }
}

impl<H: SendHalf> fmt::Debug for Sender<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// What each library's receiving half does in its own way.
pub(super) trait RecvHalf: AsyncRead + Unpin {
    fn stop(&mut self, code: ResetCode);
}

impl RecvHalf for web_transport_quinn::RecvStream {
    fn stop(&mut self, code: ResetCode) {
        // This library maps the code itself.
        let _ = Self::stop(self, code.to_u32());
    }
}

/// A receiving half that is stopped when it is dropped; after the end of the stream that does nothing.
struct Receiver<H: RecvHalf> {
    half: H,
    stopped: bool,
}

impl<H: RecvHalf + Send> RecvStream for Receiver<H> {
    fn stop(&mut self, code: ResetCode) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.half.stop(code);
        }
    }
}

impl<H: RecvHalf> AsyncRead for Receiver<H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_read(cx, buf).map_err(typed)
    }
}

impl<H: RecvHalf> Drop for Receiver<H> {
    fn drop(&mut self) {
        if !self.stopped {
            self.half.stop(ResetCode::Cancelled);
        }
    }
}

impl<H: RecvHalf> fmt::Debug for Receiver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}

/// Both libraries hand through the errors of QUIC inside an [`io::Error`].
fn typed(error: io::Error) -> io::Error {
    let inner = error.get_ref();
    if inner.is_some_and(|e| e.is::<WrongPreamble>()) {
        return error;
    }
    if let Some(error) = inner.and_then(|e| e.downcast_ref::<quinn::ReadError>()) {
        return read_error(error).into();
    }
    match inner.and_then(|e| e.downcast_ref::<quinn::WriteError>()) {
        Some(quinn::WriteError::Stopped(code)) => StreamError::Stopped(reset_code(*code)).into(),
        Some(quinn::WriteError::ClosedStream) => StreamError::Closed.into(),
        _ => StreamError::ConnectionLost.into(),
    }
}

fn read_error(error: &quinn::ReadError) -> StreamError {
    match error {
        quinn::ReadError::Reset(code) => StreamError::Reset(reset_code(*code)),
        quinn::ReadError::ClosedStream => StreamError::Closed,
        _ => StreamError::ConnectionLost,
    }
}
