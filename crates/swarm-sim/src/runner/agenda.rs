//! What is due when, in one list, so that the run waits for one moment at a time.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::Scenario;

/// Something that is due at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// The warm-up is over.
    Begin,
    /// An event of the timeline, by its number.
    Event(usize),
    /// A fault comes to its end, by its number.
    Heal(usize),
    /// Links that flap change, by the number of the fault.
    Flap(usize),
    /// Some leave and some join, by the number of the fault.
    Churn(usize),
    /// A member starts.
    Launch(usize),
    /// A member stops.
    Stop(usize),
    /// The window closes.
    Close,
}

/// What is due, in the order of time. What is due at the same moment comes in the order in which it was put down.
#[derive(Debug)]
pub(super) struct Agenda {
    waiting: BTreeMap<(Instant, u64), Due>,
    put_down: u64,
}

impl Agenda {
    /// The agenda of a scenario whose warm-up ends at `begin`, and which is over after `length`, whatever else is due then.
    pub(super) fn new(scenario: &Scenario, begin: Instant, length: Duration) -> Self {
        let mut agenda = Self { waiting: BTreeMap::new(), put_down: 0 };
        agenda.put(begin, Due::Begin);
        for (number, event) in scenario.timeline.iter().enumerate() {
            agenda.put(begin + event.at, Due::Event(number));
        }
        agenda.waiting.insert((begin + length, u64::MAX), Due::Close);
        agenda
    }

    /// Puts something down.
    pub(super) fn put(&mut self, moment: Instant, due: Due) {
        self.waiting.insert((moment, self.put_down), due);
        self.put_down += 1;
    }

    /// Waits for what is due next and takes it off the list; for ever when nothing is. Cancel safe.
    pub(super) async fn next(&mut self) -> Due {
        let Some(entry) = self.waiting.first_entry() else { return std::future::pending().await };
        tokio::time::sleep_until(entry.key().0).await;
        entry.remove()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

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
        let begin = now + Duration::from_secs(1);
        let mut agenda = Agenda::new(&scenario, begin, scenario.duration);
        agenda.put(begin + Duration::from_secs(3), Due::Launch(1));
        let expected = [
            (1, Due::Begin),
            (1, Due::Event(0)),
            (3, Due::Event(1)),
            (3, Due::Event(2)),
            (4, Due::Launch(1)),
            (4, Due::Close),
        ];
        for (second, due) in expected {
            assert_eq!(agenda.next().await, due);
            assert_eq!(now.elapsed().as_secs(), second);
        }
    }
}
