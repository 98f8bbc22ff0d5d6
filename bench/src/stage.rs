//! Where a run takes place: a mesh that is up, and the ears of its nodes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::contender::{Contender, Mesh, Problem, Shape};
use crate::hearing::Hearing;
use crate::speaking::say;
use crate::usage;

/// For a mesh to be up, and for it to end.
const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(10);
/// For a first broadcast to reach all. It is said again each time that it did not within `AGAIN`.
const PROOF: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(100);
/// Nothing that was sent is still under way once nothing has arrived for so long, or after `LATEST`.
const QUIET: Duration = Duration::from_millis(400);
const LATEST: Duration = Duration::from_secs(10);

/// Who plays, and for how long.
pub struct Stage {
    /// The contender of this run.
    pub contender: Arc<dyn Contender>,
    /// Of the part that is measured.
    pub duration: Duration,
    /// For what is left to chance.
    pub seed: u64,
}

impl Stage {
    /// Starts a mesh and makes sure that node 0 is heard by all, and in a full mesh every node.
    pub async fn open(&self, shape: Shape) -> Result<Open, Problem> {
        let open = self.start(shape).await?;
        for from in 0..if shape.full { shape.nodes } else { 1 } {
            open.prove(from).await?;
        }
        Ok(open)
    }

    /// Starts a mesh and takes its word for it.
    pub async fn start(&self, shape: Shape) -> Result<Open, Problem> {
        let hearing = Hearing::new(shape.nodes)?;
        let mesh = timeout(START, self.contender.start(shape, hearing.heard())).await??;
        Ok(Open { shape, mesh, hearing })
    }
}

/// A mesh that works.
pub struct Open {
    shape: Shape,
    /// The mesh.
    pub mesh: Arc<dyn Mesh>,
    /// What its nodes hear.
    pub hearing: Arc<Hearing>,
}

impl Open {
    /// Broadcasts until all others have heard one.
    pub async fn prove(&self, from: usize) -> Result<(), Problem> {
        let phase = self.hearing.begin();
        let deadline = Instant::now() + PROOF;
        let all = || (0..self.shape.nodes).all(|node| node == from || self.hearing.count(node) > 0);
        for number in 0.. {
            say(&*self.mesh, from, phase, number).await?;
            let again = Instant::now() + AGAIN;
            while Instant::now() < again {
                if all() {
                    return Ok(());
                }
                sleep(Duration::from_millis(1)).await;
            }
            if Instant::now() > deadline {
                return Err(format!("what node {from} broadcasts does not reach all").into());
            }
        }
        Ok(())
    }

    /// Waits until nothing is under way any more.
    pub async fn settle(&self) {
        let deadline = Instant::now() + LATEST;
        let mut before = None;
        loop {
            let now = self.hearing.total();
            if before.replace(now) == Some(now) || Instant::now() > deadline {
                return;
            }
            sleep(QUIET).await;
        }
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Result<Duration, Problem> {
        usage::cpu(&*self.mesh)
    }

    /// Ends the mesh. The process ends next, so one that hangs is left alone.
    pub async fn stop(self) {
        let _ = timeout(STOP, self.mesh.stop()).await;
    }
}
