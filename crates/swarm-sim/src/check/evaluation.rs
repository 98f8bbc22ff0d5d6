//! Compares what was measured with what must hold.

use super::{Check, Severity, Unit};
use crate::tally::Figures;

/// How a check came out.
///
/// ```
/// use swarm_sim::{CheckOutcome, Figures, Registry, Scenario, Verdict};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "quiet", duration = "1s" }
/// groups.sitter = { agent = "idle" }
/// checks.list = [{ name = "nothing hangs", metric = "request.open", check = "== 0" }]
/// "#;
/// let scenario = Scenario::parse("quiet.toml", text, &Registry::new()).unwrap();
///
/// // Nobody asked anything, so nothing was shown.
/// let outcome = CheckOutcome::of(&scenario.checks[0], &Figures::default());
/// assert_eq!(outcome.verdict, Verdict::Failed);
/// assert_eq!(outcome.measured_text(), "nothing to measure");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CheckOutcome {
    /// The check.
    pub check: Check,
    /// What was measured, in the unit of the check's bound; `None` when there was nothing to measure.
    pub measured: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
    /// What a check in Rust says is wrong.
    pub said: Option<String>,
}

/// What a check says of a run.
///
/// ```
/// assert_eq!(swarm_sim::Verdict::Warned.to_string(), "warn");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold, or there was nothing to measure, and it is only a warning.
    Warned,
    /// It does not hold, or there was nothing to measure.
    Failed,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Passed => "pass",
            Self::Warned => "warn",
            Self::Failed => "fail",
        })
    }
}

impl CheckOutcome {
    /// Holds the check against the figures of the group that it is about, or of the whole swarm.
    #[must_use]
    pub fn of(check: &Check, figures: &Figures) -> Self {
        let condition = check.condition;
        let value = |figures: &Figures| figures.value(&check.metric, condition.aggregate);
        // A metric is of requests or of observations, never of both.
        let measured = match (&check.capability, &check.topic) {
            (Some(capability), _) => figures.of_capability(capability).and_then(value),
            (None, Some(topics)) => figures.of_topics(topics).as_ref().and_then(value),
            (None, None) => value(figures),
        };
        Self::judged(check, measured)
    }

    /// Holds what was measured in whatever way against the condition of the check; `None` if there was nothing to measure.
    #[must_use]
    pub fn judged(check: &Check, measured: Option<f64>) -> Self {
        let condition = check.condition;
        let holds = measured.is_some_and(|value| condition.comparison.holds(value, condition.bound.value));
        let verdict = match (holds, check.severity) {
            (true, _) => Verdict::Passed,
            (false, Severity::Warn) => Verdict::Warned,
            (false, Severity::Fail) => Verdict::Failed,
        };
        Self { check: check.clone(), measured, verdict, said: None }
    }

    /// What a check in Rust found.
    #[must_use]
    pub fn custom(check: &Check, found: Result<(), String>) -> Self {
        let wrong = f64::from(u8::from(found.is_err()));
        Self { said: found.err(), ..Self::judged(check, Some(wrong)) }
    }

    /// What was measured, as people like to read it.
    #[must_use]
    pub fn measured_text(&self) -> String {
        match (&self.said, self.measured) {
            (Some(said), _) => said.clone(),
            (None, Some(value)) => self.unit().show(value),
            (None, None) => "nothing to measure".to_owned(),
        }
    }

    fn unit(&self) -> Unit {
        self.check.condition.bound.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckKind, Condition, Metric, Window};

    fn outcome(metric: Metric, condition: &str, severity: Severity, figures: &Figures) -> CheckOutcome {
        let condition = Condition::parse(condition, &metric).unwrap();
        let check = Check {
            name: "x".into(),
            kind: CheckKind::AtEnd,
            metric,
            group: None,
            capability: None,
            topic: None,
            condition,
            window: Window::Whole,
            severity,
            abort_on_fail: false,
        };
        CheckOutcome::of(&check, figures)
    }

    fn figures() -> Figures {
        let mut figures = Figures::default();
        figures.copies_sent = 200;
        figures.copies_delivered = 199;
        figures
    }

    #[test]
    fn a_check_compares_what_was_measured_with_its_bound() {
        let verdict = |condition| {
            outcome(Metric::ObservationDeliveryRatio, condition, Severity::Fail, &figures()).verdict
        };
        assert_eq!(verdict(">= 99%"), Verdict::Passed);
        assert_eq!(verdict("== 1"), Verdict::Failed);
        assert_eq!(verdict("< 0.9949"), Verdict::Failed);
    }

    #[test]
    fn a_check_over_nothing_never_passes() {
        for condition in ["== 0", ">= 0", "< 1"] {
            let outcome = outcome(Metric::RequestOpen, condition, Severity::Fail, &figures());
            assert_eq!((outcome.verdict, outcome.measured), (Verdict::Failed, None));
        }
    }

    #[test]
    fn a_warning_does_not_fail() {
        let outcome = outcome(Metric::ObservationDeliveryRatio, "== 1", Severity::Warn, &figures());
        assert_eq!(outcome.verdict, Verdict::Warned);
        assert_eq!(outcome.measured_text(), "99.5 %");
    }
}
