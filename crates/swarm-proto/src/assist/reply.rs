//! What a reply is made of beside plain chunks: artefacts, of which better ones follow, and notes of progress. Which of
//! them a responder still sends is decided elsewhere.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{DecodeError, Exceeded, at_most};
use crate::frame::cut;
use crate::limits::{MAX_CHUNK_BYTES, MAX_LABEL_BYTES, MAX_PROGRESS_TEXT_BYTES};
use crate::reader::ArrayReader;
use crate::wire::{Binary, Text, optional_text};

pub(super) const QUALITY: &str = "percent of an artefact's quality";
const FULL: u8 = 100;
const NAME: &str = "bytes of an artefact's name";
const PAYLOAD: &str = "bytes of an artefact's payload";
const NOTE: &str = "bytes of a progress note";

/// One revision of a result that gets better: it takes the place of earlier ones of the same name.
///
/// `[35, name, revision, quality, payload]` on the wire. Revisions may be left out: a responder drops one that it has
/// not sent when the next is there.
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
    /// Which result it is; at most 64 bytes.
    pub name: String,
    /// Which revision of it; a later one has a larger number.
    pub revision: u32,
    /// How good its maker thinks it is, 0 to 100 percent; 100 says that no better one will come.
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

    pub(super) fn within_limits(&self) -> Result<(), Exceeded> {
        within_limits(&self.name, self.quality, &self.payload)
    }
}

pub(super) fn read_artefact(reader: &mut ArrayReader<'_>) -> Result<Artefact, DecodeError> {
    let name = reader.next::<Text<'_>>("name")?.0;
    let (revision, quality) = (reader.next("revision")?, reader.next("quality")?);
    let payload = reader.next::<Binary<'_>>("payload")?.0;
    within_limits(&name, quality, payload)?;
    Ok(Artefact::new(name, revision, quality, Bytes::copy_from_slice(payload)))
}

fn within_limits(name: &str, quality: u8, payload: &[u8]) -> Result<(), Exceeded> {
    at_most(MAX_LABEL_BYTES, name.len(), NAME)?;
    at_most(FULL.into(), quality.into(), QUALITY)?;
    at_most(MAX_CHUNK_BYTES, payload.len(), PAYLOAD)
}

/// A note that work goes on, and how far it is. It counts as something that moved where a request has an idle limit,
/// and is no part of the answer.
///
/// `[34, map]` on the wire; both entries may be left out. The text is cut to 256 bytes when it is encoded; a percentage
/// above 100 is written and read as 100.
///
/// ```
/// use swarm_proto::{Frame, Progress, ReplyFrame};
///
/// let note = ReplyFrame::Progress(Progress { text: "loading the model".into(), percent: Some(40) });
/// assert_eq!(ReplyFrame::decode(&note.encode()?)?, note);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "ProgressWire", try_from = "ProgressWire")]
pub struct Progress {
    /// What is being done, for a human reader, possibly nothing.
    pub text: String,
    /// How much of the work is done, 0 to 100 percent, if that is known.
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
            percent: progress.percent.map(|percent| percent.min(FULL)),
        }
    }
}

impl TryFrom<ProgressWire> for Progress {
    type Error = DecodeError;

    fn try_from(wire: ProgressWire) -> Result<Self, DecodeError> {
        let text = wire.text.unwrap_or_default();
        at_most(MAX_PROGRESS_TEXT_BYTES, text.len(), NOTE)?;
        Ok(Self { text, percent: wire.percent.map(|percent| percent.min(FULL)) })
    }
}
