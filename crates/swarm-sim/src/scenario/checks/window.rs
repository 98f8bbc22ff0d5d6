//! Reads when a check looks.

use std::time::Duration;

use toml::Spanned;

use super::super::{
    Scenario,
    problem::Findings,
    reader::{FromValue, positive, report_unknown_name, shortened},
};
use crate::{
    check::{After, Check, CheckKind, Window},
    quantity::{parse_duration, show_duration},
};

/// `steady`, `20s..40s`, `after(split)` or `split`.
pub(super) fn read(written: &Spanned<String>, labels: &[String], findings: &mut Findings) -> Option<Window> {
    let text = written.get_ref().as_str();
    if text == "steady" || text == "whole" {
        return Some(if text == "steady" { Window::Steady } else { Window::Whole });
    }
    if let Some((from, until)) = text.split_once("..") {
        let (from, until) = (parse_duration(from.trim()), parse_duration(until.trim()));
        let (Some(from), Some(until)) = (from, until) else {
            let message = format!("`during` cannot be \"{}\"", shortened(text));
            findings.report(written.span(), message, "expected two durations, such as \"20s..40s\"");
            return None;
        };
        return Some(Window::Between(from, until));
    }
    let behind = text.strip_prefix("after(").and_then(|text| text.strip_suffix(')'));
    let words: &[_] = if behind.is_some() { &[] } else { &["steady"] };
    let label = known_label(written, behind.unwrap_or(text), labels, words, findings)?;
    Some(if behind.is_some() { Window::After(label) } else { Window::During(label) })
}

/// A label or a time.
pub(super) fn read_after(
    written: &Spanned<String>,
    labels: &[String],
    findings: &mut Findings,
) -> Option<After> {
    match parse_duration(written.get_ref()) {
        Some(time) => Some(After::Time(time)),
        None => known_label(written, written.get_ref(), labels, &[], findings).map(After::Label),
    }
}

/// How long something may take.
pub(super) fn read_within(written: &Spanned<String>, findings: &mut Findings) -> Option<Duration> {
    match parse_duration(written.get_ref()) {
        Some(within) => positive("within", &Spanned::new(written.span(), within), findings),
        None => {
            let message = format!("`within` cannot be \"{}\"", shortened(written.get_ref()));
            findings.report(written.span(), message, format!("expected {}", Duration::EXPECTED));
            None
        }
    }
}

fn known_label(
    written: &Spanned<String>,
    label: &str,
    labels: &[String],
    words: &[&str],
    findings: &mut Findings,
) -> Option<String> {
    if labels.iter().any(|known| known == label) {
        return Some(label.to_owned());
    }
    let begin = written.get_ref().find(label).unwrap_or_default();
    let at = findings.part_of(written, begin..begin.saturating_add(label.len()));
    let known: Vec<_> = words.iter().copied().chain(labels.iter().map(String::as_str)).collect();
    report_unknown_name("label", &Spanned::new(at, label.to_owned()), &known, findings);
    None
}

/// What to say of a check that looks at nothing: what is wrong, and what was expected.
pub(super) fn what_is_wrong(check: &Check, scenario: &Scenario) -> (String, String) {
    let end = show_duration(scenario.duration);
    let over = |label: &str| {
        let message = format!("`{label}` lasts to the end of the run, so nothing comes after it");
        (message, "expected the label of what ends before, by `for` or by a heal".to_owned())
    };
    match (&check.kind, &check.window) {
        (CheckKind::Eventually { after: After::Label(label), .. }, _) => over(label),
        (CheckKind::Eventually { .. }, _) => {
            ("the check begins after the end of the run".to_owned(), format!("expected less than {end}"))
        }
        (_, Window::After(label)) => over(label),
        (_, Window::During(label)) => {
            let message = format!("`{label}` is over at once, so nothing can be measured while it lasts");
            (message, "expected the label of what takes time, by `for`".to_owned())
        }
        (_, Window::Steady) => (
            "the run has no steady time".to_owned(),
            "expected a timeline with some time in which nothing but asking happens".to_owned(),
        ),
        _ => (
            "the window is empty or reaches beyond the end of the run".to_owned(),
            format!("expected two times in their order, up to {end}"),
        ),
    }
}
