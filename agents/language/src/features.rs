//! Words as numbers: counts of words, pairs of words and triples of letters, hashed into a fixed number of places.
//!
//! Grows word by word, so that a guess can follow each. The same words give the same numbers on every machine and in
//! training; change anything here and the network has to be trained anew.

/// What a sentence says so far, as [`Features::DIMENSIONS`] numbers.
///
/// Case and punctuation do not matter. The numbers are sums and grow with the sentence; the network takes care of that.
///
/// ```
/// use agent_language::Features;
///
/// let mut features = Features::new();
/// features.push_token("Even");
/// features.push_token("or");
/// assert_eq!(features.as_slice().len(), Features::DIMENSIONS);
///
/// let mut same = Features::new();
/// same.push_token("even,");
/// same.push_token("or");
/// assert_eq!(features, same);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    values: Vec<f32>,
    previous: String,
}

impl Features {
    /// How many numbers describe a sentence.
    pub const DIMENSIONS: usize = 512;

    /// Of a sentence that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self { values: vec![0.0; Self::DIMENSIONS], previous: String::new() }
    }

    /// Adds the next word. A token without letters and digits adds nothing.
    pub fn push_token(&mut self, token: &str) {
        let word: String =
            token.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if word.is_empty() {
            return;
        }
        self.add(Kind::Word, [word.as_str()]);
        let previous = std::mem::take(&mut self.previous);
        self.add(Kind::Pair, [previous.as_str(), word.as_str()]);
        self.add_letters(&word);
        self.previous = word;
    }

    /// The numbers, always [`Features::DIMENSIONS`] of them.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// Triples of letters, so that a misspelt word still resembles what it was meant to be.
    fn add_letters(&mut self, word: &str) {
        let letters: Vec<char> = ['<'].into_iter().chain(word.chars()).chain(['>']).collect();
        for triple in letters.windows(3) {
            self.add(Kind::Letters, [triple.iter().collect::<String>().as_str()]);
        }
    }

    fn add<const N: usize>(&mut self, kind: Kind, parts: [&str; N]) {
        let hash = fnv(kind, parts);
        let place = (hash ^ (hash >> 32)) % Self::DIMENSIONS as u64;
        // Half of what is counted is counted down: what falls on one place by chance then cancels out on average.
        let sign = if hash & (1 << 63) == 0 { 1.0 } else { -1.0 };
        if let Some(value) = usize::try_from(place).ok().and_then(|place| self.values.get_mut(place)) {
            *value += sign * kind.weight();
        }
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> FromIterator<&'a str> for Features {
    /// The features of a whole sentence, from its tokens.
    fn from_iter<I: IntoIterator<Item = &'a str>>(tokens: I) -> Self {
        let mut features = Self::new();
        tokens.into_iter().for_each(|token| features.push_token(token));
        features
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Word,
    Pair,
    Letters,
}

impl Kind {
    /// There are about five triples of letters to a word; halved, they do not drown it.
    const fn weight(self) -> f32 {
        match self {
            Self::Word | Self::Pair => 1.0,
            Self::Letters => 0.5,
        }
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Word => b'w',
            Self::Pair => b'p',
            Self::Letters => b'l',
        }
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv), over the kind and its parts, each ended by a byte that no UTF-8 text has.
fn fnv<const N: usize>(kind: Kind, parts: [&str; N]) -> u64 {
    let parts = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    [kind.tag()]
        .into_iter()
        .chain(parts)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_numbers_on_every_machine() {
        let features: Features = "what is twice the digit".split(' ').collect();
        let used = features.as_slice().iter().filter(|&&value| value != 0.0).count();
        let places: f32 =
            (0_u16..).zip(features.as_slice()).map(|(place, value)| f32::from(place) * value).sum();
        assert_eq!((used, places), (28, -2554.5));
    }

    #[test]
    fn order_of_words_matters() {
        let asked: Features = ["is", "it"].into_iter().collect();
        let told: Features = ["it", "is"].into_iter().collect();
        assert_ne!(asked, told);
    }

    #[test]
    fn a_token_without_letters_changes_nothing() {
        let mut features: Features = ["is", "it"].into_iter().collect();
        let before = features.clone();
        features.push_token("--");
        assert_eq!(features, before);
    }

    #[test]
    fn a_misspelt_word_resembles_its_original_more_than_another() {
        let of = |word: &'static str| [word].into_iter().collect::<Features>();
        let likeness = |other: &Features| -> f32 {
            of("predecessor").as_slice().iter().zip(other.as_slice()).map(|(a, b)| a * b).sum()
        };
        assert!(likeness(&of("predecesor")) > likeness(&of("successor")));
    }
}
