//! Reliable observations on their way to one peer: a stream of their own, on which the peer says how far it has come.
//! Numbers count what was meant for this peer, so that it sees what is missing; who keeps what for how long is decided
//! elsewhere.

use bytes::Bytes;

use crate::delivery::Delivery;
use crate::error::{DecodeError, EncodeError, at_most};
use crate::frame::{Frame, begin_frame, end_frame, open_frame, open_frame_of};
use crate::limits::{MAX_FEED_FRAME_BYTES, MAX_FRAME_BYTES, MAX_RELIABLE_PAYLOAD_BYTES};
use crate::observation::{Observation, decode_observation};
use crate::seal;
use crate::wire::Binary;
use crate::writer::{put_binary, put_uint};

const OBSERVATION: u8 = 21;
const POSITION: u8 = 37;

const PAYLOAD: &str = "bytes of a reliable observation's payload";

/// A frame from publisher to subscriber, after the [`RequestFrame::Feed`](crate::RequestFrame::Feed) that opens the
/// stream: `[21, number, observation]`, the observation as a binary.
///
/// ```
/// use bytes::Bytes;
/// use swarm_proto::{
///     AgentId, Delivery, Epoch, FeedFrame, Frame, Observation, Sequence, TopicName, UnixMicros, encode_observation,
/// };
///
/// let observation = Observation {
///     origin: AgentId::from_key_digest([1; 32]),
///     epoch: Epoch::new(1_700_000_000_000),
///     sequence: Sequence::FIRST,
///     topic: TopicName::try_from("map.tile")?,
///     sent_at: UnixMicros::new(1_700_000_000_250_000),
///     hops: 0,
///     payload: Bytes::from(vec![0; 300_000]),
///     delivery: Delivery::Reliable,
///     expires_ms: None,
///     seal: None,
/// };
/// let frame = FeedFrame { number: 1, encoded: encode_observation(&observation) };
/// let read = FeedFrame::decode(&frame.encode()?)?;
/// assert_eq!(read.observation()?, observation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFrame {
    /// Which one of this feed, from 1.
    pub number: u64,
    /// The observation, as [`encode_observation`](crate::encode_observation) made it: the same bytes for every peer.
    pub encoded: Bytes,
}

impl FeedFrame {
    /// Whether the observation inside carries a signature, if [`encode_observation`](crate::encode_observation) made it:
    /// costs no decoding.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.encoded.first() == Some(&(0x90 | seal::ELEMENTS))
    }

    /// The observation inside.
    ///
    /// # Errors
    /// A [`DecodeError`] if the bytes are no observation, or one that is not reliable or too long.
    pub fn observation(&self) -> Result<Observation, DecodeError> {
        let observation = decode_observation(&self.encoded)?;
        at_most(MAX_RELIABLE_PAYLOAD_BYTES, observation.payload.len(), PAYLOAD)?;
        if observation.delivery == Delivery::Reliable {
            Ok(observation)
        } else {
            Err(DecodeError::Malformed(format!("a {} observation in a feed", observation.delivery)))
        }
    }
}

impl Frame for FeedFrame {
    fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut frame = begin_frame(OBSERVATION, 2);
        frame.reserve(self.encoded.len() + 16);
        put_uint(&mut frame, self.number);
        put_binary(&mut frame, &self.encoded);
        end_frame(frame, MAX_FEED_FRAME_BYTES)
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open_frame_of(bytes, MAX_FEED_FRAME_BYTES)?;
        if kind != u64::from(OBSERVATION) {
            return Err(DecodeError::UnknownKind(kind));
        }
        let number = reader.next("number")?;
        let encoded = Bytes::copy_from_slice(reader.next::<Binary<'_>>("observation")?.0);
        Ok(Self { number, encoded })
    }
}

/// What the subscriber says on a feed: the number that it waits for, `[37, number]`. The first one says where to go on,
/// all others that everything before was taken. 0 in the first one means that it knows nothing of this feed.
///
/// ```
/// use swarm_proto::{FeedPosition, Frame};
///
/// let position = FeedPosition(58);
/// assert_eq!(FeedPosition::decode(&position.encode()?)?, position);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition(pub u64);

impl Frame for FeedPosition {
    fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut frame = begin_frame(POSITION, 1);
        put_uint(&mut frame, self.0);
        end_frame(frame, MAX_FRAME_BYTES)
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut reader) = open_frame(bytes)?;
        if kind != u64::from(POSITION) {
            return Err(DecodeError::UnknownKind(kind));
        }
        reader.next("number").map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgentId, Epoch, Sequence, TopicName, UnixMicros, encode_observation};

    fn frame(delivery: Delivery, payload: usize) -> FeedFrame {
        let observation = Observation {
            origin: AgentId::from_key_digest([1; 32]),
            epoch: Epoch::new(1),
            sequence: Sequence::FIRST,
            topic: TopicName::try_from("t").unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: vec![0; payload].into(),
            delivery,
            expires_ms: None,
            seal: None,
        };
        FeedFrame { number: 7, encoded: encode_observation(&observation) }
    }

    #[test]
    fn the_largest_payload_fits_and_one_byte_more_does_not() {
        let largest = frame(Delivery::Reliable, MAX_RELIABLE_PAYLOAD_BYTES);
        let decoded = FeedFrame::decode(&largest.encode().unwrap()).unwrap();

        assert!(decoded.observation().is_ok());
        assert!(frame(Delivery::Reliable, MAX_RELIABLE_PAYLOAD_BYTES + 1).observation().is_err());
    }

    #[test]
    fn what_may_be_lost_does_not_travel_in_a_feed() {
        let refused = frame(Delivery::Lossy, 10).observation();

        assert_eq!(refused, Err(DecodeError::Malformed("a lossy observation in a feed".to_owned())));
    }

    #[test]
    fn frames_of_one_direction_are_not_taken_in_the_other() {
        let encoded = FeedPosition(3).encode().unwrap();

        assert_eq!(FeedFrame::decode(&encoded), Err(DecodeError::UnknownKind(37)));
    }
}
