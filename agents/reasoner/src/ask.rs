//! One question to one peer, as a stream of what it answers. Nothing is sent before the stream is polled, and dropping
//! it cancels the request.

use agent_language::messages::{INTENT, TEXT_FEATURE};
use agent_vision::messages::{CLASSIFY, IMAGE_FEATURE};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use swarm_core::{AgentError, AgentId, AssistError, Chunk, Context};

/// What a peer is asked to do for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    Vision,
    Language,
}

impl Sense {
    /// The capability that peers offer it under.
    pub(crate) const fn capability(self) -> &'static str {
        match self {
            Self::Vision => CLASSIFY,
            Self::Language => INTENT,
        }
    }

    /// The label of what it answers.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Vision => IMAGE_FEATURE,
            Self::Language => TEXT_FEATURE,
        }
    }
}

/// A chunk of an answer, and which sense it came from.
pub(crate) type Sensed = Result<(Sense, Chunk), AgentError>;

/// Asks `peer`, and gives the chunks of its answer as they come. Ends after the first error.
pub(crate) fn ask(cx: &Context, sense: Sense, peer: AgentId, payload: Bytes) -> BoxStream<'static, Sensed> {
    let cx = cx.clone();
    stream::once(async move { cx.request_assistance(peer, sense.capability(), payload).await })
        .try_flatten()
        .try_filter_map(|reply| std::future::ready(Ok(reply.into_chunk())))
        .map(move |chunk| match chunk {
            Ok(chunk) => Ok((sense, chunk)),
            Err(error) => Err(passed_on(sense, peer, &error)),
        })
        .boxed()
}

/// What the peer does not want is the requester's affair, so it stays a refusal; everything else is a failure.
fn passed_on(sense: Sense, peer: AgentId, error: &AssistError) -> AgentError {
    let text = format!("{} at {}: {error}", sense.capability(), peer.short());
    match error {
        AssistError::Declined { .. } => AgentError::declined(text),
        _ => AgentError::failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stays_a_refusal_and_the_rest_are_failures() {
        let peer = AgentId::from_key_digest([1; 32]);
        let pass = |error| passed_on(Sense::Vision, peer, &error);

        let declined = pass(AssistError::Declined { reason: "too small".into() });
        let failed = pass(AssistError::PeerLost);

        assert!(matches!(&declined, AgentError::Declined(why) if why.contains("too small")), "{declined:?}");
        assert!(matches!(&failed, AgentError::Failed(why) if why.contains("vision.classify")), "{failed:?}");
    }
}
