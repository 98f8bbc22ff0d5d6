//! Shows what nodes log, from the beginning or from later on.

use std::{
    fmt, io,
    sync::{Arc, OnceLock},
};

use tokio::time::Instant;
use tracing_subscriber::{
    EnvFilter, Registry,
    fmt::{
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use super::{error_paint, failure::Failure};
use crate::Paint;

/// Shows everything that passes the filter.
pub(super) fn show(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    start(read(filter)?, SystemTime).map(drop)
}

/// A log that shows nothing yet, and tells the time of the run.
pub(super) struct Later {
    filter: EnvFilter,
    handle: reload::Handle<EnvFilter, Registry>,
    clock: SinceWarmup,
}

impl Later {
    /// Prepares it; the filter is read now.
    pub(super) fn prepare(filter: &str) -> Result<Self, Failure> {
        let (filter, clock) = (read(filter)?, SinceWarmup::default());
        Ok(Self { filter, handle: start(EnvFilter::new("off"), clock.clone())?, clock })
    }

    /// The warm-up ends now. To be called where time is that of the run.
    pub(super) fn warm(&self) {
        let _ = self.clock.0.set(Instant::now());
    }

    /// Shows everything from now on that passes the filter.
    pub(super) fn show(self) {
        // It fails when the log is no more, and then there is nobody to show it to.
        let _ = self.handle.reload(self.filter);
    }
}

/// The time as the timeline of a scenario counts it.
#[derive(Clone, Default)]
struct SinceWarmup(Arc<OnceLock<Instant>>);

impl FormatTime for SinceWarmup {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        match self.0.get() {
            Some(warm) => write!(writer, "{:>11.6}", warm.elapsed().as_secs_f64()),
            None => writer.write_str("    warm-up"),
        }
    }
}

fn start(
    filter: EnvFilter,
    timer: impl FormatTime + Send + Sync + 'static,
) -> Result<reload::Handle<EnvFilter, Registry>, Failure> {
    let (filter, handle) = reload::Layer::new(filter);
    let is_painted = error_paint() == Paint::Always;
    let lines =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_timer(timer).with_ansi(is_painted);
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    started.map_err(|error| Failure::plain(format!("failed to start the log: {error}")))?;
    Ok(handle)
}

fn read(filter: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(filter).map_err(|error| {
        Failure::plain(format!(
            "failed to read the log filter {filter:?}: {error}; expected such as swarm_core=debug"
        ))
    })
}
