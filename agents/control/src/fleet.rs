//! Which rovers there are, and where they were last seen. Pure: is told both, and asks nobody.

use std::collections::BTreeMap;

use agent_rover::messages::Telemetry;
use swarm_core::{AgentId, Epoch, Sequence};
use tokio_util::sync::CancellationToken;

/// The rovers that are connected.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    rovers: BTreeMap<AgentId, Rover>,
}

#[derive(Debug)]
struct Rover {
    epoch: Epoch,
    seen: Option<(Sequence, Telemetry)>,
    /// Cancelled when it goes.
    presence: CancellationToken,
}

impl Fleet {
    /// Takes who is there now. Ends the presence of those who are not, and gives the newcomers with theirs; a new life
    /// of a rover is a newcomer.
    pub(crate) fn reconcile(
        &mut self,
        there: &BTreeMap<AgentId, Epoch>,
    ) -> Vec<(AgentId, CancellationToken)> {
        self.rovers.retain(|id, rover| {
            let stays = there.get(id) == Some(&rover.epoch);
            if !stays {
                rover.presence.cancel();
            }
            stays
        });
        let newcomers = there.iter().filter(|(id, _)| !self.rovers.contains_key(id));
        let newcomers: Vec<_> = newcomers.map(|(id, epoch)| (*id, Rover::new(*epoch))).collect();
        let presences = newcomers.iter().map(|(id, rover)| (*id, rover.presence.clone())).collect();
        self.rovers.extend(newcomers);
        presences
    }

    /// Keeps the newest telemetry of each rover; they may overtake one another on the way. Of strangers nothing is kept.
    pub(crate) fn saw(&mut self, rover: AgentId, epoch: Epoch, sequence: Sequence, telemetry: Telemetry) {
        if let Some(rover) = self.rovers.get_mut(&rover).filter(|rover| rover.epoch == epoch)
            && rover.seen.is_none_or(|(newest, _)| newest < sequence)
        {
            rover.seen = Some((sequence, telemetry));
        }
    }

    /// Where a rover was last seen, in metres.
    pub(crate) fn last_seen(&self, rover: AgentId) -> Option<(f64, f64)> {
        let (_, telemetry) = self.rovers.get(&rover)?.seen?;
        Some((telemetry.x_m, telemetry.y_m))
    }
}

impl Rover {
    fn new(epoch: Epoch) -> Self {
        Self { epoch, seen: None, presence: CancellationToken::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_LIFE: Epoch = Epoch::new(1);
    const SECOND_LIFE: Epoch = Epoch::new(2);

    fn rover(n: u8) -> AgentId {
        AgentId::from_key_digest([n; 32])
    }

    fn at(x_m: f64) -> Telemetry {
        Telemetry { x_m, y_m: 0.0, heading_rad: 0.0, speed_mps: 0.0, battery: 1.0 }
    }

    fn newcomers(fleet: &mut Fleet, there: &[(AgentId, Epoch)]) -> Vec<AgentId> {
        fleet.reconcile(&there.iter().copied().collect()).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn a_rover_is_new_once_until_it_has_gone() {
        let mut fleet = Fleet::default();
        assert_eq!(newcomers(&mut fleet, &[(rover(1), FIRST_LIFE)]), [rover(1)]);
        assert_eq!(newcomers(&mut fleet, &[(rover(1), FIRST_LIFE)]), []);
        assert_eq!(newcomers(&mut fleet, &[]), []);
        assert_eq!(newcomers(&mut fleet, &[(rover(1), FIRST_LIFE)]), [rover(1)]);
    }

    #[test]
    fn going_and_restarting_end_a_presence() {
        for then in [vec![], vec![(rover(1), SECOND_LIFE)]] {
            let mut fleet = Fleet::default();
            let before = fleet.reconcile(&[(rover(1), FIRST_LIFE)].into());
            assert!(!before[0].1.is_cancelled());
            newcomers(&mut fleet, &then);
            assert!(before[0].1.is_cancelled());
        }
    }

    #[test]
    fn the_newest_telemetry_of_this_life_is_kept() {
        let mut fleet = Fleet::default();
        newcomers(&mut fleet, &[(rover(1), SECOND_LIFE)]);
        assert_eq!(fleet.last_seen(rover(1)), None);
        for (epoch, sequence, x) in [(SECOND_LIFE, 5, 50.0), (SECOND_LIFE, 4, 40.0), (FIRST_LIFE, 9, 90.0)] {
            fleet.saw(rover(1), epoch, Sequence::new(sequence), at(x));
        }
        assert_eq!(fleet.last_seen(rover(1)), Some((50.0, 0.0)));
    }

    #[test]
    fn of_strangers_nothing_is_kept() {
        let mut fleet = Fleet::default();
        fleet.saw(rover(9), FIRST_LIFE, Sequence::FIRST, at(1.0));
        assert_eq!(fleet.last_seen(rover(9)), None);
    }
}
