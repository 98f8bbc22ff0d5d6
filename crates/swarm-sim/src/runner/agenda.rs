//! What is due when, in one list, so that the run waits for one moment at a time.

use tokio::time::Instant;

use crate::{Scenario, scenario::Action};

/// Something that is due at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Due {
    /// The warm-up is over.
    Begin,
    /// An event of the timeline, by its number.
    Event(usize, Action),
    /// The window closes.
    Close,
    /// The wall clock time is up.
    TimeUp,
}

/// What is due, the next first.
#[derive(Debug)]
pub(super) struct Agenda {
    /// The next last, so that it can be taken off.
    waiting: Vec<(Instant, Due)>,
}

impl Agenda {
    /// The agenda of a scenario whose warm-up ends at `begin` and whose time is up at `deadline`. What is due at the
    /// same moment comes in the order of the file, after the beginning and before the end.
    pub(super) fn new(scenario: &Scenario, begin: Instant, deadline: Instant) -> Self {
        let mut waiting = vec![(begin, Due::Begin)];
        let events = scenario.timeline.iter().enumerate();
        waiting.extend(
            events.map(|(number, event)| (begin + event.at, Due::Event(number, event.action.clone()))),
        );
        waiting.extend([(begin + scenario.duration, Due::Close), (deadline, Due::TimeUp)]);
        waiting.sort_by_key(|(moment, _)| *moment);
        waiting.reverse();
        Self { waiting }
    }

    /// Waits for what is due next and takes it off the list; for ever when nothing is. Cancel safe.
    pub(super) async fn next(&mut self) -> Due {
        let Some((moment, _)) = self.waiting.last() else { return std::future::pending().await };
        tokio::time::sleep_until(*moment).await;
        match self.waiting.pop() {
            Some((_, due)) => due,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Pick, Registry};

    #[tokio::test(start_paused = true)]
    async fn what_is_due_comes_in_the_order_of_time_and_then_of_the_file() {
        let text = r#"
            schema = 1
            scenario = { name = "x", warmup = "1s", duration = "3s" }
            groups.a = { agent = "idle", count = 2 }
            timeline.events = [
              { at = "2s", do = "start", target = "a", pick = 1 },
              { at = "0s", do = "stop", target = "a", pick = 1 },
              { at = "2s", do = "stop", target = "a", pick = 2 },
            ]"#;
        let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
        let now = Instant::now();
        let mut agenda = Agenda::new(&scenario, now + Duration::from_secs(1), now + scenario.timeout);
        let stop = |pick| Action::Stop { target: "a".into(), pick: Pick::Some(pick) };
        let start = Action::Start { target: "a".into(), pick: Pick::Some(1) };
        let expected = [
            (1, Due::Begin),
            (1, Due::Event(0, stop(1))),
            (3, Due::Event(1, start)),
            (3, Due::Event(2, stop(2))),
            (4, Due::Close),
            (64, Due::TimeUp),
        ];
        for (second, due) in expected {
            assert_eq!(agenda.next().await, due);
            assert_eq!(now.elapsed().as_secs(), second);
        }
    }
}
