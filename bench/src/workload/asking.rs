//! One node asks another: one question after the other, and 64 at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Column, Figures, Workload, figures};
use crate::contender::{Ability, Contender, Mesh, Problem, Shape};
use crate::payload::SIZE;
use crate::stage::Stage;

const SHAPE: Shape = Shape { nodes: 2, full: false, link: None };
const AT_ONCE: usize = 64;
const WARM_UP: Duration = Duration::from_millis(300);

/// 256 B there and back.
pub struct Asking;

impl Workload for Asking {
    fn name(&self) -> &'static str {
        "w3"
    }

    fn title(&self) -> &'static str {
        "W3: request and reply, 256 B each, one after another and 64 at once"
    }

    fn notes(&self) -> &'static str {
        "Node 0 asks; the answer is the question."
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::compared("p50_us", "p50 us", 0),
                Column::plain("p99_us", "p99 us", 0),
                Column::compared("requests_per_second", "requests/s, 64 at once", 0),
                Column::plain("cpu_us", "CPU us each, 64 at once", 1),
            ]
        }
    }

    fn suits(&self, contender: &dyn Contender) -> bool {
        contender.can(Ability::Ask)
    }

    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let open = stage.open(SHAPE).await?;
            ask_for(&*open.mesh, WARM_UP, |_| ()).await?;
            let mut latency_ns = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
            let asked = ask_for(&*open.mesh, stage.duration, |ns| latency_ns.saturating_record(ns)).await?;

            ask_at_once(&open.mesh, WARM_UP).await?;
            let (began, used) = (Instant::now(), open.cpu()?);
            let at_once = ask_at_once(&open.mesh, stage.duration).await? as f64;
            let (took, used) = (began.elapsed(), open.cpu()? - used);

            open.stop().await;
            Ok(figures([
                ("p50_us", latency_ns.value_at_quantile(0.50) as f64 / 1e3),
                ("p99_us", latency_ns.value_at_quantile(0.99) as f64 / 1e3),
                ("requests_per_second", at_once / took.as_secs_f64()),
                ("cpu_us", used.as_secs_f64() * 1e6 / at_once),
                ("asked", asked as f64),
                ("asked_at_once", at_once),
            ]))
        }
        .boxed()
    }
}

/// One question after the other. Gives how many there were.
async fn ask_for(mesh: &dyn Mesh, duration: Duration, mut took_ns: impl FnMut(u64)) -> Result<u64, Problem> {
    let question = Bytes::from(vec![0x5a; SIZE]);
    let end = Instant::now() + duration;
    let mut asked = 0;
    loop {
        let began = Instant::now();
        if began > end {
            return Ok(asked);
        }
        let answer = mesh.ask(1, question.clone()).await?;
        took_ns(u64::try_from(began.elapsed().as_nanos())?);
        if answer != question {
            return Err(format!("the answer has {} bytes and is not the question", answer.len()).into());
        }
        asked += 1;
    }
}

async fn ask_at_once(mesh: &Arc<dyn Mesh>, duration: Duration) -> Result<u64, Problem> {
    let mut asking = JoinSet::new();
    for _ in 0..AT_ONCE {
        let mesh = Arc::clone(mesh);
        asking.spawn(async move { ask_for(&*mesh, duration, |_| ()).await });
    }
    let mut all = 0;
    while let Some(asked) = asking.join_next().await {
        all += asked??;
    }
    Ok(all)
}
