//! What an agent holds while it serves a request.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use swarm_proto::{
    AgentId, Artefact, Capability, Chunk, Frame, Lane, Progress, ReplyFrame, RequestHead, RequestId,
    TraceContext,
};
use tokio::sync::mpsc;

use super::reply_pipe::Served;
use crate::assist::Reply;
use crate::error::{BodyError, ReplyError};

/// A request that a peer made of this agent: its head, and its body as it comes, which it also is a [`Stream`] of.
///
/// ```
/// use swarm_core::{AgentError, AssistanceRequest, Replies};
///
/// async fn count(mut request: AssistanceRequest, replies: &mut Replies) -> Result<(), AgentError> {
///     let mut bytes = 0;
///     while let Some(chunk) = request.next_chunk().await? {
///         bytes += chunk.payload.len();
///     }
///     replies.send("count", bytes.to_string()).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct AssistanceRequest {
    pub(super) id: RequestId,
    pub(super) capability: Capability,
    pub(super) requester: AgentId,
    pub(super) served: Arc<Served>,
    pub(super) body: mpsc::Receiver<Result<Chunk, BodyError>>,
    /// The agent was told why the body cannot be read to its end.
    failed: bool,
    /// The next chunk was asked for. Once is enough: whoever carries it may be polled by the same task, and each would wake
    /// the other for ever.
    wanted: bool,
}

impl AssistanceRequest {
    pub(super) fn new(
        head: RequestHead,
        requester: AgentId,
        served: Arc<Served>,
        body: mpsc::Receiver<Result<Chunk, BodyError>>,
    ) -> Self {
        Self {
            id: head.id,
            capability: head.capability,
            requester,
            served,
            body,
            failed: false,
            wanted: false,
        }
    }

    /// The id of the request, the same at both ends.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Who asks.
    pub fn requester(&self) -> AgentId {
        self.requester
    }

    /// What is asked for.
    pub fn capability(&self) -> &Capability {
        &self.capability
    }

    /// How urgent it is.
    pub fn lane(&self) -> Lane {
        self.served.budget.lane
    }

    /// How many further agents may work on it behind this one.
    pub fn hop_limit(&self) -> u8 {
        self.served.budget.hop_limit
    }

    /// The trace that it belongs to, with the span of whoever asks.
    pub fn trace(&self) -> &TraceContext {
        &self.served.budget.trace
    }

    /// Requests with the same key are the same piece of work: an agent that has done it already may answer the same.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.served.budget.idempotency_key.as_deref()
    }

    /// What the requester says about the request.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.served.budget.metadata
    }

    /// The next chunk of the body; `None` at its end. Cancel safe.
    ///
    /// # Errors
    /// When the body cannot be read to its end.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, BodyError> {
        self.next().await.transpose()
    }

    /// The whole rest of the body, its chunks joined.
    ///
    /// # Errors
    /// When it is longer than `max` bytes or cannot be read to its end.
    pub async fn payload(&mut self, max: usize) -> Result<Bytes, BodyError> {
        let mut payload = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await? {
            if payload.len() + chunk.payload.len() > max {
                return Err(BodyError::TooLarge { max });
            }
            payload.extend_from_slice(&chunk.payload);
        }
        Ok(payload.freeze())
    }
}

impl Stream for AssistanceRequest {
    type Item = Result<Chunk, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(next) = self.body.poll_recv(cx) else {
            if !std::mem::replace(&mut self.wanted, true) {
                self.served.want_body();
            }
            return Poll::Pending;
        };
        self.wanted = false;
        // Whoever carried the body may be gone before its end.
        let cut_off = next.is_none() && !self.failed && !self.served.has_whole_body();
        let next = if cut_off { Some(Err(BodyError::CutOff)) } else { next };
        self.failed |= matches!(next, Some(Err(_)));
        Poll::Ready(next)
    }
}

/// Where the agent puts its reply, piece by piece. Sending waits while the requester is slow.
///
/// ```
/// use swarm_core::proto::Artefact;
/// use swarm_core::{AgentError, Replies};
///
/// async fn tell(replies: &mut Replies) -> Result<(), AgentError> {
///     replies.progress("looking", Some(10))?;
///     replies.artefact(Artefact::new("guess", 1, 40, "7, probably")).await?;
///     replies.artefact(Artefact::new("guess", 2, 99, "7")).await?;
///     replies.send("answer", "7").await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Replies {
    pub(super) served: Arc<Served>,
}

impl Replies {
    /// Sends a chunk of bytes under a label of at most 64 bytes. Cancel safe: the chunk is sent wholly or not at all.
    ///
    /// # Errors
    /// [`ReplyError::Gone`] when the request is over, [`ReplyError::Chunk`] when the chunk breaks a limit.
    pub async fn send(
        &mut self,
        label: impl Into<String>,
        payload: impl Into<Bytes>,
    ) -> Result<(), ReplyError> {
        self.send_chunk(Chunk::new(label, payload)).await
    }

    /// Sends a value as MessagePack with named fields; [`Chunk::decode`] reads it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_value<T: Serialize + ?Sized + Sync>(
        &mut self,
        label: impl Into<String>,
        value: &T,
    ) -> Result<(), ReplyError> {
        self.send_chunk(Chunk::encode(label, value)?).await
    }

    /// Sends a chunk as it is; for passing on what others answered.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_chunk(&mut self, chunk: Chunk) -> Result<(), ReplyError> {
        // Encoding here tells the agent at once which chunk is too large.
        let frame = ReplyFrame::Chunk(chunk).encode()?;
        self.served.reply.send(&frame).await
    }

    /// Sends a revision of a result that gets better. If an earlier revision under the same name still waits for a slow
    /// requester, this one takes its place, before chunks that were sent in between, and nobody waits. One whose number
    /// is smaller than that of the one that waits is left out, so count up. Cancel safe, as [`Self::send`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn artefact(&mut self, artefact: Artefact) -> Result<(), ReplyError> {
        let (name, revision) = (artefact.name.clone(), artefact.revision);
        let frame = ReplyFrame::Artefact(artefact).encode()?;
        self.served.reply.send_artefact(&name, revision, &frame).await
    }

    /// Says that work goes on, which renews the idle limit of the request. Never waits: of notes that were not sent yet
    /// the latest counts. The text is cut to 256 bytes.
    ///
    /// # Errors
    /// [`ReplyError::Gone`] when the request is over.
    pub fn progress(&mut self, text: impl Into<String>, percent: Option<u8>) -> Result<(), ReplyError> {
        self.served.reply.note(&Progress { text: text.into(), percent })
    }

    /// Sends on what another agent replied.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn forward(&mut self, reply: Reply) -> Result<(), ReplyError> {
        match reply {
            Reply::Chunk(chunk) => self.send_chunk(chunk).await,
            Reply::Artefact(artefact) => self.artefact(artefact).await,
            Reply::Progress(note) => self.progress(note.text, note.percent),
        }
    }
}
