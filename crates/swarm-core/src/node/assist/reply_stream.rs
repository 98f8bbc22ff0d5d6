//! The reply to a request, as whoever asked sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use swarm_proto::{AgentId, Chunk, ReplyFrame, RequestId, ResetCode, TraceContext};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop;
use tokio::time::{Instant, Sleep};

use super::body::Body;
use super::record::{Record, reset_code};
use super::reply_pipe::Served;
use super::requester;
use crate::assist::asking::{Asking, Told};
use crate::assist::patience::{Expired, Patience};
use crate::assist::{Heard, Reply};
use crate::error::AssistError;
use crate::node::framing::FrameReader;
use crate::node::peer_connection::InFlight;
use crate::trace::Ending;

/// The reply, piece by piece as it forms.
///
/// After the last piece of a completed request the stream ends; any other ending is one error, and then it ends.
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
pub struct ReplyStream {
    record: Record,
    asking: Asking,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    /// The request that this one is made for.
    on_behalf: Option<Arc<Served>>,
    /// A place among the requests of the node.
    place: Option<OwnedSemaphorePermit>,
    line: Line,
    /// What came already and was not given yet.
    peeked: Option<Reply>,
}

/// What a request has of connections.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are live: a box would be one more allocation for each"
)]
pub(super) enum Line {
    Live(Live),
    /// The connection was lost; another one is waited for.
    Resuming(BoxFuture<'static, Result<Live, AssistError>>),
    /// It is over, so that a finished stream that is kept holds no connection.
    Gone,
}

/// What a request has while a connection carries it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) reader: FrameReader<ReplyFrame>,
    pub(super) body: Body,
    /// Its places among the requests of the peer, and on the connection.
    pub(super) places: (OwnedSemaphorePermit, InFlight),
}

impl Live {
    /// Whether the peer has said goodbye: then it forgets the request.
    fn peer_leaves(&self) -> bool {
        self.places.1.connection().is_leaving()
    }
}

/// What a reply stream is made of.
pub(super) struct Begun {
    pub(super) record: Record,
    pub(super) live: Live,
    pub(super) patience: Patience,
    pub(super) resumable: bool,
    pub(super) on_behalf: Option<Arc<Served>>,
    pub(super) place: OwnedSemaphorePermit,
}

impl ReplyStream {
    pub(super) fn new(begun: Begun) -> Self {
        let Begun { record, live, patience, resumable, on_behalf, place } = begun;
        Self {
            record,
            asking: Asking::new(resumable),
            timer: Box::pin(tokio::time::sleep_until(patience.next_timeout())),
            patience,
            on_behalf,
            place: Some(place),
            line: Line::Live(live),
            peeked: None,
        }
    }

    /// The id of the request.
    pub fn id(&self) -> RequestId {
        self.record.id
    }

    /// Who was asked.
    pub fn peer(&self) -> AgentId {
        self.record.to
    }

    /// The trace that the request belongs to, with its own span.
    pub fn trace(&self) -> &TraceContext {
        &self.record.trace
    }

