//! How an assistance ended. One word of the wire each, so that a reader of another language compares strings; what
//! to do about it is the requester's decision.

use serde::{Deserialize, Serialize};

use crate::error::{DecodeError, Exceeded, at_most};
use crate::frame::cut;
use crate::limits::MAX_OUTCOME_TEXT_BYTES;
use crate::reader::ArrayReader;
use crate::wire::{optional_text, text};

const TEXT: &str = "bytes of an outcome's text";

/// How an assistance ended, as its responder says.
///
/// A map on the wire: `outcome` with the word given at each variant, and the field of the variant. Texts are cut to
/// 1,024 bytes when they are encoded. A word that is not known becomes [`Outcome::Failed`].
///
/// ```
/// use swarm_proto::{Outcome, from_slice, to_vec};
///
/// let declined = Outcome::Declined { reason: "no camera".into() };
/// assert_eq!(from_slice::<Outcome>(&to_vec(&declined)?)?, declined);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "OutcomeWire", try_from = "OutcomeWire")]
pub enum Outcome {
    /// The answer is complete. `completed`.
    Completed,
    /// The agent does not want to, and asking again will not change that. `declined`.
    Declined {
        /// Why, for a human reader; nothing if it was left out.
        reason: String,
    },
    /// The agent tried and failed. `failed`.
    Failed {
        /// What went wrong, for a human reader; nothing if it was left out.
        error: String,
    },
    /// The agent does not offer the capability in this version. `no_such_capability`.
    NoSuchCapability,
    /// The requester's grant does not cover the capability. `not_permitted`.
    NotPermitted,
    /// The responder serves, and lets wait, as many requests as it takes. `busy`.
    Busy {
        /// Milliseconds after which asking again may succeed; 0, also if it was left out, for no idea.
        retry_after_ms: u32,
    },
    /// The deadline passed before the answer was complete. `deadline_exceeded`.
    DeadlineExceeded,
    /// Nothing moved for longer than the request allows. `idle`.
    Idle,
    /// The answer takes another agent's help, and no more agents may follow. `hop_limit`.
    HopLimit,
    /// There is no reply to resume: it is over, was given up, is not resumable, or another agent asked.
    /// `unknown_request`.
    UnknownRequest,
    /// The request could not be understood. `malformed`.
    Malformed {
        /// What was wrong with it, for a human reader; nothing if it was left out.
        reason: String,
    },
    /// The responder ends. `shut_down`.
    ShutDown,
}

/// An outcome as it travels.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct OutcomeWire {
    #[serde(deserialize_with = "text")]
    outcome: String,
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
}

/// Reads the map of an outcome.
pub(super) fn read(reader: &mut ArrayReader<'_>) -> Result<Outcome, DecodeError> {
    reader.next_map::<OutcomeWire>("outcome")?.try_into()
}

impl From<Outcome> for OutcomeWire {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::named("completed"),
            Outcome::Declined { reason } => Self { reason: Some(short(&reason)), ..Self::named("declined") },
            Outcome::Failed { error } => Self { error: Some(short(&error)), ..Self::named("failed") },
            Outcome::NoSuchCapability => Self::named("no_such_capability"),
            Outcome::NotPermitted => Self::named("not_permitted"),
            Outcome::Busy { retry_after_ms } => {
                Self { retry_after_ms: Some(retry_after_ms), ..Self::named("busy") }
            }
            Outcome::DeadlineExceeded => Self::named("deadline_exceeded"),
            Outcome::Idle => Self::named("idle"),
            Outcome::HopLimit => Self::named("hop_limit"),
            Outcome::UnknownRequest => Self::named("unknown_request"),
            Outcome::Malformed { reason } => {
                Self { reason: Some(short(&reason)), ..Self::named("malformed") }
            }
            Outcome::ShutDown => Self::named("shut_down"),
        }
    }
}

impl TryFrom<OutcomeWire> for Outcome {
    type Error = DecodeError;

    fn try_from(wire: OutcomeWire) -> Result<Self, DecodeError> {
        wire.within_limits()?;
        let OutcomeWire { outcome, reason, error, retry_after_ms } = wire;
        let reason = reason.unwrap_or_default();
        Ok(match outcome.as_str() {
            "completed" => Self::Completed,
            "declined" => Self::Declined { reason },
            "failed" => Self::Failed { error: error.unwrap_or_default() },
            "no_such_capability" => Self::NoSuchCapability,
            "not_permitted" => Self::NotPermitted,
            "busy" => Self::Busy { retry_after_ms: retry_after_ms.unwrap_or_default() },
            "deadline_exceeded" => Self::DeadlineExceeded,
            "idle" => Self::Idle,
            "hop_limit" => Self::HopLimit,
            "unknown_request" => Self::UnknownRequest,
            "malformed" => Self::Malformed { reason },
            "shut_down" => Self::ShutDown,
            unknown => Self::Failed { error: short(&format!("the outcome {unknown:?} is not known here")) },
        })
    }
}

impl OutcomeWire {
    fn named(word: &str) -> Self {
        Self { outcome: word.to_owned(), ..Self::default() }
    }

    fn within_limits(&self) -> Result<(), Exceeded> {
        let texts = [Some(&self.outcome), self.reason.as_ref(), self.error.as_ref()];
        let longest = texts.into_iter().flatten().map(String::len).max().unwrap_or_default();
        at_most(MAX_OUTCOME_TEXT_BYTES, longest, TEXT)
    }
}

fn short(text: &str) -> String {
    cut(text, MAX_OUTCOME_TEXT_BYTES).to_owned()
}
