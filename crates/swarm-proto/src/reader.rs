//! Reads an array element by element, so that elements that later versions append are simply not read. The bytes pass
//! the guard first; nothing here is reachable without it.

use rmp_serde::Deserializer;
use rmp_serde::decode::ReadRefReader;
use serde::Deserialize;

use crate::error::DecodeError;
use crate::guard::{GuardLimits, check};
use crate::wire::Map;

pub(crate) struct ArrayReader<'a> {
    left: usize,
    elements: Deserializer<ReadRefReader<'a, [u8]>>,
}

impl<'a> ArrayReader<'a> {
    /// Reads an array that fills `bytes`.
    pub(crate) fn whole(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        check(bytes, &GuardLimits::default())?;
        Self::begin(bytes)
    }

    /// Reads an array that fills `guarded`, which has passed the guard.
    pub(crate) fn begin(guarded: &'a [u8]) -> Result<Self, DecodeError> {
        let (left, elements) = match guarded {
            [marker @ 0x90..=0x9f, elements @ ..] => (usize::from(marker & 0x0f), elements),
            [0xdc, high, low, elements @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), elements),
            // The budget of the guard is below 65,536, so the upper half of a longer length is zero.
            [0xdd, 0, 0, high, low, elements @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), elements)
            }
            [marker, ..] => return Err(DecodeError::NotAnArray { marker: *marker }),
            [] => return Err(DecodeError::Empty),
        };
        Ok(Self { left, elements: Deserializer::from_read_ref(elements) })
    }

    /// How many elements are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Whether every element was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// Reads the next element; `what` names it in errors.
    pub(crate) fn next<T: Deserialize<'a>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        self.left = self.left.checked_sub(1).ok_or(DecodeError::Missing { what })?;
        T::deserialize(&mut self.elements).map_err(|error| DecodeError::Malformed(format!("{what}: {error}")))
    }

    /// Reads the next element, a struct as a map with named fields.
    pub(crate) fn next_map<T: Deserialize<'a>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        self.next::<Map<T>>(what).map(|map| map.0)
    }
}
