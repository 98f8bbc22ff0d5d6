//! Senders.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::now_ns;
use crate::contender::{Mesh, Problem};
use crate::payload::Stamp;

/// Broadcasts so many per second, and tells how many it were. A tick that comes late is made up for at once.
pub async fn paced(
    mesh: &dyn Mesh,
    from: usize,
    phase: u16,
    per_second: u32,
    duration: Duration,
) -> Result<u64, Problem> {
    let count = (duration.as_secs_f64() * f64::from(per_second)) as u64;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..count {
        ticks.tick().await;
        say(mesh, from, phase, number).await?;
    }
    Ok(count)
}

/// Broadcasts one after the other, and tells how many it were.
pub async fn flat_out(mesh: &dyn Mesh, from: usize, phase: u16, duration: Duration) -> Result<u64, Problem> {
    let end = Instant::now() + duration;
    let mut number = 0;
    while Instant::now() < end {
        say(mesh, from, phase, number).await?;
        number += 1;
    }
    Ok(number)
}

/// Broadcasts one payload that is stamped now.
pub async fn say(mesh: &dyn Mesh, from: usize, phase: u16, number: u64) -> Result<(), Problem> {
    let stamp = Stamp { sent_ns: now_ns(), number, from: u16::try_from(from)?, phase };
    mesh.broadcast(from, stamp.payload()).await
}
