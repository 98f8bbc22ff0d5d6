//! What one datagram carries: a byte of version and kind, then observations one behind the other, or padding. Sends
//! nothing and waits for nothing; when a datagram is full enough is the sender's decision.

use bytes::{BufMut, Bytes, BytesMut};

use crate::delivery::Delivery;
use crate::error::DecodeError;
use crate::limits::{DATAGRAM_OVERHEAD_BYTES, MAX_OBSERVATIONS_PER_DATAGRAM};
use crate::observation::{Observation, read_observation};
use crate::topic::TopicName;

/// Protocol version of datagrams, the high half of their first byte.
const VERSION: u8 = 1;
const PADDING: u8 = 0x10;
const OBSERVATIONS: u8 = 0x11;

/// Collects encoded observations until a datagram is full.
///
/// ```
/// use swarm_proto::DatagramBuilder;
///
/// let mut builder = DatagramBuilder::new(4);
/// assert!(builder.try_push(&[0xaa, 0xbb]));
/// assert!(!builder.try_push(&[0xcc, 0xdd]), "only one byte is left");
/// assert_eq!(builder.finish(), [0x11, 0xaa, 0xbb].as_slice());
/// ```
#[derive(Debug)]
pub struct DatagramBuilder {
    datagram: BytesMut,
    observations: usize,
    /// Of the whole, with what stands before it.
    max: usize,
    prefix: usize,
}

impl DatagramBuilder {
    /// Begins a datagram of at most `max` bytes, as many as path and peer take.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self::behind(&[], max, 0)
    }

    /// As [`Self::new`], behind bytes of the layer below, which do not count, and with room for as many observations as
    /// `expected` bytes hold: a datagram is built for every few observations, and need not be copied.
    #[must_use]
    pub fn behind(prefix: &[u8], max: usize, expected: usize) -> Self {
        let content = expected.saturating_add(DATAGRAM_OVERHEAD_BYTES).min(max);
        let mut datagram = BytesMut::with_capacity(prefix.len() + content);
        datagram.put_slice(prefix);
        datagram.put_u8(OBSERVATIONS);
        Self { datagram, observations: 0, max: max.saturating_add(prefix.len()), prefix: prefix.len() }
    }

    /// Appends an observation that [`encode_observation`](crate::encode_observation) made. `false`, and nothing
    /// changed, if it does not fit: then finish this datagram and begin another. One that does not even fit into an
    /// empty datagram never will.
    #[must_use = "an observation that does not fit is still to be sent"]
    pub fn try_push(&mut self, encoded: &[u8]) -> bool {
        let full = self.observations >= MAX_OBSERVATIONS_PER_DATAGRAM;
        if full || encoded.len() > self.max.saturating_sub(self.datagram.len()) {
            return false;
        }
        self.datagram.put_slice(encoded);
        self.observations += 1;
        true
    }

    /// Whether it holds no observation. Such a datagram is not worth sending; receivers refuse it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observations == 0
    }

    /// Length of the datagram so far, in bytes, [`DATAGRAM_OVERHEAD_BYTES`] included, without what stands before it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagram.len() - self.prefix
    }

    /// The datagram.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.datagram.freeze()
    }
}

/// What a datagram carried.
///
/// ```
/// use swarm_proto::{Datagram, decode_datagram, padding};
///
/// assert_eq!(decode_datagram(&padding())?, Datagram::Padding);
/// # Ok::<(), swarm_proto::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datagram {
    /// Nothing; its arrival is all it says.
    Padding,
    /// One observation or more, in the order in which they were sent.
    Observations(Vec<Observation>),
}

/// A datagram that says nothing.
#[must_use]
pub fn padding() -> Bytes {
    Bytes::from_static(&[PADDING])
}

/// Decodes a datagram; the payloads of its observations share its memory.
///
/// # Errors
/// A [`DecodeError`] if version or kind are unknown, or if any of its observations is not sound: then none is returned.
pub fn decode_datagram(bytes: &Bytes) -> Result<Datagram, DecodeError> {
    decode_datagram_about(bytes, None)
}

/// As [`decode_datagram`]. An observation about this topic shares it, which costs less than to read it: whoever hears the
/// same peer again mostly hears of the same.
///
/// ```
/// use swarm_proto::{Datagram, TopicName, decode_datagram_about, padding};
///
/// let topic: TopicName = "rover.position".parse()?;
/// assert_eq!(decode_datagram_about(&padding(), Some(&topic))?, Datagram::Padding);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`decode_datagram`].
pub fn decode_datagram_about(bytes: &Bytes, topic: Option<&TopicName>) -> Result<Datagram, DecodeError> {
    let (first, content) = bytes.split_first().ok_or(DecodeError::Empty)?;
    match (first >> 4, *first) {
        (VERSION, PADDING) => Ok(Datagram::Padding),
        (VERSION, OBSERVATIONS) => read_observations(content, bytes, topic).map(Datagram::Observations),
        (VERSION, _) => Err(DecodeError::UnknownKind(u64::from(first & 0x0f))),
        (got, _) => Err(DecodeError::Version { got }),
    }
}

