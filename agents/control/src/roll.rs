//! Whether events come once each and in order, and how old the news is. Pure: times come in, and nobody is told.

use std::collections::BTreeMap;

use swarm_core::{AgentId, Epoch};
use tokio::time::Instant;

/// What has come from each rover so far. Of rovers that have gone nothing is kept.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    rovers: BTreeMap<AgentId, Entry>,
}

#[derive(Debug)]
struct Entry {
    epoch: Epoch,
    /// The number of the last event.
    event: Option<u64>,
    /// When telemetry came last.
    heard: Option<Instant>,
}

/// How an event fits to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The first one that came, or the one that was due.
    Next,
    /// So many before it have not come.
    Missing(u64),
    /// A later one, or itself, had come before it.
    Late,
}

impl Roll {
    /// An event of that number has come.
    pub(crate) fn event(&mut self, rover: AgentId, epoch: Epoch, number: u64) -> Fit {
        let entry = self.entry(rover, epoch);
        let Some(last) = entry.event else {
            entry.event = Some(number);
            return Fit::Next;
        };
        if number <= last {
            return Fit::Late;
        }
        entry.event = Some(number);
        match number - last {
            1 => Fit::Next,
            more => Fit::Missing(more - 1),
        }
    }

    /// Telemetry has come. Gives when it had come before.
    pub(crate) fn telemetry(&mut self, rover: AgentId, epoch: Epoch, now: Instant) -> Option<Instant> {
        self.entry(rover, epoch).heard.replace(now)
    }

    /// Forgets all but those who are there.
    pub(crate) fn retain(&mut self, there: &BTreeMap<AgentId, Epoch>) {
        self.rovers.retain(|rover, _| there.contains_key(rover));
    }

    /// A new life begins anew.
    fn entry(&mut self, rover: AgentId, epoch: Epoch) -> &mut Entry {
        let new = || Entry { epoch, event: None, heard: None };
        let entry = self.rovers.entry(rover).or_insert_with(new);
        if epoch > entry.epoch {
            *entry = new();
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FIRST_LIFE: Epoch = Epoch::new(1);

    fn rover(n: u8) -> AgentId {
        AgentId::from_key_digest([n; 32])
    }

    #[test]
    fn an_event_fits_missing_ones_are_counted_and_late_ones_are_told() {
        let mut roll = Roll::default();
        let fits = [3, 4, 7, 6, 7, 8].map(|number| roll.event(rover(1), FIRST_LIFE, number));
        assert_eq!(fits, [Fit::Next, Fit::Next, Fit::Missing(2), Fit::Late, Fit::Late, Fit::Next]);
        assert_eq!(roll.event(rover(2), FIRST_LIFE, 1), Fit::Next, "each rover counts for itself");
    }

    #[test]
    fn a_new_life_counts_anew_and_who_has_gone_is_forgotten() {
        let mut roll = Roll::default();
        roll.event(rover(1), FIRST_LIFE, 9);
        assert_eq!(roll.event(rover(1), Epoch::new(2), 1), Fit::Next);
        roll.retain(&BTreeMap::new());
        assert_eq!(roll.event(rover(1), Epoch::new(2), 1), Fit::Next);
    }

    #[test]
    fn telemetry_is_as_old_as_the_one_before_it() {
        let (mut roll, now) = (Roll::default(), Instant::now());
        let later = now + Duration::from_millis(50);
        assert_eq!(roll.telemetry(rover(1), FIRST_LIFE, now), None);
        assert_eq!(roll.telemetry(rover(1), FIRST_LIFE, later), Some(now));
    }
}
