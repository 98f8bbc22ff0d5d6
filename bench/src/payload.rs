//! What is sent: when it was, which one it is and whose, so that whoever hears it can tell latency, loss and duplicates.

use bytes::{BufMut, Bytes, BytesMut};

/// Of every payload, in bytes.
pub const SIZE: usize = 256;

/// The beginning of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// As of [`now_ns`](crate::clock::now_ns).
    pub sent_ns: u64,
    /// Counted from 0 by each sender in each phase.
    pub number: u64,
    /// The sender.
    pub from: u16,
    /// What was under way: what arrives late does not count for what comes next.
    pub phase: u16,
}

impl Stamp {
    /// The stamp and what fills the payload.
    pub fn payload(self) -> Bytes {
        let mut payload = BytesMut::with_capacity(SIZE);
        payload.put_u64(self.sent_ns);
        payload.put_u64(self.number);
        payload.put_u16(self.from);
        payload.put_u16(self.phase);
        payload.put_bytes(0x5a, SIZE - payload.len());
        payload.freeze()
    }

    /// `None` if it is no payload of this program, or a part of one only.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (stamp, rest) = payload.split_first_chunk::<20>()?;
        let (sent_ns, tail) = stamp.split_first_chunk::<8>()?;
        let (number, tail) = tail.split_first_chunk::<8>()?;
        let (from, phase) = tail.split_first_chunk::<2>()?;
        (rest.len() == SIZE - 20).then_some(Self {
            sent_ns: u64::from_be_bytes(*sent_ns),
            number: u64::from_be_bytes(*number),
            from: u16::from_be_bytes(*from),
            phase: u16::from_be_bytes(phase.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_way() {
        let stamp = Stamp { sent_ns: 1 << 40, number: 7, from: 31, phase: 2 };
        let payload = stamp.payload();

        assert_eq!(payload.len(), SIZE);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..SIZE - 1]), None);
    }
}
