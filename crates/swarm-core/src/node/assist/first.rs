//! The first whole answer of several peers.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use swarm_proto::{AgentId, Chunk, RequestId};

use super::copies::Copies;
use super::fan_in::Opening;
use super::outgoing::OutgoingRequest;
use super::reply_pipe::Served;
use super::route::Route;
use crate::assist::retry::more_telling;
use crate::error::AssistError;
use crate::node::shared::NodeShared;

/// What a chunk costs beside its content, so that empty ones are not free.
const CHUNK_BYTES: usize = 64;

/// A whole reply, and who gave it.
///
/// ```
/// fn text(answer: &swarm_core::Answer) -> String {
///     answer.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.payload)).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Who gave it.
    pub origin: AgentId,
    /// The request that it answers.
    pub request: RequestId,
    /// All of it, as [`ReplyStream::next_chunk`](crate::ReplyStream::next_chunk) gives it.
    pub chunks: Vec<Chunk>,
}

/// Asks every offer that matches for a whole answer of at most `max_bytes`. The first good one wins, the others are
/// cancelled.
pub(in crate::node) async fn request_first(
    shared: &Arc<NodeShared>,
    on_behalf: Option<Arc<Served>>,
    route: &Route,
    request: OutgoingRequest,
    max_bytes: usize,
    good: impl Fn(&[Chunk]) -> bool + Send,
) -> Result<Answer, AssistError> {
    let candidates = route.fan_out(shared, &request.pattern);
    let mut copies = Copies::new(shared, on_behalf, request);
    let openings = candidates.iter().filter_map(|candidate| copies.open(candidate));
    let mut answers: FuturesUnordered<_> = openings.map(|opening| whole(opening, max_bytes)).collect();
    let mut failure = AssistError::NoSuchCapability;
    while let Some(answer) = answers.next().await {
        let error = match answer {
            Ok(answer) if good(&answer.chunks) => return Ok(answer),
            Ok(_) => AssistError::NoGoodAnswer,
            Err(error) => error,
        };
        failure = more_telling(failure, error);
    }
    Err(failure)
}

async fn whole(opening: Opening, max_bytes: usize) -> Result<Answer, AssistError> {
    let mut replies = opening.await?;
    let (mut chunks, mut bytes) = (Vec::new(), 0_usize);
    while let Some(chunk) = replies.next_chunk().await? {
        bytes = bytes.saturating_add(CHUNK_BYTES + chunk.label.len() + chunk.payload.len());
        if bytes > max_bytes {
            return Err(AssistError::TooLarge { what: "bytes of an answer", max: max_bytes });
        }
        chunks.push(chunk);
    }
    Ok(Answer { origin: replies.peer(), request: replies.id(), chunks })
}
