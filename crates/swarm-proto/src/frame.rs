//! One frame on a stream, without the length before it: a MessagePack array of a kind and what belongs to it. Cutting
//! the stream into frames is the transport's part.

use bytes::{Bytes, BytesMut};

use crate::error::{DecodeError, EncodeError};
use crate::limits::MAX_FRAME_BYTES;
use crate::reader::ArrayReader;
use crate::writer::{put_array, put_uint};

/// A message that travels as one frame of a stream.
///
/// On the stream four bytes, big-endian, with the length of the frame precede it. Arrays may be longer than this
/// version knows; further elements are ignored.
///
/// ```
/// use swarm_proto::{Frame, RequestFrame};
///
/// let frame = RequestFrame::End.encode()?;
/// assert_eq!(frame, [0x91, 18].as_slice());
/// assert_eq!(RequestFrame::decode(&frame)?, RequestFrame::End);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Frame: Sized {
    /// Encodes the frame, without the length before it.
    ///
    /// # Errors
    /// An [`EncodeError`] if a part exceeds its limit. Reasons, error texts and notes of progress are cut instead.
    fn encode(&self) -> Result<Bytes, EncodeError>;

    /// Decodes a frame that fills `bytes`, the length before it already removed.
    ///
    /// # Errors
    /// A [`DecodeError`] if the bytes are unsound, exceed a limit, or are no frame of this direction.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// Begins a frame; the caller writes as many elements as it announced.
pub(crate) fn begin_frame(kind: u8, elements: u8) -> BytesMut {
    let mut out = BytesMut::new();
    put_array(&mut out, elements + 1);
    put_uint(&mut out, u64::from(kind));
    out
}

pub(crate) fn end_frame(frame: BytesMut, max: usize) -> Result<Bytes, EncodeError> {
    match frame.len() {
        len if len > max => Err(EncodeError::TooLarge { len, max }),
        _ => Ok(frame.freeze()),
    }
}

/// Reads the kind of a frame, and leaves the reader before what belongs to it.
pub(crate) fn open_frame(bytes: &[u8]) -> Result<(u64, ArrayReader<'_>), DecodeError> {
    open_frame_of(bytes, MAX_FRAME_BYTES)
}

/// As [`open_frame`], for a kind of frame with a length limit of its own.
pub(crate) fn open_frame_of(bytes: &[u8], max: usize) -> Result<(u64, ArrayReader<'_>), DecodeError> {
    check_len(bytes, max)?;
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut reader = ArrayReader::whole(bytes)?;
    Ok((reader.next("kind")?, reader))
}

pub(crate) fn check_len(bytes: &[u8], max: usize) -> Result<(), DecodeError> {
    match bytes.len() {
        len if len > max => Err(DecodeError::TooLarge { len, max }),
        _ => Ok(()),
    }
}

/// Cuts a text to at most `max` bytes, between two characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestFrame;

    #[test]
    fn elements_that_a_later_version_appends_are_ignored() {
        assert_eq!(RequestFrame::decode(b"\x93\x12\xa5later\x01"), Ok(RequestFrame::End));
    }

    #[test]
    fn longer_forms_of_an_array_header_are_read() {
        assert_eq!(RequestFrame::decode(b"\xdc\0\x01\x12"), Ok(RequestFrame::End));
        assert_eq!(RequestFrame::decode(b"\xdd\0\0\0\x01\x12"), Ok(RequestFrame::End));
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_even_scanned() {
        let bytes = vec![0xc1; MAX_FRAME_BYTES + 1];

        assert_eq!(
            RequestFrame::decode(&bytes),
            Err(DecodeError::TooLarge { len: MAX_FRAME_BYTES + 1, max: MAX_FRAME_BYTES })
        );
    }

    #[test]
    fn a_text_is_cut_between_two_characters() {
        assert_eq!(cut("aéé", 4), "aé");
        assert_eq!(cut("aéé", 5), "aéé");
    }
}
