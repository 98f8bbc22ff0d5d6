//! What happens in a scene. The same number is always the same scene, on every machine.

use std::time::Duration;

use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use swarm_core::Chunk;

use crate::messages::{QUALITY, Quality};
use crate::pyramid::{Easel, LAYERS, Picture, SIDE};

/// How long a piece of sound is heard.
pub(crate) const FRAME_LENGTH: Duration = Duration::from_millis(20);

/// How many pieces of sound a scene has: half a second of it.
pub(crate) const FRAMES: u16 = 25;

/// Bytes of a piece of sound: 128 kbit/s.
const FRAME_BYTES: usize = 320;

/// How many words are said in a scene.
pub(crate) const WORDS: u16 = 12;

const VOCABULARY: [&str; 16] = [
    "a", "bird", "over", "the", "harbour", "turns", "and", "ships", "wait", "for", "light", "while", "wind",
    "moves", "slow", "water",
];

/// A scene, by its number.
///
/// ```
/// use agent_studio::Scene;
///
/// assert_eq!(Scene(7).sound(), Scene(7).sound());
/// assert!(!Scene(7).is_shown_by(&[]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene(pub u64);

impl Scene {
    /// Its sound, piece by piece.
    #[must_use]
    pub fn sound(self) -> Vec<Bytes> {
        let mut rng = self.rng(1);
        let frame = |_| {
            let mut samples = vec![0; FRAME_BYTES];
            rng.fill_bytes(&mut samples);
            Bytes::from(samples)
        };
        (0..FRAMES).map(frame).collect()
    }

    /// What is said in it.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let mut rng = self.rng(2);
        (0..WORDS).filter_map(|_| VOCABULARY.get(rng.random_range(0..VOCABULARY.len())).copied()).collect()
    }

    /// Its picture in layers, the coarsest first.
    #[must_use]
    pub fn layers(self) -> Vec<Bytes> {
        self.picture().layers().into_iter().map(Bytes::from).collect()
    }

    /// Whether these chunks show it: with whole sound and words, and a picture that is just as good as they say.
    #[must_use]
    pub fn is_shown_by(self, reply: &[Chunk]) -> bool {
        let [sound, words, picture, quality] = reply else { return false };
        let Ok(Quality { layers, percent, .. }) = quality.decode::<Quality>() else { return false };
        quality.label == QUALITY
            && layers > 0
            && percent == percent_of(layers)
            && sound.payload == self.sound().concat()
            && words.payload == self.words().join(" ")
            && picture.payload == self.dots(layers)
    }

    /// What can be seen with so many layers, at least one.
    fn dots(self, layers: u8) -> Vec<u8> {
        let mut easel = Easel::default();
        for layer in self.picture().layers().into_iter().take(layers.into()) {
            easel.put(&layer);
        }
        easel.picture().map(Picture::dots).unwrap_or_default()
    }

    /// A sky, a sun and some noise.
    fn picture(self) -> Picture {
        let mut rng = self.rng(3);
        let mut dots = vec![0; SIDE * SIDE];
        rng.fill_bytes(&mut dots);
        let mut place = || rng.random_range(0..SIDE);
        let (across, down, radius) = (place(), place(), 8 + place() / 4);
        for (at, dot) in dots.iter_mut().enumerate() {
            let (x, y) = (at % SIDE, at / SIDE);
            let in_sun = x.abs_diff(across).pow(2) + y.abs_diff(down).pow(2) < radius * radius;
            let light = if in_sun { 200 } else { y / 2 };
            *dot = u8::try_from(light).unwrap_or(u8::MAX).saturating_add(*dot / 16);
        }
        Picture::new(dots)
    }

    fn rng(self, part: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.0.wrapping_mul(4).wrapping_add(part))
    }
}

/// How good a picture of so many layers is, in percent.
pub(crate) fn percent_of(layers: u8) -> u8 {
    let percent = 100 * u16::from(layers.min(LAYERS)) / u16::from(LAYERS);
    u8::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(scene: Scene, layers: u8) -> Vec<Chunk> {
        let quality = Quality { percent: percent_of(layers), layers, late: 0, words_missing: 0 };
        vec![
            Chunk::new("sound", scene.sound().concat()),
            Chunk::new("words", scene.words().join(" ")),
            Chunk::new("picture", scene.dots(layers)),
            Chunk::encode(QUALITY, &quality).unwrap(),
        ]
    }

    #[test]
    fn a_scene_is_known_by_all_of_it_and_by_a_picture_as_good_as_it_says() {
        let scene = Scene(3);
        for layers in 1..=LAYERS {
            assert!(scene.is_shown_by(&shown(scene, layers)));
        }
        assert!(!Scene(4).is_shown_by(&shown(scene, LAYERS)));
        let mut boasting = shown(scene, 2);
        boasting[3] = shown(scene, 3)[3].clone();
        assert!(!scene.is_shown_by(&boasting));
        for part in 0..3 {
            let mut broken = shown(scene, 3);
            broken[part].payload = broken[part].payload.slice(1..);
            assert!(!scene.is_shown_by(&broken), "part {part}");
        }
    }

    #[test]
    fn scenes_differ() {
        assert_ne!(Scene(1).sound(), Scene(2).sound());
        assert_ne!(Scene(1).layers(), Scene(2).layers());
        assert_eq!((Scene(1).sound().len(), Scene(1).words().len()), (FRAMES.into(), WORDS.into()));
    }
}
