//! Reads an event that asks.

use std::time::Duration;

use swarm_core::Lane;
use toml::Spanned;

use super::{
    super::{
        Ask, Content,
        problem::Findings,
        reader::{TableReader, known_capability, positive, report_unknown_name},
    },
    Surroundings,
};
use crate::{Registry, quantity};

/// Longest time to the end of an answer when the event does not say.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Most questions of one event.
const MOST_QUESTIONS: u64 = 1_000_000;

/// Most questions of one event that wait for their answers: a node makes no more requests at once unless it is told to.
const MOST_IN_FLIGHT: u64 = 1024;

/// `at` is when it begins, if that is known; the last time of several.
pub(super) fn read(
    table: &mut TableReader<'_, '_>,
    around: &Surroundings<'_>,
    at: Option<Duration>,
    findings: &mut Findings,
) -> Option<Ask> {
    let from = table.required::<String>("from", findings);
    let to = table.required::<String>("to", findings);
    let capability = table.required::<String>("capability", findings);
    let content = read_content(table, around.registry, findings);
    let count = table.whole("count", 1..=MOST_QUESTIONS, findings).unwrap_or(Spanned::new(0..0, 1));
    let every = table.optional::<Duration>("every", findings).map_or(Duration::ZERO, Spanned::into_inner);
    let in_flight = table.whole("in_flight", 1..=MOST_IN_FLIGHT, findings);
    let open_loop = table.optional::<bool>("open_loop", findings);
    let deadline = table.optional::<Duration>("deadline", findings);
    let cancel_after = table.optional::<Duration>("cancel_after", findings);
    let lane = table.optional::<String>("lane", findings);
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
