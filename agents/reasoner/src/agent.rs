//! Serves `reason.answer`: asks the senses as soon as their part of the question is there, passes on what they say, and
//! concludes. One task per request, which holds at most one chunk at a time.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, Capability, Chunk, Context, Replies,
};

use crate::ReasonerParams;
use crate::ask::{Sense, Sensed, ask};
use crate::messages::{ANSWER, REASON, THOUGHT};
use crate::parts::{Part, Parts, PartsError};
use crate::turns::Turns;
use crate::understanding::Understanding;

/// Answers questions about pictures of digits, with the help of peers that offer `vision.classify` and
/// `language.intent`.
///
/// Offers [`REASON`]. Without such peers, or when they decline, it declines; when one fails, it fails with its error. The
/// deadline of the request holds for what it asks of others, and cancelling cancels there too.
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
    vision: Turns,
    language: Turns,
}

impl ReasonerAgent {
    /// An agent that goes round among its peers; the seed decides with whom it begins.
    #[must_use]
    pub fn new(_params: ReasonerParams, seed: u64) -> Self {
        Self { vision: Turns::new(seed), language: Turns::new(seed) }
    }

    /// Asks the next peer that can make something of this part.
    fn ask(&self, cx: &Context, part: Part) -> Result<BoxStream<'static, Sensed>, AgentError> {
        let (sense, turns, payload): (_, _, Bytes) = match part {
            Part::Image(image) => (Sense::Vision, &self.vision, image),
            Part::Sentence(sentence) => (Sense::Language, &self.language, sentence),
        };
        let peer = turns.next(&offering(cx, sense)?).ok_or_else(|| {
            AgentError::declined(format!("no peer offers {}: connect one and ask again", sense.capability()))
        })?;
        Ok(ask(cx, sense, peer, payload))
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
        let mut answers = SelectAll::new();
        loop {
            tokio::select! {
                biased;
                chunk = request.next_chunk(), if !parts.is_complete() => {
                    for part in accept(&mut parts, chunk?)? {
                        answers.push(self.ask(cx, part)?);
                    }
                }
                Some(sensed) = answers.next() => take_in(sensed?, &mut understanding, replies).await?,
                else => break,
            }
        }
        conclude(&understanding, replies).await
    }
}

/// The peers that have this sense now, sorted by id.
fn offering(cx: &Context, sense: Sense) -> Result<Vec<AgentId>, AgentError> {
    let capability: Capability = sense.capability().parse()?;
    let peers = cx.peers().into_iter().filter(|peer| peer.offer(&capability).is_some());
    Ok(peers.map(|peer| peer.id).collect())
}

/// A body that is no question is declined: that is no failure of ours.
fn accept(parts: &mut Parts, chunk: Option<Chunk>) -> Result<Vec<Part>, AgentError> {
    let accepted = match chunk {
        Some(chunk) => parts.accept(chunk),
        None => parts.end().map(|()| Vec::new()),
    };
    accepted.map_err(|error: PartsError| AgentError::declined(error.to_string()))
}

/// Learns from a chunk and passes it on as it is. Labels that are newer than this agent are left out.
async fn take_in(
    (sense, chunk): (Sense, Chunk),
    understanding: &mut Understanding,
    replies: &mut Replies,
) -> Result<(), AgentError> {
    if chunk.label != sense.label() {
        return Ok(());
    }
    match sense {
        Sense::Vision => understanding.see(&chunk.decode()?),
        Sense::Language => understanding.hear(&chunk.decode()?),
    }
    Ok(replies.send_chunk(chunk).await?)
}

async fn conclude(understanding: &Understanding, replies: &mut Replies) -> Result<(), AgentError> {
    let conclusion = understanding.conclude()?;
    for thought in &conclusion.thoughts {
        replies.send_value(THOUGHT, thought).await?;
    }
    Ok(replies.send_value(ANSWER, &conclusion.answer).await?)
}
