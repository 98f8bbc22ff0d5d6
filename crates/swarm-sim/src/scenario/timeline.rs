//! Reads `[timeline]`: what happens when.

use std::{ops::Range, time::Duration};

use swarm_core::Lane;
use toml::{Spanned, de::DeValue};

use super::{
    Action, Ask, Content, Event, Pick, Target,
    groups::Groups,
    problem::Findings,
    reader::{TableReader, known_capability, report_unknown_name},
};
use crate::{Registry, quantity};

/// Longest time to the end of an answer when the event does not say.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

const ACTIONS: [&str; 3] = ["ask", "stop", "start"];

/// Most questions of one event.
const MOST_QUESTIONS: u64 = 1_000_000;

/// Most questions of one event that wait for their answers: a node makes no more requests at once unless it is told to.
const MOST_IN_FLIGHT: u64 = 1024;

/// What events are checked against.
struct Surroundings<'s> {
    groups: &'s Groups,
    registry: &'s Registry,
    /// How long the run is measured, if that is known.
    duration: Option<Duration>,
}

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    registry: &Registry,
    duration: Option<Duration>,
    findings: &mut Findings,
) -> Vec<Event> {
    let Some(mut table) = document.table("timeline", "[timeline]", findings) else { return Vec::new() };
    let events = table.tables("events", "an event", findings);
    table.finish(findings);
    let surroundings = Surroundings { groups, registry, duration };
    let read = events.into_iter().map(|event| read_event(event, &surroundings, findings));
    let mut events: Vec<_> = read.collect::<Vec<_>>().into_iter().flatten().collect();
    // Events of the same moment stay in the order of the file.
    events.sort_by_key(|event: &Event| event.at);
    events
}

