//! Several replies as one stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::stream::SelectAll;
use futures_util::{Stream, StreamExt};
use swarm_proto::{AgentId, RequestId};

use super::reply_stream::ReplyStream;
use crate::assist::Reply;
use crate::error::AssistError;

/// Joins replies of several peers as they come. A [`Stream`] of events, each with its origin.
///
/// Each source gives its replies in order and then exactly one end; once all have ended the stream ends, and goes on
/// when another source is pushed. Sources take turns, so that none keeps another from being heard. Nothing is buffered
/// here: a source that is not polled makes its responder wait. Dropping it cancels all that still run.
///
/// ```no_run
/// # async fn run(node: swarm_core::NodeHandle) -> Result<(), Box<dyn std::error::Error>> {
/// use swarm_core::{FanInItem, OutgoingRequest, Reply, Route};
///
/// let request = OutgoingRequest::new("vision.*".parse()?).payload(vec![0_u8; 400]);
/// let mut replies = node.request_all(Route::new(), request)?;
/// while let Some(event) = replies.next_event().await {
///     match event.what {
///         FanInItem::Reply(Reply::Chunk(chunk)) => println!("{}: {}", event.origin, chunk.label),
///         FanInItem::Reply(_) => {}
///         FanInItem::Ended(Ok(())) => println!("{} is done", event.origin),
///         FanInItem::Ended(Err(error)) => println!("{}: {error}", event.origin),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct FanIn {
    sources: SelectAll<Source>,
}

/// Something that came, and from whom.
///
/// ```
/// fn is_over(event: &swarm_core::FanInEvent) -> bool {
///     matches!(event.what, swarm_core::FanInItem::Ended(_))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FanInEvent {
    /// Who replied.
    pub origin: AgentId,
    /// To which request; `None` if it could not be made.
    pub request: Option<RequestId>,
    /// What came.
    pub what: FanInItem,
}

/// What came of a source.
///
/// ```
/// use swarm_core::{AssistError, FanInItem};
///
/// let end = FanInItem::Ended(Err(AssistError::PeerLost));
/// assert_ne!(end, FanInItem::Ended(Ok(())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FanInItem {
    /// A piece of its reply.
    Reply(Reply),
    /// Its end. Nothing more comes of it.
    Ended(Result<(), AssistError>),
}

impl FanIn {
    /// Without any source it is at its end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins a reply to the others.
    pub fn push(&mut self, replies: ReplyStream) {
        let (origin, request) = (replies.peer(), Some(replies.id()));
        self.sources.push(Source { origin, request, state: State::Open(Box::new(replies)) });
    }

    /// Joins a source that ends at once: a peer that could not be asked.
    pub fn push_failed(&mut self, origin: AgentId, error: AssistError) {
        self.sources.push(Source { origin, request: None, state: State::Failed(error) });
    }

    /// Joins a reply that is still to be asked for.
    pub(super) fn push_opening(&mut self, origin: AgentId, opening: Opening) {
        self.sources.push(Source { origin, request: None, state: State::Opening(opening) });
    }

    /// What comes next; `None` once all sources have ended. Cancel safe.
    pub async fn next_event(&mut self) -> Option<FanInEvent> {
        self.next().await
    }
}

impl Stream for FanIn {
    type Item = FanInEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FanInEvent>> {
        self.sources.poll_next_unpin(cx)
    }
}

impl fmt::Debug for FanIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanIn").field("sources", &self.sources.len()).finish()
    }
}

/// A request that is being opened.
pub(super) type Opening = BoxFuture<'static, Result<ReplyStream, AssistError>>;

struct Source {
    origin: AgentId,
    request: Option<RequestId>,
    state: State,
}

enum State {
    Opening(Opening),
    Open(Box<ReplyStream>),
    Failed(AssistError),
    Over,
}

impl Source {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<FanInItem>> {
        loop {
            self.state = match &mut self.state {
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(replies) => {
                        self.request = Some(replies.id());
                        State::Open(Box::new(replies))
                    }
                    Err(error) => State::Failed(error),
                },
                State::Open(replies) => {
                    let ending = match ready!(replies.poll_next_unpin(cx)) {
                        Some(Ok(reply)) => return Poll::Ready(Some(FanInItem::Reply(reply))),
                        Some(Err(error)) => Err(error),
                        None => Ok(()),
                    };
                    self.state = State::Over;
                    return Poll::Ready(Some(FanInItem::Ended(ending)));
                }
                State::Failed(error) => {
                    let ending = Err(error.clone());
                    self.state = State::Over;
                    return Poll::Ready(Some(FanInItem::Ended(ending)));
                }
                State::Over => return Poll::Ready(None),
            };
        }
    }
}

impl Stream for Source {
    type Item = FanInEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FanInEvent>> {
        let item = ready!(self.poll_item(cx));
        let (origin, request) = (self.origin, self.request);
        Poll::Ready(item.map(|what| FanInEvent { origin, request, what }))
    }
}
