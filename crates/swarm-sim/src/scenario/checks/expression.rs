//! Reads metrics, what narrows them, and conditions.

use std::ops::Range;

use swarm_core::{Capability, TopicPattern};
use toml::Spanned;

use super::super::{
    groups::Groups,
    problem::Findings,
    reader::{did_you_mean, known_capability, report_unknown_name, shortened},
};
use crate::{
    check::{Comparison, Condition, ConditionError},
    metric::{FAMILIES, Family, Metric, Shape},
    nearest::nearest,
};

/// Whose figures a check is about, and of which requests or observations.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) group: Option<String>,
    pub(super) capability: Option<Capability>,
    pub(super) topic: Option<TopicPattern>,
}

/// A metric and what must hold of it.
pub(super) struct Expectation {
    pub(super) metric: Metric,
    pub(super) selection: Selection,
    pub(super) condition: Condition,
}

impl Expectation {
    /// Whether it can be known before the end that it will not hold: what is counted by group never gets less.
    pub(super) fn only_gets_worse(&self) -> bool {
        let bounded_above =
            matches!(self.condition.comparison, Comparison::Below | Comparison::AtMost | Comparison::Equal);
        self.metric.shape() == Shape::Count && self.metric.is_of_groups() && bounded_above
    }
}

/// The metric and the condition in texts of their own.
pub(super) fn read_pair(
    metric: &Spanned<String>,
    condition: &Spanned<String>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Expectation> {
    let (metric, selection) = read_metric(metric, 0..metric.get_ref().len(), groups, findings)?;
    let condition = read_condition(condition, 0, &metric, findings)?;
    Some(Expectation { metric, selection, condition })
}

/// Both in one text: `request.latency{group=client} p99 < 800ms`.
pub(super) fn read_one(
    written: &Spanned<String>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Expectation> {
    let end = end_of_metric(written.get_ref());
    let (metric, selection) = read_metric(written, 0..end, groups, findings)?;
    let condition = read_condition(written, end, &metric, findings)?;
    Some(Expectation { metric, selection, condition })
}

/// Behind the selection if there is one, else before the first character that no name has.
fn end_of_metric(text: &str) -> usize {
    let name = text.find(|c: char| c.is_whitespace() || matches!(c, '{' | '<' | '>' | '=' | '!'));
    let name = name.unwrap_or(text.len());
    let rest = text.get(name..).unwrap_or_default();
    match rest.trim_start().starts_with('{') {
        true => rest.find('}').map_or(text.len(), |brace| name.saturating_add(brace).saturating_add(1)),
        false => name,
    }
}

/// `request.latency`, `request.latency{group=client}`, `request.latency{group=client, capability=hello.greet}` or
/// `observation.latency{topic=rover.*}`.
/// `part` is where it stands in the text, which it begins.
fn read_metric(
    written: &Spanned<String>,
    part: Range<usize>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Metric, Selection)> {
    let text = written.get_ref().get(part).unwrap_or_default();
    let (name, selector) = match text.split_once('{') {
        Some((name, selector)) => (name.trim_end(), Some(selector)),
        None => (text, None),
    };
    let name_at = findings.part_of(written, 0..name.len());
    let metric = Metric::from_name(name);
    if metric.is_none() {
        report_unknown_metric(name, name_at, findings);
    }
    let Some(selector) = selector else { return Some((metric?, Selection::default())) };
    let selector_at = text.len().saturating_sub(selector.len());
    let Some(pairs) = selected(selector) else {
        let span = findings.part_of(written, selector_at.saturating_sub(1)..text.len());
        let label =
            "expected {group=NAME}, {capability=NAME} or {topic=PATTERN}, or several with commas in between";
        findings.report(span, "not a selection of a group, a capability or topics", label);
        return None;
    };
    let mut selection = Selection::default();
    for (key, name, name_at) in pairs {
        let begin = selector_at.saturating_add(name_at);
        let span = findings.part_of(written, begin..begin.saturating_add(name.len()));
        let name = Spanned::new(span, name.to_owned());
        match key {
            Key::Group => {
                if let Some(metric) = metric.as_ref().filter(|metric| !metric.is_of_groups()) {
                    let message = format!("`{metric}` is about the whole swarm, so it has no group");
                    findings.report(name.span(), message, "expected no selection");
                    return None;
                }
                selection.group = Some(groups.known(&name, findings)?);
            }
            Key::Capability => {
                let metric = metric.as_ref().filter(|metric| !metric.is_of_requests());
                if let Some(metric) = metric {
                    let message = format!("`{metric}` is not about requests, so it has no capability");
                    findings.report(name.span(), message, expected_of(metric));
                    return None;
                }
                selection.capability = Some(known_capability(&name, findings)?);
            }
            Key::Topic => {
                let metric = metric.as_ref().filter(|metric| !metric.is_of_topics());
                if let Some(metric) = metric {
                    let message = format!("`{metric}` cannot be told apart by topic");
                    findings.report(name.span(), message, expected_of(metric));
                    return None;
                }
                selection.topic = Some(known_topics(&name, findings)?);
            }
        }
    }
    Some((metric?, selection))
}

/// What a metric can be narrowed by if not by topics or capabilities.
fn expected_of(metric: &Metric) -> &'static str {
    if metric.is_of_groups() { "expected {group=NAME} alone" } else { "expected no selection" }
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

/// The condition that begins at that byte of the text.
fn read_condition(
    written: &Spanned<String>,
    begin: usize,
    metric: &Metric,
    findings: &mut Findings,
) -> Option<Condition> {
    match Condition::parse(written.get_ref().get(begin..).unwrap_or_default(), metric) {
        Ok(condition) => Some(condition),
        Err(ConditionError { message, expected, help, span }) => {
            let span = begin.saturating_add(span.start)..begin.saturating_add(span.end);
            let span = findings.part_of(written, span);
            match help {
                Some(help) => findings.report_with_help(span, message, expected, help),
                None => findings.report(span, message, expected),
            }
            None
        }
    }
}
