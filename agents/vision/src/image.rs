//! A picture as it travels: 20 by 20 grey pixels, and nothing that is not exactly that.

use std::fmt::{self, Debug, Display, Formatter};

/// A square grey picture, [`Image::SIDE`] pixels wide and high, one byte each: 0 is paper, 255 is full ink.
///
/// Pixels lie row by row from the top left. [`Display`] shows the picture in a terminal, two columns per pixel.
///
/// ```
/// use agent_vision::Image;
///
/// let blank = Image::from_bytes(&[0; Image::BYTES])?;
/// assert_eq!(blank.as_bytes().len(), 400);
/// assert!(Image::from_bytes(b"too short").is_err());
/// # Ok::<(), agent_vision::ImageError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Image([u8; Image::BYTES]);

impl Image {
    /// Pixels along each side.
    pub const SIDE: usize = 20;

    /// Bytes of a picture: one per pixel.
    pub const BYTES: usize = Self::SIDE * Self::SIDE;

    /// Takes pixels as a picture.
    ///
    /// # Errors
    /// [`ImageError::WrongSize`] unless there are exactly [`Image::BYTES`] of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ImageError> {
        <[u8; Self::BYTES]>::try_from(bytes)
            .map(Self)
            .map_err(|_| ImageError::WrongSize { found: bytes.len() })
    }

    /// The pixels, row by row from the top left; always [`Image::BYTES`] of them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Fills a picture from a function of the pixel's number.
    pub(crate) fn from_fn(pixel: impl FnMut(usize) -> u8) -> Self {
        Self(std::array::from_fn(pixel))
    }
}

impl Debug for Image {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ink: u32 = self.0.iter().copied().map(u32::from).sum();
        f.debug_struct("Image").field("ink", &ink).finish_non_exhaustive()
    }
}

impl Display for Image {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for row in self.0.chunks(Self::SIDE) {
            let line: String = row.iter().copied().map(shade).collect();
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// Two characters per pixel, as characters in a terminal are about twice as high as wide.
const fn shade(pixel: u8) -> &'static str {
    match pixel {
        0..=50 => "  ",
        51..=101 => "░░",
        102..=152 => "▒▒",
        153..=203 => "▓▓",
        204..=255 => "██",
    }
}

/// Why bytes are not a picture.
///
/// ```
/// use agent_vision::{Image, ImageError};
///
/// assert_eq!(Image::from_bytes(&[0; 784]), Err(ImageError::WrongSize { found: 784 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Not one byte per pixel: send 20 rows of 20 grey bytes, without a header.
    #[error(
        "an image of {found} bytes is not {SIDE} by {SIDE} grey pixels: send {BYTES} bytes",
        SIDE = Image::SIDE,
        BYTES = Image::BYTES
    )]
    WrongSize {
        /// How many bytes there were.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_another_size_is_refused() {
        for found in [0, 399, 401, 784] {
            assert_eq!(Image::from_bytes(&vec![0; found]), Err(ImageError::WrongSize { found }));
        }
    }

    #[test]
    fn pixels_come_back_as_they_went_in() {
        let pixels: Vec<u8> = (0..=255).cycle().take(Image::BYTES).collect();
        assert_eq!(Image::from_bytes(&pixels).unwrap().as_bytes(), pixels);
    }

    #[test]
    fn a_picture_is_shown_in_twenty_rows_of_forty_columns() {
        let shown = Image::from_bytes(&[255; Image::BYTES]).unwrap().to_string();
        assert_eq!(shown.lines().count(), 20);
        assert!(shown.lines().all(|line| line == "█".repeat(40)));
    }
}
