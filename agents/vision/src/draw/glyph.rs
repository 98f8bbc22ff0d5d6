//! How the ten digits are written: strokes in a unit square, several styles each. Data, no behaviour.

use super::stroke::{Point, Stroke};

/// One way to write a digit.
pub(super) type Glyph = &'static [Stroke<'static>];

/// The styles of a digit; of a larger number, those of its last decimal place. Never empty.
pub(super) const fn styles(digit: u8) -> &'static [Glyph] {
    match digit % 10 {
        0 => ZERO,
        1 => ONE,
        2 => TWO,
        3 => THREE,
        4 => FOUR,
        5 => FIVE,
        6 => SIX,
        7 => SEVEN,
        8 => EIGHT,
        _ => NINE,
    }
}

const fn straight(points: &'static [Point]) -> Stroke<'static> {
    Stroke { points, curved: false }
}

const fn curved(points: &'static [Point]) -> Stroke<'static> {
    Stroke { points, curved: true }
}

const OVAL: Stroke<'static> = curved(&[
    (0.5, 0.0),
    (0.13, 0.18),
    (0.05, 0.5),
    (0.13, 0.82),
    (0.5, 1.0),
    (0.87, 0.82),
    (0.95, 0.5),
    (0.87, 0.18),
    (0.45, 0.0),
]);

const ZERO: &[Glyph] = &[
    &[OVAL],
    &[curved(&[
        (0.6, 0.02),
        (0.3, 0.1),
        (0.18, 0.5),
        (0.3, 0.92),
        (0.55, 0.98),
        (0.8, 0.75),
        (0.82, 0.3),
        (0.6, 0.02),
    ])],
    &[OVAL, straight(&[(0.75, 0.15), (0.25, 0.85)])],
];

const ONE: &[Glyph] = &[
    &[straight(&[(0.5, 0.0), (0.5, 1.0)])],
    &[straight(&[(0.2, 0.28), (0.55, 0.0), (0.55, 1.0)])],
    &[straight(&[(0.2, 0.25), (0.52, 0.0), (0.52, 1.0)]), straight(&[(0.15, 1.0), (0.88, 1.0)])],
];

const TWO: &[Glyph] = &[
    &[
        curved(&[(0.08, 0.25), (0.28, 0.02), (0.7, 0.02), (0.9, 0.28), (0.65, 0.6), (0.08, 1.0)]),
        straight(&[(0.08, 1.0), (0.95, 1.0)]),
    ],
    &[curved(&[
        (0.12, 0.2),
        (0.45, 0.0),
        (0.82, 0.2),
        (0.65, 0.55),
        (0.25, 0.9),
        (0.08, 0.92),
        (0.2, 0.76),
        (0.5, 0.92),
        (0.95, 0.98),
    ])],
];

const THREE: &[Glyph] = &[
    &[curved(&[
        (0.1, 0.12),
        (0.48, 0.0),
        (0.85, 0.2),
        (0.68, 0.45),
        (0.4, 0.5),
        (0.72, 0.54),
        (0.92, 0.76),
        (0.55, 1.0),
        (0.08, 0.88),
    ])],
    &[
        straight(&[(0.1, 0.0), (0.88, 0.0), (0.45, 0.42)]),
        curved(&[(0.45, 0.42), (0.8, 0.5), (0.93, 0.74), (0.6, 1.0), (0.08, 0.9)]),
    ],
];

const FOUR: &[Glyph] = &[
    &[straight(&[(0.25, 0.0), (0.08, 0.58), (0.95, 0.58)]), straight(&[(0.72, 0.25), (0.7, 1.0)])],
    &[straight(&[(0.7, 1.0), (0.7, 0.0), (0.05, 0.68), (0.98, 0.68)])],
    &[curved(&[(0.12, 0.02), (0.12, 0.35), (0.3, 0.52), (0.82, 0.45)]), straight(&[(0.85, 0.0), (0.8, 1.0)])],
];

