//! What can be asked about a digit. Says nothing about how it is asked.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// A question about a digit. On the wire and in [`Display`] it is its name in snake case.
///
/// ```
/// use agent_language::Intent;
///
/// assert_eq!(Intent::IsPrime.to_string(), "is_prime");
/// assert_eq!(Intent::ALL.len(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intent {
    /// Which digit it is.
    Name,
    /// Whether it is even or odd.
    Parity,
    /// Two times the digit.
    Double,
    /// The digit times itself.
    Square,
    /// The digit plus one.
    Successor,
    /// The digit minus one.
    Predecessor,
    /// Whether it is a prime number.
    IsPrime,
    /// The letters of its English name.
    Spell,
}

impl Intent {
    /// All intents, in the order of the network's outputs.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Parity,
        Self::Double,
        Self::Square,
        Self::Successor,
        Self::Predecessor,
        Self::IsPrime,
        Self::Spell,
    ];

    /// The name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Parity => "parity",
            Self::Double => "double",
            Self::Square => "square",
            Self::Successor => "successor",
            Self::Predecessor => "predecessor",
            Self::IsPrime => "is_prime",
            Self::Spell => "spell",
        }
    }
}

impl Display for Intent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_reader_see_the_same_name() {
        for intent in Intent::ALL {
            let bytes = rmp_serde::to_vec(&intent).unwrap();
            assert_eq!(rmp_serde::from_slice::<String>(&bytes).unwrap(), intent.to_string());
            assert_eq!(rmp_serde::from_slice::<Intent>(&bytes).unwrap(), intent);
        }
    }

    #[test]
    fn every_intent_is_listed_once() {
        let sorted: std::collections::BTreeSet<Intent> = Intent::ALL.into_iter().collect();
        assert_eq!(sorted.len(), Intent::ALL.len());
    }
}
