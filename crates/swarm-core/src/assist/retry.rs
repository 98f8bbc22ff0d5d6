//! Whether a request that ended may be tried on another peer, and what to say when nobody is left. Asked only while
//! nothing of a reply has come: what has begun to be answered is never asked again.

use crate::error::AssistError;

/// How far a request had come when it ended without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing was sent.
    Nobody,
    /// The responder has turned it away before its agent saw it.
    Responder,
    /// Its agent may have worked on it.
    Agent,
}

/// Whether another peer may be asked without doing the work twice, or because twice does no harm.
pub(crate) fn may_ask_another(error: &AssistError, reached: Reached, idempotent: bool) -> bool {
    match error {
        AssistError::NotConnected(_)
        | AssistError::NotReady(_)
        | AssistError::NoSuchCapability
        | AssistError::NotPermitted
        | AssistError::Busy { .. }
        | AssistError::PeerLost
        | AssistError::Cancelled
        | AssistError::Idle
        | AssistError::ShutDown => reached != Reached::Agent || idempotent,
        // That is this agent's own answer; another may have a better one.
        AssistError::Declined { .. } | AssistError::Failed { .. } => idempotent,
        // Another peer would change nothing.
        AssistError::Capability(_)
        | AssistError::DeadlineExceeded
        | AssistError::HopLimit
        | AssistError::Gap { .. }
        | AssistError::TooLarge { .. }
        | AssistError::Overloaded { .. }
        | AssistError::Malformed { .. }
        | AssistError::NoGoodAnswer => false,
    }
}

/// What several endings come to in one: what an agent said before what kept it from saying anything; of those who are
/// busy, the one that is free first; of the rest the first.
pub(crate) fn more_telling(one: AssistError, other: AssistError) -> AssistError {
    match (one, other) {
        (AssistError::Busy { retry_after: one }, AssistError::Busy { retry_after: other }) => {
            AssistError::Busy { retry_after: one.min(other) }
        }
        (one, other) if silence(&other) < silence(&one) => other,
        (one, _) => one,
    }
}

/// The rank of an ending: less is more telling.
fn silence(error: &AssistError) -> u8 {
    match error {
        AssistError::NoGoodAnswer => 0,
        AssistError::Failed { .. } => 1,
        AssistError::Declined { .. } => 2,
        AssistError::TooLarge { .. } | AssistError::Malformed { .. } | AssistError::Capability(_) => 3,
        AssistError::HopLimit | AssistError::NotPermitted => 4,
        AssistError::DeadlineExceeded => 5,
        AssistError::Idle => 6,
        AssistError::Gap { .. } | AssistError::PeerLost | AssistError::Cancelled => 7,
        AssistError::Busy { .. } => 8,
        AssistError::Overloaded { .. } => 9,
        AssistError::ShutDown => 10,
        AssistError::NotReady(_) | AssistError::NotConnected(_) => 11,
        AssistError::NoSuchCapability => 12,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn busy(ms: u64) -> AssistError {
        AssistError::Busy { retry_after: Duration::from_millis(ms) }
    }

    fn failed() -> AssistError {
        AssistError::Failed { error: "it is dark".into() }
    }

    #[test]
    fn what_no_agent_has_seen_may_go_to_another() {
        for error in [
            busy(1),
            AssistError::PeerLost,
            AssistError::Idle,
            AssistError::ShutDown,
            AssistError::NoSuchCapability,
        ] {
            assert!(may_ask_another(&error, Reached::Nobody, false), "{error}");
            assert!(may_ask_another(&error, Reached::Responder, false), "{error}");
            assert!(!may_ask_another(&error, Reached::Agent, false), "{error}");
        }
    }

    #[test]
    fn what_an_agent_may_have_worked_on_goes_to_another_only_if_twice_does_no_harm() {
        for error in [AssistError::PeerLost, AssistError::Cancelled, AssistError::Idle, failed()] {
            assert!(!may_ask_another(&error, Reached::Agent, false), "{error}");
            assert!(may_ask_another(&error, Reached::Agent, true), "{error}");
        }
    }

    #[test]
    fn what_another_peer_cannot_change_is_final() {
        for error in [
            AssistError::DeadlineExceeded,
            AssistError::HopLimit,
            AssistError::Overloaded { limit: 1 },
            AssistError::TooLarge { what: "bytes of a chunk", max: 1 },
        ] {
            for reached in [Reached::Nobody, Reached::Responder, Reached::Agent] {
                assert!(!may_ask_another(&error, reached, true), "{error}");
            }
        }
    }

    #[test]
    fn the_most_telling_ending_is_told() {
        let told = |errors: &[AssistError]| errors.iter().cloned().reduce(more_telling).unwrap();
        assert_eq!(told(&[busy(70), busy(20), busy(50)]), busy(20));
        assert_eq!(told(&[busy(70), AssistError::PeerLost, busy(50)]), AssistError::PeerLost);
        assert_eq!(told(&[AssistError::NoSuchCapability, busy(5)]), busy(5));
        assert_eq!(told(&[AssistError::DeadlineExceeded, failed(), AssistError::PeerLost]), failed());
    }
}
