//! One movement of the pen, given by the few points that it passes. Knows nothing of pixels.

/// A place on paper: right, then down.
pub(super) type Point = (f32, f32);

/// Straight pieces per curved span; the pen is wider than the corners this leaves.
const PIECES: u8 = 6;

/// Points that a pen passes, and whether it rounds them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke<'a> {
    pub(super) points: &'a [Point],
    pub(super) curved: bool,
}

impl Stroke<'_> {
    /// The stroke as a chain of straight pieces through all its points.
    pub(super) fn flatten(self) -> Vec<Point> {
        if !self.curved {
            return self.points.to_vec();
        }
        let ends = (self.points.first(), self.points.last());
        let (Some(&first), Some(&last)) = ends else { return Vec::new() };
        let padded: Vec<Point> =
            [first].into_iter().chain(self.points.iter().copied()).chain([last]).collect();
        let spans = padded.windows(4).flat_map(|window| match *window {
            [before, from, to, after] => span(before, from, to, after).to_vec(),
            _ => Vec::new(),
        });
        spans.chain([last]).collect()
    }
}

/// A uniform Catmull-Rom span from `from` up to, but without, `to`.
fn span(before: Point, from: Point, to: Point, after: Point) -> [Point; 6] {
    let along = |t: f32, a: f32, b: f32, c: f32, d: f32| {
        let (linear, square) = (c - a, 2.0 * a - 5.0 * b + 4.0 * c - d);
        let cube = 3.0 * b - a - 3.0 * c + d;
        b + 0.5 * t * (linear + t * (square + t * cube))
    };
    [0_u8, 1, 2, 3, 4, 5].map(|piece| {
        let t = f32::from(piece) / f32::from(PIECES);
        (along(t, before.0, from.0, to.0, after.0), along(t, before.1, from.1, to.1, after.1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNER: [Point; 3] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)];

    #[test]
    fn a_straight_stroke_is_its_points() {
        assert_eq!(Stroke { points: &CORNER, curved: false }.flatten(), CORNER);
    }

    #[test]
    fn a_curved_stroke_passes_all_its_points_and_more() {
        let path = Stroke { points: &CORNER, curved: true }.flatten();
        assert_eq!(path.len(), 2 * usize::from(PIECES) + 1);
        assert!(CORNER.iter().all(|point| path.contains(point)));
    }

    #[test]
    fn a_stroke_without_points_is_nothing() {
        assert!(Stroke { points: &[], curved: true }.flatten().is_empty());
    }
}
