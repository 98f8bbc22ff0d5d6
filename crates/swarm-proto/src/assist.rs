//! What one assistance says on its stream: a head, chunks and an end one way; chunks, artefacts, notes of progress and
//! an end with its outcome the other way. The order of frames is not checked here, nor is time: a deadline is a number.

use bytes::{BufMut, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{from_slice, to_vec};
use crate::error::{DecodeError, EncodeError, Exceeded, at_most};
use crate::frame::{Frame, begin_frame, check_len, end_frame, open_frame};
use crate::limits::{MAX_CHUNK_BYTES, MAX_FRAME_BYTES, MAX_HEAD_BYTES, MAX_LABEL_BYTES};
use crate::reader::ArrayReader;
use crate::wire::{Binary, Text};
use crate::writer::{put_binary, put_text, put_uint};

mod head;
mod lane;
mod outcome;
mod reply;
mod trace_context;

pub use head::{RequestHead, Resume};
pub use lane::Lane;
pub use outcome::Outcome;
pub use reply::{Artefact, Progress};
pub use trace_context::TraceContext;

const REQUEST_HEAD: u8 = 16;
const REQUEST_CHUNK: u8 = 17;
const REQUEST_END: u8 = 18;
const REQUEST_RESUME: u8 = 19;
const FEED: u8 = 20;
const REPLY_CHUNK: u8 = 32;
const REPLY_END: u8 = 33;
const REPLY_PROGRESS: u8 = 34;
const REPLY_ARTEFACT: u8 = 35;
const REPLY_POSITION: u8 = 36;

const LABEL: &str = "bytes of a chunk's label";
const PAYLOAD: &str = "bytes of a chunk's payload";

/// A piece of a request or reply: bytes, and a label that says what they are.
///
/// ```
/// use swarm_proto::Chunk;
///
/// let chunk = Chunk::encode("image_feature", &[0.25_f32, 0.5])?;
/// assert_eq!(chunk.decode::<Vec<f32>>()?, [0.25, 0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What the payload is, in words that both sides agree on; at most 64 bytes, possibly none.
    pub label: String,
    /// The content, at most 64 KiB.
    pub payload: Bytes,
}

impl Chunk {
    /// A chunk with this content. Its limits are checked when the frame is encoded.
    #[must_use]
    pub fn new(label: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { label: label.into(), payload: payload.into() }
    }

    /// A chunk with `value` as MessagePack, structs as maps with named fields.
    ///
    /// # Errors
    /// As [`to_vec`]; [`EncodeError::LimitExceeded`] if label or payload are too long.
    pub fn encode<T: Serialize + ?Sized>(label: impl Into<String>, value: &T) -> Result<Self, EncodeError> {
        let chunk = Self::new(label, to_vec(value)?);
        within_limits(&chunk.label, &chunk.payload)?;
        Ok(chunk)
    }

    /// The payload as a value of MessagePack.
    ///
    /// # Errors
    /// As [`from_slice`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        from_slice(&self.payload)
    }

    /// The payload as text.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, DecodeError> {
        std::str::from_utf8(&self.payload).map_err(|error| DecodeError::Malformed(error.to_string()))
    }
}

/// A frame from requester to responder.
///
/// ```
/// use swarm_proto::{Chunk, Frame, RequestFrame};
///
/// let frame = RequestFrame::Chunk(Chunk::new("question", "where are you?"));
/// assert_eq!(RequestFrame::decode(&frame.encode()?)?, frame);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestFrame {
    /// The first frame, `[16, map]`.
    Head(RequestHead),
    /// The first and only frame where the rest of an earlier reply is asked for, `[19, map]`.
    Resume(Resume),
    /// A piece of the body, `[17, label, payload]`.
    Chunk(Chunk),
    /// The body is complete, `[18]`.
    End,
    /// The first frame of a stream that carries no request but [`FeedFrame`](crate::FeedFrame)s, `[20, feed]`: a number
    /// of the publisher's choice, another one whenever it begins to count anew.
    Feed(u64),
}

/// A frame from responder to requester.
///
/// ```
/// use swarm_proto::{Frame, Outcome, ReplyFrame};
///
/// let frame = ReplyFrame::End(Outcome::Busy { retry_after_ms: 200 });
/// assert_eq!(ReplyFrame::decode(&frame.encode()?)?, frame);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyFrame {
    /// A piece of the answer, `[32, label, payload]`.
    Chunk(Chunk),
    /// A note that work goes on, `[34, map]`.
    Progress(Progress),
    /// A revision of a result that gets better, `[35, name, revision, quality, payload]`.
    Artefact(Artefact),
    /// The number of the chunk or artefact that comes next, `[36, number]`; it begins a resumed reply. Chunks and
    /// artefacts are counted together, from 0 over the whole reply.
    Position(u64),
    /// The last frame, `[33, map]`: how it ended.
    End(Outcome),
}

