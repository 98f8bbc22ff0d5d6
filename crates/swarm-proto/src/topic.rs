//! What an observation is about. A topic is one name; patterns over topics belong to who subscribes, not here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{NameError, check_dotted, text_form, text_name};

/// What an observation is about: labels of `[a-z0-9_-]`, 1 to 63 bytes each, joined by dots, at most 128 bytes.
///
/// Cloning is cheap: the text is shared. A string on the wire.
///
/// ```
/// use swarm_proto::Topic;
///
/// let topic = Topic::try_from("rover.position")?;
/// assert_eq!(topic.as_str(), "rover.position");
/// assert!("rover..position".parse::<Topic>().is_err());
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl TryFrom<&str> for Topic {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        check_dotted(name)
            .map(|()| Self(Arc::from(name)))
            .map_err(|(kind, position)| NameError::new(kind, "topic", name, position))
    }
}

text_name!(Topic);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeError, from_slice, to_vec};

    #[test]
    fn a_topic_is_a_string_on_the_wire() {
        let topic = Topic::try_from("a.b").unwrap();

        assert_eq!(to_vec(&topic).unwrap(), b"\xa3a.b");
        assert_eq!(from_slice(b"\xa3a.b"), Ok(topic));
    }

    #[test]
    fn what_is_no_topic_is_not_decoded() {
        for bytes in [b"\xa3A.b".as_slice(), b"\xa0", b"\xc4\x01a", b"\x01"] {
            assert!(matches!(from_slice::<Topic>(bytes), Err(DecodeError::Malformed(_))), "{bytes:x?}");
        }
    }
}
