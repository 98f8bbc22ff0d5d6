//! What has come of a scene, and how good that is. Time comes in as what has passed since it was asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::messages::Quality;
use crate::pyramid::{Easel, Picture};
use crate::scene::{FRAME_LENGTH, FRAMES, WORDS, percent_of};

/// A scene as it comes in.
#[derive(Debug)]
pub(crate) struct Assembly {
    /// How long the first piece of sound waits before it is heard, so that later ones may come unevenly.
    buffer: Duration,
    frames: BTreeMap<u16, Bytes>,
    /// When the first piece is heard.
    heard_from: Option<Duration>,
    late: u16,
    words: Vec<String>,
    easel: Easel,
}

impl Assembly {
    pub(crate) fn new(buffer: Duration) -> Self {
        let (frames, words, easel) = (BTreeMap::new(), Vec::new(), Easel::default());
        Self { buffer, frames, heard_from: None, late: 0, words, easel }
    }

    /// The next piece of sound.
    pub(crate) fn frame(&mut self, samples: Bytes, now: Duration) {
        let Some(number) = u16::try_from(self.frames.len()).ok().filter(|number| *number < FRAMES) else {
            return;
        };
        let heard_from = *self.heard_from.get_or_insert(now + self.buffer);
        if now > heard_from + FRAME_LENGTH * u32::from(number) {
            self.late += 1;
        }
        self.frames.insert(number, samples);
    }

    /// The next word.
    pub(crate) fn word(&mut self, word: &str) {
        if self.words.len() < usize::from(WORDS) {
            self.words.push(word.to_owned());
        }
    }

    /// A layer of the picture, in whatever order they come: those that are fine may overtake one that is not.
    pub(crate) fn layer(&mut self, layer: &[u8]) {
        self.easel.put(layer);
    }

    /// Whether there is nothing more to wait for.
    pub(crate) fn is_whole(&self) -> bool {
        self.quality().percent == 100
    }

    pub(crate) fn quality(&self) -> Quality {
        let missing = |all: u16, there: usize| all.saturating_sub(u16::try_from(there).unwrap_or(all));
        let (frames, words_missing) = (missing(FRAMES, self.frames.len()), missing(WORDS, self.words.len()));
        let layers = self.easel.layers();
        let percent = if frames + words_missing == 0 { percent_of(layers) } else { 0 };
        Quality { percent, layers, late: self.late + frames, words_missing }
    }

    pub(crate) fn sound(&self) -> Vec<u8> {
        self.frames.values().flatten().copied().collect()
    }

    pub(crate) fn words(&self) -> String {
        self.words.join(" ")
    }

    /// What there is to see, in full size; nothing before the first layer.
    pub(crate) fn picture(&self) -> Vec<u8> {
        self.easel.picture().map(Picture::dots).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

    const BUFFER: Duration = Duration::from_millis(60);

    /// An assembly with words and sound, of which the n-th piece comes so late.
    fn with_delays(delay: impl Fn(u32) -> u64) -> Assembly {
        let mut assembly = Assembly::new(BUFFER);
        for (n, frame) in (0..).zip(Scene(1).sound()) {
            assembly.frame(frame, FRAME_LENGTH * n + Duration::from_millis(delay(n)));
        }
        Scene(1).words().into_iter().for_each(|word| assembly.word(word));
        assembly
    }

    #[test]
    fn sound_may_come_unevenly_within_the_buffer() {
        assert_eq!(with_delays(|n| 30 + u64::from(n % 3) * 30).quality().late, 0);
        assert_eq!(with_delays(|n| if n == 7 { 61 } else { 0 }).quality().late, 1);
        assert_eq!(with_delays(|n| 500 * u64::from(n > 4)).quality().late, 20);
    }

    #[test]
    fn what_has_not_come_is_late_too() {
        let mut assembly = Assembly::new(BUFFER);
        assert_eq!(assembly.quality(), Quality { percent: 0, layers: 0, late: FRAMES, words_missing: WORDS });
        assembly.frame(Bytes::new(), Duration::ZERO);
        assert_eq!(assembly.quality().late, FRAMES - 1);
    }

    #[test]
    fn each_layer_makes_it_better_once_there_are_sound_and_words() {
        let mut assembly = with_delays(|_| 0);
        let mut percents = Vec::new();
        for layer in Scene(1).layers() {
            assert!(!assembly.is_whole());
            assembly.layer(&layer);
            percents.push(assembly.quality().percent);
        }
        assert_eq!(percents, [20, 40, 60, 80, 100]);
        assert!(assembly.is_whole());
    }
}
