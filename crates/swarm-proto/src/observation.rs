//! The message to everybody. Encoded once by its origin and sent to many; whether it is new, wanted or passed on is
//! not decided here.

use bytes::{Bytes, BytesMut};

use crate::error::DecodeError;
use crate::id::{AgentId, Epoch, Sequence};
use crate::reader::ArrayReader;
use crate::time::UnixMicros;
use crate::topic::Topic;
use crate::wire::{Binary, Text};
use crate::writer::{put_array, put_binary, put_text, put_uint};

/// Most bytes around topic and payload: array, id, three numbers of 9 bytes, hops, and the headers of both.
const ENVELOPE_BYTES: usize = 1 + 18 + 3 * 9 + 2 + 2 + 5;

/// A small message from one agent to everybody; it may be lost, come twice or out of order.
///
/// On the wire an array of these fields in this order, to which later versions may append.
///
/// ```
/// use bytes::Bytes;
/// use swarm_proto::{
///     AgentId, Epoch, Observation, Sequence, Topic, UnixMicros, decode_observation, encode_observation,
/// };
///
/// let observation = Observation {
///     origin: AgentId::from_key_digest([1; 32]),
///     epoch: Epoch::new(1_700_000_000_000),
///     sequence: Sequence::FIRST,
///     topic: Topic::try_from("rover.position")?,
///     sent_at: UnixMicros::new(1_700_000_000_250_000),
///     hops: 0,
///     payload: Bytes::from_static(b"here"),
/// };
/// assert_eq!(decode_observation(&encode_observation(&observation))?, observation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Who made it, whoever passed it on.
    pub origin: AgentId,
    /// In which life.
    pub epoch: Epoch,
    /// Which observation of that life; with origin and epoch it is the identity of the observation.
    pub sequence: Sequence,
    /// What it is about.
    pub topic: Topic,
    /// When it was made, by the clock of its origin.
    pub sent_at: UnixMicros,
    /// How often it was passed on: 0 straight from its origin.
    pub hops: u8,
    /// Its content, in an encoding that publisher and subscribers of the topic agree on. Bounded by the datagram.
    pub payload: Bytes,
}

/// Encodes an observation for [`DatagramBuilder::try_push`](crate::DatagramBuilder::try_push), which refuses one that
/// is too long. A payload must be shorter than 4 GiB.
#[must_use]
pub fn encode_observation(observation: &Observation) -> Bytes {
    let topic = observation.topic.as_str();
    let mut out = BytesMut::with_capacity(ENVELOPE_BYTES + topic.len() + observation.payload.len());
    put_array(&mut out, 7);
    put_binary(&mut out, observation.origin.as_bytes());
    put_uint(&mut out, observation.epoch.get());
    put_uint(&mut out, observation.sequence.get());
    put_text(&mut out, topic);
    put_uint(&mut out, observation.sent_at.get());
    put_uint(&mut out, u64::from(observation.hops));
    put_binary(&mut out, &observation.payload);
    out.freeze()
}

/// Decodes one observation that fills `bytes`; its payload shares their memory.
///
/// # Errors
/// A [`DecodeError`] if the bytes are unsound, are not an observation, or more than one.
pub fn decode_observation(bytes: &Bytes) -> Result<Observation, DecodeError> {
    read_observation(ArrayReader::whole(bytes)?, bytes)
}

/// Reads an observation whose elements lie within `bytes`.
pub(crate) fn read_observation(
    mut reader: ArrayReader<'_>,
    bytes: &Bytes,
) -> Result<Observation, DecodeError> {
    Ok(Observation {
        origin: reader.next("origin")?,
        epoch: reader.next("epoch")?,
        sequence: reader.next("sequence")?,
        topic: read_topic(&reader.next::<Text<'_>>("topic")?.0)?,
        sent_at: reader.next("time of origin")?,
        hops: reader.next("hops")?,
        payload: bytes.slice_ref(reader.next::<Binary<'_>>("payload")?.0),
    })
}

fn read_topic(name: &str) -> Result<Topic, DecodeError> {
    Topic::try_from(name).map_err(|error| DecodeError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation() -> Observation {
        Observation {
            origin: AgentId::from_key_digest([1; 32]),
            epoch: Epoch::new(u64::MAX),
            sequence: Sequence::new(u64::MAX),
            topic: Topic::try_from("t").unwrap(),
            sent_at: UnixMicros::new(u64::MAX),
            hops: u8::MAX,
            payload: Bytes::from_static(b"payload"),
        }
    }

    #[test]
    fn the_payload_shares_the_memory_of_what_was_received() {
        let encoded = encode_observation(&observation());

        let decoded = decode_observation(&encoded).unwrap();

        assert_eq!(decoded.payload, b"payload".as_slice());
        assert!(encoded.as_ptr_range().contains(&decoded.payload.as_ptr()));
    }

    #[test]
    fn what_a_later_version_appends_is_ignored() {
        let mut later = encode_observation(&observation()).to_vec();
        later[0] = 0x98;
        later.extend_from_slice(b"\xc4\x03sig");

        assert_eq!(decode_observation(&later.into()), Ok(observation()));
    }

    #[test]
    fn the_largest_envelope_is_allocated_at_once() {
        let topic = "t".repeat(63) + "." + &"t".repeat(64 - 1);
        let largest = Observation {
            topic: Topic::try_from(topic.as_str()).unwrap(),
            payload: vec![0; 70_000].into(),
            ..observation()
        };

        assert_eq!(encode_observation(&largest).len(), ENVELOPE_BYTES + topic.len() + 70_000);
    }

    #[test]
    fn a_payload_is_a_binary_and_nothing_else() {
        let mut encoded = encode_observation(&observation()).to_vec();
        let header = encoded.len() - 9;
        encoded.splice(header..header + 2, [0xa7]);

        assert!(matches!(decode_observation(&encoded.into()), Err(DecodeError::Malformed(_))));
    }
}
