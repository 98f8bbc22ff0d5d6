//! Draws digits as people write them: in several styles, slanted, shaky, with pens of any width.
//!
//! Every picture follows from the seed alone, on every machine: arithmetic is limited to what IEEE 754 rounds exactly
//! (no sines, no powers), and the generator is one whose output is fixed by name. Nothing here knows a classifier.

mod canvas;
mod glyph;
mod pose;
mod stroke;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::Image;
use canvas::Canvas;
use glyph::{Glyph, styles};
use pose::Pose;
use stroke::{Point, Stroke};

/// How far a control point may stray from its place, in parts of the digit's height.
const JITTER: f32 = 0.055;

/// Draws digits, one after another, without end.
///
/// Iterating yields random digits with their labels; [`draw`](Self::draw) draws a chosen one. Two painters of the same
/// seed that are asked the same draw the same.
///
/// ```
/// use agent_vision::DigitPainter;
///
/// let seven = DigitPainter::new(42).draw(7);
/// assert_eq!(seven, DigitPainter::new(42).draw(7));
///
/// let pictures: Vec<_> = DigitPainter::new(42).take(3).collect();
/// assert!(pictures.iter().all(|(_, digit)| *digit < 10));
/// ```
#[derive(Debug, Clone)]
pub struct DigitPainter {
    rng: Xoshiro256PlusPlus,
}

impl DigitPainter {
    /// A painter whose pictures all follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Draws `digit`; of a larger number, its last decimal place.
    pub fn draw(&mut self, digit: u8) -> Image {
        let glyph = styles(digit).choose(&mut self.rng).copied().unwrap_or_default();
        let pose = Pose::random(&mut self.rng);
        let pen = self.rng.random_range(0.65_f32..1.55);
        let mut canvas = Canvas::new();
        self.trace(glyph, pose, pen, &mut canvas);
        canvas.blur(self.rng.random_range(0.0..0.9));
        canvas.expose(&mut self.rng)
    }

    fn trace(&mut self, glyph: Glyph, pose: Pose, pen: f32, canvas: &mut Canvas) {
        for stroke in glyph {
            let wobbly: Vec<Point> = stroke.points.iter().map(|&point| self.jitter(point)).collect();
            let path = Stroke { points: &wobbly, curved: stroke.curved }.flatten();
            let placed: Vec<Point> = path.into_iter().map(|point| pose.place(point)).collect();
            canvas.line(&placed, pen);
        }
    }

    fn jitter(&mut self, (x, y): Point) -> Point {
        let mut shift = || self.rng.random_range(-JITTER..JITTER);
        (x + shift(), y + shift())
    }
}

impl Iterator for DigitPainter {
    type Item = (Image, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let digit = self.rng.random_range(0..10_u8);
        Some((self.draw(digit), digit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum in which the place of each pixel counts.
    fn digest(images: impl Iterator<Item = Image>) -> u64 {
        let pixels = images.flat_map(|image| image.as_bytes().to_vec());
        pixels.fold(0, |sum: u64, pixel| sum.wrapping_mul(31).wrapping_add(u64::from(pixel)))
    }

    #[test]
    fn a_seed_draws_the_same_pictures_on_every_machine() {
        let drawn = DigitPainter::new(7).take(50).map(|(image, _)| image);
        assert_eq!(digest(drawn), 15_474_534_478_869_698_243);
    }

    #[test]
    fn seeds_and_turns_differ() {
        let mut painter = DigitPainter::new(1);
        let first = painter.draw(3);
        assert_ne!(first, painter.draw(3));
        assert_ne!(first, DigitPainter::new(2).draw(3));
    }

    #[test]
    fn every_digit_leaves_ink_and_leaves_paper() {
        let mut painter = DigitPainter::new(3);
        for digit in (0..10).cycle().take(200) {
            let image = painter.draw(digit);
            let dark = image.as_bytes().iter().filter(|&&pixel| pixel > 100).count();
            assert!((10..250).contains(&dark), "digit {digit}: {dark} dark pixels\n{image}");
        }
    }

    #[test]
    fn a_large_number_is_drawn_as_its_last_place() {
        assert_eq!(DigitPainter::new(5).draw(13), DigitPainter::new(5).draw(3));
    }
}
