//! Where and how a digit lies on the paper: turned, slanted, stretched, shifted. Never touches pixels.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::stroke::Point;
use crate::Image;

/// Half of the side of a picture, in pixels.
const CENTRE: f32 = Image::SIDE as f32 / 2.0;

/// An affine map from the unit square, in which digits are described, to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    right: Point,
    down: Point,
    origin: Point,
}

impl Pose {
    /// A pose as a hasty writer might choose it.
    pub(super) fn random(rng: &mut Xoshiro256PlusPlus) -> Self {
        let width = rng.random_range(7.0_f32..11.5);
        let height = rng.random_range(11.0_f32..15.0);
        let slant = rng.random_range(-0.28_f32..0.28);
        let shift = (rng.random_range(-2.0_f32..2.0), rng.random_range(-2.0_f32..2.0));
        // The tangent of half the angle gives sine and cosine by division alone: the same on every machine.
        let half = rng.random_range(-0.14_f32..0.14);
        let (cosine, sine) = ((1.0 - half * half) / (1.0 + half * half), 2.0 * half / (1.0 + half * half));
        let turn = |(x, y): Point| (cosine * x - sine * y, sine * x + cosine * y);
        Self {
            right: turn((width, 0.0)),
            down: turn((slant * height, height)),
            origin: (CENTRE + shift.0, CENTRE + shift.1),
        }
    }

    /// The pixel position of a point of the unit square, whose middle goes near the middle of the picture.
    pub(super) fn place(&self, (x, y): Point) -> Point {
        let (x, y) = (x - 0.5, y - 0.5);
        (
            self.origin.0 + x * self.right.0 + y * self.down.0,
            self.origin.1 + x * self.right.1 + y * self.down.1,
        )
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_middle_of_a_digit_stays_near_the_middle_of_the_picture() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..100 {
            let (x, y) = Pose::random(&mut rng).place((0.5, 0.5));
            assert!((x - CENTRE).abs() <= 2.0 && (y - CENTRE).abs() <= 2.0, "({x}, {y})");
        }
    }

    #[test]
    fn digits_stand_upright_or_nearly_so() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for _ in 0..100 {
            let pose = Pose::random(&mut rng);
            assert!(pose.place((0.5, 1.0)).1 - pose.place((0.5, 0.0)).1 > 9.0);
        }
    }
}
