//! What an observation is about, and what somebody wants to hear of. Compares names only; who is sent what is decided
//! elsewhere.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{NameError, check_dotted, text_form, text_name};
use crate::pattern::{alike, check_pattern};

/// What an observation is about: labels of `[a-z0-9_-]`, 1 to 63 bytes each, joined by dots, at most 128 bytes.
///
/// Cloning is cheap: the text is shared. A string on the wire.
///
/// ```
/// use swarm_proto::TopicName;
///
/// let topic = TopicName::try_from("rover.position")?;
/// assert_eq!(topic.as_str(), "rover.position");
/// assert!("rover..position".parse::<TopicName>().is_err());
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TryFrom<&str> for TopicName {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        check_dotted(name)
            .map(|()| Self(Arc::from(name)))
            .map_err(|(kind, position)| NameError::new(kind, "topic", name, position))
    }
}

text_name!(TopicName);

/// One topic, or all whose names are alike: a dotted name in which `*` stands for any one label, and `**` at the end for
/// one label or more. `**` alone is every topic.
///
/// ```
/// use swarm_proto::TopicPattern;
///
/// let positions: TopicPattern = "rover.*.position".parse()?;
/// assert!(positions.matches(&"rover.7.position".parse()?));
/// assert!(!positions.matches(&"rover.position".parse()?));
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPattern(Arc<str>);

impl TopicPattern {
    /// Whether it means this topic.
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> bool {
        alike(&self.0, &topic.0)
    }

    /// Whether it means every topic.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        &*self.0 == "**"
    }

    /// The pattern that means every topic.
    #[must_use]
    pub fn everything() -> Self {
        Self(Arc::from("**"))
    }
}

/// The pattern that means this topic alone.
impl From<TopicName> for TopicPattern {
    fn from(topic: TopicName) -> Self {
        Self(topic.0)
    }
}

impl TryFrom<&str> for TopicPattern {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        check_pattern(text)
            .map(|()| Self(Arc::from(text)))
            .map_err(|(kind, position)| NameError::new(kind, "topic pattern", text, position))
    }
}

text_name!(TopicPattern);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, from_slice, to_vec};

    #[test]
    fn a_topic_is_a_string_on_the_wire() {
        let topic = TopicName::try_from("a.b").unwrap();

        assert_eq!(to_vec(&topic).unwrap(), b"\xa3a.b");
        assert_eq!(from_slice(b"\xa3a.b"), Ok(topic));
    }

    #[test]
    fn a_topic_is_a_pattern_that_matches_itself_alone() {
        let topic = TopicName::try_from("a.b").unwrap();
        let pattern = TopicPattern::from(topic.clone());

        assert!(pattern.matches(&topic));
        assert!(!pattern.matches(&"a.c".parse().unwrap()));
        assert!(!pattern.is_everything());
        assert!(TopicPattern::everything().matches(&topic));
    }

    #[test]
    fn a_pattern_has_no_version_and_no_half_labels() {
        for text in ["a@1", "a.b*", "**.a", "", "a..b"] {
            assert!(TopicPattern::try_from(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_topic_is_not_decoded() {
        for bytes in [b"\xa3A.b".as_slice(), b"\xa0", b"\xc4\x01a", b"\x01"] {
            assert!(matches!(from_slice::<TopicName>(bytes), Err(DecodeError::Malformed(_))), "{bytes:x?}");
        }
    }
}
