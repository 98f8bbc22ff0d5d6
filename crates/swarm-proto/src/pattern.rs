//! Which capabilities somebody has in mind. Compares names only; which agent is asked is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::capability::{Capability, parse_version};
use crate::limits::MAX_DOTTED_NAME_BYTES;
use crate::name::{NameError, NameErrorKind, check_label, check_length, text_form};

/// One capability, or all whose names are alike.
///
/// A dotted name in which `*` stands for any one label, and `**` at the end for one label or more. Like a capability it
/// means version 1 unless it names another; `@*` means any. Every capability is a pattern that matches itself alone.
///
/// ```
/// use swarm_proto::{Capability, CapabilityPattern};
///
/// let sight: CapabilityPattern = "vision.*@*".parse()?;
/// assert!(sight.matches(&"vision.classify@2".parse()?));
/// assert!(!sight.matches(&"vision.depth.stereo".parse()?));
///
/// let one = CapabilityPattern::from("vision.classify".parse::<Capability>()?);
/// assert_eq!(one.exact(), Some(&"vision.classify".parse()?));
/// # Ok::<(), swarm_proto::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityPattern(Kind);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Exact(Capability),
    /// A version of `None` is any.
    Alike {
        name: Box<str>,
        version: Option<u16>,
    },
}

const ONE: &str = "*";
const REST: &str = "**";

impl CapabilityPattern {
    /// Whether it means this capability.
    #[must_use]
    pub fn matches(&self, capability: &Capability) -> bool {
        match &self.0 {
            Kind::Exact(exact) => exact == capability,
            Kind::Alike { name, version } => {
                version.is_none_or(|version| version == capability.version())
                    && alike(name, capability.name())
            }
        }
    }

    /// Every version of every capability: `**@*`.
    #[must_use]
    pub fn everything() -> Self {
        Self(Kind::Alike { name: REST.into(), version: None })
    }

    /// The capability, if it means one alone.
    #[must_use]
    pub fn exact(&self) -> Option<&Capability> {
        match &self.0 {
            Kind::Exact(capability) => Some(capability),
            Kind::Alike { .. } => None,
        }
    }
}

/// Whether a dotted name is one of those that a pattern of labels stands for.
pub(crate) fn alike(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut labels) = (pattern.split('.'), name.split('.'));
    loop {
        match (wanted.next(), labels.next()) {
            (Some(REST), Some(_)) => return true,
            (Some(ONE), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

impl From<Capability> for CapabilityPattern {
    fn from(capability: Capability) -> Self {
        Self(Kind::Exact(capability))
    }
}

impl TryFrom<&str> for CapabilityPattern {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        if !text.contains('*') {
            return Capability::try_from(text).map(Self::from);
        }
        let refused = |(kind, position)| NameError::new(kind, "capability pattern", text, position);
        let (name, version) = text.split_once('@').unwrap_or((text, "1"));
        check_pattern(name).map_err(refused)?;
        let version = match version {
            ONE => None,
            number => {
                let parsed = parse_version(number);
                Some(parsed.ok_or_else(|| refused((NameErrorKind::Version, name.len() + 1)))?)
            }
        };
        Ok(Self(Kind::Alike { name: name.into(), version }))
    }
}

/// The rule of dotted names, but for the wildcards.
pub(crate) fn check_pattern(name: &str) -> Result<(), (NameErrorKind, usize)> {
    check_length(name, MAX_DOTTED_NAME_BYTES)?;
    let mut start = 0;
    let mut labels = name.split('.').peekable();
    while let Some(label) = labels.next() {
        match label {
            REST if labels.peek().is_some() => return Err((NameErrorKind::Character('*'), start)),
            ONE | REST => {}
            label => check_label(label).map_err(|(kind, position)| (kind, start + position))?,
        }
        start += label.len() + 1;
    }
    Ok(())
}

impl fmt::Display for CapabilityPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(capability) => capability.fmt(formatter),
            Kind::Alike { name, version: None } => write!(formatter, "{name}@*"),
            Kind::Alike { name, version: Some(1) } => formatter.write_str(name),
            Kind::Alike { name, version: Some(version) } => write!(formatter, "{name}@{version}"),
        }
    }
}

text_form!(CapabilityPattern);

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, capability: &str) -> bool {
        let pattern: CapabilityPattern = pattern.parse().unwrap();
        assert_eq!(pattern.to_string().parse::<CapabilityPattern>().unwrap(), pattern);
        pattern.matches(&capability.parse().unwrap())
    }

    #[test]
    fn a_star_is_one_label_and_two_are_the_rest() {
        assert!(matches("vision.classify", "vision.classify"));
        assert!(matches("*.classify", "vision.classify"));
        assert!(matches("vision.*", "vision.classify"));
        assert!(!matches("vision.*", "vision"));
        assert!(!matches("vision.*", "vision.depth.stereo"));
        assert!(matches("vision.**", "vision.depth.stereo"));
        assert!(!matches("vision.**", "vision"));
        assert!(matches("**", "anything.at.all"));
    }

    #[test]
    fn a_version_goes_without_saying_unless_it_is_open() {
        assert!(!matches("vision.*", "vision.classify@2"));
        assert!(matches("vision.*@2", "vision.classify@2"));
        assert!(matches("vision.classify@*", "vision.classify@7"));
        assert!(!matches("vision.classify@2", "vision.classify"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_at_its_place() {
        for (text, kind, position) in [
            ("**.a", NameErrorKind::Character('*'), 0),
            ("a.b*", NameErrorKind::Character('*'), 3),
            ("*..a", NameErrorKind::EmptyLabel, 2),
            ("*@0", NameErrorKind::Version, 2),
            ("*@x", NameErrorKind::Version, 2),
            ("*.A", NameErrorKind::Character('A'), 2),
            ("@*", NameErrorKind::Empty, 0),
            ("*.", NameErrorKind::EmptyLabel, 2),
            (&format!("*.{}", "x".repeat(64)), NameErrorKind::LabelTooLong { max: 63 }, 65),
            (&"*.".repeat(65), NameErrorKind::TooLong { max: 128 }, 128),
        ] {
            let error = CapabilityPattern::try_from(text).unwrap_err();
            assert_eq!((error.kind, error.position), (kind, position), "{text}");
        }
    }
}
