//! What names may look like: that of a swarm, and the dotted names that capabilities and topics share. Decides about
//! spelling only, never about what a name stands for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::limits::{MAX_DOTTED_NAME_BYTES, MAX_NAME_LABEL_BYTES, MAX_SWARM_NAME_BYTES};

/// Characters of a refused name that an error repeats.
const SHORTENED_CHARS: usize = 40;

/// Why a name was refused, and at which byte.
///
/// ```
/// use swarm_proto::{NameErrorKind, TopicName};
///
/// let refused = TopicName::try_from("rover.Position").unwrap_err();
/// assert_eq!(refused.kind, NameErrorKind::Character('P'));
/// assert_eq!(refused.position, 6);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the {subject} \"{name}\" is not valid at byte {position}: {kind}")]
pub struct NameError {
    /// What is wrong.
    pub kind: NameErrorKind,
    /// What the name was to be: `swarm name`, `capability`, `capability pattern`, `topic` or `topic pattern`.
    pub subject: &'static str,
    /// The name; a long one is shortened to its first 40 characters and an ellipsis.
    pub name: String,
    /// Offset in bytes of what is wrong, from the start of the name.
    pub position: usize,
}

/// What is wrong with a name.
///
/// ```
/// use swarm_proto::NameErrorKind;
///
/// assert_eq!(NameErrorKind::TooLong { max: 63 }.to_string(), "it is longer than 63 bytes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// There is no name.
    #[error("it is empty")]
    Empty,
    /// The whole name is too long.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// Longest that is allowed, in bytes.
        max: usize,
    },
    /// Nothing stands between two dots, before the first or behind the last.
    #[error("a label between dots is empty")]
    EmptyLabel,
    /// One label between dots is too long.
    #[error("a label between dots is longer than {max} bytes")]
    LabelTooLong {
        /// Longest that is allowed, in bytes.
        max: usize,
    },
    /// A character that such a name may not contain.
    #[error("{0:?} is not allowed; use lower-case ASCII letters, digits and '-' (between dots also '_')")]
    Character(char),
    /// The name of a swarm begins with a hyphen.
    #[error("it must begin with a letter or digit")]
    Start,
    /// What follows the `@` of a capability is not a version.
    #[error("a version is a number from 1 to 65535 without leading zeros")]
    Version,
}

impl NameError {
    pub(crate) fn new(kind: NameErrorKind, subject: &'static str, name: &str, position: usize) -> Self {
        Self { kind, subject, name: shortened(name), position }
    }
}

/// The name of a swarm: 1 to 63 bytes of lower-case ASCII letters, digits and hyphens, not beginning with a hyphen.
///
/// A string on the wire. The default is `local`.
///
/// ```
/// use swarm_proto::SwarmName;
///
/// let name: SwarmName = "harbour-7".parse()?;
/// assert_eq!(name.as_str(), "harbour-7");
/// assert_eq!(SwarmName::default().as_str(), "local");
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwarmName(Arc<str>);

impl Default for SwarmName {
    fn default() -> Self {
        Self(Arc::from("local"))
    }
}

impl TryFrom<&str> for SwarmName {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        check_swarm_name(name)
            .map(|()| Self(Arc::from(name)))
            .map_err(|(kind, position)| NameError::new(kind, "swarm name", name, position))
    }
}

/// Implements what every name in text form offers: `as_str`, text, parsing and serde as a string.
macro_rules! text_name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_form!($name);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

/// Implements parsing and serde as a string, for a type that has `Display` and `TryFrom<&str>`.
macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:?}", self.to_string())
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = crate::wire::Text::deserialize(deserializer)?;
                Self::try_from(&*text.0).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {text_form, text_name};

text_name!(SwarmName);

/// Checks the rule that capabilities and topics share: labels of `[a-z0-9_-]`, 1 to 63 bytes each, joined by dots, 128
/// bytes in total. An error says what is wrong at which byte.
pub(crate) fn check_dotted(name: &str) -> Result<(), (NameErrorKind, usize)> {
    check_length(name, MAX_DOTTED_NAME_BYTES)?;
    let mut start = 0;
    for label in name.split('.') {
        check_label(label).map_err(|(kind, position)| (kind, start + position))?;
        start += label.len() + 1;
    }
    Ok(())
}

