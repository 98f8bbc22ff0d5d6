//! Keeps one rover busy: a new place to go to, again and again, for as long as it is there. Reports what became of each
//! command, and leaves getting it there to the errand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_rover::messages::{Command, Order};
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use swarm_core::{AgentId, Context};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::errand::{self, CommandOutcome};
use crate::fleet::Fleet;
use crate::roll::Roll;

/// Metres in each direction from where it is: as far as a rover is sent at once.
const STRIDE_M: f64 = 25.0;

/// What all patrols share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) fleet: Mutex<Fleet>,
    roll: Mutex<Roll>,
    /// The last id given to a command. One count for all rovers and for the whole life of the agent: a rover that comes
    /// back remembers what it was told before.
    last_id: AtomicU64,
}

impl Desk {
    /// The fleet, for a moment; no method of it panics half-way, so a poisoned lock is as good as any.
    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has come from the rovers, for a moment.
    pub(crate) fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// One rover's patrol.
#[derive(Debug)]
pub(crate) struct Patrol {
    pub(crate) desk: Arc<Desk>,
    pub(crate) rover: AgentId,
    pub(crate) presence: CancellationToken,
    pub(crate) every: Duration,
    pub(crate) rng: Xoshiro256PlusPlus,
}

impl Patrol {
    /// Runs until the rover has gone.
    pub(crate) async fn run(mut self, cx: Context) {
        let phase = self.every.mul_f64(self.rng.random_range(0.0..1.0));
        let Some(first) = Instant::now().checked_add(phase) else { return };
        let mut ticks = tokio::time::interval_at(first, self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.presence.run_until_cancelled(ticks.tick()).await.is_some() {
            let command = Command { id: self.desk.next_id(), order: self.order() };
            let backoff = Backoff::new(&mut self.rng);
            let outcome = errand::run(&cx, self.rover, command, &self.presence, backoff).await;
            report(&cx, self.rover, &outcome);
        }
    }

    /// Somewhere near where it was last seen, or near the origin if it never was.
    fn order(&mut self) -> Order {
        let (x, y) = self.desk.fleet().last_seen(self.rover).unwrap_or_default();
        let mut stride = || self.rng.random_range(-STRIDE_M..=STRIDE_M);
        Order::Goto { x_m: x + stride(), y_m: y + stride() }
    }
}

/// Each command is measured as lost or not, and as repeated so many times, so that a sum of zero means something.
fn report(cx: &Context, rover: AgentId, outcome: &CommandOutcome) {
    match outcome {
        CommandOutcome::Confirmed { attempts, after } => {
            cx.measure("command.confirmed", after.as_secs_f64() * 1e3);
            cx.measure("command.lost", 0.0);
            cx.measure("command.repeated", f64::from(attempts.saturating_sub(1)));
        }
        CommandOutcome::Refused { reason } => {
            tracing::warn!(%rover, reason, "a command was refused");
            cx.measure("command.lost", 1.0);
        }
        CommandOutcome::RoverGone => {
            tracing::info!(%rover, "a command was lost with its rover");
            cx.measure("command.lost", 1.0);
        }
    }
}
