//! Asks peers for what this agent cannot do itself, and says what their errors mean for its own request.

use agent_language::messages::INTENT;
use agent_vision::messages::CLASSIFY;
use swarm_core::{
    AgentError, AgentId, AssistError, Context, NameError, OutgoingRequest, ReplyStream, RequestId, Route,
};

use crate::parts::Part;

/// Asks a peer that can make something of this part, and waits until it begins to answer.
pub(crate) async fn ask(cx: &Context, id: RequestId, part: Part) -> Result<ReplyStream, AgentError> {
    let (capability, payload) = match part {
        Part::Image(image) => (CLASSIFY, image),
        Part::Sentence(sentence) => (INTENT, sentence),
    };
    let request = request(capability)?
        .payload(payload)
        // Looking or listening twice does no harm, so that another peer may take over.
        .idempotency_key(format!("{id}/{capability}"));
    cx.route(Route::new(), request).await.map_err(|error| not_answered(capability, error))
}

fn request(capability: &str) -> Result<OutgoingRequest, NameError> {
    Ok(OutgoingRequest::new(capability.try_into()?))
}

/// Nobody there, or nobody willing, is the requester's affair, so it is a refusal; everything else is a failure.
fn not_answered(capability: &str, error: AssistError) -> AgentError {
    match error {
        AssistError::NoSuchCapability => {
            AgentError::declined(format!("no peer offers {capability}: connect one and ask again"))
        }
        AssistError::Declined { .. } => AgentError::declined(format!("{capability}: {error}")),
        AssistError::HopLimit => AgentError::HopLimit,
        _ => AgentError::failed(format!("{capability}: {error}")),
    }
}

/// What an answer that broke off means.
pub(crate) fn broken_off(peer: AgentId, error: AssistError) -> AgentError {
    let text = format!("{}: {error}", peer.short());
    match error {
        AssistError::Declined { .. } => AgentError::declined(text),
        AssistError::HopLimit => AgentError::HopLimit,
        _ => AgentError::failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stays_a_refusal_and_the_rest_are_failures() {
        let peer = AgentId::from_key_digest([1; 32]);
        let refusal = || AssistError::Declined { reason: "too small".into() };

        for declined in [not_answered(CLASSIFY, refusal()), broken_off(peer, refusal())] {
            assert!(
                matches!(&declined, AgentError::Declined(why) if why.contains("too small")),
                "{declined:?}"
            );
        }
        let nobody = not_answered(CLASSIFY, AssistError::NoSuchCapability);
        assert!(
            matches!(&nobody, AgentError::Declined(why) if why.contains("vision.classify")),
            "{nobody:?}"
        );
        let failed = not_answered(CLASSIFY, AssistError::PeerLost);
        assert!(matches!(&failed, AgentError::Failed(why) if why.contains("vision.classify")), "{failed:?}");
        assert!(matches!(broken_off(peer, AssistError::PeerLost), AgentError::Failed(_)));
        assert_eq!(broken_off(peer, AssistError::HopLimit), AgentError::HopLimit);
    }
}
