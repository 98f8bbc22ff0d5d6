//! How the place really is. Only an agent that stands in it may look, and sees what is near and not behind a wall.

use std::collections::BTreeSet;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::grid::{Cell, Size};
use crate::messages::Ground;

/// Where every search begins.
pub(crate) const ENTRANCE: Cell = Cell { x: 0, y: 0 };

/// How often a place is drawn anew because walls shut off half of it. After that it has none.
const ATTEMPTS: u32 = 1000;

/// A place with walls and targets.
#[derive(Debug)]
pub(crate) struct World {
    size: Size,
    ground: Vec<Ground>,
}

impl World {
    /// The place that follows from this seed: each cell is a wall with this chance, and whatever cannot be reached from the
    /// entrance is one too. There are fewer targets if there are fewer cells to put them on.
    pub(crate) fn new(seed: u64, size: Size, walls: f64, targets: usize) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut attempts = (0..ATTEMPTS).map(|_| {
            let open: Vec<bool> =
                size.all().map(|cell| cell == ENTRANCE || !rng.random_bool(walls.clamp(0.0, 1.0))).collect();
            reached(size, |cell| size.index(cell).and_then(|at| open.get(at)).copied().unwrap_or(false))
        });
        let is_wide = |reached: &BTreeSet<Cell>| 2 * reached.len() > size.cells();
        let reached = attempts.find(is_wide).unwrap_or_else(|| size.all().collect());
        let mut free: Vec<_> = reached.iter().copied().filter(|cell| *cell != ENTRANCE).collect();
        free.shuffle(&mut rng);
        let targets: BTreeSet<_> = free.into_iter().take(targets).collect();
        let ground = size.all().map(|cell| match (reached.contains(&cell), targets.contains(&cell)) {
            (false, _) => Ground::Wall,
            (true, false) => Ground::Open,
            (true, true) => Ground::Target,
        });
        Self { size, ground: ground.collect() }
    }

    /// What is there; a wall outside.
    pub(crate) fn ground(&self, cell: Cell) -> Ground {
        self.size.index(cell).and_then(|at| self.ground.get(at)).copied().unwrap_or(Ground::Wall)
    }

    /// Every target, in the order of the cells.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Cell> {
        self.size.all().filter(|cell| self.ground(*cell) == Ground::Target)
    }

    /// What can be seen from a cell: everything at most so many columns and rows away that no wall hides, walls included.
    /// The cells one step away can always be seen.
    pub(crate) fn look(&self, from: Cell, sight: u8) -> Vec<(Cell, Ground)> {
        let around =
            |at: u8, end: u8| at.saturating_sub(sight.max(1))..end.min(at.saturating_add(sight.max(1)) + 1);
        let (rows, columns) = (around(from.y, self.size.height), around(from.x, self.size.width));
        let near = rows.flat_map(|y| columns.clone().map(move |x| Cell { x, y }));
        let seen = near.filter(|cell| self.sees(from, *cell));
        seen.map(|cell| (cell, self.ground(cell))).collect()
    }

    /// Whether no wall lies between two cells.
    fn sees(&self, from: Cell, to: Cell) -> bool {
        line(from, to).all(|between| self.ground(between) != Ground::Wall)
    }
}

/// The cells that can be reached from the entrance.
fn reached(size: Size, is_open: impl Fn(Cell) -> bool) -> BTreeSet<Cell> {
    let (mut reached, mut edge) = (BTreeSet::from([ENTRANCE]), vec![ENTRANCE]);
    while let Some(cell) = edge.pop() {
        for next in size.neighbours(cell).filter(|next| is_open(*next)) {
            if reached.insert(next) {
                edge.push(next);
            }
        }
    }
    reached
}

/// The cells between two others on a straight line, without both.
fn line(from: Cell, to: Cell) -> impl Iterator<Item = Cell> {
    let steps = from.x.abs_diff(to.x).max(from.y.abs_diff(to.y));
    let between = move |from: u8, to: u8, step: u8| {
        let whole = f64::from(from) + (f64::from(to) - f64::from(from)) * f64::from(step) / f64::from(steps);
        whole.round()
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what lies between two bytes is one"
    )]
    (1..steps)
        .map(move |step| Cell { x: between(from.x, to.x, step) as u8, y: between(from.y, to.y, step) as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 20, height: 12 };

    #[test]
    fn the_same_seed_makes_the_same_place() {
        let world = |seed| World::new(seed, SIZE, 0.3, 5);
        assert_eq!(world(1).ground, world(1).ground);
        assert_ne!(world(1).ground, world(2).ground);
        assert_eq!(world(1).targets().count(), 5);
    }

    #[test]
    fn nothing_is_seen_behind_a_wall() {
        let mut world = World::new(1, SIZE, 0.0, 0);
        let wall = SIZE.index(Cell { x: 3, y: 0 }).unwrap();
        world.ground[wall] = Ground::Wall;
        let seen: Vec<_> = world.look(ENTRANCE, 6).into_iter().map(|(cell, _)| cell).collect();
        assert!(seen.contains(&Cell { x: 3, y: 0 }), "the wall itself");
        assert!(!seen.contains(&Cell { x: 5, y: 0 }), "what it hides");
        assert!(seen.contains(&Cell { x: 5, y: 5 }) && !seen.contains(&Cell { x: 7, y: 0 }));
    }

    #[test]
    fn there_is_no_target_that_cannot_be_reached() {
        let world = World::new(3, SIZE, 0.4, usize::MAX);
        let open = reached(SIZE, |cell| world.ground(cell) != Ground::Wall);
        assert_eq!(world.targets().count(), open.len() - 1, "everywhere but at the entrance");
        assert!(open.len() > SIZE.cells() / 2);
    }
}