pub(crate) fn check_label(label: &str) -> Result<(), (NameErrorKind, usize)> {
    if label.is_empty() {
        return Err((NameErrorKind::EmptyLabel, 0));
    }
    check_characters(label, |character| is_plain(character) || character == '_')?;
    if label.len() > MAX_NAME_LABEL_BYTES {
        return Err((NameErrorKind::LabelTooLong { max: MAX_NAME_LABEL_BYTES }, MAX_NAME_LABEL_BYTES));
    }
    Ok(())
}

fn check_swarm_name(name: &str) -> Result<(), (NameErrorKind, usize)> {
    check_length(name, MAX_SWARM_NAME_BYTES)?;
    if name.starts_with('-') {
        return Err((NameErrorKind::Start, 0));
    }
    check_characters(name, is_plain)
}

pub(crate) fn check_length(name: &str, max: usize) -> Result<(), (NameErrorKind, usize)> {
    match name.len() {
        0 => Err((NameErrorKind::Empty, 0)),
        length if length > max => Err((NameErrorKind::TooLong { max }, max)),
        _ => Ok(()),
    }
}

fn check_characters(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), (NameErrorKind, usize)> {
    match text.char_indices().find(|(_, character)| !allowed(*character)) {
        Some((position, character)) => Err((NameErrorKind::Character(character), position)),
        None => Ok(()),
    }
}

fn is_plain(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '-')
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(SHORTENED_CHARS) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_name_is_like_a_dns_label() {
        for name in ["a", "7", "local", "harbour-7", &"x".repeat(63)] {
            assert_eq!(SwarmName::try_from(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_refused_swarm_name_says_why_and_where() {
        for (name, kind, position) in [
            ("", NameErrorKind::Empty, 0),
            ("-a", NameErrorKind::Start, 0),
            ("haRbour", NameErrorKind::Character('R'), 2),
            ("a.b", NameErrorKind::Character('.'), 1),
            ("aé", NameErrorKind::Character('é'), 1),
            (&"x".repeat(64), NameErrorKind::TooLong { max: 63 }, 63),
        ] {
            let error = SwarmName::try_from(name).unwrap_err();
            assert_eq!((error.kind, error.position), (kind, position), "{name}");
        }
    }

    #[test]
    fn a_dotted_name_is_made_of_labels() {
        let longest = format!("{}.{}", "x".repeat(63), "y".repeat(63));
        for name in ["a", "_", "-", "rover.position", "a.b.c.d", "0.1", &longest] {
            assert_eq!(check_dotted(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_refused_dotted_name_says_why_and_where() {
        for (name, kind, position) in [
            ("", NameErrorKind::Empty, 0),
            (".a", NameErrorKind::EmptyLabel, 0),
            ("a..b", NameErrorKind::EmptyLabel, 2),
            ("a.", NameErrorKind::EmptyLabel, 2),
            ("rover.Position", NameErrorKind::Character('P'), 6),
            ("rover/position", NameErrorKind::Character('/'), 5),
            (&format!("a.{}", "x".repeat(64)), NameErrorKind::LabelTooLong { max: 63 }, 65),
            (&"abc.".repeat(33), NameErrorKind::TooLong { max: 128 }, 128),
        ] {
            assert_eq!(check_dotted(name), Err((kind, position)), "{name}");
        }
    }

    #[test]
    fn an_error_repeats_only_the_start_of_a_long_name() {
        let error = SwarmName::try_from("é".repeat(1_000).as_str()).unwrap_err();

        assert_eq!(error.name, format!("{}…", "é".repeat(40)));
    }

    #[test]
    fn an_error_reads_as_the_end_of_a_sentence() {
        let error = SwarmName::try_from("a b").unwrap_err();

        assert_eq!(
            error.to_string(),
            "the swarm name \"a b\" is not valid at byte 1: ' ' is not allowed; use lower-case ASCII letters, \
             digits and '-' (between dots also '_')"
        );
    }
}
