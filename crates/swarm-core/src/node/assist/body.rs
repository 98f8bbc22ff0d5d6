//! The body of a request on its way out, sent by whoever polls the replies.

use std::fmt;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use swarm_proto::{Chunk, RequestFrame, ResetCode};

use super::record::over_limit;
use super::turn::Turn;
use crate::error::AssistError;
use crate::node::framing::{FrameWriter, SendFrameError};
use crate::transport::StreamError;

#[derive(Debug, Clone, Copy, PartialEq)]
enum BodyState {
    Streaming,
    Ending,
    Finished,
    /// The connection was lost before its end.
    Lost,
}

/// A body with the stream that it goes out on.
pub(super) struct Body {
    source: Option<BoxStream<'static, Chunk>>,
    writer: FrameWriter<RequestFrame>,
    state: BodyState,
    turn: Turn,
    moved: bool,
}

impl Body {
    pub(super) fn new(
        source: BoxStream<'static, Chunk>,
        writer: FrameWriter<RequestFrame>,
        turn: Turn,
    ) -> Self {
        Self { source: Some(source), writer, state: BodyState::Streaming, turn, moved: false }
    }

    /// One that has no content: the stream is only to be ended.
    pub(super) fn finished(writer: FrameWriter<RequestFrame>, turn: Turn) -> Self {
        Self { source: None, writer, state: BodyState::Ending, turn, moved: false }
    }

    /// Sends what goes without waiting.
    pub(super) async fn begin(&mut self) -> Result<(), AssistError> {
        std::future::poll_fn(|cx| match self.poll_send(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Ends the direction at once; after its end this does nothing.
    pub(super) fn give_up(&mut self, code: ResetCode) {
        if self.state != BodyState::Finished {
            self.writer.reset(code);
        }
    }

    /// Whether all of it was handed to the network, or the responder wants no more of it.
    pub(super) fn is_finished(&self) -> bool {
        self.state == BodyState::Finished
    }

    /// Something of this request has moved, in whichever direction.
    pub(super) fn note_urgency(&self) {
        self.turn.moved();
    }

    /// Whether something was sent since this was last asked.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Sends as much as goes. Only a chunk over the limit is an error: that the responder wants no more, or is gone,
    /// shows in its reply.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AssistError>> {
        match ready!(self.poll_steps(cx)) {
            Err(SendFrameError::Limit(error)) => Poll::Ready(Err(over_limit("bytes of a chunk", &error))),
            Err(SendFrameError::Cut(StreamError::ConnectionLost)) => self.over(BodyState::Lost),
            Ok(()) | Err(SendFrameError::Cut(_)) => self.over(BodyState::Finished),
        }
    }

    fn over(&mut self, state: BodyState) -> Poll<Result<(), AssistError>> {
        self.source = None;
        self.state = state;
        Poll::Ready(Ok(()))
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendFrameError>> {
        while let Some(source) = &mut self.source {
            ready!(self.writer.poll_ready(cx))?;
            if self.turn.poll_turn(cx).is_pending() {
                // What was buffered need not wait.
                ready!(self.writer.poll_flush(cx))?;
                return Poll::Pending;
            }
            match source.poll_next_unpin(cx) {
                Poll::Ready(Some(chunk)) => {
                    self.writer.start_send(&RequestFrame::Chunk(chunk))?;
                    self.moved = true;
                }
                Poll::Ready(None) => {
                    self.writer.start_send(&RequestFrame::End)?;
                    self.source = None;
                    self.state = BodyState::Ending;
                }
                Poll::Pending => {
                    // What was buffered must not wait for the next chunk.
                    ready!(self.writer.poll_flush(cx))?;
                    return Poll::Pending;
                }
            }
        }
        match self.state {
            BodyState::Ending => self.writer.poll_finish(cx),
            BodyState::Streaming | BodyState::Finished => Poll::Ready(Ok(())),
            BodyState::Lost => Poll::Ready(Err(StreamError::ConnectionLost.into())),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("state", &self.state).finish_non_exhaustive()
    }
}
