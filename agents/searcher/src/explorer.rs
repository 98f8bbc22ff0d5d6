//! One searcher without a network: it looks, hears, and takes one step after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_core::AgentId;

use crate::grid::{Cell, Size};
use crate::map::Map;
use crate::messages::{Ground, Seen};
use crate::plan;
use crate::world::{ENTRANCE, World};

/// Of whom nothing was heard for so long, somebody else does the work.
const MISSING_AFTER: Duration = Duration::from_secs(3);

/// Those of a team keep so many times as far apart as they see. Measured with teams of four: with half as much they run after
/// one another, with twice as much they pass by what lies at hand.
const APART: u32 = 4;

/// What a searcher knows, and where it is going. Time comes in as what has passed since it began.
#[derive(Debug)]
pub(crate) struct Explorer {
    me: AgentId,
    at: Cell,
    sight: u8,
    map: Map,
    mates: BTreeMap<AgentId, Mate>,
    /// The next step last.
    way: Vec<Cell>,
    walked: u32,
}

#[derive(Debug, Clone, Copy)]
struct Mate {
    at: Cell,
    heard: Duration,
}

impl Explorer {
    pub(crate) fn new(me: AgentId, size: Size, sight: u8) -> Self {
        let (map, mates) = (Map::new(size), BTreeMap::new());
        Self { me, at: ENTRANCE, sight, map, mates, way: Vec::new(), walked: 0 }
    }

    /// Looks around, and gives what is worth telling the others.
    pub(crate) fn look(&mut self, world: &World) -> Seen {
        let mut news = world.look(self.at, self.sight);
        news.retain(|(cell, ground)| self.map.learn(*cell, *ground));
        Seen { at: self.at, news }
    }

    /// Believes what another of the team has seen.
    pub(crate) fn hear(&mut self, mate: AgentId, seen: &Seen, now: Duration) {
        for (cell, ground) in &seen.news {
            self.map.learn(*cell, *ground);
        }
        // It stands there, so one can.
        self.map.learn(seen.at, Ground::Open);
        self.mates.insert(mate, Mate { at: seen.at, heard: now });
    }

    /// Goes one step towards the nearest frontier that is not another's. Gives whether there was anywhere to go: if not,
    /// everything that can be reached is known.
    pub(crate) fn step(&mut self, now: Duration) -> bool {
        self.mates.retain(|_, mate| now.saturating_sub(mate.heard) < MISSING_AFTER);
        // What it goes for may have been seen by another on the way.
        if !self.way.first().is_some_and(|goal| self.map.is_frontier(*goal)) {
            self.way = self.new_way().unwrap_or_default();
        }
        if let Some(next) = self.way.pop() {
            self.at = next;
            self.walked += 1;
        }
        self.map.frontiers().next().is_some()
    }

    fn new_way(&self) -> Option<Vec<Cell>> {
        // By id, so that all reckon in the same order.
        let mut team: BTreeMap<_, _> = self.mates.iter().map(|(id, mate)| (*id, mate.at)).collect();
        team.insert(self.me, self.at);
        let number = team.keys().position(|id| *id == self.me)?;
        let team: Vec<_> = team.into_values().collect();
        let goal = plan::goal(&self.map, &team, number, APART * u32::from(self.sight))?;
        self.map.way(self.at, goal)
    }

    pub(crate) fn walked(&self) -> u32 {
        self.walked
    }

    /// How many targets it knows.
    pub(crate) fn found(&self) -> usize {
        self.map.targets()
    }

