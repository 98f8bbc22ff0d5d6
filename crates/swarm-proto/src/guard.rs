//! Looks over MessagePack from strangers before anything is built from it. It allocates nothing, reads each byte at
//! most once and never interprets values: whether they make a message is the decoder's question.
//!
//! A few bytes can declare billions of elements or nest without end, and decoders that trust such headers run out of
//! memory or stack. What passes here is one complete value of bounded depth and size.

use thiserror::Error;

use crate::limits::{MAX_DEPTH, MAX_NODES};

/// However deep a caller allows values to nest, the guard stops here to spare its own stack.
const DEEPEST: usize = 64;

/// How large a value may be.
///
/// ```
/// use swarm_proto::{GuardLimits, check};
///
/// let strict = GuardLimits { max_nodes: 2, ..GuardLimits::default() };
/// assert!(check(&[0x92, 1, 2], &strict).is_ok());
/// assert!(check(&[0x93, 1, 2, 3], &strict).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardLimits {
    /// Deepest nesting of arrays and maps, default 16; a value above 64 means 64. A scalar has depth 0.
    pub max_depth: usize,
    /// Most elements of arrays and maps over all levels, default 16,384. An entry of a map counts twice.
    pub max_nodes: usize,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { max_depth: MAX_DEPTH, max_nodes: MAX_NODES }
    }
}

/// What is wrong with the bytes, and where: each offset counts bytes from the start of the input.
///
/// ```
/// use swarm_proto::{GuardError, GuardLimits, check};
///
/// // An array that declares 65,535 elements and ends.
/// let refused = check(&[0xdc, 0xff, 0xff], &GuardLimits::default());
/// assert_eq!(refused, Err(GuardError::LengthBeyondEnd { offset: 0, declared: 65_535, left: 0 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// The input ends inside the value that begins at `offset`, or where one should begin.
    #[error("the value at byte {offset} is cut short")]
    Truncated {
        /// Where the incomplete value begins.
        offset: usize,
    },
    /// A header declares more than the input can hold.
    #[error(
        "the header at byte {offset} declares {declared} elements or bytes, but only {left} bytes follow"
    )]
    LengthBeyondEnd {
        /// Where the value begins.
        offset: usize,
        /// Bytes of a string or binary; elements of an array; keys and values of a map.
        declared: u64,
        /// Bytes that follow the header.
        left: usize,
    },
    /// Arrays and maps are nested too deeply.
    #[error("the value at byte {offset} nests deeper than {max} levels")]
    TooDeep {
        /// Where the first array or map that is too deep begins.
        offset: usize,
        /// Deepest nesting allowed.
        max: usize,
    },
    /// Arrays and maps declare too many elements in total.
    #[error("the value at byte {offset} brings the number of elements above {max}")]
    TooManyNodes {
        /// Where the array or map that exceeds the budget begins.
        offset: usize,
        /// Most elements allowed.
        max: usize,
    },
    /// The byte 0xc1, which MessagePack never uses.
    #[error("byte {offset} is 0xc1, which MessagePack reserves")]
    Reserved {
        /// Where it is.
        offset: usize,
    },
    /// An extension type; the protocol has none.
    #[error("the value at byte {offset} is an extension type; the protocol uses none")]
    Extension {
        /// Where it begins.
        offset: usize,
    },
    /// A string that is not UTF-8.
    #[error("the string is not UTF-8 from byte {offset} on")]
    InvalidUtf8 {
        /// First byte that is not UTF-8.
        offset: usize,
    },
    /// Something follows the value.
    #[error("{left} bytes follow the end of the value at byte {offset}")]
    TrailingBytes {
        /// Where the value ended.
        offset: usize,
        /// Bytes behind it.
        left: usize,
    },
}

/// Checks that `bytes` hold exactly one MessagePack value within `limits`.
///
/// # Errors
/// The first [`GuardError`] in reading order; [`GuardError::TrailingBytes`] if something follows the value.
pub fn check(bytes: &[u8], limits: &GuardLimits) -> Result<(), GuardError> {
    let end = scan_one(bytes, limits)?;
    match bytes.len().saturating_sub(end) {
        0 => Ok(()),
        left => Err(GuardError::TrailingBytes { offset: end, left }),
    }
}

