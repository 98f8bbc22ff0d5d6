//! How far origins had come, as it is kept across a restart.

use ring::digest::{SHA256, digest};
use swarm_proto::{AgentId, Epoch, Sequence};

use super::intake::{MAX_SEALED_ORIGINS, Mark};

/// What a file of marks begins with.
const MAGIC: &[u8] = b"swarm marks v1\0\0";
const MARK_BYTES: usize = 16 + 8 + 8;
const DIGEST_BYTES: usize = 32;

/// No file of marks is longer.
pub(crate) const MAX_BYTES: usize = MAGIC.len() + MAX_SEALED_ORIGINS * MARK_BYTES + DIGEST_BYTES;

/// Writes marks, each in 32 bytes, and a digest (SHA-256) of all before it.
pub(crate) fn encode(marks: &[Mark]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for mark in marks {
        bytes.extend_from_slice(mark.origin.as_bytes());
        bytes.extend_from_slice(&mark.epoch.get().to_be_bytes());
        bytes.extend_from_slice(&mark.sequence.get().to_be_bytes());
    }
    let digest = digest(&SHA256, &bytes);
    bytes.extend_from_slice(digest.as_ref());
    bytes
}

/// Reads what [`encode`] has written; `None` if it is anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Mark>> {
    let (content, written) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
    if bytes.len() > MAX_BYTES || digest(&SHA256, content).as_ref() != written {
        return None;
    }
    let (marks, rest) = content.strip_prefix(MAGIC)?.as_chunks::<MARK_BYTES>();
    if rest.is_empty() { marks.iter().map(mark).collect() } else { None }
}

fn mark(bytes: &[u8; MARK_BYTES]) -> Option<Mark> {
    let (origin, numbers) = bytes.split_first_chunk()?;
    let (epoch, sequence) = numbers.split_first_chunk()?;
    Some(Mark {
        origin: AgentId::from_bytes(*origin).ok()?,
        epoch: Epoch::new(u64::from_be_bytes(*epoch)),
        sequence: Sequence::new(u64::from_be_bytes(*sequence.first_chunk()?)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks() -> impl Strategy<Value = Vec<Mark>> {
        let mark = (any::<[u8; 32]>(), any::<[u64; 2]>()).prop_map(|(digest, [epoch, sequence])| Mark {
            origin: AgentId::from_key_digest(digest),
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
        });
        proptest::collection::vec(mark, 0..20)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else(marks in marks(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut bytes = encode(&marks);
            prop_assert_eq!(decode(&bytes), Some(marks));

            prop_assert_eq!(decode(&bytes[..at.index(bytes.len())]), None, "cut off");
            *at.get_mut(&mut bytes) ^= 1_u8 << bit;
            prop_assert_eq!(decode(&bytes), None, "damaged");
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&bytes), None);
        }
    }

    #[test]
    fn as_many_origins_as_are_remembered_fit_and_no_more() {
        let mark = Mark {
            origin: AgentId::from_key_digest([1; 32]),
            epoch: Epoch::new(1),
            sequence: Sequence::FIRST,
        };
        let full = vec![mark; MAX_SEALED_ORIGINS];

        assert_eq!(encode(&full).len(), MAX_BYTES);
        assert_eq!(decode(&encode(&full)), Some(full.clone()));
        assert_eq!(decode(&encode(&[full, vec![mark]].concat())), None);
    }
}
