//! Reads `[checks]`: what must hold.

use std::ops::Range;

use toml::Spanned;

use super::{
    groups::Groups,
    problem::Findings,
    reader::{TableReader, did_you_mean, report_unknown_name, shortened},
};
use crate::{
    check::{Check, Condition, ConditionError, Severity},
    metric::Metric,
    nearest::nearest,
};

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Vec<Check> {
    let Some(mut table) = document.table("checks", "[checks]", findings) else { return Vec::new() };
    let entries = table.tables("list", "a check", findings);
    table.finish(findings);
    let mut checks = Vec::with_capacity(entries.len());
    for entry in entries {
        checks.extend(read_check(entry, groups, findings));
    }
    checks
}

fn read_check(mut table: TableReader<'_, '_>, groups: &Groups, findings: &mut Findings) -> Option<Check> {
    let name = table.required::<String>("name", findings);
    let metric = table.required::<String>("metric", findings);
    let condition = table.required::<String>("check", findings);
    let severity = table.optional::<String>("severity", findings);
    table.finish(findings);
    let severity = severity.map_or(Some(Severity::Fail), |severity| known_severity(&severity, findings));
    let (metric, group) = read_metric(&metric?, groups, findings)?;
    let condition = read_condition(&condition?, &metric, findings)?;
    Some(Check { name: name?.into_inner(), metric, group, condition, severity: severity? })
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

/// `request.latency` or `request.latency{group=client}`.
fn read_metric(
    written: &Spanned<String>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Metric, Option<String>)> {
    let text = written.get_ref();
    let (name, selector) = match text.split_once('{') {
        Some((name, selector)) => (name.trim_end(), Some(selector)),
        None => (text.as_str(), None),
    };
    let name_at = part_of(written, 0..name.len(), findings);
    let metric = Metric::from_name(name);
    if metric.is_none() {
        report_unknown_metric(name, name_at, findings);
    }
    let Some(selector) = selector else { return Some((metric?, None)) };
    let selector_at = text.len().saturating_sub(selector.len());
    let Some(group) = selected_group(selector) else {
        let span = part_of(written, selector_at.saturating_sub(1)..text.len(), findings);
        findings.report(span, "not a selection of a group", "expected {group=NAME}");
        return None;
    };
    let group_at = selector_at.saturating_add(selector.find(group).unwrap_or_default());
    let span = part_of(written, group_at..group_at.saturating_add(group.len()), findings);
    let group = groups.known(&Spanned::new(span, group.to_owned()), findings)?;
    Some((metric?, Some(group)))
}

/// The name in `group=NAME}`.
fn selected_group(selector: &str) -> Option<&str> {
    let (key, group) = selector.strip_suffix('}')?.split_once('=')?;
    (key.trim() == "group").then(|| group.trim())
}

fn report_unknown_metric(name: &str, span: Range<usize>, findings: &mut Findings) {
    let message = format!("unknown metric `{}`", shortened(name));
    let label = "expected a metric that the runner or an agent measures";
    let help = match nearest(name, Metric::names()) {
        Some(meant) => did_you_mean(meant),
        None => format!("there are {} and measure.NAME", Metric::names().collect::<Vec<_>>().join(", ")),
    };
    findings.report_with_help(span, message, label, help);
}

fn read_condition(written: &Spanned<String>, metric: &Metric, findings: &mut Findings) -> Option<Condition> {
    match Condition::parse(written.get_ref(), metric) {
        Ok(condition) => Some(condition),
        Err(ConditionError { message, expected, help, span }) => {
            let span = part_of(written, span, findings);
            match help {
                Some(help) => findings.report_with_help(span, message, expected, help),
                None => findings.report(span, message, expected),
            }
            None
        }
    }
}

/// Where a part of a text value stands in the file. A text with escapes is underlined as a whole, since its parts
/// stand elsewhere than its length says.
fn part_of(written: &Spanned<String>, part: Range<usize>, findings: &Findings) -> Range<usize> {
    let whole = written.span();
    let begin = whole.start.saturating_add(1);
    let inner = begin..whole.end.saturating_sub(1);
    if findings.text().get(inner) != Some(written.get_ref()) {
        return whole;
    }
    // A part may begin at the closing quote, where something is missing.
    let start = begin.saturating_add(part.start).min(whole.end.saturating_sub(1));
    start..begin.saturating_add(part.end).clamp(start, whole.end)
}