/// Checks the first MessagePack value of `bytes` and returns its length in bytes; what follows is not looked at.
///
/// # Errors
/// The first [`GuardError`] in reading order, but never [`GuardError::TrailingBytes`].
pub fn scan_one(bytes: &[u8], limits: &GuardLimits) -> Result<usize, GuardError> {
    let mut scanner = Scanner { bytes, offset: 0, nodes: 0, limits };
    scanner.value(0)?;
    Ok(scanner.offset)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    offset: usize,
    nodes: u64,
    limits: &'a GuardLimits,
}

/// What follows a header.
enum Body {
    Scalar(usize),
    Binary(u64),
    Text(u64),
    Elements(u64),
}

impl<'a> Scanner<'a> {
    fn value(&mut self, depth: usize) -> Result<(), GuardError> {
        let start = self.offset;
        match self.header()? {
            Body::Scalar(length) => {
                self.take(length).map(drop).ok_or(GuardError::Truncated { offset: start })
            }
            Body::Binary(length) => self.declared(start, length).map(drop),
            Body::Text(length) => {
                let first = self.offset;
                utf8(self.declared(start, length)?, first)
            }
            Body::Elements(count) => self.elements(start, count, depth),
        }
    }

    fn header(&mut self) -> Result<Body, GuardError> {
        let offset = self.offset;
        let marker = self.byte().ok_or(GuardError::Truncated { offset })?;
        Ok(match marker {
            // Small integers, nil and booleans are complete with their marker.
            0x00..=0x7f | 0xc0 | 0xc2..=0xc3 | 0xe0..=0xff => Body::Scalar(0),
            0x80..=0x8f => Body::Elements(2 * u64::from(marker & 0x0f)),
            0x90..=0x9f => Body::Elements(u64::from(marker & 0x0f)),
            0xa0..=0xbf => Body::Text(u64::from(marker & 0x1f)),
            0xc1 => return Err(GuardError::Reserved { offset }),
            0xc4 => Body::Binary(self.length::<1>(offset)?),
            0xc5 => Body::Binary(self.length::<2>(offset)?),
            0xc6 => Body::Binary(self.length::<4>(offset)?),
            0xc7..=0xc9 | 0xd4..=0xd8 => return Err(GuardError::Extension { offset }),
            0xcc | 0xd0 => Body::Scalar(1),
            0xcd | 0xd1 => Body::Scalar(2),
            0xca | 0xce | 0xd2 => Body::Scalar(4),
            0xcb | 0xcf | 0xd3 => Body::Scalar(8),
            0xd9 => Body::Text(self.length::<1>(offset)?),
            0xda => Body::Text(self.length::<2>(offset)?),
            0xdb => Body::Text(self.length::<4>(offset)?),
            0xdc => Body::Elements(self.length::<2>(offset)?),
            0xdd => Body::Elements(self.length::<4>(offset)?),
            0xde => Body::Elements(2 * self.length::<2>(offset)?),
            0xdf => Body::Elements(2 * self.length::<4>(offset)?),
        })
    }

    fn elements(&mut self, start: usize, count: u64, depth: usize) -> Result<(), GuardError> {
        let max = self.limits.max_depth.min(DEEPEST);
        if depth >= max {
            return Err(GuardError::TooDeep { offset: start, max });
        }
        // Each element takes a byte at least, so a header that promises more is a lie.
        let left = self.left();
        if count > left as u64 {
            return Err(GuardError::LengthBeyondEnd { offset: start, declared: count, left });
        }
        self.nodes += count;
        if self.nodes > self.limits.max_nodes as u64 {
            return Err(GuardError::TooManyNodes { offset: start, max: self.limits.max_nodes });
        }
        (0..count).try_for_each(|_| self.value(depth + 1))
    }

    /// Takes as many bytes as a string or binary declares.
    fn declared(&mut self, start: usize, length: u64) -> Result<&'a [u8], GuardError> {
        let left = self.left();
        usize::try_from(length).ok().and_then(|length| self.take(length)).ok_or(GuardError::LengthBeyondEnd {
            offset: start,
            declared: length,
            left,
        })
    }

    /// A length of so many bytes, big-endian, in the header that begins at `start`.
    fn length<const BYTES: usize>(&mut self, start: usize) -> Result<u64, GuardError> {
        let bytes = self.take(BYTES).ok_or(GuardError::Truncated { offset: start })?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.offset)?;
        self.offset += 1;
        Some(*byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.offset..)?.get(..length)?;
        self.offset += length;
        Some(taken)
    }

    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }
}

