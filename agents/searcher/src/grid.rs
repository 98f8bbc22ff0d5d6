//! Places and their neighbours.

use serde::{Deserialize, Serialize};

/// A place: column and row, from the upper left.
///
/// ```
/// use agent_searcher::Cell;
///
/// assert_eq!(Cell { x: 1, y: 5 }.steps_to(Cell { x: 4, y: 4 }), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
pub struct Cell {
    /// Its column.
    pub x: u8,
    /// Its row.
    pub y: u8,
}

impl Cell {
    /// How many steps it takes from one to the other where nothing is in the way.
    #[must_use]
    pub fn steps_to(self, other: Self) -> u32 {
        u32::from(self.x.abs_diff(other.x)) + u32::from(self.y.abs_diff(other.y))
    }
}

impl From<(u8, u8)> for Cell {
    fn from((x, y): (u8, u8)) -> Self {
        Self { x, y }
    }
}

impl From<Cell> for (u8, u8) {
    fn from(cell: Cell) -> Self {
        (cell.x, cell.y)
    }
}

/// How large a place is; rows of cells lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u8,
    pub(crate) height: u8,
}

impl Size {
    pub(crate) fn cells(self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// Where a cell lies among all of them; `None` if it is outside.
    pub(crate) fn index(self, cell: Cell) -> Option<usize> {
        let inside = cell.x < self.width && cell.y < self.height;
        inside.then(|| usize::from(cell.y) * usize::from(self.width) + usize::from(cell.x))
    }

    /// All cells, row by row.
    pub(crate) fn all(self) -> impl Iterator<Item = Cell> {
        (0..self.height).flat_map(move |y| (0..self.width).map(move |x| Cell { x, y }))
    }

    /// The indices one step away from an index, always in the same order.
    pub(crate) fn around(self, at: usize) -> [Option<usize>; 4] {
        let (width, cells) = (usize::from(self.width), self.cells());
        let column = at % width;
        [
            at.checked_sub(width),
            (column + 1 < width).then_some(at + 1),
            Some(at + width).filter(|below| *below < cells),
            at.checked_sub(1).filter(|_| column > 0),
        ]
    }

    /// The cells one step away, always in the same order.
    pub(crate) fn neighbours(self, cell: Cell) -> impl Iterator<Item = Cell> {
        let Cell { x, y } = cell;
        let around = [
            y.checked_sub(1).map(|y| Cell { x, y }),
            x.checked_add(1).map(|x| Cell { x, y }),
            y.checked_add(1).map(|y| Cell { x, y }),
            x.checked_sub(1).map(|x| Cell { x, y }),
        ];
        around.into_iter().flatten().filter(move |cell| self.index(*cell).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_have_two_neighbours_and_the_middle_has_four() {
        let size = Size { width: 3, height: 3 };
        let count = |x, y| size.neighbours(Cell { x, y }).count();
        assert_eq!((count(0, 0), count(1, 0), count(1, 1), count(2, 2)), (2, 3, 4, 2));
        for cell in size.all() {
            let at = size.index(cell).unwrap();
            let near: Vec<_> = size.neighbours(cell).map(|near| size.index(near).unwrap()).collect();
            assert_eq!(size.around(at).into_iter().flatten().collect::<Vec<_>>(), near, "{cell:?}");
        }
        let largest = Size { width: 255, height: 255 };
        assert_eq!(largest.neighbours(Cell { x: 254, y: 254 }).count(), 2);
    }
}
