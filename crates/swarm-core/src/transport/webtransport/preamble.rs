//! The bytes in front of every stream of a session.

/// What a bidirectional stream of session 0 begins with, in the direction of whoever opened it
/// (draft-ietf-webtrans-http3, section 4.3): the type of the stream and its session, as QUIC integers.
pub(super) const PREAMBLE: &[u8] = &[0x40, 0x41, 0x00];

const STREAM_TYPE: u64 = 0x41;
const SESSION: u64 = 0;

/// A stream that is not one of our session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a WebTransport stream of this session")]
pub(super) struct WrongPreamble;

/// Reads a preamble byte by byte. It takes QUIC integers of any length, not only the shortest (RFC 9000, section 16).
#[derive(Debug)]
pub(super) struct PreambleReader {
    awaited: Awaited,
    value: u64,
    /// Bytes of the integer that are still to come; `None` before its first.
    left: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    StreamType,
    Session,
    Nothing,
}

impl PreambleReader {
    pub(super) fn new() -> Self {
        Self { awaited: Awaited::StreamType, value: 0, left: None }
    }

    /// For a direction that begins without one.
    pub(super) fn done() -> Self {
        Self { awaited: Awaited::Nothing, value: 0, left: None }
    }

    /// How many bytes are missing, at least; what is read further belongs to the stream's user. At most 8.
    pub(super) fn missing(&self) -> usize {
        match (self.awaited, self.left) {
            (Awaited::StreamType, None) => PREAMBLE.len(),
            (Awaited::StreamType, Some(left)) => left + 1,
            (Awaited::Session, left) => left.unwrap_or(1),
            (Awaited::Nothing, _) => 0,
        }
    }

    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), WrongPreamble> {
        let left = match self.left {
            None => {
                self.value = u64::from(byte & 0x3f);
                (1 << (byte >> 6)) - 1
            }
            Some(left) => {
                self.value = self.value << 8 | u64::from(byte);
                left.saturating_sub(1)
            }
        };
        self.left = (left > 0).then_some(left);
        if left > 0 {
            return Ok(());
        }
        self.awaited = match (self.awaited, self.value) {
            (Awaited::StreamType, STREAM_TYPE) => Awaited::Session,
            (Awaited::Session, SESSION) => Awaited::Nothing,
            _ => return Err(WrongPreamble),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What follows the preamble, having read no more of the bytes at once than are missing.
    fn after_preamble(bytes: &[u8]) -> Option<Result<&[u8], WrongPreamble>> {
        let (mut reader, mut rest) = (PreambleReader::new(), bytes);
        while reader.missing() > 0 {
            let (read, left) = rest.split_at_checked(reader.missing())?;
            rest = left;
            if let Err(error) = read.iter().try_for_each(|byte| reader.push(*byte)) {
                return Some(Err(error));
            }
        }
        Some(Ok(rest))
    }

    #[test]
    fn the_preamble_is_taken_and_nothing_of_what_follows() {
        let bytes = [PREAMBLE, b"frames"].concat();
        assert_eq!(after_preamble(&bytes), Some(Ok(&b"frames"[..])));
    }

    #[test]
    fn a_part_of_it_is_not_enough() {
        for part in [&[][..], &[0x40], &[0x40, 0x41]] {
            assert_eq!(after_preamble(part), None, "{part:?}");
        }
    }

    #[test]
    fn another_session_another_type_and_garbage_are_wrong() {
        for bytes in [&[0x40, 0x41, 0x04][..], &[0x40, 0x54, 0x00], &[0x01, 0x02, 0x03], &[0xff; 9]] {
            assert_eq!(after_preamble(bytes), Some(Err(WrongPreamble)), "{bytes:?}");
        }
    }

    /// A QUIC integer of 1, 2, 4 or 8 bytes.
    fn integer(value: u64, length_class: u8) -> Vec<u8> {
        let mut bytes = value.to_be_bytes()[8 - (1 << length_class)..].to_vec();
        bytes[0] |= length_class << 6;
        bytes
    }

    proptest! {
        #[test]
        fn integers_may_be_longer_than_they_need_be(stream_type in 1_u8..4, session in 0_u8..4, rest: Vec<u8>) {
            let preamble = [integer(STREAM_TYPE, stream_type), integer(SESSION, session)].concat();
            let bytes = [&preamble[..], &rest].concat();
            prop_assert_eq!(after_preamble(&bytes), Some(Ok(&rest[..])));
            prop_assert_eq!(after_preamble(&preamble[..preamble.len() - 1]), None);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>) {
            let mut reader = PreambleReader::new();
            for byte in bytes {
                prop_assert!(reader.missing() <= 8);
                if reader.missing() == 0 || reader.push(byte).is_err() {
                    break;
                }
            }
        }
    }
}
