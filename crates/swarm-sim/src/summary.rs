//! What came of a run. Reports are made from it; it knows nothing of how they look.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    check::{Check, CheckOutcome, Verdict},
    metric::Metric,
    record::RunRecord,
    scenario::{Members, Scenario},
    tally::{Figures, World},
};

/// What came of a run.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use swarm_sim::{Registry, RunOptions, Scenario};
///
/// let registry = Registry::new();
/// let scenario = Scenario::parse("x.toml", &std::fs::read_to_string("x.toml")?, &registry)?;
/// let summary = swarm_sim::run(scenario, &registry, RunOptions::default(), |_| {})?;
/// assert!(summary.passed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunSummary {
    /// What was run.
    pub scenario: Scenario,
    /// How it came to its end.
    pub end: End,
    /// How long it was measured: the duration of the scenario, unless the run ended early.
    pub measured: Duration,
    /// How many connections there were when the warm-up began.
    pub connections: usize,
    /// What was counted, group by group in the order of the scenario.
    pub groups: Vec<GroupSummary>,
    /// What was counted in all groups together.
    pub total: Figures,
    /// How the checks came out, in the order of the scenario.
    pub checks: Vec<CheckOutcome>,
    /// What was not as the scenario has it.
    pub notices: Vec<String>,
    /// How much real time it took.
    pub real: Duration,
    /// A hash over the log of all that happened, if there was one. Equal for equal runs.
    pub digest: Option<String>,
    /// How many lines that log has.
    pub log_lines: u64,
    /// What is kept for reports, if that was asked for.
    pub record: Option<RunRecord>,
}

/// What was counted for one group.
///
/// ```
/// fn heard(group: &swarm_sim::GroupSummary) -> String {
///     format!("{} heard {} observations", group.name, group.figures.observations_delivered())
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GroupSummary {
    /// Its name.
    pub name: String,
    /// What its members are.
    pub members: Members,
    /// How many there are.
    pub count: usize,
    /// What was counted.
    pub figures: Figures,
}

/// How a run came to its end.
///
/// ```
/// assert_eq!(swarm_sim::End::Interrupted.to_string(), "interrupted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ran for as long as the scenario says.
    Complete,
    /// Somebody ended it early.
    Interrupted,
    /// Its wall clock time was up.
    TimedOut,
    /// A check could not hold any more that was worth ending it for.
    Hopeless,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed out",
            Self::Hopeless => "hopeless",
        })
    }
}

impl RunSummary {
    /// Puts the figures of a run together and holds the checks of its scenario against them, but for those that were held
    /// against something else before.
    pub(crate) fn new(
        scenario: Scenario,
        end: End,
        figures: Vec<Figures>,
        world: World,
        mut judged: BTreeMap<usize, CheckOutcome>,
    ) -> Self {
        let mut total = total(&figures);
        total.world = Some(world);
        let groups: Vec<_> = scenario
            .groups
            .iter()
            .zip(figures)
            .map(|(group, figures)| GroupSummary {
                name: group.name.clone(),
                members: group.members.clone(),
                count: group.count,
                figures,
            })
            .collect();
        let figures_of =
            |name: &str| groups.iter().find(|group| group.name == name).map(|group| &group.figures);
        let checks = scenario.checks.iter().enumerate().map(|(number, check)| {
            let group = check.group.as_deref().and_then(figures_of);
            judged.remove(&number).unwrap_or_else(|| CheckOutcome::of(check, group.unwrap_or(&total)))
        });
        let checks = checks.collect();
        let measured = scenario.duration;
        Self {
            scenario,
            end,
            measured,
            connections: 0,
            groups,
            total,
            checks,
            notices: Vec::new(),
            real: Duration::ZERO,
            digest: None,
            log_lines: 0,
            record: None,
        }
    }

    /// For each check of a `measure.NAME` that nobody measured, what was measured instead: a name may be misspelt.
    pub(crate) fn unmeasured(&self) -> Vec<String> {
        let missed = self.checks.iter().filter(|outcome| outcome.measured.is_none());
        missed.filter_map(|outcome| self.measured_instead(&outcome.check)).collect()
    }

    fn measured_instead(&self, check: &Check) -> Option<String> {
        let Metric::Measure(_) = &check.metric else { return None };
        let of_group = |name: &str| self.groups.iter().find(|group| group.name == name);
        let figures = check.group.as_deref().and_then(of_group).map_or(&self.total, |group| &group.figures);
        let who = check.group.as_deref().unwrap_or("anybody");
        let known: Vec<_> = figures.measures.keys().map(|name| format!("measure.{name}")).collect();
        let instead = if known.is_empty() { "nothing else either".to_owned() } else { known.join(", ") };
        Some(format!("{} was never measured by {who}; measured were: {instead}", check.metric))
    }

    /// Whether it ran to its end and no check failed; warnings do not count.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.end == End::Complete && self.count(Verdict::Failed) == 0
    }

    /// How many checks came out like this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }
}

/// The figures of all groups together.
pub(crate) fn total(groups: &[Figures]) -> Figures {
    let mut total = Figures::default();
    groups.iter().for_each(|figures| total.merge(figures));
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn scenario() -> Scenario {
        let text = r#"
            schema = 1
            scenario = { name = "two", duration = "1s" }
            groups.a = { agent = "idle" }
            groups.b = { agent = "idle" }
            checks.list = [
              { name = "all", metric = "observation.sent", check = "== 5" },
              { name = "some", metric = "observation.sent{group=b}", check = "== 3", severity = "warn" },
              { name = "none", metric = "request.open", check = "== 0", severity = "warn" },
            ]"#;
        Scenario::parse("two.toml", text, &Registry::new()).unwrap()
    }

    fn new(scenario: Scenario, end: End, figures: Vec<Figures>) -> RunSummary {
        RunSummary::new(scenario, end, figures, World::default(), BTreeMap::new())
    }

    fn figures(sent: u64) -> Figures {
        let mut figures = Figures::default();
        figures.observations_sent = sent;
        figures
    }

    #[test]
    fn a_check_is_about_its_group_or_everybody() {
        let summary = new(scenario(), End::Complete, vec![figures(2), figures(3)]);
        let verdicts: Vec<_> = summary.checks.iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed, Verdict::Warned]);
        assert!(summary.passed());
    }

    #[test]
    fn a_measure_that_nobody_measured_is_told_with_those_that_were() {
        let text = r#"
            schema = 1
            scenario = { name = "two", duration = "1s" }
            groups.a = { agent = "idle" }
            checks.list = [{ name = "quick", metric = "measure.tokns{group=a}", check = "count > 0" }]"#;
        let scenario = Scenario::parse("two.toml", text, &Registry::new()).unwrap();
        let mut measured = Figures::default();
        measured.measures.entry("tokens".to_owned()).or_default().record(1.0);
        let told = new(scenario.clone(), End::Complete, vec![measured]).unmeasured();
        assert_eq!(told, ["measure.tokns was never measured by a; measured were: measure.tokens"]);
        let told = new(scenario, End::Complete, vec![Figures::default()]).unmeasured();
        assert_eq!(told, ["measure.tokns was never measured by a; measured were: nothing else either"]);
    }

    #[test]
    fn an_interrupted_run_has_not_passed() {
        let summary = new(scenario(), End::Interrupted, vec![figures(2), figures(3)]);
        assert!(!summary.passed());
    }
}
