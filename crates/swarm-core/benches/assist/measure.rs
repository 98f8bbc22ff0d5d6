//! What is done with a contender in one round, and what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::contender::{Contender, Problem};
use crate::figures::Column;
use crate::swarm::Observed;

/// Between two observations.
const BEAT: Duration = Duration::from_millis(10);

/// For the last observations to arrive.
const LAST_BEATS: Duration = Duration::from_millis(200);

/// How many small requests tell what idle is.
const IDLE_REQUESTS: usize = 1_000;

/// One thing to measure.
pub(crate) trait Measure: Sync {
    fn columns(&self) -> Vec<Column>;

    /// The figures of one round, one for each column; `None` where a contender has none.
    fn round<'a>(&'a self, contender: &'a Arc<dyn Contender>) -> BoxFuture<'a, Result<Figures, Problem>>;
}

pub(crate) type Figures = Vec<Option<f64>>;

/// One request after another.
pub(crate) struct Sequential {
    pub(crate) requests: usize,
}

impl Measure for Sequential {
    fn columns(&self) -> Vec<Column> {
        vec![Column::compared("p50 us", 1), Column::compared("p99 us", 1)]
    }

    fn round<'a>(&'a self, contender: &'a Arc<dyn Contender>) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let latencies = one_after_another(contender.as_ref(), self.requests).await?;
            Ok(vec![Some(percentile(&latencies, 50.0)), Some(percentile(&latencies, 99.0))])
        }
        .boxed()
    }
}

/// Many at once on one connection.
pub(crate) struct Concurrent {
    pub(crate) requests: usize,
    pub(crate) at_once: usize,
}

impl Measure for Concurrent {
    fn columns(&self) -> Vec<Column> {
        vec![Column::compared("requests/s", 0)]
    }

    fn round<'a>(&'a self, contender: &'a Arc<dyn Contender>) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let each = self.requests.div_ceil(self.at_once);
            let began = Instant::now();
            let mut asking = JoinSet::new();
            for _ in 0..self.at_once {
                let contender = Arc::clone(contender);
                asking.spawn(async move {
                    for _ in 0..each {
                        contender.ask().await?;
                    }
                    Ok::<_, Problem>(())
                });
            }
            while let Some(asked) = asking.join_next().await {
                asked??;
            }
            Ok(vec![Some((each * self.at_once) as f64 / began.elapsed().as_secs_f64())])
        }
        .boxed()
    }
}

/// The way that a transfer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// In the body of a request.
    Upload,
    /// In a reply.
    Download,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "in a request",
            Self::Download => "in a reply",
        })
    }
}

/// Small requests and observations, alone and beside a transfer on the same connection.
pub(crate) struct Loaded {
    pub(crate) direction: Direction,
    pub(crate) bytes: usize,
    pub(crate) observed: Arc<Observed>,
}

impl Measure for Loaded {
    fn columns(&self) -> Vec<Column> {
        vec![
            Column::plain("idle p99 us", 0),
            Column::plain("loaded p50 us", 0),
            Column::plain("loaded p99 us", 0),
            Column::plain("p99 ratio", 1),
            Column::plain("small ones", 0),
            Column::plain("MB/s", 0),
            Column::plain("observed %", 1),
            Column::plain("p99 us", 0),
        ]
    }

    fn round<'a>(&'a self, contender: &'a Arc<dyn Contender>) -> BoxFuture<'a, Result<Figures, Problem>> {
        async {
            let idle = percentile(&one_after_another(contender.as_ref(), IDLE_REQUESTS).await?, 99.0);
            self.observed.take();
            let mut transfer = JoinSet::new();
            let (direction, bytes, began) = (self.direction, self.bytes, Instant::now());
            let transferring = Arc::clone(contender);
            transfer.spawn(async move {
                match direction {
                    Direction::Upload => transferring.upload(bytes).await?,
                    Direction::Download => transferring.download(bytes).await?,
                }
                Ok::<_, Problem>(began.elapsed())
            });
            let mut small = histogram()?;
            let mut beats = tokio::time::interval(BEAT);
            let mut told = 0;
            let asking = async {
                loop {
                    ask(contender.as_ref(), &mut small).await?;
                }
            };
            let beating = async {
                loop {
                    beats.tick().await;
                    told += usize::from(contender.observe(direction == Direction::Upload)?);
                }
            };
            let took = tokio::select! {
                took = transfer.join_next() => took.ok_or("no transfer")???,
                failed = asking => return failed,
                failed = beating => return failed,
            };
            let loaded = percentile(&small, 99.0);
            let (share, delay) = self.arrived(told).await.unzip();
            Ok(vec![
                Some(idle),
                Some(percentile(&small, 50.0)),
                Some(loaded),
                Some(loaded / idle),
                Some(small.len() as f64),
                Some(self.bytes as f64 / 1e6 / took.as_secs_f64()),
                share,
                delay,
            ])
        }
        .boxed()
    }
}

impl Loaded {
    /// How many of a hundred observations came, and how long the slowest hundredth took, in microseconds.
    async fn arrived(&self, told: usize) -> Option<(f64, f64)> {
        let deadline = Instant::now() + LAST_BEATS;
        while self.observed.count() < told && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut latencies = self.observed.take();
        latencies.sort_unstable();
        let slowest = *latencies.get(latencies.len() * 99 / 100)?;
        Some((100.0 * latencies.len() as f64 / told as f64, slowest as f64))
    }
}

async fn one_after_another(contender: &dyn Contender, requests: usize) -> Result<Histogram<u64>, Problem> {
    let mut latencies = histogram()?;
    for _ in 0..requests {
        ask(contender, &mut latencies).await?;
    }
    Ok(latencies)
}

async fn ask(contender: &dyn Contender, latencies: &mut Histogram<u64>) -> Result<(), Problem> {
    let began = Instant::now();
    contender.ask().await?;
    latencies.saturating_record(began.elapsed().as_nanos() as u64);
    Ok(())
}

/// Of nanoseconds, up to a minute.
fn histogram() -> Result<Histogram<u64>, Problem> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

/// In microseconds.
fn percentile(latencies: &Histogram<u64>, percentile: f64) -> f64 {
    latencies.value_at_percentile(percentile) as f64 / 1e3
}
