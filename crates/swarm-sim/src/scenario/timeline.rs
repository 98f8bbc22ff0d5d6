//! Reads `[timeline]`: what happens when.

mod ask;
mod faults;
mod moments;
mod whom;

use std::time::Duration;

use toml::Spanned;

use super::{
    Action, Event,
    groups::Groups,
    problem::Findings,
    reader::{TableReader, fitting_word, positive, report_unknown_name},
};
use crate::Registry;

/// Every word that can stand after `do`.
pub(super) const ACTIONS: [&str; 12] = [
    "ask",
    "stop",
    "start",
    "crash",
    "pause",
    "partition",
    "flap",
    "shape",
    "slow",
    "churn",
    "clock",
    "heal",
];

/// Labels that would mean something else to a check.
const RESERVED: [&str; 2] = ["steady", "whole"];

/// Most events of one timeline, each time of each counted. A short file could ask for more than fits into memory.
const MOST_EVENTS: usize = 10_000;

/// What events are checked against.
struct Surroundings<'s> {
    groups: &'s Groups,
    registry: &'s Registry,
    /// How long the run is measured, if that is known.
    duration: Option<Duration>,
}

/// The timeline as far as it could be read.
#[derive(Default)]
pub(super) struct Timeline {
    /// In the order of time.
    pub(super) events: Vec<Event>,
    /// The labels of all events, of those included that are wrong otherwise.
    pub(super) labels: Vec<String>,
}

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    registry: &Registry,
    duration: Option<Duration>,
    findings: &mut Findings,
) -> Timeline {
    let Some(mut table) = document.table("timeline", "[timeline]", findings) else {
        return Timeline::default();
    };
    let entries = table.tables("events", "an event", findings);
    table.finish(findings);
    let around = Surroundings { groups, registry, duration };
    let mut timeline = Timeline::default();
    let mut healed = Vec::new();
    for entry in entries {
        read_event(entry, &around, &mut timeline, &mut healed, findings);
    }
    let known: Vec<_> = timeline.labels.iter().map(String::as_str).collect();
    for label in healed.iter().filter(|label| !known.contains(&label.get_ref().as_str())) {
        report_unknown_name("label", label, &known, findings);
    }
    // Events of the same moment stay in the order of the file.
    timeline.events.sort_by_key(|event| event.at);
    timeline
}

/// Adds what can be understood of an event to the timeline, and the label that it heals to those.
fn read_event(
    mut table: TableReader<'_, '_>,
    around: &Surroundings<'_>,
    timeline: &mut Timeline,
    healed: &mut Vec<Spanned<String>>,
    findings: &mut Findings,
) {
    let word = table.required::<String>("do", findings);
    let label = table.optional::<String>("label", findings);
    let heals = word.as_ref().is_some_and(|word| word.get_ref() == "heal");
    let own_label = match (&label, heals) {
        (Some(label), false) => own_label(label, &mut timeline.labels, findings),
        _ => None,
    };
    let asks = word.as_ref().is_some_and(|word| word.get_ref() == "ask");
    let left = MOST_EVENTS.saturating_sub(timeline.events.len());
    let moments = moments::read(&mut table, around.duration, !asks, left, findings);
    let Some(word) = word else { return };
    if !ACTIONS.contains(&word.get_ref().as_str()) {
        report_unknown_name("event", &word, &ACTIONS, findings);
        return;
    }
    let begin = moments.as_ref().and_then(|moments| moments.last().copied());
    let action = match word.get_ref().as_str() {
        "ask" => ask::read(&mut table, around, begin, findings).map(Action::Ask),
        "stop" => whom::anybody(&mut table, around.groups, findings)
            .map(|(target, pick)| Action::Stop { target, pick }),
        "start" => whom::anybody(&mut table, around.groups, findings)
            .map(|(target, pick)| Action::Start { target, pick }),
        "heal" => {
            healed.extend(label.clone());
            Some(Action::Heal { label: label.map(Spanned::into_inner) })
        }
        fault => faults::read(fault, &mut table, around.groups, findings).map(Action::Fault),
    };
    // What is over in a moment has no length, and a crash has one of its own.
    let takes_time = !matches!(word.get_ref().as_str(), "ask" | "heal" | "crash");
    let lasts = takes_time.then(|| table.optional::<Duration>("for", findings)).flatten();
    let lasts = lasts.map(|lasts| positive("for", &lasts, findings));
    table.finish(findings);
    let (Some(moments), Some(action)) = (moments, action) else { return };
    let lasts = lasts.flatten();
    let event = |at| Event { at, lasts, label: own_label.clone(), action: action.clone() };
    timeline.events.extend(moments.into_iter().map(event));
}

/// The label of an event, which no other one has. It is known even if it is wrong, so that one mistake does not make
/// others elsewhere.
fn own_label(label: &Spanned<String>, labels: &mut Vec<String>, findings: &mut Findings) -> Option<String> {
    let is_taken = labels.contains(label.get_ref());
    labels.push(label.get_ref().clone());
    let fitting = fitting_word("an event", label, findings)?;
    if RESERVED.contains(&fitting.as_str()) {
        let message = format!("an event cannot be called `{fitting}`");
        findings.report(label.span(), message, "expected another label: checks mean something else by it");
        return None;
    }
    if is_taken {
        let message = format!("another event is called `{fitting}`");
        findings.report(label.span(), message, "expected a label of its own");
        return None;
    }
    Some(fitting)
}
