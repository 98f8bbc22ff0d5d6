//! Writes sentences as people ask: by turns blunt, polite, chatty and misspelt.
//!
//! A wording is an opening, a core, a way to refer to the digit, and a closing; there are tens of thousands per intent.
//! A quarter of them, chosen by their hash, is held out: [`SentenceWriter::new`] never writes these, and
//! [`SentenceWriter::held_out`] writes no others, which shows whether a classifier understands or remembers. Every
//! sentence follows from the seed alone, on every machine. Nothing here knows a classifier.

mod phrases;
mod typo;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::Intent;
use phrases::{CLOSINGS, ENDINGS, Form, REFERENCES, cores};

/// One wording in this many is held out.
const HELD_OUT_SHARE: u64 = 4;

/// Writes sentences, one after another, without end.
///
/// Iterating yields sentences with their intents, at random; [`write`](Self::write) writes one of a chosen intent. Two
/// writers of the same seed that are asked the same write the same.
///
/// ```
/// use agent_language::{Intent, Sentence, SentenceWriter};
///
/// let sentence = SentenceWriter::new(7).write(Intent::Double);
/// assert_eq!(sentence, SentenceWriter::new(7).write(Intent::Double));
/// assert!(Sentence::new(sentence).is_ok());
///
/// let training: Vec<(String, Intent)> = SentenceWriter::new(1).take(3).collect();
/// assert_eq!(training.len(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct SentenceWriter {
    rng: Xoshiro256PlusPlus,
    held_out: bool,
}

impl SentenceWriter {
    /// A writer whose sentences all follow from `seed`, in wordings that are meant for training.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Xoshiro256PlusPlus::seed_from_u64(seed), held_out: false }
    }

    /// A writer whose sentences all follow from `seed`, in wordings that [`new`](Self::new) never uses.
    #[must_use]
    pub fn held_out(seed: u64) -> Self {
        Self { held_out: true, ..Self::new(seed) }
    }

    /// Writes a sentence that asks for `intent`.
    pub fn write(&mut self, intent: Intent) -> String {
        let mut wording = self.wording(intent);
        while is_held_out(&wording) != self.held_out {
            wording = self.wording(intent);
        }
        let mut words: Vec<String> = wording.split_whitespace().map(str::to_owned).collect();
        words.iter_mut().for_each(|word| typo::maybe_misspell(word, &mut self.rng));
        let sentence = words.join(" ") + self.pick(&ENDINGS);
        if self.rng.random_bool(0.5) { capitalise(&sentence) } else { sentence }
    }

    fn wording(&mut self, intent: Intent) -> String {
        let form = self.pick(&[Form::Question, Form::Clause, Form::Command]);
        let (opening, core) = (self.pick(form.openings()), self.pick(cores(intent, form)));
        let (reference, closing) = (self.pick(&REFERENCES), self.pick(&CLOSINGS));
        let core = core.replace("{x}", reference);
        [opening, &self.choose_words(&core), closing].join(" ")
    }

    /// Settles each choice of words, which is written as `[one|another]`.
    fn choose_words(&mut self, pattern: &str) -> String {
        let mut chosen = String::new();
        for part in pattern.split('[') {
            let (choices, rest) = part.split_once(']').unwrap_or(("", part));
            let choices: Vec<&str> = choices.split('|').collect();
            chosen.push_str(choices.choose(&mut self.rng).copied().unwrap_or_default());
            chosen.push_str(rest);
        }
        chosen
    }

    fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.choose(&mut self.rng).copied().unwrap_or_default()
    }
}

impl Iterator for SentenceWriter {
    type Item = (String, Intent);

    fn next(&mut self) -> Option<Self::Item> {
        let intent = Intent::ALL.choose(&mut self.rng).copied()?;
        Some((self.write(intent), intent))
    }
}

fn is_held_out(wording: &str) -> bool {
    let hash = wording.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(HELD_OUT_SHARE)
}

fn capitalise(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_writes_the_same_sentences_on_every_machine() {
        let written: Vec<String> = SentenceWriter::new(7).take(3).map(|(sentence, _)| sentence).collect();
        assert_eq!(
            written,
            [
                "Sorry to bother you, what digit is shown thank you",
                "I need you to say which digit the number on the photo is for me!",
                "Exucse me, what comes next if i count up from the numebr in the image my friend!",
            ]
        );
    }

    #[test]
    fn held_out_wordings_are_never_written_for_training() {
        let mut training = SentenceWriter::new(1);
        let mut test = SentenceWriter::held_out(1);
        for intent in Intent::ALL.into_iter().cycle().take(400) {
            assert!(!is_held_out(&training.accepted(intent)));
            assert!(is_held_out(&test.accepted(intent)));
        }
    }

    impl SentenceWriter {
        /// The wording behind the sentence that `write` would write.
        fn accepted(&mut self, intent: Intent) -> String {
            loop {
                let wording = self.wording(intent);
                if is_held_out(&wording) == self.held_out {
                    return wording;
                }
            }
        }
    }

    #[test]
    fn sentences_hardly_ever_repeat() {
        let sentences: BTreeSet<String> =
            SentenceWriter::new(3).take(1000).map(|(sentence, _)| sentence).collect();
        assert!(sentences.len() > 950, "{} different ones", sentences.len());
    }

    #[test]
    fn no_mark_of_a_pattern_is_left_in_a_sentence() {
        for (sentence, _) in SentenceWriter::new(4).take(2000) {
            assert!(!sentence.contains(['[', ']', '|', '{', '}']), "{sentence}");
            assert!(!sentence.contains("  ") && sentence.trim() == sentence, "{sentence}");
        }
    }
}
