//! Hears telemetry and starts a patrol for each rover that comes. Decides nothing about a single command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agent_rover::messages::{COMMAND, TELEMETRY, Telemetry};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use swarm_core::proto::from_slice;
use swarm_core::{Agent, AgentId, Capability, Context, Epoch, Observation, PeerEvent};

use crate::ControlParams;
use crate::patrol::{Desk, Patrol};

/// Sends every rover among its peers to a new place, again and again.
///
/// A rover is whoever offers `rover.command`. Each command is sent until it is confirmed, and measured: how many
/// milliseconds that took (`command.confirmed`), how often it was sent again (`command.repeated`), and whether it ended
/// without a confirmation (`command.lost`, 0 or 1), because the rover refused it or went.
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
    seed: u64,
    desk: Arc<Desk>,
}

impl ControlAgent {
    /// An agent whose choices all follow from `seed`. A shorter interval than [`ControlParams::SHORTEST`] becomes that.
    #[must_use]
    pub fn new(params: ControlParams, seed: u64) -> Self {
        let every = params.command_every.max(ControlParams::SHORTEST);
        Self { every, seed, desk: Arc::default() }
    }

    /// Starts and ends patrols, so that each rover that is there has one. Whatever event brought us here, who is there is
    /// what counts: events may have been missed.
    fn reconcile(&self, cx: &Context) {
        let newcomers = self.desk.fleet().reconcile(&rovers(cx));
        for (rover, presence) in newcomers {
            let (desk, every) = (Arc::clone(&self.desk), self.every);
            let rng = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ seed_of(rover));
            cx.spawn(Patrol { desk, rover, presence, every, rng }.run(cx.clone()));
        }
    }
}

impl Agent for ControlAgent {
    async fn on_start(&self, cx: &Context) {
        self.reconcile(cx);
    }

    async fn on_peer(&self, cx: &Context, _event: PeerEvent) {
        self.reconcile(cx);
    }

    async fn on_lagged(&self, cx: &Context, _missed: u64) {
        self.reconcile(cx);
    }

    async fn on_observation(&self, _cx: &Context, observation: Observation) {
        if observation.topic.as_str() != TELEMETRY {
            return;
        }
        match from_slice::<Telemetry>(&observation.payload) {
            Ok(telemetry) => {
                let Observation { origin, epoch, sequence, .. } = observation;
                self.desk.fleet().saw(origin, epoch, sequence, telemetry);
            }
            Err(error) => tracing::warn!(origin = %observation.origin, %error, "telemetry cannot be read"),
        }
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
