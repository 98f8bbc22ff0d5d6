//! A stream of observations alone on a bad link, and beside something large on the same connection.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::{Column, Figures, Workload, figures};
use crate::contender::{Ability, Contender, LinkSettings, Mesh, Problem, Shape};
use crate::speaking::{paced, say};
use crate::stage::Stage;

const PER_SECOND: u32 = 200;
const BYTES: usize = 10_000_000;
const WARM_UP: Duration = Duration::from_millis(500);
/// For the transfer.
const PATIENCE: Duration = Duration::from_secs(120);

/// 10 MB over 10 ms and 1 % loss each way.
pub struct BesideTransfer;

impl Workload for BesideTransfer {
    fn name(&self) -> &'static str {
        "w5"
    }

    fn title(&self) -> &'static str {
        "W5: 200 observations per second beside 10 MB on the same connection, 10 ms and 1 % loss each way"
    }

    fn notes(&self) -> &'static str {
        "Of QUIC the link loses and delays packets. From a stream of TCP a proxy can take nothing, so it \
         plays the sender: segments of 1,448 B leave within a window that grows and halves as NewReno's \
         does, a lost one arrives a round trip later, and those behind it wait for it; kernel buffers are \
         as small as such a path makes them. Alone, one lost segment in a hundred is what p99 shows of \
         TCP; what QUIC loses of datagrams is lost."
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::plain("idle_p50_us", "alone: p50 us", 0),
                Column::plain("idle_p99_us", "p99 us", 0),
                Column::plain("loaded_p50_us", "beside 10 MB: p50 us", 0),
                Column::plain("loaded_p99_us", "p99 us", 0),
                Column::plain("p99_ratio", "p99 to alone", 2),
                Column::plain("loss_percent", "lost %", 1),
                Column::plain("megabytes_per_second", "10 MB at MB/s", 2),
            ]
        }
    }

    fn suits(&self, contender: &dyn Contender) -> bool {
        contender.can(Ability::Link) && contender.can(Ability::Transfer)
    }

    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let link = LinkSettings { delay_ms: 10, loss: 0.01, seed: stage.seed };
            let open = stage.open(Shape { nodes: 2, full: false, link: Some(link) }).await?;
            paced(&*open.mesh, 0, open.hearing.begin(), PER_SECOND, WARM_UP).await?;
            open.settle().await;

            paced(&*open.mesh, 0, open.hearing.begin(), PER_SECOND, stage.duration).await?;
            open.settle().await;
            let idle = open.hearing.summary()?;

            let phase = open.hearing.begin();
            let began = Instant::now();
            let transfer = async {
                timeout(PATIENCE, open.mesh.transfer(BYTES)).await.map_err(|_| "not over in time")??;
                Ok::<_, Problem>(began.elapsed())
            };
            let (took, sent) = speak_until(&*open.mesh, phase, transfer).await?;
            open.settle().await;
            let loaded = open.hearing.summary()?;

            open.stop().await;
            let (idle_p99, loaded_p99) = (idle.percentile_us(99.0), loaded.percentile_us(99.0));
            Ok(figures([
                ("idle_p50_us", idle.percentile_us(50.0)),
                ("idle_p99_us", idle_p99),
                ("loaded_p50_us", loaded.percentile_us(50.0)),
                ("loaded_p99_us", loaded_p99),
                ("p99_ratio", loaded_p99 / idle_p99),
                ("loss_percent", loaded.loss_percent(sent)),
                ("megabytes_per_second", BYTES as f64 / 1e6 / took.as_secs_f64()),
                ("sent", sent as f64),
                ("delivered", loaded.delivered as f64),
            ]))
        }
        .boxed()
    }
}

/// Broadcasts until something else is over. Gives what came of it, and how many were sent.
async fn speak_until<T>(
    mesh: &dyn Mesh,
    phase: u16,
    over: impl Future<Output = Result<T, Problem>>,
) -> Result<(T, u64), Problem> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let mut sent = 0;
    let speaking = async {
        loop {
            ticks.tick().await;
            sent += 1;
            if let Err(problem) = say(mesh, 0, phase, sent).await {
                return problem;
            }
        }
    };
    let over = tokio::select! {
        over = over => over?,
        problem = speaking => return Err(problem),
    };
    Ok((over, sent))
}