fn read_event(
    mut table: TableReader<'_, '_>,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<Event> {
    let at = table.required::<Duration>("at", findings);
    let at = at.and_then(|at| within_the_run(at, around.duration, findings));
    let action = table.required::<String>("do", findings)?;
    let action =
        match action.get_ref().as_str() {
            "ask" => read_ask(table, around, at, findings).map(Action::Ask),
            "stop" => read_target(table, around.groups, findings)
                .map(|(target, pick)| Action::Stop { target, pick }),
            "start" => read_target(table, around.groups, findings)
                .map(|(target, pick)| Action::Start { target, pick }),
            _ => {
                report_unknown_name("event", &action, &ACTIONS, findings);
                None
            }
        };
    Some(Event { at: at?, lasts: None, label: None, action: action? })
}

fn within_the_run(
    at: Spanned<Duration>,
    duration: Option<Duration>,
    findings: &mut Findings,
) -> Option<Duration> {
    if let Some(duration) = duration.filter(|duration| at.get_ref() >= duration) {
        let end = quantity::show_duration(duration);
        findings.report(
            at.span(),
            "the event is after the end of the run",
            format!("expected less than {end}"),
        );
        return None;
    }
    Some(at.into_inner())
}

fn read_ask(
    mut table: TableReader<'_, '_>,
    around: &Surroundings<'_>,
    at: Option<Duration>,
    findings: &mut Findings,
) -> Option<Ask> {
    let from = table.required::<String>("from", findings);
    let to = table.required::<String>("to", findings);
    let capability = table.required::<String>("capability", findings);
    let content = read_content(&mut table, around.registry, findings);
    let count = table.whole("count", 1..=MOST_QUESTIONS, findings).unwrap_or(Spanned::new(0..0, 1));
    let every = table.optional::<Duration>("every", findings).map_or(Duration::ZERO, Spanned::into_inner);
    let in_flight = table.whole("in_flight", 1..=MOST_IN_FLIGHT, findings);
    let open_loop = table.optional::<bool>("open_loop", findings);
    let deadline = table.optional::<Duration>("deadline", findings);
    let cancel_after = table.optional::<Duration>("cancel_after", findings);
    let lane = table.optional::<String>("lane", findings);
    table.finish(findings);
    if let (Some(at), Some(duration)) = (at, around.duration) {
        warn_of_too_many(&count, every, duration.saturating_sub(at), findings);
    }
    let count = count.into_inner();
    let from = from.and_then(|from| around.groups.of_agents(&from, findings));
    let to = to.and_then(|to| around.groups.of_agents(&to, findings));
    let capability = capability.and_then(|name| known_capability(&name, findings));
    let deadline = match deadline {
        Some(deadline) => positive("deadline", &deadline, findings)?,
        None => DEFAULT_DEADLINE,
    };
    let cancel_after = match cancel_after {
        Some(after) => Some(before_the_deadline(&after, deadline, findings)?),
        None => None,
    };
    let lane = lane.map_or(Some(Lane::default()), |lane| known_lane(&lane, findings));
    let open_loop = open_loop.is_some_and(|open| is_open_loop(&open, every, findings));
    // Whoever asks in an open loop wants nothing to hold the questions back.
    let least = if open_loop { MOST_IN_FLIGHT } else { 1 };
    let in_flight = usize::try_from(in_flight.map_or(least, Spanned::into_inner)).ok()?;
    let (from, to, capability, content, lane) = (from?, to?, capability?, content?, lane?);
    Some(Ask {
        from,
        to,
        capability,
        content,
        count,
        every,
        in_flight,
        open_loop,
        deadline,
        cancel_after,
        lane,
    })
}

fn before_the_deadline(
    after: &Spanned<Duration>,
    deadline: Duration,
    findings: &mut Findings,
) -> Option<Duration> {
    let cancel_after = positive("cancel_after", after, findings)?;
    if cancel_after >= deadline {
        let deadline = quantity::show_duration(deadline);
        findings.report(
            after.span(),
            "`cancel_after` comes when the deadline is over",
            format!("expected less than the deadline, {deadline}"),
        );
        return None;
    }
    Some(cancel_after)
}

fn known_lane(word: &Spanned<String>, findings: &mut Findings) -> Option<Lane> {
    let lanes = [Lane::Control, Lane::Interactive, Lane::Bulk];
    let lane = lanes.into_iter().find(|lane| lane.to_string() == *word.get_ref());
    if lane.is_none() {
        let words = lanes.map(|lane| lane.to_string());
        report_unknown_name("lane", word, &words.each_ref().map(String::as_str), findings);
    }
    lane
}

/// Without a pause between questions nothing says when one is due.
fn is_open_loop(open: &Spanned<bool>, every: Duration, findings: &mut Findings) -> bool {
    if *open.get_ref() && every.is_zero() {
        findings.report(
            open.span(),
            "`open_loop` needs `every`",
            "expected the time from one question to the next under `every`",
        );
    }
    *open.get_ref()
}

/// The first question comes at once, each other one `every` later than the one before.
fn warn_of_too_many(count: &Spanned<u64>, every: Duration, left: Duration, findings: &mut Findings) {
    // More than that would be more than a year, even at a microsecond each.
    let pauses = u32::try_from(count.get_ref().saturating_sub(1)).unwrap_or(u32::MAX);
    if every.saturating_mul(pauses) >= left && pauses > 0 {
        let fit = left.as_nanos().div_ceil(every.as_nanos().max(1));
        let (every, left) = (quantity::show_duration(every), quantity::show_duration(left));
        let message = format!("the run ends before all is asked: one every {every}, and {left} are left");
        findings.warn(count.span(), message, format!("at most {fit} can be asked"));
    }
}

/// Either a source of questions or a text of the event's own.
fn read_content(
    table: &mut TableReader<'_, '_>,
    registry: &Registry,
    findings: &mut Findings,
) -> Option<Content> {
    let questions = table.optional::<String>("questions", findings);
    let payload = table.optional::<String>("payload", findings);
    let expect = table.optional::<String>("expect", findings);
    let Some(source) = questions else {
        return Some(Content::Payload {
            payload: payload.map(Spanned::into_inner).unwrap_or_default(),
            expect: expect.map(Spanned::into_inner),
        });
    };
    for (key, written) in [("payload", payload), ("expect", expect)] {
        if let Some(written) = written {
            let message = format!("`{key}` means nothing beside `questions`");
            findings.report(
                written.span(),
                message,
                "expected either of them: questions bring texts and judges",
            );
        }
    }
    if registry.source(source.get_ref()).is_none() {
        let known: Vec<_> = registry.question_sources().collect();
        report_unknown_name("source of questions", &source, &known, findings);
        return None;
    }
    Some(Content::Questions(source.into_inner()))
}

fn positive(key: &str, duration: &Spanned<Duration>, findings: &mut Findings) -> Option<Duration> {
    if duration.get_ref().is_zero() {
        findings.report(duration.span(), format!("`{key}` is zero"), "expected more than nothing");
        return None;
    }
    Some(*duration.get_ref())
}

fn read_target(
    mut table: TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Target, Pick)> {
    let target = table.required::<String>("target", findings);
    let pick = match table.raw("pick") {
        Some(value) => read_pick(value, findings),
        None => Some((Pick::All, 0..0)),
    };
    table.finish(findings);
    let target = groups.known(&target?, findings)?;
    let (pick, pick_at) = pick?;
    if let (Pick::Some(wanted), Some(group)) = (pick, groups.get(&target))
        && wanted > group.count
    {
        let message = format!("`{target}` has only {} members", group.count);
        findings.report(pick_at, message, format!("expected at most {}", group.count));
        return None;
    }
    Some((Target::Group(target), pick))
}

fn read_pick(value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<(Pick, Range<usize>)> {
    let pick = match value.get_ref() {
        DeValue::String(word) if word == "all" => Some(Pick::All),
        DeValue::String(word) if word == "one" => Some(Pick::Some(1)),
        DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| *number > 0)
            .map(Pick::Some),
        _ => None,
    };
    if pick.is_none() {
        let text = findings.text().get(value.span()).unwrap_or_default();
        let message = format!("`pick` cannot be {}", super::reader::shortened(text));
        findings.report(value.span(), message, "expected \"one\", \"all\" or a whole number, at least 1");
    }
    pick.map(|pick| (pick, value.span()))
}
