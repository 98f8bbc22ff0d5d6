//! What a full mesh takes: to come up, in memory, and while nothing happens.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::{Column, Figures, Workload, figures};
use crate::contender::{Contender, Problem, Shape};
use crate::stage::Stage;
use crate::usage;

/// For what goes on after the mesh has come up, such as the search for the largest packet.
const REST: Duration = Duration::from_secs(2);

/// Of so many nodes.
pub struct FullMesh {
    /// For arguments.
    pub name: &'static str,
    /// For readers.
    pub title: &'static str,
    /// How many.
    pub nodes: usize,
    /// Who takes part; all, if empty.
    pub only: &'static [&'static str],
}

impl FullMesh {
    /// All contenders.
    pub const OF_32: Self = Self {
        name: "w4-32",
        title: "W4: a mesh of 32, up until a first broadcast reached all",
        nodes: 32,
        only: &[],
    };
    /// Those that show what is ours.
    pub const OF_64: Self = Self { name: "w4-64", title: "W4: a mesh of 64", nodes: 64, only: OURS };
    /// Those that show what is ours.
    pub const OF_128: Self = Self { name: "w4-128", title: "W4: a mesh of 128", nodes: 128, only: OURS };
}

const OURS: &[&str] = &["quinn", "wtransport", "swarm", "swarm/quiet"];

impl Workload for FullMesh {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn notes(&self) -> &'static str {
        "Memory is the resident set with the mesh less the one before, helpers included; a broker has no \
         connections between pairs. Idle: after two seconds of rest."
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::plain("up_ms", "up after ms", 0),
                Column::plain("up_cpu_ms", "CPU ms for it", 0),
                Column::plain("memory_mb", "MB in all", 1),
                Column::compared("kb_per_pair", "KB per pair of nodes", 1),
                Column::plain("idle_cpu_percent", "idle CPU % of a core", 2),
            ]
        }
    }

    fn suits(&self, contender: &dyn Contender) -> bool {
        self.only.is_empty() || self.only.contains(&contender.name())
    }

    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let shape = Shape { nodes: self.nodes, full: true, link: None };
            let before = usage::resident(&[])?;
            let (began, used) = (Instant::now(), usage::own_cpu()?);
            let open = stage.start(shape).await?;
            open.prove(0).await?;
            let (up, up_cpu) = (began.elapsed(), open.cpu()? - used);

            sleep(REST).await;
            let memory = usage::resident(&open.mesh.processes())?.saturating_sub(before) as f64;
            let (began, used) = (Instant::now(), open.cpu()?);
            sleep(stage.duration).await;
            let idle = (open.cpu()? - used).as_secs_f64() / began.elapsed().as_secs_f64();

            open.stop().await;
            let pairs = (self.nodes * (self.nodes - 1) / 2) as f64;
            Ok(figures([
                ("up_ms", up.as_secs_f64() * 1e3),
                ("up_cpu_ms", up_cpu.as_secs_f64() * 1e3),
                ("memory_mb", memory / 1e6),
                ("kb_per_pair", memory / 1e3 / pairs),
                ("idle_cpu_percent", idle * 100.0),
            ]))
        }
        .boxed()
    }
}
