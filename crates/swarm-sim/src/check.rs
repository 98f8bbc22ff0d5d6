//! What a run must show to be a good one.
//!
//! A check is a metric and a condition on it. This module reads conditions and compares; it neither measures nor
//! decides what a failed check means for the exit status.

mod condition;
mod evaluation;

pub use condition::{Aggregate, Bound, Comparison, Condition, ConditionError, Unit};
pub use evaluation::{CheckOutcome, Verdict};

use swarm_core::{Capability, TopicPattern};

use crate::metric::Metric;

/// Something that must hold at the end of a run.
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
    /// What it means when it does not.
    pub severity: Severity,
}

impl Check {
    /// The part of the run that it looks at, from the end of the warm-up, and how long it is; `None` for all of it.
    #[must_use]
    pub fn part_of(&self, _scenario: &crate::Scenario) -> Option<(std::time::Duration, std::time::Duration)> {
        None
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.metric)?;
        let group = self.group.iter().map(|group| format!("group={group}"));
        let capability = self.capability.iter().map(|capability| format!("capability={capability}"));
        let topic = self.topic.iter().map(|topic| format!("topic={topic}"));
        let selection: Vec<_> = group.chain(capability).chain(topic).collect();
        if !selection.is_empty() {
            write!(f, "{{{}}}", selection.join(", "))?;
        }
        write!(f, " {}", self.condition)
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
