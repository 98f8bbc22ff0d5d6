//! Reads numbers, texts and binaries of an array by hand, in the forms that nodes write. It is here for speed alone: it
//! names no errors and gives up on everything else, and then the general reader has the word.

use bytes::Buf;

/// The elements of an array that has passed the guard.
pub(crate) struct FlatReader<'a> {
    left: usize,
    elements: &'a [u8],
}

impl<'a> FlatReader<'a> {
    /// Begins with the first element of an array of at most 15.
    pub(crate) fn begin(guarded: &'a [u8]) -> Option<Self> {
        let (marker, elements) = guarded.split_first()?;
        let left = usize::from(marker.checked_sub(0x90).filter(|count| *count <= 0x0f)?);
        Some(Self { left, elements })
    }

    /// Whether every element was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn uint(&mut self) -> Option<u64> {
        match self.marker()? {
            number @ 0..=0x7f => Some(number.into()),
            0xcc => self.elements.try_get_u8().map(u64::from).ok(),
            0xcd => self.elements.try_get_u16().map(u64::from).ok(),
            0xce => self.elements.try_get_u32().map(u64::from).ok(),
            0xcf => self.elements.try_get_u64().ok(),
            _ => None,
        }
    }

    /// A text of at most 255 bytes.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = match self.marker()? {
            short @ 0xa0..=0xbf => short & 0x1f,
            0xd9 => self.elements.try_get_u8().ok()?,
            _ => return None,
        };
        std::str::from_utf8(self.take(length.into())?).ok()
    }

    pub(crate) fn binary(&mut self) -> Option<&'a [u8]> {
        let length = match self.marker()? {
            0xc4 => usize::from(self.elements.try_get_u8().ok()?),
            0xc5 => usize::from(self.elements.try_get_u16().ok()?),
            0xc6 => usize::try_from(self.elements.try_get_u32().ok()?).ok()?,
            _ => return None,
        };
        self.take(length)
    }

    fn marker(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        self.elements.try_get_u8().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.elements.split_at_checked(length)?;
        self.elements = rest;
        Some(taken)
    }
}
