//! Reads `[checks]`: what must hold.

use std::ops::Range;

use swarm_core::{Capability, TopicPattern};
use toml::Spanned;

use super::{
    groups::Groups,
    problem::Findings,
    reader::{TableReader, did_you_mean, known_capability, report_unknown_name, shortened},
};
use crate::{
    check::{Check, Condition, ConditionError, Severity},
    metric::{FAMILIES, Family, Metric},
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
    let (metric, Selection { group, capability, topic }) = read_metric(&metric?, groups, findings)?;
    let condition = read_condition(&condition?, &metric, findings)?;
    Some(Check { name: name?.into_inner(), metric, group, capability, topic, condition, severity: severity? })
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

/// Whose figures a check is about, and of which requests or observations.
#[derive(Default)]
struct Selection {
    group: Option<String>,
    capability: Option<Capability>,
    topic: Option<TopicPattern>,
}

/// `request.latency`, `request.latency{group=client}`, `request.latency{group=client, capability=hello.greet}` or
/// `observation.latency{topic=rover.*}`.
fn read_metric(
    written: &Spanned<String>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Metric, Selection)> {
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
    let Some(selector) = selector else { return Some((metric?, Selection::default())) };
    let selector_at = text.len().saturating_sub(selector.len());
    let Some(pairs) = selected(selector) else {
        let span = part_of(written, selector_at.saturating_sub(1)..text.len(), findings);
        let label =
            "expected {group=NAME}, {capability=NAME} or {topic=PATTERN}, or several with commas in between";
        findings.report(span, "not a selection of a group, a capability or topics", label);
        return None;
    };
    let mut selection = Selection::default();
    for (key, name, name_at) in pairs {
        let begin = selector_at.saturating_add(name_at);
        let span = part_of(written, begin..begin.saturating_add(name.len()), findings);
        let name = Spanned::new(span, name.to_owned());
        match key {
            Key::Group => selection.group = Some(groups.known(&name, findings)?),
            Key::Capability => {
                let metric = metric.as_ref().filter(|metric| !metric.is_of_requests());
                if let Some(metric) = metric {
                    let message = format!("`{metric}` is not about requests, so it has no capability");
                    findings.report(name.span(), message, "expected {group=NAME} alone");
                    return None;
                }
                selection.capability = Some(known_capability(&name, findings)?);
            }
            Key::Topic => {
                let metric = metric.as_ref().filter(|metric| !metric.is_of_topics());
                if let Some(metric) = metric {
                    let message = format!("`{metric}` cannot be told apart by topic");
                    findings.report(name.span(), message, "expected {group=NAME} alone");
                    return None;
                }
                selection.topic = Some(known_topics(&name, findings)?);
            }
        }
    }
    Some((metric?, selection))
}

/// By what a metric can be narrowed.
#[derive(Clone, Copy)]
enum Key {
    Group,
    Capability,
    Topic,
}

/// Reports a text that is no pattern of topics.
fn known_topics(pattern: &Spanned<String>, findings: &mut Findings) -> Option<TopicPattern> {
    match TopicPattern::try_from(pattern.get_ref().as_str()) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let label = "expected a dotted name, in which * stands for a label and ** for all at the end";
            findings.report(pattern.span(), error.to_string(), label);
            None
        }
    }
}

/// The pairs in `group=NAME, capability=NAME}`, each with the place of its name.
fn selected(selector: &str) -> Option<Vec<(Key, &str, usize)>> {
    let mut pairs = Vec::new();
    let mut begin = 0_usize;
    for pair in selector.strip_suffix('}')?.split(',') {
        let (key, name) = pair.split_once('=')?;
        let key = match key.trim() {
            "group" => Key::Group,
            "capability" => Key::Capability,
            "topic" => Key::Topic,
            _ => return None,
        };
        let blank = name.len().saturating_sub(name.trim_start().len());
        let name_at = begin.saturating_add(pair.len()).saturating_sub(name.len()).saturating_add(blank);
        pairs.push((key, name.trim(), name_at));
        begin = begin.saturating_add(pair.len()).saturating_add(1);
    }
    Some(pairs)
}

fn report_unknown_metric(name: &str, span: Range<usize>, findings: &mut Findings) {
    if let Some((family, word)) = Family::of(name) {
        let known = family.words();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        let word_at = span.end.saturating_sub(word.len()).max(span.start)..span.end;
        report_unknown_name(family.kind, &Spanned::new(word_at, word.to_owned()), &known, findings);
        return;
    }
    let message = format!("unknown metric `{}`", shortened(name));
    let label = "expected a metric that the runner or an agent measures";
    let help = match nearest(name, Metric::names()) {
        Some(meant) => did_you_mean(meant),
        None => {
            let families = FAMILIES.iter().map(|(name, _)| *name);
            format!("there are {}", Metric::names().chain(families).collect::<Vec<_>>().join(", "))
        }
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
