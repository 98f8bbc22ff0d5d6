//! Broadcasts `rover.telemetry`, `rover.vibration` and `rover.event`, obeys `fleet.order` and serves `rover.command`. One
//! task moves the rover; orders reach it through a lock that is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use swarm_core::proto::from_slice;
use swarm_core::{
    Advertisement, Agent, AgentError, AgentId, AssistanceRequest, BodyError, Context, Epoch, Observation,
    Replies, TopicPattern,
};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::command_log::{Admission, CommandLog};
use crate::messages::{ACCEPTED, Accepted, COMMAND, Command, DONE, Done, Event, Incident, Order, Vibration};
use crate::motion::Motion;
use crate::{RateHz, RoverParams, RoverTopics};

/// Bytes of a command: several times what one takes.
const MAX_COMMAND_BYTES: usize = 256;

/// What a rover measures of each command that it executes: 1 if it had executed a later one of the same requester before,
/// else 0.
pub const OVERTAKEN: &str = "command.overtaken";

/// Drives about, tells everybody where it is, and takes commands.
///
/// Offers [`COMMAND`] and broadcasts on [`RoverTopics`]. A command takes effect once per id, however often it is sent, and
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
    params: RoverParams,
    topics: RoverTopics,
    seed: u64,
    body: Arc<Mutex<Body>>,
}

/// What commands and time change. Under one lock, so that a command is remembered exactly if it is obeyed.
#[derive(Debug)]
struct Body {
    motion: Motion,
    log: CommandLog,
    /// The number of the last event.
    events: u64,
}

impl RoverAgent {
    /// A rover whose first place, charge and phase follow from `seed`.
    #[must_use]
    pub fn new(params: RoverParams, seed: u64) -> Self {
        let topics = RoverTopics::new();
        let motion = Motion::somewhere(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        let body = Body { motion, log: CommandLog::default(), events: 0 };
        Self { params, topics, seed, body: Arc::new(Mutex::new(body)) }
    }

    /// Executes a command unless it was executed before; `tell` is called with what happened then. Gives whether it came in
    /// its turn, too.
    fn execute(
        &self,
        requester: AgentId,
        epoch: Epoch,
        command: Command,
        tell: impl FnOnce(&mut Body, Incident),
    ) -> Result<(Done, Admission), AgentError> {
        let Command { id, order } = command;
        let mut body = lock(&self.body);
        let admission = body.log.admit(requester, epoch, id);
        match admission {
            Admission::New | Admission::Overtaken => obey(&mut body, order, tell),
            Admission::Repeated => {}
            Admission::TooOld => {
                let reason =
                    format!("command {id} is too old to tell whether it was executed: number it anew");
                return Err(AgentError::declined(reason));
            }
        }
        let repeated = admission == Admission::Repeated;
        Ok((Done { id, repeated, telemetry: body.motion.telemetry() }, admission))
    }
}

fn obey(body: &mut Body, order: Order, tell: impl FnOnce(&mut Body, Incident)) {
    body.motion.obey(order);
    match order {
        Order::Goto { .. } => tell(body, Incident::Departed),
        Order::Stop => tell(body, Incident::Halted),
        Order::Report => {}
    }
}

/// Numbers an event and broadcasts it. Under the lock of the body, so that events go in the order of their numbers.
fn tell(cx: &Context, topics: &RoverTopics, body: &mut Body, incident: Incident) {
    body.events += 1;
    // Only the end of the node can be in the way of something so small.
    let _ = cx.publish(&topics.events, &Event { number: body.events, incident });
}

impl Agent for RoverAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        self.params.subscriptions.clone()
    }

    fn capabilities(&self) -> Vec<Advertisement> {
        COMMAND.parse().into_iter().collect()
    }

    async fn on_start(&self, cx: &Context) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(!self.seed);
        let rate = self.params.rate_hz;
        let ticks = Ticks::new(rate, &mut rng);
        cx.spawn(drive(cx.clone(), self.topics.clone(), Arc::clone(&self.body), rate, ticks));
        if let Some(rate) = self.params.vibration_hz {
            let ticks = Ticks::new(rate, &mut rng);
            cx.spawn(shake(cx.clone(), self.topics.clone(), Arc::clone(&self.body), rng, ticks));
        }
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        match self.topics.orders.read(&observation) {
            Some(Ok(order)) if Motion::check(order).is_ok() => {
                obey(&mut lock(&self.body), order, |body, incident| tell(cx, &self.topics, body, incident));
            }
            // What is no order, or cannot be obeyed, is nobody's business: there is no one to answer to.
            Some(_) | None => {}
        }
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
        let (done, admission) = self.execute(requester, epoch, command, |body, incident| {
            tell(cx, &self.topics, body, incident);
        })?;
        if !done.repeated {
            cx.measure(OVERTAKEN, f64::from(u8::from(admission == Admission::Overtaken)));
        }
        Ok(replies.send_value(DONE, &done).await?)
    }
}

