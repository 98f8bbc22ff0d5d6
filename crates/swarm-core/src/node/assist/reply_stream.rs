//! The reply to a request, as whoever asked sees it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use swarm_proto::{AgentId, Chunk, ReplyFrame, RequestId, ResetCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::body::Body;
use super::record::{Record, ending_of, given_up, reset_code};
use crate::error::AssistError;
use crate::node::framing::{FrameError, FrameReader};
use crate::node::peer_connection::InFlight;
use crate::trace::Ending;
use crate::transport::StreamError;

/// The reply, chunk by chunk as it forms.
///
/// After the last chunk of a completed request the stream ends; any other ending is one error, and then it ends.
/// *Ended* and *cut off* cannot be confused. Dropping the stream cancels the request: the responder's agent is
/// stopped, and with it whatever it asked of others.
///
/// ```no_run
/// # async fn run(node: swarm_core::NodeHandle, peer: swarm_core::AgentId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut replies = node.request_assistance(peer, "vision.classify", vec![0_u8; 400]).await?;
/// while let Some(chunk) = replies.next_chunk().await? {
///     println!("{}: {} bytes", chunk.label, chunk.payload.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReplyStream {
    record: Record,
    /// Gone once the request is over, so that a finished stream that is kept holds no connection.
    live: Option<Live>,
}

/// What a request has while it runs.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) reader: FrameReader<ReplyFrame>,
    pub(super) body: Body,
    pub(super) deadline: Pin<Box<Sleep>>,
    /// Its places among the requests of the node and of the peer, and on the connection.
    pub(super) _places: (OwnedSemaphorePermit, OwnedSemaphorePermit, InFlight),
}

impl ReplyStream {
    pub(super) fn new(record: Record, live: Live) -> Self {
        Self { record, live: Some(live) }
    }

    /// The id of the request.
    pub fn id(&self) -> RequestId {
        self.record.id
    }

    /// Who was asked.
    pub fn peer(&self) -> AgentId {
        self.record.to
    }

    /// The next chunk; `None` once the request has completed. Cancel safe.
    ///
    /// # Errors
    /// How the request ended, if not completed. Afterwards it gives `None`.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, AssistError> {
        self.next().await.transpose()
    }

    fn end(&mut self, ending: Result<(), AssistError>) -> Poll<Option<Result<Chunk, AssistError>>> {
        match ending {
            Ok(()) => {
                self.record.end_as(Ending::Completed);
                self.give_up(ResetCode::Cancelled);
                Poll::Ready(None)
            }
            Err(error) => {
                self.record.end(&error);
                self.give_up(reset_code(&error));
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    /// After the end of a direction this does nothing for it.
    fn give_up(&mut self, code: ResetCode) {
        if let Some(mut live) = self.live.take() {
            live.reader.stop(code);
            live.body.give_up(code);
        }
    }

    fn handle(
        &mut self,
        frame: Option<Result<ReplyFrame, FrameError>>,
    ) -> Poll<Option<Result<Chunk, AssistError>>> {
        match frame {
            Some(Ok(ReplyFrame::Chunk(chunk))) => {
                self.record.chunk_came();
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(Ok(ReplyFrame::End(outcome))) => self.end(ending_of(outcome)),
            Some(Err(FrameError::Cut(StreamError::Reset(code)))) => self.end(Err(given_up(code))),
            Some(Err(error)) if error.is_nonsense() => {
                self.end(Err(AssistError::Malformed { reason: error.to_string() }))
            }
            // The end of the stream without an outcome is no end of the reply.
            Some(Err(_)) | None => self.end(Err(self.record.lost())),
        }
    }
}

impl Stream for ReplyStream {
    type Item = Result<Chunk, AssistError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        if live.deadline.as_mut().poll(cx).is_ready() {
            return self.end(Err(AssistError::DeadlineExceeded));
        }
        if let Poll::Ready(Err(error)) = live.body.poll_send(cx) {
            return self.end(Err(error));
        }
        let frame = ready!(live.reader.poll_next(cx));
        self.handle(frame)
    }
}

impl Drop for ReplyStream {
    fn drop(&mut self) {
        // The record counts it as cancelled, unless it is over.
        self.give_up(ResetCode::Cancelled);
    }
}
