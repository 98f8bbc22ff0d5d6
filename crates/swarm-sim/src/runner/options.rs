//! How a scenario is run.

use std::{path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

/// How a scenario is run.
///
/// ```
/// use swarm_sim::RunOptions;
///
/// let options = RunOptions::default();
/// let stop = options.stop.clone();
/// // Later, from anywhere: end the run and report on what there is.
/// stop.cancel();
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Ends the run early and cleanly when it is cancelled; the checks are evaluated all the same.
    pub stop: CancellationToken,
    /// Whether a [record](crate::RunRecord) is kept, for reports.
    pub record: bool,
    /// Whether all that happens is logged, and where.
    pub log: LogTo,
    /// Ends the run at this time after the warm-up, if it is not over before.
    pub until: Option<Duration>,
}

/// Where the log of all that happens goes: one line for each thing, the same for the same seed on a virtual network.
///
/// ```
/// use swarm_sim::{LogTo, RunOptions};
///
/// let mut options = RunOptions::default();
/// options.log = LogTo::Hash;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogTo {
    /// There is none.
    #[default]
    Nowhere,
    /// It is hashed, to be compared with another: see [`RunSummary::digest`](crate::RunSummary::digest).
    Hash,
    /// It is hashed and written to a file.
    File(PathBuf),
}