    /// How many targets there are that it does not know.
    pub(crate) fn missed(&self, world: &World) -> usize {
        world.targets().filter(|cell| self.map.ground(*cell) != Some(Ground::Target)).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    fn id(n: usize) -> AgentId {
        AgentId::from_key_digest([u8::try_from(n).unwrap(); 32])
    }

    /// A team that is told everything after so many rounds, or never.
    struct Team {
        world: World,
        size: Size,
        members: Vec<Explorer>,
        told_after: Option<usize>,
        on_the_way: Vec<(usize, usize, Seen)>,
    }

    impl Team {
        fn new(seed: u64, size: Size, members: usize, told_after: Option<usize>) -> Self {
            let world = World::new(seed, size, 0.25, 6);
            let members = (0..members).map(|n| Explorer::new(id(n), size, 3)).collect();
            Self { world, size, members, told_after, on_the_way: Vec::new() }
        }

        fn tell(&mut self, round: usize, now: Duration) {
            for (_, from, seen) in self.on_the_way.extract_if(.., |(when, _, _)| *when <= round) {
                let others = self.members.iter_mut().enumerate().filter(|(n, _)| *n != from);
                others.for_each(|(_, member)| member.hear(id(from), &seen, now));
            }
        }

        /// How many rounds it takes until each knows everything, or until the first does.
        fn rounds(&mut self, until_all: bool) -> usize {
            let most = 4 * self.size.cells();
            for round in 0..most {
                let now = STEP * u32::try_from(round).unwrap();
                self.tell(round, now);
                let mut done = 0;
                for (n, member) in self.members.iter_mut().enumerate() {
                    let seen = member.look(&self.world);
                    if let Some(delay) = self.told_after {
                        self.on_the_way.push((round + delay, n, seen));
                    }
                    let before = member.at;
                    done += usize::from(!member.step(now));
                    assert!(before.steps_to(member.at) <= 1, "nobody jumps");
                    assert_ne!(self.world.ground(member.at), Ground::Wall, "or walks through walls");
                }
                if done == self.members.len() || (done > 0 && !until_all) {
                    return round;
                }
            }
            panic!("somebody never finishes");
        }
    }

    fn any_size() -> impl Strategy<Value = Size> {
        (4_u8..16, 4_u8..12).prop_map(|(width, height)| Size { width, height })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn everybody_finds_everything_however_late_it_is_told(
            seed: u64, size in any_size(), members in 1_usize..5, delay in proptest::option::of(1_usize..40)
        ) {
            let mut team = Team::new(seed, size, members, delay);
            team.rounds(true);
            for member in &team.members {
                prop_assert_eq!(member.missed(&team.world), 0);
                prop_assert_eq!(member.map.frontiers().count(), 0);
                let open = size.all().filter(|cell| team.world.ground(*cell) != Ground::Wall);
                prop_assert!(open.into_iter().all(|cell| member.map.is_open(cell)));
            }
        }

        #[test]
        fn the_same_team_goes_the_same_ways(seed: u64, size in any_size(), members in 1_usize..4) {
            let ends = || {
                let mut team = Team::new(seed, size, members, Some(2));
                let rounds = team.rounds(true);
                (rounds, team.members.iter().map(|member| (member.at, member.walked)).collect::<Vec<_>>())
            };
            prop_assert_eq!(ends(), ends());
        }
    }

    #[test]
    fn four_that_share_are_much_faster_than_one_and_four_that_do_not_are_no_faster() {
        let size = Size { width: 32, height: 24 };
        let rounds = |members, told_after| -> usize {
            (0..3).map(|seed| Team::new(seed, size, members, told_after).rounds(false)).sum()
        };
        let (together, alone) = (rounds(4, Some(1)), rounds(1, None));
        assert!(3 * together < 2 * alone, "{together} of {alone} rounds");
        assert_eq!(rounds(4, None), alone);
    }

    #[test]
    fn a_mate_that_stands_still_holds_up_nobody() {
        let size = Size { width: 21, height: 1 };
        let world = World::new(1, size, 0.0, 0);
        let mut explorer = Explorer::new(id(1), size, 2);
        let mut rounds = 0;
        explorer.look(&world);
        // It is nearer to the only frontier there ever is, and says so again and again.
        let mate = |now| (id(2), Seen { at: Cell { x: 2, y: 0 }, news: Vec::new() }, now);
        while explorer.step(STEP * rounds) {
            let (id, seen, now) = mate(STEP * rounds);
            explorer.hear(id, &seen, now);
            explorer.look(&world);
            rounds += 1;
            assert!(rounds < 100, "it waits at {:?}", explorer.at);
        }
    }
}