fn read_observations(
    mut content: &[u8],
    bytes: &Bytes,
    topic: Option<&TopicName>,
) -> Result<Vec<Observation>, DecodeError> {
    let mut observations: Vec<Observation> = Vec::new();
    while !content.is_empty() {
        if observations.len() == MAX_OBSERVATIONS_PER_DATAGRAM {
            let max = MAX_OBSERVATIONS_PER_DATAGRAM;
            return Err(DecodeError::LimitExceeded { what: "observations of a datagram", max });
        }
        // Most observations of a datagram are about the same.
        let known = observations.last().map(|previous| &previous.topic).or(topic);
        let (observation, rest) = read_observation(content, bytes, known)?;
        if observation.delivery == Delivery::Reliable {
            return Err(DecodeError::Malformed("a reliable observation in a datagram".to_owned()));
        }
        observations.push(observation);
        content = rest;
    }
    if observations.is_empty() { Err(DecodeError::Empty) } else { Ok(observations) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgentId, Epoch, Sequence, TopicName, UnixMicros, encode_observation};

    fn observation(sequence: u64) -> Observation {
        Observation {
            origin: AgentId::from_key_digest([1; 32]),
            epoch: Epoch::new(0),
            sequence: Sequence::new(sequence),
            topic: TopicName::try_from("t").unwrap(),
            sent_at: UnixMicros::new(0),
            hops: 0,
            payload: Bytes::new(),
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
        }
    }

    #[test]
    fn observations_come_out_in_the_order_in_which_they_went_in() {
        let observations: Vec<_> = (1..=3).map(observation).collect();
        let mut builder = DatagramBuilder::new(1_200);
        for observation in &observations {
            assert!(builder.try_push(&encode_observation(observation)));
        }

        assert_eq!(decode_datagram(&builder.finish()), Ok(Datagram::Observations(observations)));
    }

    #[test]
    fn a_datagram_is_filled_to_its_last_byte_and_not_beyond() {
        let encoded = encode_observation(&observation(1));
        let mut builder = DatagramBuilder::new(DATAGRAM_OVERHEAD_BYTES + 2 * encoded.len());

        assert!(builder.try_push(&encoded));
        assert!(builder.try_push(&encoded));
        let full = builder.len();
        assert!(!builder.try_push(&encoded));

        assert_eq!(builder.len(), full);
        assert_eq!(builder.finish().len(), full);
    }

    #[test]
    fn what_stands_before_a_datagram_does_not_count() {
        let encoded = encode_observation(&observation(1));
        let mut builder = DatagramBuilder::behind(b"pre", DATAGRAM_OVERHEAD_BYTES + encoded.len(), 7);

        assert!(builder.try_push(&encoded));
        assert!(!builder.try_push(&[0]));
        assert_eq!(builder.len(), DATAGRAM_OVERHEAD_BYTES + encoded.len());

        let mut datagram = builder.finish();
        assert_eq!(datagram.split_to(3), b"pre".as_slice());
        assert_eq!(decode_datagram(&datagram), Ok(Datagram::Observations(vec![observation(1)])));
    }

    #[test]
    fn a_datagram_takes_256_observations() {
        let encoded = encode_observation(&observation(1));
        let mut builder = DatagramBuilder::new(usize::MAX);
        for _ in 0..256 {
            assert!(builder.try_push(&encoded));
        }
        assert!(!builder.try_push(&encoded));

        let full = builder.finish();
        let over = Bytes::from([&full[..], &encoded[..]].concat());

        let Ok(Datagram::Observations(decoded)) = decode_datagram(&full) else { panic!("{full:?}") };
        assert_eq!(decoded.len(), 256);
        assert_eq!(
            decode_datagram(&over),
            Err(DecodeError::LimitExceeded { what: "observations of a datagram", max: 256 })
        );
    }

    #[test]
    fn a_datagram_begins_with_its_first_byte_even_where_nothing_fits() {
        let mut builder = DatagramBuilder::new(0);

        assert!(!builder.try_push(&[0]));
        assert!(builder.is_empty());
        assert_eq!(builder.len(), DATAGRAM_OVERHEAD_BYTES);
    }

    #[test]
    fn what_follows_padding_is_ignored() {
        assert_eq!(decode_datagram(&Bytes::from_static(b"\x10\xc1\xc1")), Ok(Datagram::Padding));
    }

    #[test]
    fn what_is_reliable_does_not_travel_in_a_datagram() {
        let reliable = Observation { delivery: Delivery::Reliable, ..observation(1) };
        let datagram = Bytes::from([&[OBSERVATIONS], &encode_observation(&reliable)[..]].concat());

        assert!(matches!(decode_datagram(&datagram), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn one_bad_observation_spoils_the_datagram() {
        let good = encode_observation(&observation(1));
        let datagram = Bytes::from([&[OBSERVATIONS], &good[..], &[0x90]].concat());

        assert_eq!(decode_datagram(&datagram), Err(DecodeError::Missing { what: "origin" }));
    }
}
