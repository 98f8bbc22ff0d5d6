//! Carries a request and its reply over one stream: the body in, the reply out.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use swarm_proto::{Chunk, MAX_FRAME_BYTES, Outcome, ReplyFrame, ResetCode};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::reply_pipe::Served;
use super::responder::{Reader, Writer};
use super::turn::Turn;
use crate::assist::reply_log::{Cursor, Next};
use crate::assist::serving::{BodyStep, Serving};
use crate::deadline::after;
use crate::error::BodyError;
use crate::node::framing::SendFrameError;
use crate::node::shared::NodeShared;
use crate::trace::Ending;
use crate::transport::StreamError;

/// One stream of a request.
pub(super) struct Carrier {
    shared: Arc<NodeShared>,
    served: Arc<Served>,
    streams: Streams,
    cursor: Cursor,
    serving: Serving,
    /// Where the body goes; nobody wants it without.
    body: Option<mpsc::Sender<Result<Chunk, BodyError>>>,
}

/// The two directions of the stream, and when to use it.
pub(super) struct Streams {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) turn: Turn,
    /// Its place among the requests of the peer, until the peer hears the end of it.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// How the carrying came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// The requester was told the outcome.
    Delivered(Ending),
    /// The requester wants no answer any more, for this reason.
    Cancelled(Ending),
    /// The connection is gone.
    Lost,
    /// The node ends at once.
    Killed,
}

impl Carried {
    pub(super) fn ending(self) -> Ending {
        match self {
            Self::Delivered(ending) | Self::Cancelled(ending) => ending,
            Self::Lost => Ending::PeerLost,
            Self::Killed => Ending::ShutDown,
        }
    }
}

impl Carrier {
    pub(super) fn new(
        shared: Arc<NodeShared>,
        served: Arc<Served>,
        streams: Streams,
        cursor: Cursor,
    ) -> Self {
        streams.turn.moved();
        Self { shared, served, streams, cursor, serving: Serving::default(), body: None }
    }

    pub(super) fn served(&self) -> &Arc<Served> {
        &self.served
    }

    pub(super) fn is_resumable(&self) -> bool {
        self.served.budget.resumable
    }

    /// From here on the body is read, and goes there.
    pub(super) fn take_body(&mut self, body: mpsc::Sender<Result<Chunk, BodyError>>) {
        self.body = Some(body);
    }

    /// Waits until the requester gives up or is gone: then there is nothing left to carry. Cancel safe.
    pub(super) async fn given_up(&mut self) -> Carried {
        cut(self.streams.writer.stopped().await)
    }

    /// Carries until the reply has come to its end or nobody wants it. The stream is over afterwards, unless this is
    /// dropped.
    pub(super) async fn carry(&mut self) -> Carried {
        let shared = Arc::clone(&self.shared);
        // A requester that does not take its outcome gets none.
        let last_moment = after(self.served.budget.deadline, shared.config.head_deadline);
        let carried = tokio::select! {
            biased;
            () = shared.killed.cancelled() => Carried::Killed,
            carried = self.both_ways() => carried,
            () = tokio::time::sleep_until(last_moment) => Carried::Cancelled(Ending::DeadlineExceeded),
        };
        match carried {
            Carried::Delivered(_) | Carried::Lost => {}
            Carried::Cancelled(_) => self.give_up(ResetCode::Cancelled),
            Carried::Killed => self.give_up(ResetCode::ShutDown),
        }
        carried
    }

    /// Gives up both directions.
    pub(super) fn give_up(&mut self, code: ResetCode) {
        self.streams.reader.stop(code);
        self.streams.writer.reset(code);
    }

    async fn both_ways(&mut self) -> Carried {
        let Self { served, streams: Streams { reader, writer, turn, place }, cursor, serving, body, .. } =
            self;
        tokio::select! {
            biased;
            carried = write_replies(served, writer, turn, place, cursor) => carried,
            carried = read_body(served, reader, serving, body) => carried,
        }
    }
}

/// What is read of a body before the agent asks for it: all of a short one, so that its end is known.
const READ_AHEAD_BYTES: usize = 1024;

/// The longest frame, with its length.
const WHOLE_FRAME_BYTES: usize = 4 + MAX_FRAME_BYTES;

