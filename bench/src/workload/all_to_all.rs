//! 16 nodes tell all others, each at a steady pace.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::{Column, Figures, Workload, figures};
use crate::contender::{Contender, Mesh, Problem, Shape};
use crate::speaking::paced;
use crate::stage::Stage;

const NODES: usize = 16;
const SHAPE: Shape = Shape { nodes: NODES, full: true, link: None };
const PER_SECOND: u32 = 100;
const WARM_UP: Duration = Duration::from_millis(500);

/// 100 a second from each.
pub struct AllToAll;

impl Workload for AllToAll {
    fn name(&self) -> &'static str {
        "w2"
    }

    fn title(&self) -> &'static str {
        "W2: 16 nodes, all to all, 256 B, 100 per second each"
    }

    fn notes(&self) -> &'static str {
        "The nodes speak in turns of 0.6 ms. A connection carries 100 payloads a second each way, so only \
         a window of more than 10 ms lets any share a datagram."
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::plain("p50_us", "p50 us", 0),
                Column::plain("p99_us", "p99 us", 0),
                Column::plain("loss_percent", "loss %", 2),
                Column::compared("cpu_us", "CPU us per delivery", 2),
            ]
        }
    }

    fn suits(&self, _: &dyn Contender) -> bool {
        true
    }

    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let open = stage.open(SHAPE).await?;
            all_speak(&open.mesh, open.hearing.begin(), WARM_UP).await?;
            open.settle().await;

            let phase = open.hearing.begin();
            let used = open.cpu()?;
            let sent = all_speak(&open.mesh, phase, stage.duration).await?;
            open.settle().await;
            let used = open.cpu()? - used;

            let summary = open.hearing.summary()?;
            open.stop().await;
            Ok(figures([
                ("p50_us", summary.percentile_us(50.0)),
                ("p99_us", summary.percentile_us(99.0)),
                ("loss_percent", summary.loss_percent(sent * (NODES as u64 - 1))),
                ("cpu_us", used.as_secs_f64() * 1e6 / summary.delivered as f64),
                ("sent", sent as f64),
                ("delivered", summary.delivered as f64),
                ("duplicates", summary.duplicates as f64),
            ]))
        }
        .boxed()
    }
}

/// Each begins a little later than the one before, so that they do not all speak at once. Gives how many were sent.
async fn all_speak(mesh: &Arc<dyn Mesh>, phase: u16, duration: Duration) -> Result<u64, Problem> {
    let step = Duration::from_secs(1) / PER_SECOND / NODES as u32;
    let mut speaking = JoinSet::new();
    for node in 0..NODES {
        let mesh = Arc::clone(mesh);
        speaking.spawn(async move {
            tokio::time::sleep(step * node as u32).await;
            paced(&*mesh, node, phase, PER_SECOND, duration).await
        });
    }
    let mut sent = 0;
    while let Some(spoken) = speaking.join_next().await {
        sent += spoken??;
    }
    Ok(sent)
}
