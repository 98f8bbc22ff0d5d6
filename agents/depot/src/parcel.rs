//! What is in a parcel. The same number always gives the same bytes, on every machine.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use swarm_core::Chunk;

/// Bytes of one piece: the most that a chunk may have.
const PIECE_BYTES: u32 = 64 * 1024;

/// A parcel: its number, which decides what is in it, and its size.
///
/// As a text, which is how it is asked for, it is `NUMBER BYTES`.
///
/// ```
/// use agent_depot::Parcel;
/// use swarm_core::Chunk;
///
/// let parcel: Parcel = "7 100000".parse()?;
/// assert_eq!((parcel.number, parcel.bytes), (7, 100_000));
///
/// let pieces: Vec<_> = parcel.contents().map(|piece| Chunk::new("piece", piece)).collect();
/// assert!(parcel.is(&pieces));
/// # Ok::<(), agent_depot::ParcelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parcel {
    /// Which one.
    pub number: u64,
    /// How large it is.
    pub bytes: u32,
}

impl Parcel {
    /// What is in it, in pieces of 64 KiB; the last one may be smaller.
    #[must_use]
    pub fn contents(self) -> Contents {
        Contents { rng: Xoshiro256PlusPlus::seed_from_u64(self.number), left: self.bytes }
    }

    /// Whether these chunks, joined, are this parcel to the last byte.
    #[must_use]
    pub fn is(self, reply: &[Chunk]) -> bool {
        // Chunks need not have the borders that the pieces had.
        let received = reply.iter().map(|chunk| &chunk.payload[..]).collect::<Vec<_>>().concat();
        let rest = self.contents().try_fold(&received[..], |rest, piece| rest.strip_prefix(&piece[..]));
        rest.is_some_and(<[u8]>::is_empty)
    }
}

impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.bytes)
    }
}

impl FromStr for Parcel {
    type Err = ParcelError;

    fn from_str(text: &str) -> Result<Self, ParcelError> {
        let read = || {
            let (number, bytes) = text.trim().split_once(' ')?;
            Some(Self { number: number.parse().ok()?, bytes: bytes.trim().parse().ok()? })
        };
        read().ok_or(ParcelError)
    }
}

/// A text that names no parcel.
///
/// ```
/// use agent_depot::{Parcel, ParcelError};
///
/// assert_eq!("the large one".parse::<Parcel>(), Err(ParcelError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a parcel is asked for by its number and its size in bytes, such as `7 100000`")]
pub struct ParcelError;

/// What is in a parcel, piece by piece, made as it is taken out.
///
/// ```
/// use agent_depot::Parcel;
///
/// let sizes: Vec<_> = Parcel { number: 1, bytes: 65_537 }.contents().map(|piece| piece.len()).collect();
/// assert_eq!(sizes, [65_536, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct Contents {
    rng: Xoshiro256PlusPlus,
    left: u32,
}

impl Iterator for Contents {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let size = self.left.min(PIECE_BYTES);
        self.left -= size;
        let mut piece = vec![0; usize::try_from(size).ok()?];
        self.rng.fill_bytes(&mut piece);
        (size > 0).then(|| Bytes::from(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(parcel: Parcel) -> Vec<Chunk> {
        parcel.contents().map(|piece| Chunk::new("piece", piece)).collect()
    }

    #[test]
    fn a_parcel_is_known_by_every_byte_and_not_by_the_borders_of_its_pieces() {
        let parcel = Parcel { number: 3, bytes: 200_000 };
        let whole: Vec<u8> = parcel.contents().flatten().collect();
        assert_eq!(whole.len(), 200_000);
        assert!(parcel.is(&[Chunk::new("", whole.clone())]));
        let mut wrong = whole.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(!parcel.is(&[Chunk::new("", wrong)]));
        assert!(!parcel.is(&[Chunk::new("", whole[1..].to_vec())]));
        assert!(!parcel.is(&reply(Parcel { number: 4, ..parcel })));
        assert!(!parcel.is(&reply(Parcel { bytes: 200_001, ..parcel })));
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let parcel = Parcel { number: u64::MAX, bytes: 1 };
        assert_eq!(parcel.to_string().parse(), Ok(parcel));
        for text in ["", "7", "7 -1", "7 1 1", "7 4294967296"] {
            assert_eq!(text.parse::<Parcel>(), Err(ParcelError), "{text}");
        }
    }
}
