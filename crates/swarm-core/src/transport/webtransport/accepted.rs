//! Streams of a session that wtransport accepted: those that it has taken itself, and those that are taken from QUIC
//! and given to it directly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_proto::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::preamble::{PREAMBLE, PreambleReader, WrongPreamble};
use super::stream::{self, RecvHalf, SendHalf, reset_code, to_wire};
use crate::transport::{Stream, StreamError};

/// What is copied of a first write, so that it shares a packet with the preamble: a packet holds no more.
const FIRST_WRITE_BYTES: usize = 1200;

/// A stream that wtransport took from QUIC, its preamble read.
pub(super) fn taken_by_wtransport((send, recv): (wtransport::SendStream, wtransport::RecvStream)) -> Stream {
    stream::of_halves(QuicSend::new(send, &[]), recv)
}

/// A stream that the peer opened. Whether it belongs to the session shows when it is read.
pub(super) fn taken((send, recv): (quinn::SendStream, quinn::RecvStream)) -> Stream {
    stream::of_halves(QuicSend::new(send, &[]), UnreadRecv { stream: recv, preamble: PreambleReader::new() })
}

/// A stream that we opened. The preamble goes out with the first write.
pub(super) fn opened((send, recv): (quinn::SendStream, quinn::RecvStream)) -> Stream {
    stream::of_halves(QuicSend::new(send, PREAMBLE), recv)
}

/// A stream of QUIC, whoever holds it.
trait AsQuic: Unpin {
    fn quic(&self) -> &quinn::SendStream;
    fn quic_mut(&mut self) -> &mut quinn::SendStream;
}

impl AsQuic for quinn::SendStream {
    fn quic(&self) -> &quinn::SendStream {
        self
    }

    fn quic_mut(&mut self) -> &mut quinn::SendStream {
        self
    }
}

impl AsQuic for wtransport::SendStream {
    fn quic(&self) -> &quinn::SendStream {
        self.quic_stream()
    }

    fn quic_mut(&mut self) -> &mut quinn::SendStream {
        self.quic_stream_mut()
    }
}

struct QuicSend<S> {
    stream: S,
    /// What is left of the preamble.
    unsent: &'static [u8],
    stopped: BoxFuture<'static, StreamError>,
}

impl<S: AsQuic> QuicSend<S> {
    fn new(stream: S, unsent: &'static [u8]) -> Self {
        let stopped = stopped(stream.quic());
        Self { stream, unsent, stopped }
    }

    fn poll_preamble(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(self.stream.quic_mut()).poll_write(cx, self.unsent))?;
            self.unsent = self.unsent.get(sent..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }
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

impl<S: AsQuic> SendHalf for QuicSend<S> {
    fn io(&mut self) -> &mut (impl AsyncWrite + Unpin) {
        self
    }

    fn reset(&mut self, code: ResetCode) {
        // An error says that it is over already.
        let _ = self.stream.quic_mut().reset(to_wire(code.to_u32()));
    }

    fn set_priority(&self, priority: i32) {
        // An error says that it is over already.
        let _ = self.stream.quic().set_priority(priority);
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.stopped.poll_unpin(cx)
    }
}

impl<S: AsQuic> AsyncWrite for QuicSend<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.unsent.is_empty() {
            let first = buf.get(..FIRST_WRITE_BYTES).unwrap_or(buf);
            let together = [self.unsent, first].concat();
            let sent = ready!(Pin::new(self.stream.quic_mut()).poll_write(cx, &together))?;
            let of_buf = sent.saturating_sub(self.unsent.len());
            self.unsent = self.unsent.get(sent..).unwrap_or_default();
            if of_buf > 0 {
                return Poll::Ready(Ok(of_buf));
            }
            ready!(self.poll_preamble(cx))?;
        }
        Pin::new(self.stream.quic_mut()).poll_write(cx, buf).map_err(io::Error::from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_preamble(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_preamble(cx))?;
        Pin::new(self.stream.quic_mut()).poll_shutdown(cx)
    }
}

impl RecvHalf for wtransport::RecvStream {
    fn stop(&mut self, code: ResetCode) {
        RecvHalf::stop(self.quic_stream_mut(), code);
    }
}

impl RecvHalf for quinn::RecvStream {
    fn stop(&mut self, code: ResetCode) {
        // An error says that it is over already.
        let _ = Self::stop(self, to_wire(code.to_u32()));
    }
}

/// The receiving half of a stream whose preamble is read with its first bytes: accepting it waits for nobody.
struct UnreadRecv {
    stream: quinn::RecvStream,
    preamble: PreambleReader,
}

impl UnreadRecv {
    fn poll_preamble(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8];
        while self.preamble.missing() > 0 {
            let mut room = ReadBuf::new(&mut bytes);
            let mut read = room.take(self.preamble.missing());
            ready!(AsyncRead::poll_read(Pin::new(&mut self.stream), cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Err(io::Error::other(WrongPreamble)));
            }
            read.filled().iter().try_for_each(|byte| self.preamble.push(*byte)).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl RecvHalf for UnreadRecv {
    fn stop(&mut self, code: ResetCode) {
        RecvHalf::stop(&mut self.stream, code);
    }
}

impl AsyncRead for UnreadRecv {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_preamble(cx))?;
        AsyncRead::poll_read(Pin::new(&mut self.stream), cx, buf)
    }
}
