//! What a run must show to be a good one.
//!
//! A check is a metric, a condition on it, and when that has to hold. This module reads conditions and compares; it
//! neither measures nor decides what a failed check means for the exit status.

mod condition;
mod evaluation;
mod window;

pub use condition::{Aggregate, Bound, Comparison, Condition, ConditionError, Unit};
pub use evaluation::{CheckOutcome, Verdict};
pub use window::{After, Window};

use std::time::Duration;

use swarm_core::{Capability, TopicPattern};

use crate::{metric::Metric, quantity::show_duration};

/// Something that must hold of a run.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "quiet", duration = "1s" }
/// groups.sitter = { agent = "idle" }
/// checks.list = [{ name = "nothing hangs", metric = "request.open{group=sitter}", check = "== 0" }]
/// "#;
/// let scenario = Scenario::parse("quiet.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.checks[0].to_string(), "request.open{group=sitter} == 0");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What the check is about, in the words of whoever wrote it.
    pub name: String,
    /// When its condition has to hold.
    pub kind: CheckKind,
    /// What is measured.
    pub metric: Metric,
    /// Whose; everybody's if absent.
    pub group: Option<String>,
    /// Of which requests; of all of them if absent.
    pub capability: Option<Capability>,
    /// About what; about everything if absent.
    pub topic: Option<TopicPattern>,
    /// What must hold of it.
    pub condition: Condition,
    /// Of which part of the run.
    pub window: Window,
    /// What it means when it does not.
    pub severity: Severity,
    /// Whether the run ends as soon as it is known that it does not.
    pub abort_on_fail: bool,
}

/// When the condition of a check has to hold.
///
/// ```
/// use std::time::Duration;
/// use swarm_sim::{After, CheckKind, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "healing", duration = "30s" }
/// groups.sitter = { agent = "idle", count = 4 }
/// timeline.events = [{ at = "5s", do = "partition", target = "sitter", pick = "50%", for = "10s", label = "split" }]
/// checks.list = [{ name = "heals", eventually = "overlay.components == 1", after = "split", within = "5s" }]
/// "#;
/// let scenario = Scenario::parse("healing.toml", text, &Registry::new()).unwrap();
/// let check = &scenario.checks[0];
/// let (after, within) = (After::Label("split".into()), Some(Duration::from_secs(5)));
/// assert_eq!(check.kind, CheckKind::Eventually { after, within });
/// assert_eq!(check.windows(&scenario), Some((Duration::from_secs(15), Duration::from_secs(20))));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum CheckKind {
    /// At the end, of all that was measured in its window.
    #[default]
    AtEnd,
    /// At every moment of its window at which there is something to measure.
    Always,
    /// At some moment from then on.
    Eventually {
        /// From when on.
        after: After,
        /// How long that may take at most; to the end of the run if absent.
        within: Option<Duration>,
    },
    /// A check in Rust says at the end whether it holds. Its metric is how often it did not, once at most, and its condition
    /// that this is never.
    Custom {
        /// What it is registered as.
        name: String,
        /// What it is told; understood by it.
        params: toml::Table,
    },
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            CheckKind::Custom { name, .. } => return f.write_str(name),
            CheckKind::Always => f.write_str("always ")?,
            CheckKind::Eventually { .. } => f.write_str("eventually ")?,
            CheckKind::AtEnd => {}
        }
        write!(f, "{}", self.metric)?;
        let group = self.group.iter().map(|group| format!("group={group}"));
        let capability = self.capability.iter().map(|capability| format!("capability={capability}"));
        let topic = self.topic.iter().map(|topic| format!("topic={topic}"));
        let selection: Vec<_> = group.chain(capability).chain(topic).collect();
        if !selection.is_empty() {
            write!(f, "{{{}}}", selection.join(", "))?;
        }
        write!(f, " {}", self.condition)?;
        if let CheckKind::Eventually { after, within } = &self.kind {
            if *after != After::default() {
                write!(f, " after {after}")?;
            }
            if let Some(within) = within {
                write!(f, " within {}", show_duration(*within))?;
            }
        }
        if self.window != Window::Whole {
            write!(f, " during {}", self.window)?;
        }
        Ok(())
    }
}

/// What it means when a check does not hold.
///
/// ```
/// assert_eq!(swarm_sim::Severity::default(), swarm_sim::Severity::Fail);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// The run has failed.
    #[default]
    Fail,
    /// Somebody should know; the run is still a good one.
    Warn,
}