fn utf8(text: &[u8], first: usize) -> Result<(), GuardError> {
    std::str::from_utf8(text)
        .map(drop)
        .map_err(|error| GuardError::InvalidUtf8 { offset: first + error.valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: GuardLimits = GuardLimits { max_depth: 3, max_nodes: 6 };

    fn nested(depth: usize) -> Vec<u8> {
        [vec![0x91; depth], vec![0xc0]].concat()
    }

    #[test]
    fn every_form_of_messagepack_is_measured() {
        for (bytes, what) in [
            (b"\x7f".as_slice(), "positive fixint"),
            (b"\xe0", "negative fixint"),
            (b"\xc0", "nil"),
            (b"\xc2", "false"),
            (b"\xc3", "true"),
            (b"\xcc\0", "uint 8"),
            (b"\xcd\0\0", "uint 16"),
            (b"\xce\0\0\0\0", "uint 32"),
            (b"\xcf\0\0\0\0\0\0\0\0", "uint 64"),
            (b"\xd0\0", "int 8"),
            (b"\xd1\0\0", "int 16"),
            (b"\xd2\0\0\0\0", "int 32"),
            (b"\xd3\0\0\0\0\0\0\0\0", "int 64"),
            (b"\xca\0\0\0\0", "float 32"),
            (b"\xcb\0\0\0\0\0\0\0\0", "float 64"),
            (b"\xa1a", "fixstr"),
            (b"\xd9\x01a", "str 8"),
            (b"\xda\0\x01a", "str 16"),
            (b"\xdb\0\0\0\x01a", "str 32"),
            (b"\xc4\x01\xff", "bin 8"),
            (b"\xc5\0\x01\xff", "bin 16"),
            (b"\xc6\0\0\0\x01\xff", "bin 32"),
            (b"\x91\xc0", "fixarray"),
            (b"\xdc\0\x01\xc0", "array 16"),
            (b"\xdd\0\0\0\x01\xc0", "array 32"),
            (b"\x81\xa1a\xc0", "fixmap"),
            (b"\xde\0\x01\xa1a\xc0", "map 16"),
            (b"\xdf\0\0\0\x01\xa1a\xc0", "map 32"),
        ] {
            let followed = [bytes, b"\xc1"].concat();
            assert_eq!(scan_one(&followed, &SMALL), Ok(bytes.len()), "{what}");
            assert_eq!(check(bytes, &SMALL), Ok(()), "{what}");
        }
    }

    #[test]
    fn the_depth_is_bounded() {
        assert_eq!(check(&nested(3), &SMALL), Ok(()));
        assert_eq!(check(&nested(4), &SMALL), Err(GuardError::TooDeep { offset: 3, max: 3 }));
        assert_eq!(check(&nested(16), &GuardLimits::default()), Ok(()));
        assert_eq!(
            check(&nested(17), &GuardLimits::default()),
            Err(GuardError::TooDeep { offset: 16, max: 16 })
        );
    }

    #[test]
    fn a_caller_cannot_allow_more_depth_than_the_stack_bears() {
        let careless = GuardLimits { max_depth: usize::MAX, max_nodes: usize::MAX };

        assert_eq!(check(&nested(64), &careless), Ok(()));
        assert_eq!(check(&nested(1_000_000), &careless), Err(GuardError::TooDeep { offset: 64, max: 64 }));
    }

    #[test]
    fn the_number_of_elements_is_bounded_over_all_levels() {
        // Two elements, the first of which is a map of two entries: six.
        let full = b"\x92\x82\x01\x02\x03\x04\x05";
        let over = b"\x93\x82\x01\x02\x03\x04\x05\x06";

        assert_eq!(check(full, &SMALL), Ok(()));
        assert_eq!(check(over, &SMALL), Err(GuardError::TooManyNodes { offset: 1, max: 6 }));
    }

    #[test]
    fn a_map_entry_takes_two_bytes() {
        assert_eq!(
            check(b"\x82\x01\x02\x03", &SMALL),
            Err(GuardError::LengthBeyondEnd { offset: 0, declared: 4, left: 3 })
        );
    }

    #[test]
    fn the_offset_of_bad_text_is_that_of_its_first_bad_byte() {
        assert_eq!(check(b"\x91\xa3ab\xff", &SMALL), Err(GuardError::InvalidUtf8 { offset: 4 }));
    }
}
