//! What a reply is made of beside plain chunks: artefacts that are improved on, and notes of progress.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::DecodeError;
use crate::frame::cut;
use crate::limits::{MAX_CHUNK_BYTES, MAX_LABEL_BYTES, MAX_PROGRESS_TEXT_BYTES};
use crate::reader::ArrayReader;
use crate::wire::{Binary, Text, optional_text};

pub(super) const QUALITY: &str = "percent of an artefact's quality";
const PROGRESS: &str = "bytes of a progress note";

/// A result that gets better: each revision replaces the one before it under the same name.
///
/// `[35, name, revision, quality, payload]` on the wire.
///
/// ```
/// use swarm_proto::Artefact;
///
/// let draft = Artefact::new("depth-map", 1, 30, vec![0_u8; 64]);
/// let better = Artefact::new("depth-map", 2, 80, vec![1_u8; 1024]);
/// assert!(better.replaces(&draft));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// What it is; at most 64 bytes.
    pub name: String,
    /// Which revision of it; a later one has a higher number.
    pub revision: u32,
    /// How good its maker thinks it is, in percent: 100 for a final one.
    pub quality: u8,
    /// The content, at most 64 KiB.
    pub payload: Bytes,
}

impl Artefact {
    /// A revision of an artefact. Its limits are checked when the frame is encoded.
    #[must_use]
    pub fn new(name: impl Into<String>, revision: u32, quality: u8, payload: impl Into<Bytes>) -> Self {
        Self { name: name.into(), revision, quality, payload: payload.into() }
    }

    /// Whether it is a later revision of the same artefact.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        self.name == other.name && self.revision > other.revision
    }

    pub(super) fn exceeded(&self) -> Option<(&'static str, usize)> {
        if self.quality > 100 {
            return Some((QUALITY, 100));
        }
        super::exceeded(self.name.len(), self.payload.len())
    }
}

pub(super) fn read_artefact(reader: &mut ArrayReader<'_>) -> Result<Artefact, DecodeError> {
    let name = reader.next::<Text<'_>>("name")?.0;
    let (revision, quality) = (reader.next("revision")?, reader.next("quality")?);
    let payload = reader.next::<Binary<'_>>("payload")?.0;
    // Looked at before anything is copied.
    let too_long = name.len() > MAX_LABEL_BYTES || payload.len() > MAX_CHUNK_BYTES;
    let content = if too_long { Bytes::new() } else { Bytes::copy_from_slice(payload) };
    match super::exceeded(name.len(), payload.len()) {
        Some((what, max)) => Err(DecodeError::LimitExceeded { what, max }),
        None if quality > 100 => Err(DecodeError::LimitExceeded { what: QUALITY, max: 100 }),
        None => Ok(Artefact::new(name, revision, quality, content)),
    }
}

/// A note that work goes on: it renews the idle limit of a request, and says how far things are.
///
/// `[34, map]` on the wire; both entries may be left out. The text is cut to 256 bytes when it is encoded.
///
/// ```
/// use swarm_proto::Progress;
///
/// let note = Progress { text: "loading the model".into(), percent: Some(40) };
/// assert!(Progress::default().text.is_empty());
/// # let _ = note;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "ProgressWire", try_from = "ProgressWire")]
pub struct Progress {
    /// What is being done, for a human reader, possibly nothing.
    pub text: String,
    /// How much of the work is done, in percent, if that is known.
    pub percent: Option<u8>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProgressWire {
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
}

impl From<Progress> for ProgressWire {
    fn from(progress: Progress) -> Self {
        let text = cut(&progress.text, MAX_PROGRESS_TEXT_BYTES).to_owned();
        Self {
            text: (!text.is_empty()).then_some(text),
            percent: progress.percent.map(|percent| percent.min(100)),
        }
    }
}

impl TryFrom<ProgressWire> for Progress {
    type Error = DecodeError;

    fn try_from(wire: ProgressWire) -> Result<Self, DecodeError> {
        let text = wire.text.unwrap_or_default();
        if text.len() > MAX_PROGRESS_TEXT_BYTES {
            return Err(DecodeError::LimitExceeded { what: PROGRESS, max: MAX_PROGRESS_TEXT_BYTES });
        }
        Ok(Self { text, percent: wire.percent.map(|percent| percent.min(100)) })
    }
}
