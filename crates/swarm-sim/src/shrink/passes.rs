//! The ways in which a scenario is made smaller, one after the other, over and over while any of them helps.

use std::{collections::VecDeque, time::Duration};

use super::document::Document;

/// A duration is not made shorter by less than this share of it: the run that it takes is worth more.
const FINEST_SHARE: u32 = 16;

/// No duration is searched more finely.
const FINEST_TIME: Duration = Duration::from_millis(100);

/// Says which change comes next.
#[derive(Debug)]
pub(super) struct Passes {
    checks: Vec<String>,
    /// What is still to do in this round.
    agenda: VecDeque<Pass>,
    current: Option<Search>,
    /// Whether anything helped in this round.
    helped: bool,
}

/// One way of making a scenario smaller.
#[derive(Debug, Clone, PartialEq)]
enum Pass {
    /// Only the checks that must fail.
    Checks,
    /// Events, by halves, quarters, and so on.
    Events,
    /// A group with all that names it.
    Group(String),
    /// All groups to half their size, again and again.
    Halves,
    /// The size of a group.
    Count(String),
    /// All events earlier, the end of the run with them.
    Forward,
    /// A duration of the scenario.
    Time(&'static str),
    /// A duration or a number of an event.
    EventTime(usize, &'static str),
    EventNumber(usize, &'static str),
    /// Something that need not be there.
    Remove(Vec<String>),
}

/// How far a pass is.
#[derive(Debug)]
struct Search {
    pass: Pass,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// One attempt, then it is over.
    Once,
    /// Again for as long as it helps.
    Again,
    /// The part from `begin` on, `length` long, is taken away.
    Parts {
        begin: usize,
        length: usize,
    },
    /// `fails` does, `holds` does not, and what is between them is searched; first the least of all.
    Between {
        holds: u64,
        fails: u64,
        asked: u64,
    },
    Over,
}

impl Passes {
    pub(super) fn new(checks: Vec<String>) -> Self {
        Self { checks, agenda: VecDeque::new(), current: None, helped: true }
    }

    /// The next smaller document and what is smaller about it; `None` when a whole round did not help.
    pub(super) fn next(&mut self, best: &Document) -> Option<(Document, String)> {
        loop {
            if let Some(search) = &mut self.current {
                if let Some(proposal) = search.propose(best, &self.checks) {
                    return Some(proposal);
                }
                self.current = None;
            }
            if self.agenda.is_empty() {
                if !std::mem::take(&mut self.helped) {
                    return None;
                }
                self.agenda = round(best).into();
            }
            let pass = self.agenda.pop_front()?;
            // The passes of a round are those of the document at its beginning; some may not apply any more.
            self.current = Some(Search { state: pass.begin(best), pass });
        }
    }

    pub(super) fn tell(&mut self, still_fails: bool) {
        self.helped |= still_fails;
        if let Some(search) = &mut self.current {
            search.tell(still_fails);
        }
    }
}

/// All passes of one round: what takes most away comes first.
fn round(best: &Document) -> Vec<Pass> {
    let mut passes = vec![Pass::Checks, Pass::Halves, Pass::Events];
    let groups = best.groups();
    passes.extend(groups.iter().cloned().map(Pass::Group));
    passes.extend(groups.iter().cloned().map(Pass::Count));
    passes.extend([Pass::Forward, Pass::Time("duration"), Pass::Time("warmup")]);
    for event in 0..best.events() {
        passes.extend(["count", "pick"].map(|key| Pass::EventNumber(event, key)));
        passes.extend(["for", "every"].map(|key| Pass::EventTime(event, key)));
    }
    let path = |keys: &[&str]| Pass::Remove(keys.iter().map(|key| (*key).to_owned()).collect());
    passes.extend(["network", "node", "mesh", "output"].map(|key| path(&[key])));
    for group in &groups {
        passes.extend(["node", "clock", "start", "zone"].map(|key| path(&["groups", group, key])));
    }
    passes
}

impl Pass {
    fn begin(&self, best: &Document) -> State {
        let search = |least: u64, now: Option<u64>| match now {
            Some(now) if now > least => State::Between { holds: least, fails: now, asked: least },
            _ => State::Over,
        };
        match self {
            Self::Checks | Self::Group(_) | Self::Forward | Self::Remove(_) => State::Once,
            Self::Halves => State::Again,
            Self::Events => State::Parts { begin: 0, length: best.events() },
            Self::Count(group) => search(1, Some(best.count(group) as u64)),
            Self::Time("warmup") => search(0, best.time("warmup").map(millis)),
            Self::Time(key) => search(millis(FINEST_TIME), best.time(key).map(millis)),
            // The pause between questions is no size: it is left alone unless it can be none at all.
            Self::EventTime(_, "every") => State::Over,
            Self::EventTime(event, key) => {
                search(millis(FINEST_TIME), best.event_time(*event, key).map(millis))
            }
            Self::EventNumber(event, key) => {
                search(1, best.event_number(*event, key).map(|number| number as u64))
            }
        }
    }

    /// How finely is searched between what holds and what fails.
    fn grain(&self, fails: u64) -> u64 {
        match self {
            Self::Time(_) | Self::EventTime(..) => (fails / u64::from(FINEST_SHARE)).max(millis(FINEST_TIME)),
            _ => 1,
        }
    }
}

impl Search {
    /// The document with less in it; `None` when the pass is over.
    fn propose(&mut self, best: &Document, checks: &[String]) -> Option<(Document, String)> {
        if let State::Parts { begin, length } = self.state {
            self.state = part(begin, length, best.events());
        }
        let mut less = best.clone();
        let change = match (&self.pass, self.state) {
            (_, State::Over) => return None,
            (Pass::Checks, _) if !checks.is_empty() => {
                less.keep_checks(checks);
                "without other checks".to_owned()
            }
            (Pass::Checks, _) => return None,
            (Pass::Events, State::Parts { begin, length }) => {
                let end = begin.saturating_add(length);
                less.remove_events(begin..end);
                if length == 1 {
                    format!("without event {begin}")
                } else {
                    format!("without events {begin} to {}", end - 1)
                }
            }
            (Pass::Group(group), _) if best.groups().len() > 1 => {
                less.remove_group(group);
                format!("without the group {group}")
            }
            (Pass::Halves, _) if best.groups().iter().any(|group| best.count(group) > 1) => {
                best.groups().iter().for_each(|group| less.set_count(group, best.count(group).div_ceil(2)));
                "with half of all agents".to_owned()
            }
            (Pass::Count(group), State::Between { asked, .. }) => {
                less.set_count(group, usize::try_from(asked).unwrap_or(usize::MAX));
                format!("with only {asked} of {group}")
            }
            (Pass::Forward, _) => bring_forward(&mut less)?,
            (Pass::Time(key), State::Between { asked, .. }) => {
                less.set_time(key, Duration::from_millis(asked));
                format!("with a {key} of {asked} ms")
            }
            (Pass::EventTime(event, key), State::Between { asked, .. }) => {
                less.set_event_time(*event, key, Duration::from_millis(asked));
                format!("with {key} of {asked} ms in event {event}")
            }
            (Pass::EventNumber(event, key), State::Between { asked, .. }) => {
                less.set_event_number(*event, key, usize::try_from(asked).unwrap_or(usize::MAX));
                format!("with {key} of {asked} in event {event}")
            }
            (Pass::Remove(path), _) => {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                let was_there = less.remove(&path);
                if !was_there {
                    return None;
                }
                format!("without [{}]", path.join("."))
            }
            _ => return None,
        };
        Some((less, change))
    }

    fn tell(&mut self, still_fails: bool) {
        self.state = match (self.state, still_fails) {
            (State::Again, true) => State::Again,
            (State::Once | State::Again | State::Over, _) => State::Over,
            // What follows has moved into the place of what was taken away.
            (State::Parts { begin, length }, true) => State::Parts { begin, length },
            (State::Parts { begin, length }, false) => State::Parts { begin: begin + length, length },
            (State::Between { asked, .. }, true) if self.pass.is_least(asked) => State::Over,
            (State::Between { holds, asked, .. }, true) => self.between(holds, asked),
            (State::Between { fails, asked, .. }, false) => self.between(asked, fails),
        };
    }

    /// What to ask for next; the middle of what is not known.
    fn between(&self, holds: u64, fails: u64) -> State {
        if fails.saturating_sub(holds) <= self.pass.grain(fails) {
            return State::Over;
        }
        State::Between { holds, fails, asked: holds + (fails - holds) / 2 }
    }
}

impl Pass {
    fn is_least(&self, asked: u64) -> bool {
        match self {
            Self::Time("warmup") => asked == 0,
            Self::Time(_) | Self::EventTime(..) => asked <= millis(FINEST_TIME),
            _ => asked <= 1,
        }
    }
}

/// The next part to take away: at the end of the list, parts of half the size from the beginning.
fn part(begin: usize, length: usize, of: usize) -> State {
    match (begin < of, length) {
        (_, 0) => State::Over,
        (true, length) => State::Parts { begin, length },
        (false, 1) => State::Over,
        (false, length) => part(0, length / 2, of),
    }
}

fn bring_forward(less: &mut Document) -> Option<String> {
    let by = less.first_event().filter(|by| !by.is_zero())?;
    let duration = less.time("duration")?.saturating_sub(by);
    less.bring_forward(by);
    less.set_time("duration", duration);
    Some(format!("without the {} ms before the first event", by.as_millis()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
