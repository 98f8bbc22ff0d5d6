//! How an observation is to travel. Carries what its publisher chose; keeping to it is the nodes' part.

use std::fmt;
use std::sync::Arc;

use crate::error::{DecodeError, EncodeError, at_most};
use crate::limits::MAX_KEY_BYTES;

const KEY: &str = "bytes of an observation's key";

/// The delivery class of an observation, which its publisher chooses by topic.
///
/// ```
/// use swarm_proto::{Delivery, Key};
///
/// let newest = Delivery::Latest { key: Key::try_from("arm-2")? };
/// assert_eq!(newest.to_string(), "latest");
/// assert_eq!(Delivery::default(), Delivery::Lossy);
/// # Ok::<(), swarm_proto::EncodeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// In a datagram: it may be lost, come twice or out of order.
    #[default]
    Lossy,
    /// In a datagram. A newer one of the same origin, topic and key replaces it wherever it waits, and it is not
    /// delivered after a newer one.
    Latest {
        /// Which of the things that the topic is about; empty if there is but one.
        key: Key,
    },
    /// On a stream: those of one origin come once and in order, or the receiver is told how many are missing.
    Reliable,
}

impl fmt::Display for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lossy => "lossy",
            Self::Latest { .. } => "latest",
            Self::Reliable => "reliable",
        })
    }
}

/// Which of the things that a topic is about: at most 64 bytes of UTF-8, by default none. Cloning is cheap.
///
/// ```
/// use swarm_proto::Key;
///
/// assert_eq!(Key::try_from("arm-2")?.as_str(), "arm-2");
/// assert!(Key::try_from("x".repeat(65).as_str()).is_err());
/// # Ok::<(), swarm_proto::EncodeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Option<Arc<str>>);

impl Key {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    pub(crate) fn read(text: &str) -> Result<Self, DecodeError> {
        at_most(MAX_KEY_BYTES, text.len(), KEY)?;
        Ok(Self::of(text))
    }

    fn of(text: &str) -> Self {
        Self((!text.is_empty()).then(|| Arc::from(text)))
    }
}

impl TryFrom<&str> for Key {
    type Error = EncodeError;

    fn try_from(text: &str) -> Result<Self, EncodeError> {
        at_most(MAX_KEY_BYTES, text.len(), KEY)?;
        Ok(Self::of(text))
    }
}
