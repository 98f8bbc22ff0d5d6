//! A picture in layers: the coarsest is small and shows everything roughly, each further one has four times the dots and
//! says how it differs from what was there before. All together are the picture to the last bit (after Burt and Adelson, The
//! Laplacian Pyramid as a Compact Image Code, 1983, with squares in place of their filter).

use std::collections::BTreeMap;

/// Dots in a row of a picture, and rows.
pub const SIDE: usize = 256;

/// How many layers a picture has.
pub const LAYERS: u8 = 5;

/// A square of grey dots, row by row, from 0 for black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    side: usize,
    dots: Vec<u8>,
}

impl Picture {
    /// A picture of these dots; what is missing is black.
    pub(crate) fn new(mut dots: Vec<u8>) -> Self {
        dots.resize(SIDE * SIDE, 0);
        Self { side: SIDE, dots }
    }

    /// Its dots in full size, however coarse it is.
    pub(crate) fn dots(&self) -> Vec<u8> {
        let mut full = self.clone();
        while full.side < SIDE {
            full = full.doubled();
        }
        full.dots
    }

    /// All layers, the coarsest first.
    pub(crate) fn layers(&self) -> Vec<Vec<u8>> {
        let mut layers = Vec::with_capacity(LAYERS.into());
        let mut fine = self.clone();
        for _ in 1..LAYERS {
            let coarse = fine.halved();
            let expected = coarse.doubled().dots;
            layers.push(
                fine.dots.iter().zip(expected).map(|(is, expected)| is.wrapping_sub(expected)).collect(),
            );
            fine = coarse;
        }
        layers.push(fine.dots);
        layers.reverse();
        layers
    }

    /// Each dot the mean of four.
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let rows = self.dots.chunks(self.side.max(1));
        let pairs = rows.clone().step_by(2).zip(rows.skip(1).step_by(2));
        let mean = |upper: &[u8], lower: &[u8]| {
            let sum = upper.iter().chain(lower).map(|dot| u16::from(*dot)).sum::<u16>();
            u8::try_from(sum / 4).unwrap_or(u8::MAX)
        };
        let dots = pairs.flat_map(|(upper, lower)| {
            upper.chunks(2).zip(lower.chunks(2)).map(move |(upper, lower)| mean(upper, lower))
        });
        Self { side, dots: dots.collect() }
    }

    /// Each dot four times.
    fn doubled(&self) -> Self {
        let rows = self.dots.chunks(self.side.max(1)).flat_map(|row| [row, row]);
        let dots = rows.flatten().flat_map(|dot| [*dot, *dot]).collect();
        Self { side: 2 * self.side, dots }
    }

    /// The same with one more layer.
    fn refined(&self, layer: &[u8]) -> Self {
        let mut fine = self.doubled();
        fine.dots.iter_mut().zip(layer).for_each(|(dot, more)| *dot = dot.wrapping_add(*more));
        fine
    }
}

/// Dots in a row of the picture that a layer makes, and rows.
const fn side_of(layer: u8) -> usize {
    SIDE >> (LAYERS - 1 - layer)
}

/// A picture that forms layer by layer.
#[derive(Debug, Default)]
pub(crate) struct Easel {
    picture: Option<Picture>,
    layers: u8,
    /// Those that came before a coarser one, by their number.
    waiting: BTreeMap<u8, Vec<u8>>,
}

impl Easel {
    /// Takes a layer, known by its size, and puts it on as soon as all coarser ones are there. What has the size of none is left
    /// out, and so is one that came before.
    pub(crate) fn put(&mut self, layer: &[u8]) {
        let number = (self.layers..LAYERS).find(|number| layer.len() == side_of(*number) * side_of(*number));
        if let Some(number) = number {
            self.waiting.entry(number).or_insert_with(|| layer.to_vec());
        }
        while let Some(next) = self.waiting.remove(&self.layers) {
            self.picture = Some(match &self.picture {
                Some(picture) => picture.refined(&next),
                None => Picture { side: side_of(0), dots: next },
            });
            self.layers += 1;
        }
    }

    /// How many layers there are.
    pub(crate) fn layers(&self) -> u8 {
        self.layers
    }

    /// What there is to see; `None` before the first layer.
    pub(crate) fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Big dots, lines and noise.
    fn any_picture() -> impl Strategy<Value = Picture> {
        (any::<u8>(), any::<u8>(), 1_usize..64, 0_u8..40, any::<u64>()).prop_map(
            |(dark, light, size, noise, seed)| {
                let mut state = seed | 1;
                let dot = |at: usize| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let noise = if noise == 0 { 0 } else { (state >> 56) as u8 % noise };
                    let on = (at % SIDE / size + at / SIDE / size).is_multiple_of(2);
                    (if on { dark } else { light }).wrapping_add(noise)
                };
                Picture::new((0..SIDE * SIDE).map(dot).collect())
            },
        )
    }

    fn error(shown: &Picture, truth: &Picture) -> f64 {
        let squares =
            shown.dots().into_iter().zip(&truth.dots).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
        squares.sum::<f64>() / (SIDE * SIDE) as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn all_layers_are_the_picture_and_each_makes_it_better(truth in any_picture()) {
            let (mut easel, mut before) = (Easel::default(), f64::INFINITY);
            for layer in truth.layers() {
                easel.put(&layer);
                let now = error(easel.picture().unwrap(), &truth);
                // Means are rounded down, by up to three quarters in each layer above.
                prop_assert!(now <= before + 10.0, "{} after {}", now, before);
                before = now;
            }
            prop_assert_eq!(easel.picture(), Some(&truth));
        }

        #[test]
        fn layers_may_come_in_any_order_and_again(
            truth in any_picture(), order in proptest::collection::vec(0_usize..5, 0..12)
        ) {
            let (layers, mut easel) = (truth.layers(), Easel::default());
            order.iter().for_each(|layer| easel.put(&layers[*layer]));
            let known = (0..5).take_while(|layer| order.contains(layer)).count();
            prop_assert_eq!(usize::from(easel.layers()), known);
            layers.iter().rev().for_each(|layer| easel.put(layer));
            prop_assert_eq!(easel.picture(), Some(&truth));
        }

        #[test]
        fn what_is_no_layer_changes_nothing(layer in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut easel = Easel::default();
            easel.put(&layer);
            prop_assert_eq!(easel.layers(), u8::from(layer.len() == 256));
        }
    }

    #[test]
    fn layers_are_four_times_as_large_each() {
        let sizes: Vec<_> = Picture::new(Vec::new()).layers().iter().map(Vec::len).collect();
        assert_eq!(sizes, [256, 1024, 4096, 16_384, 65_536]);
        assert_eq!(sizes.len(), usize::from(LAYERS));
    }
}
