//! Broadcasts `rover.telemetry` and serves `rover.command`. One task moves the rover; commands reach it through a lock
//! that is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use swarm_core::proto::{from_slice, to_vec};
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, BodyError, Context, Epoch, Replies,
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::RoverParams;
use crate::command_log::{Admission, CommandLog};
use crate::messages::{ACCEPTED, Accepted, COMMAND, Command, DONE, Done, TELEMETRY};
use crate::motion::Motion;

/// Bytes of a command: several times what one takes.
const MAX_COMMAND_BYTES: usize = 256;

/// Drives about, tells everybody where it is, and takes commands.
///
/// Offers [`COMMAND`] and broadcasts on [`TELEMETRY`]. A command takes effect once per id, however often it is sent, and
/// is confirmed each time; one that cannot be obeyed is declined. When the answer of a request is lost, repeat the
/// command under the same id.
///
/// ```
/// use agent_rover::{RoverAgent, RoverParams};
/// use swarm_core::Agent;
///
/// let rover = RoverAgent::new(RoverParams::default(), 7);
/// assert_eq!(rover.capabilities()[0].capability.name(), "rover.command");
/// ```
#[derive(Debug)]
pub struct RoverAgent {
    period: Duration,
    /// Of the first broadcast after the start: rovers that start together shall not all speak together.
    phase: Duration,
    body: Arc<Mutex<Body>>,
}

/// What commands and time change. Under one lock, so that a command is remembered exactly if it is obeyed.
#[derive(Debug)]
struct Body {
    motion: Motion,
    log: CommandLog,
}

impl RoverAgent {
    /// A rover whose first place, charge and phase follow from `seed`.
    #[must_use]
    pub fn new(params: RoverParams, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let motion = Motion::somewhere(&mut rng);
        let period = params.rate_hz.period();
        let phase = period.mul_f64(rng.random_range(0.0..1.0));
        Self { period, phase, body: Arc::new(Mutex::new(Body { motion, log: CommandLog::default() })) }
    }

    fn execute(&self, requester: AgentId, epoch: Epoch, command: Command) -> Result<Done, AgentError> {
        let Command { id, order } = command;
        let mut body = lock(&self.body);
        let repeated = match body.log.admit(requester, epoch, id) {
            Admission::New => false,
            Admission::Repeated => true,
            Admission::TooOld => {
                let reason =
                    format!("command {id} is too old to tell whether it was executed: number it anew");
                return Err(AgentError::declined(reason));
            }
        };
        if !repeated {
            body.motion.obey(order);
        }
        Ok(Done { id, repeated, telemetry: body.motion.telemetry() })
    }
}

impl Agent for RoverAgent {
    fn capabilities(&self) -> Vec<Advertisement> {
        COMMAND.parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        cx.spawn(drive(cx.clone(), Arc::clone(&self.body), self.phase, self.period));
    }

    async fn on_request(
        &self,
        cx: &Context,
        mut request: AssistanceRequest,
        replies: &mut Replies,
    ) -> Result<(), AgentError> {
        let command = command(&mut request).await?;
        let requester = request.requester();
        let epoch = epoch(cx, requester).ok_or_else(|| {
            AgentError::failed("the connection was lost: repeat the command over a new one")
        })?;
        replies.send_value(ACCEPTED, &Accepted { id: command.id }).await?;
        let done = self.execute(requester, epoch, command)?;
        Ok(replies.send_value(DONE, &done).await?)
    }
}

/// Moves and tells so, until the node stops.
async fn drive(cx: Context, body: Arc<Mutex<Body>>, phase: Duration, period: Duration) {
    let Some(first) = Instant::now().checked_add(phase) else { return };
    let mut ticks = tokio::time::interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let telemetry = {
            let mut body = lock(&body);
            body.motion.advance(period.as_secs_f64());
            body.motion.telemetry()
        };
        // Lost telemetry is no harm, as more follows; without a peer to hear it nothing is lost at all.
        let _ = to_vec(&telemetry).map(|payload| cx.broadcast_observation(TELEMETRY, payload));
    }
}

/// Takes the body as a command that can be obeyed; what is none is declined, as it is no failure of ours.
async fn command(request: &mut AssistanceRequest) -> Result<Command, AgentError> {
    let body = match request.payload(MAX_COMMAND_BYTES).await {
        Err(BodyError::TooLarge { max }) => {
            return Err(AgentError::declined(format!("a command takes at most {max} bytes")));
        }
        body => body?,
    };
    let command: Command = from_slice(&body).map_err(|error| {
        AgentError::declined(format!("the body is no command with id and order: {error}"))
    })?;
    Motion::check(command.order).map_err(|error| AgentError::declined(error.to_string()))?;
    Ok(command)
}

/// Which life of a peer it is that we are connected to.
fn epoch(cx: &Context, peer: AgentId) -> Option<Epoch> {
    cx.peers().into_iter().find(|known| known.id == peer).map(|known| known.epoch)
}

/// No method of the body panics half-way, so a poisoned lock is as good as any.
fn lock(body: &Mutex<Body>) -> MutexGuard<'_, Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Order;

    const LIFE: Epoch = Epoch::new(1);

    fn requester() -> AgentId {
        AgentId::from_key_digest([1; 32])
    }

    fn speed_after_a_while(rover: &RoverAgent) -> f64 {
        let mut body = lock(&rover.body);
        (0..100).for_each(|_| body.motion.advance(0.05));
        body.motion.telemetry().speed_mps
    }

    #[test]
    fn a_repeated_command_is_not_executed_again() {
        let rover = RoverAgent::new(RoverParams::default(), 1);
        let execute = |id, order| rover.execute(requester(), LIFE, Command { id, order }).unwrap();
        let goto = Order::Goto { x_m: 1000.0, y_m: 1000.0 };
        execute(1, goto);
        assert!(speed_after_a_while(&rover) > 0.0);
        execute(2, Order::Stop);

        assert!(execute(1, goto).repeated);

        assert_eq!(speed_after_a_while(&rover), 0.0);
    }

    #[test]
    fn a_command_too_old_is_declined_and_not_executed() {
        let rover = RoverAgent::new(RoverParams::default(), 1);
        rover.execute(requester(), LIFE, Command { id: 1000, order: Order::Stop }).unwrap();
        let late = Command { id: 1, order: Order::Goto { x_m: 1000.0, y_m: 1000.0 } };

        let answer = rover.execute(requester(), LIFE, late);

        assert!(matches!(answer, Err(AgentError::Declined(why)) if why.contains("too old")));
        assert_eq!(speed_after_a_while(&rover), 0.0);
    }

    #[test]
    fn rovers_of_different_seeds_begin_apart() {
        let start = |seed| lock(&RoverAgent::new(RoverParams::default(), seed).body).motion.telemetry();
        assert_eq!(start(1), start(1));
        assert_ne!(start(1), start(2));
    }
}