/// Gives the agent the body as it asks for it: what nobody reads waits in the windows of QUIC, not here. Ends only when the requester gives up or is gone.
async fn read_body(
    served: &Served,
    reader: &mut Reader,
    serving: &mut Serving,
    body: &mut Option<mpsc::Sender<Result<Chunk, BodyError>>>,
) -> Carried {
    while let Some(agent) = body {
        reader.allow(READ_AHEAD_BYTES);
        let heard = loop {
            tokio::select! {
                biased;
                heard = reader.heard() => break heard,
                () = served.body_wanted() => reader.allow(WHOLE_FRAME_BYTES),
            }
        };
        match serving.hear(heard) {
            BodyStep::Chunk(chunk) => {
                if agent.send(Ok(chunk)).await.is_err() {
                    // The agent wants no more of it.
                    serving.give_up();
                    served.body_ended();
                    reader.stop(ResetCode::Cancelled);
                    break;
                }
                served.reply.moved();
            }
            BodyStep::Complete => {
                served.body_ended();
                reader.finish(ResetCode::Cancelled);
                break;
            }
            BodyStep::Cancelled(code) => return Carried::Cancelled(given_up(code)),
            BodyStep::Lost => return Carried::Lost,
            BodyStep::Malformed(reason) => {
                let _ = agent.try_send(Err(BodyError::Malformed(reason.clone())));
                served.reply.cut_off(Outcome::Malformed { reason });
                break;
            }
            BodyStep::Nothing => break,
        }
    }
    *body = None;
    pending().await
}

/// Sends the reply as it forms, to its end. What is sent while more waits shares a packet.
async fn write_replies(
    served: &Served,
    writer: &mut Writer,
    turn: &mut Turn,
    place: &mut Option<OwnedSemaphorePermit>,
    cursor: &mut Cursor,
) -> Carried {
    loop {
        if let Err(cut) = ready(writer, turn).await {
            return cut;
        }
        turn.moved();
        let sent = match served.reply.take(cursor) {
            Next::Position(number) => writer.start_send(&ReplyFrame::Position(number)),
            Next::Frame(frame) => writer.start_send_encoded(frame),
            Next::End(outcome) => {
                // Whoever hears the end may ask again at once.
                *place = None;
                return conclude(writer, outcome).await;
            }
            Next::Wait => match wait(served, writer).await {
                Some(cut) => return cut,
                None => continue,
            },
        };
        if let Err(error) = sent {
            return cut_by(&error);
        }
    }
}

/// Waits until there is room, and it is this request's turn.
async fn ready(writer: &mut Writer, turn: &mut Turn) -> Result<(), Carried> {
    poll_fn(|cx| writer.poll_ready(cx)).await.map_err(|error| cut_by(&error))?;
    poll_fn(|cx| match turn.poll_turn(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        // What was buffered need not wait.
        Poll::Pending => match writer.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(cut_by(&error))),
            _ => Poll::Pending,
        },
    })
    .await
}

/// Sends what was buffered, and waits until there is more or nobody wants it.
async fn wait(served: &Served, writer: &mut Writer) -> Option<Carried> {
    if let Err(error) = poll_fn(|cx| writer.poll_flush(cx)).await {
        return Some(cut_by(&error));
    }
    tokio::select! {
        biased;
        () = served.reply.filled() => None,
        error = writer.stopped() => Some(cut(error)),
    }
}

async fn conclude(writer: &mut Writer, outcome: Outcome) -> Carried {
    let ending = ending(&outcome);
    let concluded = async {
        writer.start_send(&ReplyFrame::End(outcome))?;
        writer.finish().await
    };
    match concluded.await {
        Ok(()) => Carried::Delivered(ending),
        Err(error) => cut_by(&error),
    }
}

fn cut_by(error: &SendFrameError) -> Carried {
    match error {
        SendFrameError::Cut(error) => cut(*error),
        // It was encoded within the limits.
        SendFrameError::Limit(_) => Carried::Cancelled(Ending::Cancelled),
    }
}

fn cut(error: StreamError) -> Carried {
    match error {
        StreamError::ConnectionLost => Carried::Lost,
        StreamError::Stopped(code) => Carried::Cancelled(given_up(code)),
        _ => Carried::Cancelled(Ending::Cancelled),
    }
}

/// Why the requester gave up.
fn given_up(code: ResetCode) -> Ending {
    match code {
        ResetCode::DeadlineExceeded => Ending::DeadlineExceeded,
        ResetCode::Idle => Ending::Idle,
        ResetCode::Malformed => Ending::Malformed,
        ResetCode::ShutDown => Ending::ShutDown,
        _ => Ending::Cancelled,
    }
}

fn ending(outcome: &Outcome) -> Ending {
    match outcome {
        Outcome::Completed => Ending::Completed,
        Outcome::Declined { .. } => Ending::Declined,
        Outcome::Failed { .. } => Ending::Failed,
        Outcome::NoSuchCapability => Ending::NoSuchCapability,
        Outcome::NotPermitted => Ending::NotPermitted,
        Outcome::Busy { .. } => Ending::Busy,
        Outcome::DeadlineExceeded => Ending::DeadlineExceeded,
        Outcome::Idle => Ending::Idle,
        Outcome::HopLimit => Ending::HopLimit,
        Outcome::UnknownRequest => Ending::PeerLost,
        Outcome::Malformed { .. } => Ending::Malformed,
        Outcome::ShutDown => Ending::ShutDown,
    }
}
