//! Cuts the bytes of a stream into frames: a length of four bytes, big-endian, then as many bytes.

use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

const LENGTH_BYTES: usize = 4;

/// Room is made for so many times what has come of a frame, and never for more than is missing.
const GROWTH: usize = 8;

/// A decoder whose room for a frame grows with the bytes that come. tokio-util's own makes room for whatever the length
/// promises, and a peer that sends four bytes and waits would cost as much as one that sends the longest frame.
#[derive(Debug)]
pub(super) struct Cutter {
    /// Longest frame, in bytes; the stream of a longer one cannot be read on.
    pub(super) max_frame_bytes: usize,
}

impl Decoder for Cutter {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let Some(length) = source.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.max_frame_bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let missing = (LENGTH_BYTES + length).saturating_sub(source.len());
        if missing > 0 {
            source.reserve(missing.min(GROWTH * source.len()));
            return Ok(None);
        }
        source.advance(LENGTH_BYTES);
        Ok(Some(source.split_to(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1 << 20;

    fn cutter() -> Cutter {
        Cutter { max_frame_bytes: MAX }
    }

    #[test]
    fn a_promise_makes_little_room() {
        let mut promise = BytesMut::from(&(MAX as u32).to_be_bytes()[..]);

        assert!(matches!(cutter().decode(&mut promise), Ok(None)));

        assert!(promise.capacity() < 256, "{} bytes", promise.capacity());
    }

    #[test]
    fn a_long_frame_comes_together_in_few_steps() {
        let frame = [&(MAX as u32).to_be_bytes()[..], &vec![7; MAX]].concat();
        let (mut source, mut steps, mut rest) = (BytesMut::with_capacity(2048), 0, frame.as_slice());

        let cut = loop {
            let (read, left) = rest.split_at(rest.len().min(source.capacity() - source.len()));
            source.extend_from_slice(read);
            (rest, steps) = (left, steps + 1);
            if let Some(cut) = cutter().decode(&mut source).unwrap() {
                break cut;
            }
        };

        assert_eq!(cut, &frame[4..]);
        assert!(steps <= 5, "{steps} steps");
    }

    #[test]
    fn the_longest_frame_is_taken_and_no_longer_one() {
        let mut frames = BytesMut::from(&b"\0\0\0\x03abc\0\0\0\x04abcd"[..]);
        let mut cutter = Cutter { max_frame_bytes: 3 };

        assert_eq!(cutter.decode(&mut frames).unwrap().unwrap(), "abc");
        assert_eq!(cutter.decode(&mut frames).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
