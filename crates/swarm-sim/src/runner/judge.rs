//! Holds checks against the run while it runs: those of what is always or eventually true, and those that a run cannot pass
//! any more.

use std::time::Duration;

use crate::{
    Scenario,
    check::{Check, CheckKind, CheckOutcome, Comparison, Verdict},
    metric::Shape,
};

/// The checks that are looked at while the run runs.
#[derive(Debug, Default)]
pub(super) struct Judge {
    live: Vec<Live>,
}

/// A check under way.
#[derive(Debug)]
struct Live {
    /// Its number in the scenario.
    number: usize,
    check: Check,
    /// When it looks, from the end of the warm-up.
    from: Duration,
    until: Duration,
    /// What was measured when it was decided, or last.
    measured: Option<f64>,
    is_decided: bool,
}

impl Judge {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let checks = scenario.checks.iter().enumerate();
        let live = checks.filter(|(_, check)| is_live(check)).map(|(number, check)| {
            let (from, until) = check.windows(scenario).unwrap_or((Duration::ZERO, scenario.duration));
            Live { number, check: check.clone(), from, until, measured: None, is_decided: false }
        });
        Self { live: live.collect() }
    }

    /// Looks at what is measured at that time after the warm-up. Gives the name of a check that cannot hold any more and
    /// whose failure is to end the run.
    pub(super) fn look(&mut self, at: Duration, measure: impl Fn(&Check) -> Option<f64>) -> Option<String> {
        let looking = |live: &&mut Live| !live.is_decided && live.from <= at;
        self.live.iter_mut().filter(looking).filter_map(|live| live.look(at, &measure)).next()
    }

    /// How those came out that only a look while the run runs can tell.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (usize, CheckOutcome)> {
        let told = self.live.iter().filter(|live| live.check.kind != CheckKind::AtEnd);
        told.map(|live| (live.number, CheckOutcome::judged(&live.check, live.measured)))
    }
}

impl Live {
    fn look(&mut self, at: Duration, measure: impl Fn(&Check) -> Option<f64>) -> Option<String> {
        let value = measure(&self.check).filter(|_| at <= self.until);
        self.measured = value.or(self.measured);
        let holds = CheckOutcome::judged(&self.check, value).verdict == Verdict::Passed;
        let has_failed = match self.check.kind {
            CheckKind::Always => {
                self.is_decided = value.is_some() && !holds;
                self.is_decided
            }
            CheckKind::Eventually { .. } => {
                self.is_decided = holds || at > self.until;
                self.is_decided && !holds
            }
            // It only ever grows.
            _ => value.is_some_and(|value| is_beyond(&self.check, value)),
        };
        (has_failed && self.check.abort_on_fail).then(|| self.check.name.clone())
    }
}

/// Whether anything about it can be told before the end.
fn is_live(check: &Check) -> bool {
    match check.kind {
        CheckKind::Always | CheckKind::Eventually { .. } => true,
        CheckKind::AtEnd => check.abort_on_fail && check.metric.shape() == Shape::Count,
        CheckKind::Custom { .. } => false,
    }
}

/// Whether a count is higher than it may be at the end.
fn is_beyond(check: &Check, value: f64) -> bool {
    let bound = check.condition.bound.value;
    match check.condition.comparison {
        Comparison::Below => value >= bound,
        Comparison::AtMost | Comparison::Equal => value > bound,
        Comparison::Above | Comparison::AtLeast => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn judge(check: &str) -> (Judge, Scenario) {
        let text = format!(
            "schema = 1\nscenario = {{ name = \"x\", duration = \"20s\" }}\ngroups.a = {{ agent = \"idle\", count = 2 }}\n\
             checks.list = [{{ name = \"c\", abort_on_fail = true, {check} }}]"
        );
        let scenario = Scenario::parse("x.toml", &text, &Registry::new()).unwrap();
        (Judge::new(&scenario), scenario)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn verdict(judge: &Judge) -> Verdict {
        judge.outcomes().next().unwrap().1.verdict
    }

    #[test]
    fn what_must_always_hold_fails_once_and_for_all() {
        let (mut judge, _) = judge("always = \"overlay.components == 1\"");
        assert_eq!(judge.look(seconds(1), |_| Some(1.0)), None);
        assert_eq!(verdict(&judge), Verdict::Passed);
        assert_eq!(judge.look(seconds(2), |_| Some(2.0)), Some("c".into()));
        assert_eq!(judge.look(seconds(3), |_| Some(1.0)), None);
        assert_eq!(verdict(&judge), Verdict::Failed);
    }

    #[test]
    fn what_must_hold_eventually_has_its_time() {
        let (mut judge, scenario) =
            judge("eventually = \"overlay.components == 1\", after = \"5s\", within = \"5s\"");
        assert_eq!(judge.look(seconds(1), |_| Some(1.0)), None);
        assert_eq!(judge.look(seconds(6), |_| Some(2.0)), None);
        let mut late = Judge::new(&scenario);
        assert_eq!(judge.look(seconds(10), |_| Some(1.0)), None);
        assert_eq!(verdict(&judge), Verdict::Passed);
        assert_eq!(late.look(seconds(9), |_| Some(2.0)), None);
        assert_eq!(late.look(seconds(11), |_| Some(1.0)), Some("c".into()));
        assert_eq!(verdict(&late), Verdict::Failed);
    }

    #[test]
    fn a_count_that_is_too_high_cannot_become_lower() {
        let (mut judge, _) = judge("metric = \"observation.sent\", check = \"<= 5\"");
        assert_eq!(judge.look(seconds(1), |_| Some(5.0)), None);
        assert_eq!(judge.look(seconds(2), |_| Some(6.0)), Some("c".into()));
        assert_eq!(judge.outcomes().count(), 0);
    }
}
