//! Hears telemetry and events, and starts a patrol for each rover that comes. Decides nothing about a single command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agent_rover::RoverTopics;
use agent_rover::messages::{COMMAND, Order};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use swarm_core::proto::DecodeError;
use swarm_core::{Agent, AgentId, Capability, Context, Epoch, Observation, PeerEvent, TopicPattern};
use tokio::time::{Instant, MissedTickBehavior};

use crate::ControlParams;
use crate::patrol::{Desk, Patrol};
use crate::roll::Fit;

/// Sends every rover among its peers to a new place, again and again.
///
/// A rover is whoever offers `rover.command`. Each command is sent until it is confirmed, and measured: how many
/// milliseconds that took (`command.confirmed`), how often it was sent again (`command.repeated`), and whether it ended
/// without a confirmation (`command.lost`, 0 or 1), because the rover refused it or went. So is what it hears: how many
/// milliseconds a rover was silent before each telemetry (`telemetry.pause`), and for each event how many before it have
/// not come (`event.missing`) and whether a later one had come before it (`event.late`, 0 or 1).
///
/// ```
/// use agent_control::{ControlAgent, ControlParams};
/// use swarm_core::Agent;
///
/// let control = ControlAgent::new(ControlParams::default(), 7);
/// assert!(control.capabilities().is_empty());
/// ```
#[derive(Debug)]
pub struct ControlAgent {
    every: Duration,
    rally_every: Option<Duration>,
    topics: RoverTopics,
    seed: u64,
    desk: Arc<Desk>,
}

impl ControlAgent {
    /// An agent whose choices all follow from `seed`. A shorter interval than [`ControlParams::SHORTEST`] becomes that.
    #[must_use]
    pub fn new(params: ControlParams, seed: u64) -> Self {
        let every = params.command_every.max(ControlParams::SHORTEST);
        let rally_every = params.rally_every.map(|every| every.max(ControlParams::SHORTEST));
        Self { every, rally_every, topics: RoverTopics::new(), seed, desk: Arc::default() }
    }

    /// Starts and ends patrols, so that each rover that is there has one. Whatever event brought us here, who is there is
    /// what counts: events may have been missed.
    fn reconcile(&self, cx: &Context) {
        let there = rovers(cx);
        self.desk.roll().retain(&there);
        let newcomers = self.desk.fleet().reconcile(&there);
        for (rover, presence) in newcomers {
            let (desk, every) = (Arc::clone(&self.desk), self.every);
            let rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ seed_of(rover));
            cx.spawn(Patrol { desk, rover, presence, every, rng }.run(cx.clone()));
        }
    }

    /// Takes what a rover says, if it is something that we listen to.
    fn hear(&self, cx: &Context, observation: &Observation) -> Result<(), DecodeError> {
        let Observation { origin, epoch, sequence, .. } = *observation;
        if let Some(telemetry) = self.topics.telemetry.read(observation).transpose()? {
            self.desk.fleet().saw(origin, epoch, sequence, telemetry);
            let now = Instant::now();
            if let Some(before) = self.desk.roll().telemetry(origin, epoch, now) {
                cx.measure("telemetry.pause", now.saturating_duration_since(before).as_secs_f64() * 1e3);
            }
        }
        if let Some(event) = self.topics.events.read(observation).transpose()? {
            let (missing, late) = match self.desk.roll().event(origin, epoch, event.number) {
                Fit::Next => (0, 0),
                Fit::Missing(count) => (count, 0),
                Fit::Late => (0, 1),
            };
            cx.measure("event.missing", missing as f64);
            cx.measure("event.late", f64::from(late));
        }
        Ok(())
    }
}

impl Agent for ControlAgent {
    fn subscriptions(&self) -> Vec<TopicPattern> {
        vec![self.topics.telemetry.pattern(), self.topics.events.pattern()]
    }

    async fn on_start(&self, cx: &Context) {
        self.reconcile(cx);
        if let Some(every) = self.rally_every {
            cx.spawn(rally(cx.clone(), self.topics.clone(), every));
        }
    }

    async fn on_peer(&self, cx: &Context, _event: PeerEvent) {
        self.reconcile(cx);
    }

    async fn on_lagged(&self, cx: &Context, _missed: u64) {
        self.reconcile(cx);
    }

    async fn on_observation(&self, cx: &Context, observation: Observation) {
        if let Err(error) = self.hear(cx, &observation) {
            let Observation { origin, topic, .. } = &observation;
            tracing::warn!(%origin, %topic, %error, "what a rover says cannot be read");
        }
    }
}

/// Tells all rovers at once to gather at the origin, again and again.
async fn rally(cx: Context, topics: RoverTopics, every: Duration) {
    let Some(first) = Instant::now().checked_add(every) else { return };
    let mut ticks = tokio::time::interval_at(first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while cx.run_until_cancelled(ticks.tick()).await.is_some() {
        let _ = cx.publish(&topics.orders, &Order::Goto { x_m: 0.0, y_m: 0.0 });
    }
}

/// The peers that take commands, each with the life that it is in.
fn rovers(cx: &Context) -> BTreeMap<AgentId, Epoch> {
    let Ok(command) = COMMAND.parse::<Capability>() else { return BTreeMap::new() };
    let rovers = cx.peers().into_iter().filter(|peer| peer.offer(&command).is_some());
    rovers.map(|rover| (rover.id, rover.epoch)).collect()
}

/// A part of the id that differs from rover to rover.
fn seed_of(rover: AgentId) -> u64 {
    rover.as_bytes().iter().fold(0, |seed: u64, byte| seed.rotate_left(5) ^ u64::from(*byte))
}
