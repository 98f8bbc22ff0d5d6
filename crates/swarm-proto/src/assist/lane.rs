//! Which requests go first. Names the order only; that streams keep it is the node's part.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::Text;

/// How urgent a request is, next to others on the same connection.
///
/// A word on the wire; one that is not known is read as [`Lane::Interactive`].
///
/// ```
/// use swarm_proto::Lane;
///
/// assert!(Lane::Control < Lane::Interactive && Lane::Interactive < Lane::Bulk);
/// assert_eq!(Lane::default().to_string(), "interactive");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lane {
    /// Small and urgent: commands, safety. `control`.
    Control,
    /// Somebody waits for it. `interactive`.
    #[default]
    Interactive,
    /// Large and patient: it takes what the others leave. `bulk`.
    Bulk,
}

impl Lane {
    fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match &*Text::deserialize(deserializer)?.0 {
            "control" => Self::Control,
            "bulk" => Self::Bulk,
            _ => Self::Interactive,
        })
    }
}
