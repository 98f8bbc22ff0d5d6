//! A stream that is read no further than is allowed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use swarm_proto::ResetCode;
use tokio::io::{AsyncRead, ReadBuf};

use crate::transport::RecvStream;

/// What is not read stays in QUIC, whose window then holds up the sender.
#[derive(Debug)]
pub(super) struct Metered {
    recv: Box<dyn RecvStream>,
    left: usize,
    waiting: Option<Waker>,
}

impl Metered {
    /// Read as far as it goes.
    pub(super) fn new(recv: Box<dyn RecvStream>) -> Self {
        Self { recv, left: usize::MAX, waiting: None }
    }

    /// So many bytes may be read, whatever was allowed before.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.left = bytes;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    pub(super) fn stop(&mut self, code: ResetCode) {
        self.recv.stop(code);
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Self { recv, left, .. } = &mut *self;
        let before = buf.filled().len();
        if buf.remaining() <= *left {
            ready!(Pin::new(recv).poll_read(cx, buf))?;
        } else {
            // Only here is there less to be read than there is room for.
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(*left));
            ready!(Pin::new(recv).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            buf.advance(read);
        }
        *left -= buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}