const FIVE: &[Glyph] = &[
    &[
        straight(&[(0.9, 0.0), (0.2, 0.0), (0.15, 0.45)]),
        curved(&[(0.15, 0.45), (0.5, 0.36), (0.9, 0.58), (0.82, 0.88), (0.42, 1.0), (0.06, 0.88)]),
    ],
    &[curved(&[
        (0.9, 0.04),
        (0.45, 0.02),
        (0.15, 0.2),
        (0.4, 0.42),
        (0.82, 0.58),
        (0.84, 0.86),
        (0.45, 1.0),
        (0.08, 0.9),
    ])],
];

const SIX: &[Glyph] = &[
    &[curved(&[
        (0.8, 0.02),
        (0.38, 0.18),
        (0.1, 0.58),
        (0.18, 0.9),
        (0.52, 1.0),
        (0.88, 0.82),
        (0.78, 0.56),
        (0.45, 0.5),
        (0.12, 0.68),
    ])],
    &[
        straight(&[(0.62, 0.0), (0.14, 0.64)]),
        curved(&[(0.14, 0.64), (0.5, 0.48), (0.9, 0.72), (0.52, 1.0), (0.1, 0.82), (0.14, 0.62)]),
    ],
];

const SEVEN: &[Glyph] = &[
    &[straight(&[(0.06, 0.0), (0.94, 0.0), (0.35, 1.0)])],
    &[straight(&[(0.06, 0.02), (0.92, 0.02), (0.4, 1.0)]), straight(&[(0.3, 0.5), (0.88, 0.5)])],
    &[
        straight(&[(0.06, 0.22), (0.08, 0.02), (0.92, 0.02)]),
        curved(&[(0.92, 0.02), (0.6, 0.42), (0.45, 0.7), (0.42, 1.0)]),
    ],
];

const EIGHT: &[Glyph] = &[
    &[curved(&[
        (0.82, 0.14),
        (0.45, 0.0),
        (0.15, 0.2),
        (0.45, 0.46),
        (0.86, 0.74),
        (0.5, 1.0),
        (0.12, 0.76),
        (0.5, 0.47),
        (0.84, 0.22),
        (0.7, 0.05),
    ])],
    &[
        curved(&[(0.5, 0.0), (0.18, 0.22), (0.5, 0.46), (0.82, 0.22), (0.5, 0.0)]),
        curved(&[(0.5, 0.46), (0.08, 0.74), (0.5, 1.0), (0.92, 0.74), (0.5, 0.46)]),
    ],
];

const NINE: &[Glyph] = &[
    &[
        curved(&[(0.85, 0.26), (0.5, 0.0), (0.1, 0.24), (0.4, 0.52), (0.82, 0.34), (0.86, 0.22)]),
        straight(&[(0.86, 0.22), (0.78, 1.0)]),
    ],
    &[curved(&[
        (0.84, 0.22),
        (0.48, 0.0),
        (0.12, 0.22),
        (0.36, 0.5),
        (0.8, 0.36),
        (0.88, 0.3),
        (0.86, 0.66),
        (0.6, 0.98),
        (0.2, 0.94),
    ])],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_has_strokes_that_can_be_drawn() {
        for glyph in (0..10).flat_map(styles) {
            assert!(!glyph.is_empty());
            assert!(glyph.iter().all(|stroke| stroke.points.len() >= 2));
        }
    }

    #[test]
    fn every_style_fills_the_height_of_its_square() {
        for glyph in (0..10).flat_map(styles) {
            let heights: Vec<f32> = glyph.iter().flat_map(|stroke| stroke.points).map(|&(_, y)| y).collect();
            assert!(heights.iter().all(|y| (0.0..=1.0).contains(y)));
            assert!(heights.iter().any(|&y| y < 0.05) && heights.iter().any(|&y| y > 0.95));
        }
    }
}
