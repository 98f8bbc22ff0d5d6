//! What an agent can do for others, and how it says so. Names it only: who serves it, and how well, is not known here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Exceeded, at_most};
use crate::limits::{MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES};
use crate::name::{NameError, NameErrorKind, check_dotted, text_form};
use crate::wire::unique_texts;

/// A named thing that an agent can do for others, with its major version: two versions are two capabilities.
///
/// Written `vision.classify@2`; version 1 goes without saying. The name follows the rule of a [`TopicName`](crate::TopicName).
/// A string on the wire.
///
/// ```
/// use swarm_proto::Capability;
///
/// let capability: Capability = "vision.classify@2".parse()?;
/// assert_eq!((capability.name(), capability.version()), ("vision.classify", 2));
/// assert_eq!(Capability::try_from("vision.classify@1")?.to_string(), "vision.classify");
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability {
    name: Arc<str>,
    version: u16,
}

impl Capability {
    /// The name without the version.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The major version, 1 or more.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }
}

impl TryFrom<&str> for Capability {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        let refused = |(kind, position)| NameError::new(kind, "capability", text, position);
        let (name, version) = text.split_once('@').unwrap_or((text, "1"));
        check_dotted(name).map_err(refused)?;
        let version =
            parse_version(version).ok_or_else(|| refused((NameErrorKind::Version, name.len() + 1)))?;
        Ok(Self { name: Arc::from(name), version })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if self.version == 1 { Ok(()) } else { write!(formatter, "@{}", self.version) }
    }
}

text_form!(Capability);

/// What an agent says of one thing that it can do.
///
/// A map on the wire, of which readers ignore the keys they do not know; attributes may be left out. Parsed from text
/// it is a capability without attributes. Its limits are checked with those of the hello that carries it.
///
/// ```
/// use swarm_proto::Advertisement;
///
/// let advertisement = "vision.classify".parse::<Advertisement>()?.attribute("model", "digits-v2");
/// assert_eq!(advertisement.attributes["model"], "digits-v2");
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Advertisement {
    /// What the agent can do.
    pub capability: Capability,
    /// What else it says about it, in words that agents agree on: at most 16, keys and values of at most 128 bytes.
    #[serde(default, deserialize_with = "unique_texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Advertisement {
    /// With one more attribute, in place of an earlier one of that key.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(key.into(), value.into());
        self
    }

    pub(crate) fn within_limits(&self) -> Result<(), Exceeded> {
        at_most(MAX_ATTRIBUTES, self.attributes.len(), "attributes of a capability")?;
        let texts = self.attributes.iter().flat_map(|(key, value)| [key, value]);
        let longest = texts.map(String::len).max().unwrap_or_default();
        at_most(MAX_ATTRIBUTE_BYTES, longest, "bytes of an attribute")
    }
}

impl From<Capability> for Advertisement {
    fn from(capability: Capability) -> Self {
        Self { capability, attributes: BTreeMap::new() }
    }
}

impl TryFrom<&str> for Advertisement {
    type Error = NameError;

    fn try_from(capability: &str) -> Result<Self, NameError> {
        Capability::try_from(capability).map(Self::from)
    }
}

impl FromStr for Advertisement {
    type Err = NameError;

    fn from_str(capability: &str) -> Result<Self, NameError> {
        Self::try_from(capability)
    }
}

/// Only digits, and no leading zero: a version has one spelling.
pub(crate) fn parse_version(text: &str) -> Option<u16> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_slice, to_vec};

    #[test]
    fn version_1_goes_without_saying() {
        let capability = Capability::try_from("vision.classify").unwrap();

        assert_eq!(capability.version(), 1);
        assert_eq!(capability, Capability::try_from("vision.classify@1").unwrap());
        assert_eq!(to_vec(&capability).unwrap(), b"\xafvision.classify");
    }

    #[test]
    fn a_version_is_a_number_from_1_with_one_spelling() {
        assert_eq!(Capability::try_from("a@65535").unwrap().version(), u16::MAX);
        for text in ["a@", "a@0", "a@01", "a@+1", "a@65536", "a@1@1", "a@x"] {
            let error = Capability::try_from(text).unwrap_err();
            assert_eq!((error.kind, error.position), (NameErrorKind::Version, 2), "{text}");
        }
    }

    #[test]
    fn capabilities_are_sorted_by_name_then_version() {
        let parse = |text| Capability::try_from(text).unwrap();

        assert!(parse("a@10") > parse("a@9"));
        assert!(parse("a@10") < parse("b"));
    }

    #[test]
    fn a_capability_is_an_advertisement_without_attributes() {
        let advertisement: Advertisement = "vision.classify@2".parse().unwrap();

        assert_eq!(advertisement, Capability::try_from("vision.classify@2").unwrap().into());
        assert_eq!(to_vec(&advertisement).unwrap(), b"\x81\xaacapability\xb1vision.classify@2");
        assert_eq!(Advertisement::try_from("A").unwrap_err().subject, "capability");
    }

    #[test]
    fn an_advertisement_ignores_what_it_does_not_know() {
        let later = b"\x82\xaacapability\xa1a\xa4load\x05";

        let advertisement: Advertisement = from_slice(later).unwrap();

        assert_eq!(advertisement, Capability::try_from("a").unwrap().into());
    }
}
