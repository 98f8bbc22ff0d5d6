//! What a node sees of a stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use swarm_core::transport::{RecvStream, SendStream, Stream, StreamError};
use swarm_proto::ResetCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Handle;

/// Both halves of a stream.
pub(super) fn halves(handle: &Arc<Handle>, stream: u64) -> Stream {
    Stream {
        send: Box::new(Sender { handle: Arc::clone(handle), stream }),
        recv: Box::new(Receiver { handle: Arc::clone(handle), stream }),
    }
}

/// A sending half that is reset when it is dropped before its end.
#[derive(Debug)]
struct Sender {
    handle: Arc<Handle>,
    stream: u64,
}

impl SendStream for Sender {
    fn reset(&mut self, code: ResetCode) {
        self.handle.speak(|end| end.streams().reset(self.stream, code));
    }

    fn set_priority(&self, priority: i32) {
        self.handle.speak(|end| end.streams().set_priority(self.stream, priority));
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let mut state = self.handle.network.state();
        match state.ends.get_mut(self.handle.id).filter(|end| !end.is_over()) {
            Some(end) => end.streams().poll_stopped(self.stream, cx).map(StreamError::Stopped),
            None => Poll::Ready(StreamError::ConnectionLost),
        }
    }
}

impl AsyncWrite for Sender {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.handle.speak(|end| {
            if end.is_over() {
                return Poll::Ready(Err(StreamError::ConnectionLost));
            }
            end.streams().poll_write(self.stream, cx, buf)
        });
        written.unwrap_or(Poll::Ready(Err(StreamError::ConnectionLost))).map_err(io::Error::from)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // On a connection that is over nobody hears of it, which is no error here.
        let finished = self.handle.speak(|end| end.streams().finish(self.stream));
        Poll::Ready(finished.unwrap_or(Ok(())).map_err(io::Error::from))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.handle.speak(|end| end.streams().drop_sending(self.stream));
    }
}

/// A receiving half that is stopped when it is dropped; after the end of the stream that does nothing.
#[derive(Debug)]
struct Receiver {
    handle: Arc<Handle>,
    stream: u64,
}

impl RecvStream for Receiver {
    fn stop(&mut self, code: ResetCode) {
        self.handle.speak(|end| end.streams().stop(self.stream, code));
    }
}

impl AsyncRead for Receiver {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.handle.speak(|end| {
            let read = end.streams().poll_read(self.stream, cx, buf);
            // What has come before the end of the connection can be read after it.
            if read.is_pending() && end.is_over() {
                Poll::Ready(Err(StreamError::ConnectionLost))
            } else {
                read
            }
        });
        read.unwrap_or(Poll::Ready(Err(StreamError::ConnectionLost))).map_err(io::Error::from)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.handle.speak(|end| end.streams().drop_receiving(self.stream));
    }
}
