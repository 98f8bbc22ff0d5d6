//! Who goes where: a team divides the frontiers among its members. Each of them reckons for all, and comes to the same
//! division if it knows the same.
//!
//! The nearest pair of a member and a frontier goes first; frontiers that lie near one that is taken are worth less to those
//! who are left, since whoever goes there sees them too (Burgard et al., Coordinated Multi-Robot Exploration, 2005).

use crate::grid::Cell;
use crate::map::{Distances, Map};

/// Where one member of a team should go; `None` if there is nothing left that it can reach. `team` is where all of them are,
/// and `reach` how many steps they had better keep apart.
pub(crate) fn goal(map: &Map, team: &[Cell], member: usize, reach: u32) -> Option<Cell> {
    let mut frontiers: Vec<_> = map.frontiers().map(|cell| Frontier { cell, crowding: 0 }).collect();
    let mut left: Vec<_> = team.iter().enumerate().map(|(number, at)| (number, map.distances(*at))).collect();
    loop {
        let (place, number, cell) = nearest(&left, &frontiers)?;
        if number == member {
            return Some(cell);
        }
        left.swap_remove(place);
        left.sort_by_key(|(number, _)| *number);
        for frontier in &mut frontiers {
            // One step nearer is one step wasted, and as one would have to come back from there, two.
            frontier.crowding += 2 * reach.saturating_sub(frontier.cell.steps_to(cell));
        }
    }
}

struct Frontier {
    cell: Cell,
    /// How many steps more it is worth to go elsewhere.
    crowding: u32,
}

/// The member, by its place among those left and its number, and the frontier that cost least together. Of several the first
/// member, and of its frontiers the first, so that everybody finds the same.
fn nearest(left: &[(usize, Distances)], frontiers: &[Frontier]) -> Option<(usize, usize, Cell)> {
    let pairs = left.iter().enumerate().flat_map(|(place, (number, distances))| {
        let cost =
            |frontier: &Frontier| Some(distances.steps(frontier.cell)?.saturating_add(frontier.crowding));
        frontiers.iter().filter_map(move |frontier| Some((cost(frontier)?, place, *number, frontier.cell)))
    });
    let (_, place, number, cell) = pairs.min_by_key(|(cost, _, number, cell)| (*cost, *number, *cell))?;
    Some((place, number, cell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Size;
    use crate::messages::Ground;

    /// A corridor of which the middle is known, open at both ends.
    fn corridor() -> Map {
        let mut map = Map::new(Size { width: 21, height: 1 });
        (5..=15).for_each(|x| {
            map.learn(Cell { x, y: 0 }, Ground::Open);
        });
        map
    }

    #[test]
    fn one_alone_goes_to_the_nearest_frontier() {
        assert_eq!(goal(&corridor(), &[Cell { x: 9, y: 0 }], 0, 3), Some(Cell { x: 5, y: 0 }));
        assert_eq!(goal(&corridor(), &[Cell { x: 12, y: 0 }], 0, 3), Some(Cell { x: 15, y: 0 }));
    }

    #[test]
    fn two_at_the_same_place_part() {
        let team = [Cell { x: 9, y: 0 }; 2];
        let goals = [0, 1].map(|member| goal(&corridor(), &team, member, 4).unwrap().x);
        assert_eq!(goals, [5, 15]);
    }

    #[test]
    fn whoever_is_nearest_goes_whatever_its_number() {
        let team = [Cell { x: 14, y: 0 }, Cell { x: 6, y: 0 }];
        let goals = [0, 1].map(|member| goal(&corridor(), &team, member, 4).unwrap().x);
        assert_eq!(goals, [15, 5]);
    }

    #[test]
    fn where_all_is_known_nobody_goes_anywhere() {
        let mut map = Map::new(Size { width: 2, height: 1 });
        map.learn(Cell { x: 0, y: 0 }, Ground::Open);
        map.learn(Cell { x: 1, y: 0 }, Ground::Target);
        assert_eq!(goal(&map, &[Cell { x: 0, y: 0 }], 0, 3), None);
    }
}
