//! Serves `reason.answer`: asks the senses as soon as their part of the question is there, passes on what they say, and
//! concludes. One task per request, which holds at most one chunk at a time.

use agent_language::messages::TEXT_FEATURE;
use agent_vision::messages::IMAGE_FEATURE;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use swarm_core::{
    Advertisement, Agent, AgentError, AssistanceRequest, Chunk, Context, FanIn, FanInItem, Replies, Reply,
};

use crate::ReasonerParams;
use crate::ask::{ask, broken_off};
use crate::messages::{ANSWER, REASON, THOUGHT};
use crate::parts::{Part, Parts, PartsError};
use crate::understanding::Understanding;

/// Answers questions about pictures of digits, with the help of peers that offer `vision.classify` and
/// `language.intent`.
///
/// Offers [`REASON`]. Of several such peers the less loaded are asked, and when one is lost, fails or declines before its
/// first word, another. Without such peers, or when they decline, it declines; when they fail, it fails with their error.
/// The deadline of the request holds for what it asks of others, and cancelling cancels there too.
///
/// ```
/// use agent_reasoner::{ReasonerAgent, ReasonerParams};
/// use swarm_core::Agent;
///
/// let agent = ReasonerAgent::new(ReasonerParams::default(), 1);
/// assert_eq!(agent.capabilities()[0].capability.name(), "reason.answer");
/// ```
#[derive(Debug)]
pub struct ReasonerAgent {
    _private: (),
}

impl ReasonerAgent {
    /// Like every agent of the cast it takes a seed; it leaves nothing to chance, so that all seeds are alike.
    #[must_use]
    pub fn new(_params: ReasonerParams, _seed: u64) -> Self {
        Self { _private: () }
    }
}

impl Agent for ReasonerAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        REASON.parse().into_iter().collect()
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let (mut parts, mut understanding) = (Parts::default(), Understanding::default());
        let (mut asked, mut answers) = (FuturesUnordered::new(), FanIn::new());
        loop {
            tokio::select! {
                biased;
                chunk = request.next_chunk(), if !parts.is_complete() => {
                    for part in accept(&mut parts, chunk?)? {
                        asked.push(ask(cx, request.id(), part));
                    }
                }
                Some(answer) = asked.next() => answers.push(answer?),
                Some(event) = answers.next() => match event.what {
                    FanInItem::Reply(reply) => take_in(reply, &mut understanding, replies).await?,
                    FanInItem::Ended(Ok(())) => {}
                    FanInItem::Ended(Err(error)) => return Err(broken_off(event.origin, error)),
                },
                else => break,
            }
        }
        conclude(&understanding, replies).await
    }
}

/// A body that is no question is declined: that is no failure of ours.
fn accept(parts: &mut Parts, chunk: Option<Chunk>) -> Result<Vec<Part>, AgentError> {
    let accepted = match chunk {
        Some(chunk) => parts.accept(chunk),
        None => parts.end().map(|()| Vec::new()),
    };
    accepted.map_err(|error: PartsError| AgentError::declined(error.to_string()))
}

/// Learns from a piece of an answer and passes it on as it is. What is newer than this agent is left out, and so are
/// notes of progress: they say nothing of the whole.
async fn take_in(
    reply: Reply,
    understanding: &mut Understanding,
    replies: &mut Replies,
) -> Result<(), AgentError> {
    let Some(chunk) = reply.clone().into_chunk() else { return Ok(()) };
    match chunk.label.as_str() {
        IMAGE_FEATURE => understanding.see(&chunk.decode()?),
        TEXT_FEATURE => understanding.hear(&chunk.decode()?),
        _ => return Ok(()),
    }
    Ok(replies.forward(reply).await?)
}

async fn conclude(understanding: &Understanding, replies: &mut Replies) -> Result<(), AgentError> {
    let conclusion = understanding.conclude()?;
    for thought in &conclusion.thoughts {
        replies.send_value(THOUGHT, thought).await?;
    }
    Ok(replies.send_value(ANSWER, &conclusion.answer).await?)
}