    /// The next piece of content: a chunk, or an artefact with its name for a label; `None` once the request has
    /// completed. Notes of progress are passed over; the stream itself gives them too. Cancel safe.
    ///
    /// # Errors
    /// How the request ended, if not completed. Afterwards it gives `None`.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, AssistError> {
        while let Some(reply) = self.next().await {
            if let Some(chunk) = reply?.into_chunk() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// Waits until the first piece has come or the reply is over. It is kept for the stream to give; notes before it are
    /// passed over, as they promise nothing. Cancel safe.
    pub(super) async fn begun(&mut self) -> Result<(), AssistError> {
        while self.peeked.is_none() {
            match self.next().await.transpose()? {
                Some(Reply::Progress(_)) => {}
                Some(piece) => self.peeked = Some(piece),
                None => break,
            }
        }
        Ok(())
    }

    /// Whether the responder turned the request away before its agent saw it.
    pub(crate) fn was_turned_away(&self) -> bool {
        self.asking.was_turned_away()
    }

    fn end(&mut self, ending: Result<(), AssistError>) -> Poll<Option<Result<Reply, AssistError>>> {
        match ending {
            Ok(()) => {
                self.record.end_as(Ending::Completed);
                if let Line::Live(live) = &mut self.line {
                    live.reader.finish(ResetCode::Cancelled);
                }
                self.give_up(ResetCode::Cancelled);
                Poll::Ready(None)
            }
            Err(error) => {
                let error = match (error, &self.line) {
                    // It has said so before.
                    (AssistError::PeerLost, Line::Live(live)) if live.peer_leaves() => AssistError::ShutDown,
                    (error, _) => self.record.as_seen_here(error),
                };
                self.record.end(&error);
                self.give_up(reset_code(&error));
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    /// It ends for a reason on this side.
    fn end_here(&mut self, error: AssistError) -> Poll<Option<Result<Reply, AssistError>>> {
        match self.asking.give_up(error) {
            Some(error) => self.end(Err(error)),
            None => Poll::Ready(None),
        }
    }

    /// After the end of a direction this does nothing for it.
    fn give_up(&mut self, code: ResetCode) {
        self.place = None;
        if let Line::Live(mut live) = std::mem::replace(&mut self.line, Line::Gone) {
            live.reader.stop(code);
            live.body.give_up(code);
        }
    }

    /// What has run out by now, if anything has. Wakes up when that may change.
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Option<Expired> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if matches!(self.line, Line::Resuming(_)) {
                // Nobody can say that work goes on.
                self.patience.moved(now);
            }
            let expired = self.patience.expired(now);
            if expired.is_some() {
                return expired;
            }
            self.timer.as_mut().reset(self.patience.next_timeout());
        }
        None
    }

    fn moved(&mut self) {
        let now = Instant::now();
        self.patience.moved(now);
        if let Line::Live(live) = &self.line {
            live.body.note_urgency();
        }
        if let Some(served) = &self.on_behalf {
            served.nested_progress(now);
        }
    }

    /// The next thing heard of the peer. An error ends the request on this side.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard<ReplyFrame>, AssistError>> {
        match &mut self.line {
            Line::Gone => Poll::Pending,
            Line::Resuming(live) => match ready!(live.as_mut().poll(cx)) {
                Ok(live) => {
                    self.line = Line::Live(live);
                    self.moved();
                    self.poll_line(cx)
                }
                Err(error) => Poll::Ready(Err(error)),
            },
            Line::Live(live) => {
                let sent = live.body.poll_send(cx);
                let (moved, heard) = (live.body.take_moved(), live.reader.poll_heard(cx));
                if moved {
                    self.moved();
                }
                match sent {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => heard.map(Ok),
                }
            }
        }
    }

    fn resume(&mut self, from: u64) -> Option<AssistError> {
        match std::mem::replace(&mut self.line, Line::Gone) {
            Line::Live(live) if live.peer_leaves() => Some(AssistError::ShutDown),
            Line::Live(live) if live.body.is_finished() => {
                let resuming = requester::resume(self.record.resume(from), live);
                self.line = Line::Resuming(Box::pin(resuming));
                None
            }
            // What was not sent of the body cannot be sent again.
            _ => Some(AssistError::PeerLost),
        }
    }
}

impl Stream for ReplyStream {
    type Item = Result<Reply, AssistError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(reply) = this.peeked.take() {
            return Poll::Ready(Some(Ok(reply)));
        }
        loop {
            if this.asking.is_over() {
                return Poll::Ready(None);
            }
            // A peer that sends without a pause leaves time for other tasks, and for the timer.
            let turn = ready!(coop::poll_proceed(cx));
            let expired = this.poll_expired(cx);
            if expired == Some(Expired::Deadline) {
                return this.end_here(AssistError::DeadlineExceeded);
            }
            let heard = match this.poll_line(cx) {
                Poll::Ready(Ok(heard)) => heard,
                Poll::Ready(Err(error)) => return this.end_here(error),
                // What has come while nobody looked counts before the limit does.
                Poll::Pending if expired == Some(Expired::Idle) => return this.end_here(AssistError::Idle),
                Poll::Pending => return Poll::Pending,
            };
            turn.made_progress();
            this.moved();
            match this.asking.hear(heard) {
                Told::Reply(reply) => {
                    if !matches!(reply, Reply::Progress(_)) {
                        this.record.piece_came();
                    }
                    return Poll::Ready(Some(Ok(reply)));
                }
                Told::End(ending) => return this.end(ending),
                Told::Resume { from } => {
                    if let Some(error) = this.resume(from) {
                        return this.end_here(error);
                    }
                }
                Told::Nothing => {}
            }
        }
    }
}

impl Drop for ReplyStream {
    fn drop(&mut self) {
        // The record counts it as cancelled, unless it is over.
        self.give_up(ResetCode::Cancelled);
    }
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("record", &self.record).finish_non_exhaustive()
    }
}