/// When to speak: at a rate, and not together with all others that start together.
struct Ticks {
    period: Duration,
    phase: Duration,
}

impl Ticks {
    fn new(rate: RateHz, rng: &mut Xoshiro256PlusPlus) -> Self {
        let period = rate.period();
        Self { period, phase: period.mul_f64(rng.random_range(0.0..1.0)) }
    }

    /// `None` if it would never come to that.
    fn start(self) -> Option<Interval> {
        let first = Instant::now().checked_add(self.phase)?;
        let mut ticks = tokio::time::interval_at(first, self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Some(ticks)
    }
}

/// Moves and tells so, until the node stops.
async fn drive(cx: Context, topics: RoverTopics, body: Arc<Mutex<Body>>, rate: RateHz, ticks: Ticks) {
    let Some(mut ticks) = ticks.start() else { return };
    loop {
        ticks.tick().await;
        let telemetry = {
            let mut body = lock(&body);
            body.motion.advance(rate.period().as_secs_f64());
            if body.motion.has_arrived() {
                tell(&cx, &topics, &mut body, Incident::Arrived);
            }
            body.motion.telemetry()
        };
        // Lost telemetry is no harm, as more follows; without a peer to hear it nothing is lost at all.
        let _ = cx.publish(&topics.telemetry, &telemetry);
    }
}

/// Tells how much it shakes, until the node stops: the more the faster it drives.
async fn shake(
    cx: Context,
    topics: RoverTopics,
    body: Arc<Mutex<Body>>,
    mut rng: Xoshiro256PlusPlus,
    ticks: Ticks,
) {
    let Some(mut ticks) = ticks.start() else { return };
    loop {
        ticks.tick().await;
        let rms_mps2 = lock(&body).motion.telemetry().speed_mps * rng.random_range(0.1..0.5);
        let vibration = Vibration { rms_mps2, peak_mps2: rms_mps2 * rng.random_range(2.0..4.0) };
        let _ = cx.publish(&topics.vibration, &vibration);
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

    const LIFE: Epoch = Epoch::new(1);

    fn requester() -> AgentId {
        AgentId::from_key_digest([1; 32])
    }

    fn rover(seed: u64) -> RoverAgent {
        RoverAgent::new(RoverParams::default(), seed)
    }

    fn number(body: &mut Body, _incident: Incident) {
        body.events += 1;
    }

    fn speed_after_a_while(rover: &RoverAgent) -> f64 {
        let mut body = lock(&rover.body);
        (0..100).for_each(|_| body.motion.advance(0.05));
        body.motion.telemetry().speed_mps
    }

    #[test]
    fn a_repeated_command_is_not_executed_again() {
        let rover = rover(1);
        let execute = |id, order| rover.execute(requester(), LIFE, Command { id, order }, number).unwrap().0;
        let goto = Order::Goto { x_m: 1000.0, y_m: 1000.0 };
        execute(1, goto);
        assert!(speed_after_a_while(&rover) > 0.0);
        execute(2, Order::Stop);

        assert!(execute(1, goto).repeated);

        assert_eq!(speed_after_a_while(&rover), 0.0);
        assert_eq!(lock(&rover.body).events, 2, "nothing happened the second time");
    }

    #[test]
    fn a_command_too_old_is_declined_and_not_executed() {
        let rover = rover(1);
        rover.execute(requester(), LIFE, Command { id: 1000, order: Order::Stop }, number).unwrap();
        let late = Command { id: 1, order: Order::Goto { x_m: 1000.0, y_m: 1000.0 } };

        let answer = rover.execute(requester(), LIFE, late, number);

        assert!(matches!(answer, Err(AgentError::Declined(why)) if why.contains("too old")));
        assert_eq!(speed_after_a_while(&rover), 0.0);
    }

    #[test]
    fn rovers_of_different_seeds_begin_apart() {
        let start = |seed| lock(&rover(seed).body).motion.telemetry();
        assert_eq!(start(1), start(1));
        assert_ne!(start(1), start(2));
    }
}
