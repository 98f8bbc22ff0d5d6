//! Serves `chat.complete`: passes a conversation to the endpoint, and its answer back as it forms. Keeps no state
//! between requests.

use swarm_core::proto::MAX_CHUNK_BYTES;
use swarm_core::{Advertisement, Agent, AgentError, AssistanceRequest, BodyError, Chunk, Context, Replies};

use crate::ChatParams;
use crate::endpoint::{ClientError, Endpoint};
use crate::messages::{COMPLETE, ChatRequest, DONE, TOKEN};

/// The longest request that is taken, in bytes of MessagePack: more than the memory of many models. One beyond 64 KiB
/// comes in several chunks, whose payloads are joined.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// Answers conversations for others, with the model behind an endpoint.
///
/// Offers [`COMPLETE`]. A body that is no conversation is declined; whatever goes wrong at the endpoint is a failure,
/// and what was sent before stays valid. While the requester takes no tokens, none are read from the endpoint. When the
/// requester drops its replies or the deadline passes, the HTTP request is closed, so that the endpoint stops generating.
///
/// ```
/// use agent_chat::{ChatAgent, ChatParams};
/// use swarm_core::Agent;
///
/// let agent = ChatAgent::new(ChatParams::new("http://127.0.0.1:11434/v1", "llama3.2")?)?;
/// assert_eq!(agent.capabilities()[0].capability.name(), "chat.complete");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ChatAgent {
    endpoint: Endpoint,
}

impl ChatAgent {
    /// An agent for an endpoint. Does not connect to it before the first request.
    ///
    /// # Errors
    /// [`ClientError`] if there can be no HTTP client for it.
    pub fn new(params: ChatParams) -> Result<Self, ClientError> {
        Ok(Self { endpoint: Endpoint::new(params)? })
    }
}

impl Agent for ChatAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        COMPLETE.parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        _cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let conversation = conversation(&mut request).await?;
        let mut answer = self.endpoint.ask(&conversation).await?;
        while let Some(text) = answer.next_text().await? {
            for piece in pieces(&text) {
                replies.send(TOKEN, piece.to_owned()).await?;
            }
        }
        replies.send_value(DONE, &answer.into_done()).await?;
        Ok(())
    }
}

/// Takes the body as a conversation; what is none is declined, as it is no failure of ours.
async fn conversation(request: &mut AssistanceRequest) -> Result<ChatRequest, AgentError> {
    let body = match request.payload(MAX_REQUEST_BYTES).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("the request is longer than {max} bytes: shorten it")));
        }
        body => body?,
    };
    let conversation: ChatRequest = Chunk::new("", body)
        .decode()
        .map_err(|error| AgentError::declined(format!("the body is not a ChatRequest: {error}")))?;
    conversation.check().map_err(|error| AgentError::declined(error.to_string()))?;
    Ok(conversation)
}

/// A text in parts that fit into a chunk each: an endpoint that does not really stream says everything at once.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at_checked(text.floor_char_boundary(MAX_CHUNK_BYTES))?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_loses_none() {
        let text = format!("a{}", "é".repeat(MAX_CHUNK_BYTES));
        let pieces: Vec<&str> = pieces(&text).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_CHUNK_BYTES));
        assert_eq!((pieces.len(), pieces.concat()), (3, text));
    }
}