impl Frame for RequestFrame {
    fn encode(&self) -> Result<Bytes, EncodeError> {
        match self {
            Self::Head(head) => {
                head.within_limits()?;
                encode_map(REQUEST_HEAD, head, MAX_HEAD_BYTES)
            }
            Self::Resume(resume) => encode_map(REQUEST_RESUME, resume, MAX_HEAD_BYTES),
            Self::Chunk(chunk) => encode_chunk(REQUEST_CHUNK, chunk),
            Self::End => end_frame(begin_frame(REQUEST_END, 0), MAX_FRAME_BYTES),
            Self::Feed(feed) => {
                let mut frame = begin_frame(FEED, 1);
                put_uint(&mut frame, *feed);
                end_frame(frame, MAX_FRAME_BYTES)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open_frame(bytes)?;
        match u8::try_from(kind) {
            Ok(REQUEST_HEAD) => {
                check_len(bytes, MAX_HEAD_BYTES)?;
                reader.next_map::<head::RequestHeadWire>("head")?.try_into().map(Self::Head)
            }
            Ok(REQUEST_RESUME) => {
                check_len(bytes, MAX_HEAD_BYTES)?;
                reader.next_map("resume").map(Self::Resume)
            }
            Ok(REQUEST_CHUNK) => read_chunk(&mut reader).map(Self::Chunk),
            Ok(REQUEST_END) => Ok(Self::End),
            Ok(FEED) => reader.next("feed").map(Self::Feed),
            _ => Err(DecodeError::UnknownKind(kind)),
        }
    }
}

impl Frame for ReplyFrame {
    fn encode(&self) -> Result<Bytes, EncodeError> {
        match self {
            Self::Chunk(chunk) => encode_chunk(REPLY_CHUNK, chunk),
            Self::Progress(progress) => encode_map(REPLY_PROGRESS, progress, MAX_FRAME_BYTES),
            Self::Artefact(artefact) => encode_artefact(artefact),
            Self::Position(number) => {
                let mut frame = begin_frame(REPLY_POSITION, 1);
                put_uint(&mut frame, *number);
                end_frame(frame, MAX_FRAME_BYTES)
            }
            Self::End(outcome) => encode_map(REPLY_END, outcome, MAX_FRAME_BYTES),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open_frame(bytes)?;
        match u8::try_from(kind) {
            Ok(REPLY_CHUNK) => read_chunk(&mut reader).map(Self::Chunk),
            Ok(REPLY_PROGRESS) => {
                reader.next_map::<reply::ProgressWire>("progress")?.try_into().map(Self::Progress)
            }
            Ok(REPLY_ARTEFACT) => reply::read_artefact(&mut reader).map(Self::Artefact),
            Ok(REPLY_POSITION) => reader.next("number").map(Self::Position),
            Ok(REPLY_END) => outcome::read(&mut reader).map(Self::End),
            _ => Err(DecodeError::UnknownKind(kind)),
        }
    }
}

fn encode_map<T: Serialize>(kind: u8, value: &T, max: usize) -> Result<Bytes, EncodeError> {
    let mut frame = begin_frame(kind, 1);
    frame.put_slice(&to_vec(value)?);
    end_frame(frame, max)
}

fn encode_chunk(kind: u8, chunk: &Chunk) -> Result<Bytes, EncodeError> {
    within_limits(&chunk.label, &chunk.payload)?;
    let mut frame = begin_frame(kind, 2);
    put_text(&mut frame, &chunk.label);
    put_binary(&mut frame, &chunk.payload);
    end_frame(frame, MAX_FRAME_BYTES)
}

fn encode_artefact(artefact: &Artefact) -> Result<Bytes, EncodeError> {
    artefact.within_limits()?;
    let mut frame = begin_frame(REPLY_ARTEFACT, 4);
    put_text(&mut frame, &artefact.name);
    put_uint(&mut frame, artefact.revision.into());
    put_uint(&mut frame, artefact.quality.into());
    put_binary(&mut frame, &artefact.payload);
    end_frame(frame, MAX_FRAME_BYTES)
}

fn read_chunk(reader: &mut ArrayReader<'_>) -> Result<Chunk, DecodeError> {
    let label = reader.next::<Text<'_>>("label")?.0;
    let payload = reader.next::<Binary<'_>>("payload")?.0;
    within_limits(&label, payload)?;
    Ok(Chunk::new(label, Bytes::copy_from_slice(payload)))
}

fn within_limits(label: &str, payload: &[u8]) -> Result<(), Exceeded> {
    at_most(MAX_LABEL_BYTES, label.len(), LABEL)?;
    at_most(MAX_CHUNK_BYTES, payload.len(), PAYLOAD)
}

#[cfg(test)]
mod tests;
