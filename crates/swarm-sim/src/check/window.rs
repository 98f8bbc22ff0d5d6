//! When a check looks.

use std::{fmt, time::Duration};

use super::{Check, CheckKind};
use crate::{Scenario, quantity::show_duration};

/// Which part of a run a check is about.
///
/// ```
/// use swarm_sim::Window;
///
/// assert_eq!(Window::default(), Window::Whole);
/// assert_eq!(Window::After("split".into()).to_string(), "after(split)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Window {
    /// All of it, from the end of the warm-up on.
    #[default]
    Whole,
    /// The longest time in which nothing but asking happens; [`Scenario::steady`] says when that is.
    Steady,
    /// From one time to another, counted from the end of the warm-up.
    Between(Duration, Duration),
    /// As long as what has that label is under way.
    During(String),
    /// From the end of what has that label to the end of the run.
    After(String),
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Steady => f.write_str("steady"),
            Self::Between(from, until) => write!(f, "{}..{}", show_duration(*from), show_duration(*until)),
            Self::During(label) => f.write_str(label),
            Self::After(label) => write!(f, "after({label})"),
        }
    }
}

/// From when on something has to become true.
///
/// ```
/// assert_eq!(swarm_sim::After::Label("split".into()).to_string(), "split");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum After {
    /// That time, counted from the end of the warm-up.
    Time(Duration),
    /// The end of what has that label.
    Label(String),
}

impl Default for After {
    fn default() -> Self {
        Self::Time(Duration::ZERO)
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => f.write_str(&show_duration(*time)),
            Self::Label(label) => f.write_str(label),
        }
    }
}

impl Check {
    /// From when to when it looks, counted from the end of the warm-up; `None` if that is the whole run. What has to become
    /// true has to within that time.
    #[must_use]
    pub fn windows(&self, scenario: &Scenario) -> Option<(Duration, Duration)> {
        let end = scenario.duration;
        let end_of = |label: &str| scenario.span_of(label).map(|(_, until)| until);
        let (from, until) = match (&self.kind, &self.window) {
            (CheckKind::Eventually { after, within }, _) => {
                let from = match after {
                    After::Time(time) => *time,
                    After::Label(label) => end_of(label)?,
                };
                (from, within.map_or(end, |within| from.saturating_add(within).min(end)))
            }
            (_, Window::Whole) => return None,
            (_, Window::Steady) => scenario.steady().unwrap_or_default(),
            (_, Window::Between(from, until)) => (*from, *until),
            (_, Window::During(label)) => scenario.span_of(label)?,
            (_, Window::After(label)) => (end_of(label)?, end),
        };
        let whole = (Duration::ZERO, end);
        ((from, until) != whole).then_some((from, until))
    }
}
