//! Brings one command to one rover: sends it again, under the same id, until it is confirmed. Never gives up by itself;
//! whoever waits for it ends it when the rover has gone.

use std::time::Duration;

use agent_rover::messages::{COMMAND, Command, DONE, Done};
use bytes::Bytes;
use swarm_core::proto::to_vec;
use swarm_core::{AgentId, AssistError, Capability, Chunk, Context, OutgoingRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;

/// How long to wait for the answer to one attempt: beyond it on a LAN, it is lost.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(2);

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CommandOutcome {
    /// It took effect, once.
    Confirmed {
        /// How often it was sent.
        attempts: u32,
        /// From the first attempt to the confirmation.
        after: Duration,
    },
    /// The rover does not want it, and would not at another attempt. It had no effect.
    Refused {
        /// In the rover's words.
        reason: String,
    },
    /// The rover went before it confirmed. Whether the command had an effect is not known.
    RoverGone,
}

/// Why an attempt did not bring a confirmation.
#[derive(Debug, PartialEq)]
enum Setback {
    /// Worth another attempt, at the earliest after this time.
    Again(Duration),
    /// Not worth another one.
    Refused(String),
}

/// Brings the command, until it is confirmed or `presence` ends.
pub(crate) async fn run(
    cx: &Context,
    rover: AgentId,
    command: Command,
    presence: &CancellationToken,
    backoff: Backoff<'_>,
) -> CommandOutcome {
    tokio::select! {
        biased;
        () = presence.cancelled() => CommandOutcome::RoverGone,
        outcome = insist(cx, rover, command, backoff) => outcome,
    }
}

async fn insist(cx: &Context, rover: AgentId, command: Command, mut backoff: Backoff<'_>) -> CommandOutcome {
    let began = Instant::now();
    let mut attempts = 0_u32;
    loop {
        attempts = attempts.saturating_add(1);
        match attempt(cx, rover, command).await {
            Ok(()) => return CommandOutcome::Confirmed { attempts, after: began.elapsed() },
            Err(Setback::Refused(reason)) => return CommandOutcome::Refused { reason },
            Err(Setback::Again(earliest)) => tokio::time::sleep(backoff.next().max(earliest)).await,
        }
    }
}

async fn attempt(cx: &Context, rover: AgentId, command: Command) -> Result<(), Setback> {
    let request = request(command)?;
    let mut replies = cx.request(rover, request).await.map_err(|error| setback(&error))?;
    let mut confirmed = false;
    loop {
        match replies.next_chunk().await {
            Ok(Some(chunk)) => confirmed |= confirms(&chunk, command),
            // The confirmation counts even if what follows it is lost.
            Err(error) if !confirmed => return Err(setback(&error)),
            Ok(None) if !confirmed => return Err(Setback::Refused("it ended without a word".to_owned())),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
}

fn request(command: Command) -> Result<OutgoingRequest, Setback> {
    let refused = |error: &dyn std::error::Error| Setback::Refused(error.to_string());
    let capability: Capability = COMMAND.parse().map_err(|error| refused(&error))?;
    let payload: Bytes = to_vec(&command).map_err(|error| refused(&error))?.into();
    Ok(OutgoingRequest::new(capability.into()).payload(payload).deadline(ATTEMPT_DEADLINE))
}

fn confirms(chunk: &Chunk, command: Command) -> bool {
    chunk.label == DONE && chunk.decode::<Done>().is_ok_and(|done| done.id == command.id)
}

/// What concerns the command itself is final; what concerns the rover's state or the way to it may pass.
fn setback(error: &AssistError) -> Setback {
    match error {
        AssistError::Busy { retry_after } => Setback::Again(*retry_after),
        AssistError::Declined { .. }
        | AssistError::NoSuchCapability
        | AssistError::Capability(_)
        | AssistError::Malformed { .. }
        | AssistError::TooLarge { .. } => Setback::Refused(error.to_string()),
        _ => Setback::Again(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use agent_rover::messages::{Order, Telemetry};

    use super::*;

    fn done(id: u64) -> Done {
        let telemetry = Telemetry { x_m: 0.0, y_m: 0.0, heading_rad: 0.0, speed_mps: 0.0, battery: 1.0 };
        Done { id, repeated: false, telemetry }
    }

    #[test]
    fn only_done_under_its_own_id_confirms_a_command() {
        let command = Command { id: 7, order: Order::Stop };
        assert!(confirms(&Chunk::encode(DONE, &done(7)).unwrap(), command));
        assert!(!confirms(&Chunk::encode(DONE, &done(8)).unwrap(), command));
        assert!(!confirms(&Chunk::encode("accepted", &done(7)).unwrap(), command));
        assert!(!confirms(&Chunk::new(DONE, "yes"), command));
    }

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_is_not() {
        let hint = Duration::from_millis(300);
        assert_eq!(setback(&AssistError::Busy { retry_after: hint }), Setback::Again(hint));
        for error in [AssistError::PeerLost, AssistError::DeadlineExceeded, AssistError::ShutDown] {
            assert_eq!(setback(&error), Setback::Again(Duration::ZERO), "{error}");
        }
        let declined = setback(&AssistError::Declined { reason: "too far".into() });
        assert_eq!(declined, Setback::Refused("declined: too far".into()));
        assert!(matches!(setback(&AssistError::NoSuchCapability), Setback::Refused(_)));
    }
}
