//! What is known of a place, from whomever.

use std::collections::VecDeque;

use crate::grid::{Cell, Size};
use crate::messages::Ground;

/// What is known so far. It only grows, and it makes no difference in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    size: Size,
    ground: Vec<Option<Ground>>,
}

/// How many steps each cell is away from one of them; `None` for what cannot be reached over what is known to be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Distances {
    size: Size,
    steps: Vec<Option<u32>>,
}

impl Map {
    pub(crate) fn new(size: Size) -> Self {
        Self { size, ground: vec![None; size.cells()] }
    }

    /// Notes what is at a cell. Gives whether that is new; what is known already stays.
    pub(crate) fn learn(&mut self, cell: Cell, ground: Ground) -> bool {
        let Some(known) = self.size.index(cell).and_then(|at| self.ground.get_mut(at)) else { return false };
        let is_new = known.is_none();
        known.get_or_insert(ground);
        is_new
    }

    pub(crate) fn ground(&self, cell: Cell) -> Option<Ground> {
        self.size.index(cell).and_then(|at| self.ground.get(at)).copied().flatten()
    }

    /// Whether it is known that one can walk there.
    pub(crate) fn is_open(&self, cell: Cell) -> bool {
        matches!(self.ground(cell), Some(Ground::Open | Ground::Target))
    }

    /// Whether it is open and beside something unknown: whoever goes there learns something.
    pub(crate) fn is_frontier(&self, cell: Cell) -> bool {
        self.is_open(cell) && self.size.index(cell).is_some_and(|at| self.borders_on_unknown(at))
    }

    /// All of them, in the order of the cells.
    pub(crate) fn frontiers(&self) -> impl Iterator<Item = Cell> {
        let cells = self.size.all().zip(&self.ground).enumerate();
        let open = cells.filter(|(_, (_, ground))| matches!(ground, Some(Ground::Open | Ground::Target)));
        open.filter(|(at, _)| self.borders_on_unknown(*at)).map(|(_, (cell, _))| cell)
    }

    fn borders_on_unknown(&self, at: usize) -> bool {
        self.size.around(at).into_iter().flatten().any(|near| matches!(self.ground.get(near), Some(None)))
    }

    /// How many targets are known.
    pub(crate) fn targets(&self) -> usize {
        self.ground.iter().filter(|ground| **ground == Some(Ground::Target)).count()
    }

    /// How far everything is from a cell, whether that one is open or not.
    pub(crate) fn distances(&self, from: Cell) -> Distances {
        let mut steps = vec![None; self.size.cells()];
        let mut edge = VecDeque::new();
        if let Some(start) = self.size.index(from)
            && let Some(known) = steps.get_mut(start)
        {
            *known = Some(0_u32);
            edge.push_back(start);
        }
        // The innermost loop of every plan, hence with indices.
        while let Some(at) = edge.pop_front() {
            let next = steps.get(at).copied().flatten().unwrap_or(0) + 1;
            for near in self.size.around(at).into_iter().flatten() {
                let open = matches!(self.ground.get(near), Some(Some(Ground::Open | Ground::Target)));
                if let Some(known @ None) = steps.get_mut(near).filter(|_| open) {
                    *known = Some(next);
                    edge.push_back(near);
                }
            }
        }
        Distances { size: self.size, steps }
    }

    /// The shortest way from one cell to another, without the first, the last first; always the same of several. `None` if
    /// there is none.
    pub(crate) fn way(&self, from: Cell, to: Cell) -> Option<Vec<Cell>> {
        let distances = self.distances(from);
        let mut steps = distances.steps(to)?;
        let (mut way, mut at) = (Vec::new(), to);
        while steps > 0 {
            way.push(at);
            steps -= 1;
            at = self.size.neighbours(at).find(|near| distances.steps(*near) == Some(steps))?;
        }
        Some(way)
    }
}

impl Distances {
    pub(crate) fn steps(&self, cell: Cell) -> Option<u32> {
        self.size.index(cell).and_then(|at| self.steps.get(at)).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::world::World;

    const SIZE: Size = Size { width: 9, height: 7 };

    fn known(seed: u64, cells: impl IntoIterator<Item = Cell>) -> Map {
        let (world, mut map) = (World::new(seed, SIZE, 0.3, 3), Map::new(SIZE));
        cells.into_iter().for_each(|cell| {
            map.learn(cell, world.ground(cell));
        });
        map
    }

    fn any_cells() -> impl Strategy<Value = Vec<Cell>> {
        let cell = (0..SIZE.width, 0..SIZE.height).prop_map(Cell::from);
        proptest::collection::vec(cell, 0..80)
    }

    proptest! {
        #[test]
        fn the_order_in_which_a_map_grows_makes_no_difference(seed: u64, cells in any_cells()) {
            let twice = cells.iter().rev().chain(&cells).copied();
            prop_assert_eq!(known(seed, twice), known(seed, cells.clone()));
        }

        #[test]
        fn a_way_leads_there_step_by_step_over_open_ground(seed: u64, cells in any_cells(), to in any_cells()) {
            let map = known(seed, cells);
            let (from, distances) = (Cell { x: 0, y: 0 }, map.distances(Cell { x: 0, y: 0 }));
            for to in to {
                let Some(mut way) = map.way(from, to) else {
                    prop_assert_eq!(distances.steps(to), None);
                    continue;
                };
                prop_assert_eq!(distances.steps(to), u32::try_from(way.len()).ok());
                prop_assert!(way.iter().all(|cell| map.is_open(*cell)));
                way.push(from);
                prop_assert_eq!(way.first().copied(), Some(to));
                prop_assert!(way.windows(2).all(|pair| pair[0].steps_to(pair[1]) == 1));
            }
        }
    }

    #[test]
    fn a_frontier_is_open_and_beside_something_unknown() {
        let mut map = Map::new(SIZE);
        let (here, right, below) = (Cell { x: 0, y: 0 }, Cell { x: 1, y: 0 }, Cell { x: 0, y: 1 });
        assert_eq!(map.frontiers().count(), 0, "nothing is known");
        map.learn(here, Ground::Open);
        map.learn(right, Ground::Wall);
        assert!(map.is_frontier(here) && !map.is_frontier(right));
        map.learn(below, Ground::Wall);
        assert!(!map.is_frontier(here), "it is shut in");
    }
}
