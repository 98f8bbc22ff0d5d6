//! Reads `[checks]`: what must hold.

mod expression;
mod window;

use std::ops::Range;

use toml::{Spanned, de::DeValue};

use super::{
    Scenario,
    groups::Groups,
    problem::Findings,
    reader::{TableReader, report_unknown_name},
    understanding::understood_params,
};
use crate::{
    Registry,
    check::{Bound, Check, CheckKind, Comparison, Condition, Severity, Unit, Window},
    metric::Metric,
};

use self::expression::{Expectation, Selection};

/// What checks are checked against.
struct Surroundings<'s> {
    groups: &'s Groups,
    /// Those of the timeline.
    labels: &'s [String],
    registry: &'s Registry,
}

/// Each check with the place where it says when it looks, if it does.
pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    labels: &[String],
    registry: &Registry,
    findings: &mut Findings,
) -> Vec<(Check, Option<Range<usize>>)> {
    let Some(mut table) = document.table("checks", "[checks]", findings) else { return Vec::new() };
    let entries = table.tables("list", "a check", findings);
    table.finish(findings);
    let around = Surroundings { groups, labels, registry };
    let mut checks = Vec::with_capacity(entries.len());
    for entry in entries {
        checks.extend(read_check(entry, &around, findings));
    }
    checks
}

/// Reports checks that look at no part of the run.
pub(super) fn report_empty_windows(
    scenario: &Scenario,
    checks: &[(Check, Option<Range<usize>>)],
    findings: &mut Findings,
) {
    for (check, at) in checks {
        let (Some(at), Some((from, until))) = (at, check.windows(scenario)) else { continue };
        if from >= until || until > scenario.duration {
            let (message, label) = window::what_is_wrong(check, scenario);
            findings.report(at.clone(), message, label);
        }
    }
}

/// The four ways to say what must hold, of which each check has one.
const WAYS: [&str; 4] = ["metric", "always", "eventually", "custom"];

