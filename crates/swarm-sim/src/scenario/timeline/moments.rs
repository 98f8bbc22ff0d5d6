//! Reads when an event happens: at a time, at several, or over and over.

use std::time::Duration;

use toml::{Spanned, de::DeValue};

use super::{
    super::{
        problem::Findings,
        reader::{FromValue, TableReader, positive},
    },
    MOST_EVENTS,
};
use crate::quantity::show_duration;

/// One time or several.
struct Times(Vec<Duration>);

impl FromValue for Times {
    const EXPECTED: &'static str =
        "a duration with its unit, such as \"500ms\", \"10s\" or \"2m\", or an array of them";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let times = match value.as_array() {
            Some(times) => times.iter().map(|time| Duration::from_value(time.get_ref())).collect(),
            None => Duration::from_value(value).map(|time| vec![time]),
        };
        times.filter(|times: &Vec<_>| !times.is_empty()).map(Self)
    }
}

/// The times of an event, sorted, of which `left` are left. Where `repeats`, `every` lets it happen again and again, `times`
/// times or until the run ends.
pub(super) fn read(
    table: &mut TableReader<'_, '_>,
    duration: Option<Duration>,
    repeats: bool,
    left: usize,
    findings: &mut Findings,
) -> Option<Vec<Duration>> {
    let at = table.required::<Times>("at", findings);
    let every = if repeats { table.optional::<Duration>("every", findings) } else { None };
    let has_every = repeats && table.raw("every").is_some();
    let most = u64::try_from(MOST_EVENTS).unwrap_or(u64::MAX);
    let times = if repeats { table.whole("times", 1..=most, findings) } else { None };
    if let (Some(times), false) = (&times, has_every) {
        findings.report(
            times.span(),
            "`times` needs `every`",
            "expected the time from one to the next under `every`",
        );
        return None;
    }
    let at = at?;
    let at_span = at.span();
    let at = within_the_run(at, duration, findings)?;
    let (moments, span) = match every {
        Some(every) => {
            let apart = positive("every", &every, findings)?;
            let times = times.map(|times| usize::try_from(times.into_inner()).unwrap_or(MOST_EVENTS));
            // Without a duration there are complaints enough.
            (repeated(&at, apart, duration?, times, left), every.span())
        }
        None if has_every => return None,
        None => (Some(at).filter(|at| at.len() <= left), at_span),
    };
    if moments.is_none() {
        let label = format!("expected at most {MOST_EVENTS} events, each time of each counted");
        findings.report(span, "this happens too often", label);
    }
    moments
}

/// `None` if there are too many.
fn repeated(
    at: &[Duration],
    every: Duration,
    duration: Duration,
    times: Option<usize>,
    left: usize,
) -> Option<Vec<Duration>> {
    let mut moments = Vec::new();
    for first in at {
        let mut moment = *first;
        for _ in 0..times.unwrap_or(usize::MAX) {
            if moment >= duration {
                break;
            }
            if moments.len() >= left {
                return None;
            }
            moments.push(moment);
            moment = moment.saturating_add(every);
        }
    }
    moments.sort_unstable();
    Some(moments)
}

fn within_the_run(
    at: Spanned<Times>,
    duration: Option<Duration>,
    findings: &mut Findings,
) -> Option<Vec<Duration>> {
    let span = at.span();
    let mut moments = at.into_inner().0;
    moments.sort_unstable();
    if let Some(duration) = duration.filter(|duration| moments.last().is_some_and(|last| last >= duration)) {
        let label = format!("expected less than {}", show_duration(duration));
        findings.report(span, "the event is after the end of the run", label);
        return None;
    }
    Some(moments)
}
