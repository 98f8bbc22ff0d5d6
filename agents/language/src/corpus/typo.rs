//! Slips of the fingers: now and then two letters change places, or one is lost. First letters are safe.

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

/// One word in so many is misspelt, among those of at least [`SHORTEST`] letters.
const RATE: f64 = 0.07;

/// Shorter words are seldom misspelt, and often not to be recognised if they are.
const SHORTEST: u32 = 4;

/// Misspells a word with a small probability.
pub(super) fn maybe_misspell(word: &mut String, rng: &mut Xoshiro256PlusPlus) {
    let letters = u32::try_from(word.chars().count()).unwrap_or_default();
    if letters < SHORTEST || !rng.random_bool(RATE) {
        return;
    }
    let place = rng.random_range(1..letters - 1) as usize;
    let mut spelt: Vec<char> = word.chars().collect();
    if rng.random_bool(0.5) {
        spelt.swap(place, place + 1);
    } else {
        spelt.remove(place);
    }
    *word = spelt.into_iter().collect();
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn some_long_words_are_misspelt_by_one_slip_and_most_are_not() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut slips = 0_u32;
        for _ in 0..1000 {
            let mut word = "number".to_owned();
            maybe_misspell(&mut word, &mut rng);
            assert!(word.starts_with('n') && (5..=6).contains(&word.len()));
            slips += u32::from(word != "number");
        }
        assert!((30..150).contains(&slips), "{slips}");
    }

    #[test]
    fn short_words_are_left_alone() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut word = "odd".to_owned();
        (0..1000).for_each(|_| maybe_misspell(&mut word, &mut rng));
        assert_eq!(word, "odd");
    }
}