fn read_check(
    mut table: TableReader<'_, '_>,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<(Check, Option<Range<usize>>)> {
    let name = table.required::<String>("name", findings);
    let severity = table.optional::<String>("severity", findings);
    let abort_on_fail = table.optional::<bool>("abort_on_fail", findings);
    let written = WAYS.map(|way| table.raw(way));
    let way = WAYS.iter().zip(written).find(|(_, value)| value.is_some()).map_or("metric", |(way, _)| *way);
    let read = Keys::read(&mut table, way, findings);
    table.finish(findings);
    refuse(&WAYS, &WAYS.map(|other| other == way), way, &written, findings)?;
    let severity = severity.map_or(Some(Severity::Fail), |severity| known_severity(&severity, findings));
    let (window, window_at) = match read.window(way, around, findings)? {
        Some((window, at)) => (window, Some(at)),
        None => (Window::default(), None),
    };
    let (kind, kind_at) = read.kind(way, around, findings)?;
    let expectation = read.expectation(way, &kind, around, findings)?;
    let can_abort = match way {
        "always" | "eventually" => true,
        "metric" => expectation.only_gets_worse(),
        _ => false,
    };
    if let Some(abort) = abort_on_fail.as_ref().filter(|_| !can_abort) {
        let label = "expected only with `always`, `eventually` or a count that has an upper bound";
        let message = "`abort_on_fail` means nothing here: only at the end it is known whether this holds";
        findings.report(abort.span(), message, label);
        return None;
    }
    let Expectation { metric, selection: Selection { group, capability, topic }, condition } = expectation;
    let check = Check {
        name: name?.into_inner(),
        kind,
        metric,
        group,
        capability,
        topic,
        condition,
        window,
        severity: severity?,
        abort_on_fail: abort_on_fail.is_some_and(Spanned::into_inner),
    };
    Some((check, window_at.or(kind_at)))
}

/// Reports keys that mean nothing beside another one. `None` if there were any.
fn refuse(
    keys: &[&str],
    allowed: &[bool],
    way: &str,
    written: &[Option<&Spanned<DeValue<'_>>>],
    findings: &mut Findings,
) -> Option<()> {
    let mut misplaced = keys
        .iter()
        .zip(allowed)
        .zip(written)
        .filter_map(|((key, allowed), value)| Some((key, (*value)?)).filter(|_| !allowed))
        .peekable();
    let none = misplaced.peek().is_none().then_some(());
    for (key, value) in misplaced {
        let label =
            "expected one of metric, always, eventually and custom in each check, and what belongs to it";
        findings.report(value.span(), format!("`{key}` means nothing beside `{way}`"), label);
    }
    none
}

/// What a check says besides its name and severity.
struct Keys<'t, 'i> {
    /// What stands under the key that says what must hold.
    expression: Option<Spanned<String>>,
    /// What stands under `check`.
    condition: Option<Spanned<String>>,
    during: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
    within: Option<Spanned<String>>,
    params: Option<&'t Spanned<DeValue<'i>>>,
    /// The same as they stand in the file.
    written: [Option<&'t Spanned<DeValue<'i>>>; 5],
    at: Range<usize>,
}

impl<'t, 'i> Keys<'t, 'i> {
    const NAMES: [&'static str; 5] = ["check", "during", "after", "within", "params"];

    fn read(table: &mut TableReader<'t, 'i>, way: &'static str, findings: &mut Findings) -> Self {
        let expression = table.required::<String>(way, findings);
        let condition = match way {
            "metric" => table.required::<String>("check", findings),
            _ => table.optional::<String>("check", findings),
        };
        Self {
            expression,
            condition,
            during: table.optional("during", findings),
            after: table.optional("after", findings),
            within: table.optional("within", findings),
            params: table.raw("params"),
            written: Self::NAMES.map(|name| table.raw(name)),
            at: table.at(),
        }
    }

    /// Refuses what does not belong to this way.
    fn window(
        &self,
        way: &str,
        around: &Surroundings<'_>,
        findings: &mut Findings,
    ) -> Option<Option<(Window, Range<usize>)>> {
        let allowed = match way {
            "metric" => [true, true, false, false, false],
            "always" => [false, true, false, false, false],
            "eventually" => [false, false, true, true, false],
            _ => [false, false, false, false, true],
        };
        let refused = refuse(&Self::NAMES, &allowed, way, &self.written, findings);
        let window = match &self.during {
            Some(during) => Some((window::read(during, around.labels, findings)?, during.span())),
            None => None,
        };
        refused.map(|()| window)
    }

    fn kind(
        &self,
        way: &str,
        around: &Surroundings<'_>,
        findings: &mut Findings,
    ) -> Option<(CheckKind, Option<Range<usize>>)> {
        match way {
            "always" => Some((CheckKind::Always, None)),
            "eventually" => {
                let after = match &self.after {
                    Some(after) => window::read_after(after, around.labels, findings),
                    None => Some(Default::default()),
                };
                let within = match &self.within {
                    Some(within) => window::read_within(within, findings).map(Some),
                    None => Some(None),
                };
                let at = self.after.as_ref().or(self.within.as_ref()).map(Spanned::span);
                Some((CheckKind::Eventually { after: after?, within: within? }, at))
            }
            "custom" => {
                let name = self.expression.as_ref()?;
                let Some(check) = around.registry.custom_check(name.get_ref()) else {
                    let known: Vec<_> = around.registry.checks().collect();
                    report_unknown_name("check in Rust", name, &known, findings);
                    return None;
                };
                let understands = |params: Spanned<DeValue<'_>>| check.understands(params);
                let at = self.at.clone();
                let params = understood_params(name.get_ref(), understands, self.params, at, findings)?;
                Some((CheckKind::Custom { name: name.get_ref().clone(), params }, None))
            }
            _ => Some((CheckKind::AtEnd, None)),
        }
    }

    fn expectation(
        &self,
        way: &str,
        kind: &CheckKind,
        around: &Surroundings<'_>,
        findings: &mut Findings,
    ) -> Option<Expectation> {
        if let CheckKind::Custom { name, .. } = kind {
            let bound = Bound { value: 0.0, unit: Unit::Plain };
            let condition = Condition { aggregate: None, comparison: Comparison::Equal, bound };
            let metric = Metric::Custom(name.clone());
            return Some(Expectation { metric, selection: Selection::default(), condition });
        }
        let expression = self.expression.as_ref()?;
        match way {
            "metric" => expression::read_pair(expression, self.condition.as_ref()?, around.groups, findings),
            _ => expression::read_one(expression, around.groups, findings),
        }
    }
}

fn known_severity(severity: &Spanned<String>, findings: &mut Findings) -> Option<Severity> {
    match severity.get_ref().as_str() {
        "fail" => Some(Severity::Fail),
        "warn" => Some(Severity::Warn),
        _ => {
            report_unknown_name("severity", severity, &["fail", "warn"], findings);
            None
        }
    }
}
