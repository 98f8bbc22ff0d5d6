//! One node tells 31 others: at a steady pace, and as fast as it can.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Column, Figures, Workload, figures};
use crate::clock::now_ns;
use crate::contender::{Contender, Problem, Shape};
use crate::speaking::{flat_out, paced};
use crate::stage::Stage;

const SHAPE: Shape = Shape { nodes: 32, full: false, link: None };
const PEERS: u64 = 31;
const PER_SECOND: u32 = 500;
const WARM_UP: Duration = Duration::from_millis(500);

/// 500 a second.
pub struct Paced;

impl Workload for Paced {
    fn name(&self) -> &'static str {
        "w1-paced"
    }

    fn title(&self) -> &'static str {
        "W1: one to 31, 256 B, 500 per second"
    }

    fn notes(&self) -> &'static str {
        "The sender stamps each payload right before it is broadcast; a latency includes what the \
         broadcast waits for."
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
            paced(&*open.mesh, 0, open.hearing.begin(), PER_SECOND, WARM_UP).await?;
            open.settle().await;

            let phase = open.hearing.begin();
            let used = open.cpu()?;
            let sent = paced(&*open.mesh, 0, phase, PER_SECOND, stage.duration).await?;
            open.settle().await;
            let used = open.cpu()? - used;

            let summary = open.hearing.summary()?;
            open.stop().await;
            Ok(figures([
                ("p50_us", summary.percentile_us(50.0)),
                ("p99_us", summary.percentile_us(99.0)),
                ("loss_percent", summary.loss_percent(sent * PEERS)),
                ("cpu_us", used.as_secs_f64() * 1e6 / summary.delivered as f64),
                ("sent", sent as f64),
                ("delivered", summary.delivered as f64),
                ("duplicates", summary.duplicates as f64),
            ]))
        }
        .boxed()
    }
}

/// As fast as the contender lets it.
pub struct FlatOut;

impl Workload for FlatOut {
    fn name(&self) -> &'static str {
        "w1-flat"
    }

    fn title(&self) -> &'static str {
        "W1: one to 31, 256 B, as fast as possible"
    }

    fn notes(&self) -> &'static str {
        "A contender that can say that there is no room makes the sender wait, see its settings; others \
         lose what they cannot send. Deliveries per second are counted until the last one arrived."
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::compared("deliveries_per_second", "deliveries/s", 0),
                Column::plain("loss_percent", "loss %", 2),
                Column::plain("cpu_us", "CPU us per delivery", 2),
                Column::plain("p50_us", "p50 us", 0),
            ]
        }
    }

    fn suits(&self, _: &dyn Contender) -> bool {
        true
    }

    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let open = stage.open(SHAPE).await?;
            flat_out(&*open.mesh, 0, open.hearing.begin(), WARM_UP).await?;
            open.settle().await;

            let phase = open.hearing.begin();
            let (began, used) = (now_ns(), open.cpu()?);
            let sent = flat_out(&*open.mesh, 0, phase, stage.duration).await?;
            open.settle().await;
            let used = open.cpu()? - used;

            let summary = open.hearing.summary()?;
            open.stop().await;
            // Until the last one arrived: what waits in queues when the sender stops takes its time.
            let took = summary.last_ns.saturating_sub(began) as f64 / 1e9;
            Ok(figures([
                ("deliveries_per_second", summary.delivered as f64 / took),
                ("loss_percent", summary.loss_percent(sent * PEERS)),
                ("cpu_us", used.as_secs_f64() * 1e6 / summary.delivered as f64),
                ("p50_us", summary.percentile_us(50.0)),
                ("sent", sent as f64),
                ("delivered", summary.delivered as f64),
                ("duplicates", summary.duplicates as f64),
            ]))
        }
        .boxed()
    }
}
