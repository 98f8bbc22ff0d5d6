//! Paper and ink: puts strokes on a grid of pixels, smears them, and photographs the result. Knows no digits.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::stroke::Point;
use crate::Image;

/// The side of the paper, signed for arithmetic on positions that may lie outside.
const SIDE: i16 = Image::SIDE as i16;

/// How much ink lies on each pixel, 0 to 1, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    ink: Vec<f32>,
}

impl Canvas {
    /// Clean paper.
    pub(super) fn new() -> Self {
        Self { ink: vec![0.0; Image::BYTES] }
    }

    /// Draws along `path` with a round pen of `radius` pixels.
    pub(super) fn line(&mut self, path: &[Point], radius: f32) {
        for piece in path.windows(2) {
            if let [from, to] = *piece {
                self.segment(from, to, radius);
            }
        }
    }

    /// Smears: replaces each pixel by itself and `strength` (0 to 1) of the binomial mean of its surroundings.
    pub(super) fn blur(&mut self, strength: f32) {
        let mean = |line: [f32; 3]| 0.25 * line[0] + 0.5 * line[1] + 0.25 * line[2];
        let across = |x: i16, y: i16| mean([self.at(x - 1, y), self.at(x, y), self.at(x + 1, y)]);
        let smeared = pixels().map(|(x, y)| {
            let soft = mean([across(x, y - 1), across(x, y), across(x, y + 1)]);
            self.at(x, y) + strength * (soft - self.at(x, y))
        });
        self.ink = smeared.collect();
    }

    /// Photographs the paper under poor light: random contrast, grey paper, grain.
    pub(super) fn expose(&self, rng: &mut Xoshiro256PlusPlus) -> Image {
        let paper = rng.random_range(0.0_f32..0.12);
        let contrast = rng.random_range(0.6_f32..1.0) - paper;
        let grain = rng.random_range(0.02_f32..0.16);
        let mut ink = self.ink.iter();
        Image::from_fn(|_| {
            let noise = grain * (rng.random_range(-1.0_f32..1.0) + rng.random_range(-1.0_f32..1.0));
            let light = paper + contrast * ink.next().copied().unwrap_or_default() + noise;
            quantise(light)
        })
    }

    /// Inks what lies within `radius` of one straight piece; the rim fades over one pixel.
    fn segment(&mut self, from: Point, to: Point, radius: f32) {
        let reach = radius + 1.0;
        for y in range(from.1, to.1, reach) {
            for x in range(from.0, to.0, reach) {
                let centre = (f32::from(x) + 0.5, f32::from(y) + 0.5);
                let cover = (radius + 0.5 - distance(centre, from, to)).clamp(0.0, 1.0);
                if let Some(pixel) = index(x, y).and_then(|index| self.ink.get_mut(index)) {
                    *pixel = pixel.max(cover);
                }
            }
        }
    }

    /// The ink at a place; outside the paper there is none.
    fn at(&self, x: i16, y: i16) -> f32 {
        index(x, y).and_then(|index| self.ink.get(index)).copied().unwrap_or_default()
    }
}

fn pixels() -> impl Iterator<Item = (i16, i16)> {
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)))
}

fn index(x: i16, y: i16) -> Option<usize> {
    let inside = (0..SIDE).contains(&x) && (0..SIDE).contains(&y);
    if inside { usize::try_from(y * SIDE + x).ok() } else { None }
}

/// The pixels along one axis that a piece from `a` to `b` can reach.
fn range(a: f32, b: f32, reach: f32) -> std::ops::Range<i16> {
    let low = (a.min(b) - reach).clamp(0.0, f32::from(SIDE));
    let high = (a.max(b) + reach).clamp(0.0, f32::from(SIDE));
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the paper just above")]
    (low as i16..high.ceil() as i16)
}

fn distance(point: Point, from: Point, to: Point) -> f32 {
    let (along, offset) = ((to.0 - from.0, to.1 - from.1), (point.0 - from.0, point.1 - from.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let dot = along.0 * offset.0 + along.1 * offset.1;
    let t = if length > 0.0 { (dot / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (offset.0 - t * along.0, offset.1 - t * along.1);
    (x * x + y * y).sqrt()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a byte")]
fn quantise(light: f32) -> u8 {
    (light.clamp(0.0, 1.0) * 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_inks_what_it_crosses_and_nothing_far_away() {
        let mut canvas = Canvas::new();
        canvas.line(&[(0.0, 10.0), (20.0, 10.0)], 1.0);
        assert!((0..SIDE).all(|x| canvas.at(x, 9) > 0.9 && canvas.at(x, 10) > 0.9));
        assert!((0..SIDE).all(|x| canvas.at(x, 5) == 0.0 && canvas.at(x, 15) == 0.0));
    }

    #[test]
    fn lines_beyond_the_paper_do_no_harm() {
        let mut canvas = Canvas::new();
        canvas.line(&[(-500.0, -3.0), (900.0, -3.0), (f32::NAN, 4.0)], 1.5);
        assert!(canvas.ink.iter().take(200).all(|&ink| ink <= 1.0));
    }

    #[test]
    fn blur_spreads_ink_without_making_any() {
        let mut canvas = Canvas::new();
        canvas.line(&[(10.0, 8.0), (10.0, 12.0)], 1.0);
        let before: f32 = canvas.ink.iter().sum();
        canvas.blur(1.0);
        let after: f32 = canvas.ink.iter().sum();
        assert!((before - after).abs() < 1e-3, "{before} became {after}");
        assert!(canvas.at(10, 6) > 0.0);
    }
}
