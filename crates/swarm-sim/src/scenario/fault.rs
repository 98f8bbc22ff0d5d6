//! What can go wrong in a run, as events of the timeline say it.

use std::fmt;
use std::time::Duration;

use swarm_network::{Change, Distribution};

use super::{Pick, Target};

/// Something that goes wrong. How long it lasts is the event's `for`.
///
/// ```
/// use swarm_sim::{Fault, Pick, Target};
///
/// let fault = Fault::Pause { target: Target::Group("rover".into()), pick: Pick::Some(1) };
/// assert_eq!(fault.to_string(), "pause 1 of rover");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nodes end without a word.
    Crash {
        /// Whose.
        target: Target,
        /// How many of the running ones.
        pick: Pick,
        /// After how long they start again; never by itself if absent.
        restart_after: Option<Duration>,
        /// Whether they find what they had kept on disk when they start again.
        keep_state: bool,
    },
    /// Nothing reaches hosts, nothing leaves them and their agents do nothing; then all of it happens.
    Pause {
        /// Whose.
        target: Target,
        /// How many of the running ones.
        pick: Pick,
    },
    /// Some hosts cannot reach others any more.
    Partition {
        /// Who is cut off.
        target: Target,
        /// How many of them.
        pick: Pick,
        /// From whom; from everybody else if absent.
        from: Option<Target>,
        /// Which way.
        way: Way,
    },
    /// Links go down and come back, over and over.
    Flap {
        /// Whose.
        target: Target,
        /// How many of them.
        pick: Pick,
        /// Links to whom; to everybody, one another too, if absent.
        from: Option<Target>,
        /// How long they are down.
        down: Duration,
        /// How long they are up.
        up: Duration,
    },
    /// Links are worse, or better, for a while.
    Shape {
        /// Whose.
        target: Target,
        /// How many of them.
        pick: Pick,
        /// Links to whom; to everybody, one another too, if absent.
        from: Option<Target>,
        /// Which way, seen from the target.
        way: Way,
        /// What is different.
        change: Change,
    },
    /// Agents take longer over everything: each call waits for so long first.
    Slow {
        /// Which.
        target: Target,
        /// How many of them.
        pick: Pick,
        /// For how long each call waits.
        delay: Distribution,
    },
    /// Agents leave and join all the time.
    Churn {
        /// Which.
        target: Target,
        /// How many leave in a second.
        leave: Rate,
        /// How many of those that do not run join in a second.
        join: Rate,
        /// Whether they leave without a word.
        crash: bool,
    },
    /// Clocks go wrong.
    Clock {
        /// Whose.
        target: Target,
        /// How many of them.
        pick: Pick,
        /// How far ahead of the true time, in microseconds; behind if negative.
        offset_micros: i64,
        /// How many millionths faster than the true time.
        drift_ppm: f64,
    },
}

/// Which way a link is hit, seen from whom the fault is meant for.
///
/// ```
/// assert_eq!(swarm_sim::Way::default(), swarm_sim::Way::Both);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// What comes and what goes.
    #[default]
    Both,
    /// What they send.
    Out,
    /// What they are sent.
    In,
}

/// How many in a second.
///
/// ```
/// assert_eq!(swarm_sim::Rate::Share(0.01).to_string(), "1%/s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many of the members, whoever runs: `1%/s`.
    Share(f64),
    /// So many: `5/s`.
    Count(f64),
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{}%/s", share * 100.0),
            Self::Count(count) => write!(f, "{count}/s"),
        }
    }
}

impl Fault {
    /// What a file calls it, after `do`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Pause { .. } => "pause",
            Self::Partition { .. } => "partition",
            Self::Flap { .. } => "flap",
            Self::Shape { .. } => "shape",
            Self::Slow { .. } => "slow",
            Self::Churn { .. } => "churn",
            Self::Clock { .. } => "clock",
        }
    }

    /// Whom it is meant for.
    #[must_use]
    pub const fn target(&self) -> &Target {
        match self {
            Self::Crash { target, .. }
            | Self::Pause { target, .. }
            | Self::Partition { target, .. }
            | Self::Flap { target, .. }
            | Self::Shape { target, .. }
            | Self::Slow { target, .. }
            | Self::Churn { target, .. }
            | Self::Clock { target, .. } => target,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { target, pick, .. } => write!(f, "crash {pick} of {target}"),
            Self::Pause { target, pick } => write!(f, "pause {pick} of {target}"),
            Self::Partition { target, pick, from: None, .. } => write!(f, "cut {pick} of {target} off"),
            Self::Partition { target, pick, from: Some(from), .. } => {
                write!(f, "cut {pick} of {target} off from {from}")
            }
            Self::Flap { target, pick, .. } => write!(f, "links of {pick} of {target} flap"),
            Self::Shape { target, pick, .. } => write!(f, "links of {pick} of {target} change"),
            Self::Slow { target, pick, .. } => write!(f, "{pick} of {target} slow down"),
            Self::Churn { target, leave, join, .. } => {
                write!(f, "{target} churns: {leave} leave, {join} join")
            }
            Self::Clock { target, pick, .. } => write!(f, "clocks of {pick} of {target} change"),
        }
    }
}
