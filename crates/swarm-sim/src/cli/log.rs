//! Shows what nodes log, from the beginning or from later on.

use std::io;

use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use super::failure::Failure;

/// Shows everything that passes the filter.
pub(super) fn show(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    start(read(filter)?).map(drop)
}

/// A log that shows nothing yet.
pub(super) struct Later {
    filter: EnvFilter,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl Later {
    /// Prepares it; the filter is read now.
    pub(super) fn prepare(filter: &str) -> Result<Self, Failure> {
        let filter = read(filter)?;
        Ok(Self { filter, handle: start(EnvFilter::new("off"))? })
    }

    /// Shows everything from now on that passes the filter.
    pub(super) fn show(self) {
        // It fails when the log is no more, and then there is nobody to show it to.
        let _ = self.handle.reload(self.filter);
    }
}

fn start(filter: EnvFilter) -> Result<reload::Handle<EnvFilter, Registry>, Failure> {
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
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
