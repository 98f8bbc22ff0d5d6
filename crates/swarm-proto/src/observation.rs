//! The message to everybody. Encoded once by its origin and sent to many; whether it is new, wanted or passed on is
//! not decided here.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::delivery::{Delivery, Key};
use crate::error::DecodeError;
use crate::flat::FlatReader;
use crate::guard::{GuardLimits, check, scan_one};
use crate::id::{AgentId, Epoch, Sequence};
use crate::key::PublicKey;
use crate::name::SwarmName;
use crate::reader::ArrayReader;
use crate::seal::{self, Seal};
use crate::time::UnixMicros;
use crate::topic::TopicName;
use crate::wire::{Binary, Text};
use crate::writer::{put_array, put_binary, put_text, put_uint};

/// Most bytes around topic, payload and key: array, id, three numbers of 9 bytes, hops, class, expiry, and the headers of
/// all three.
const ENVELOPE_BYTES: usize = 1 + 18 + 3 * 9 + 2 + 1 + 5 + 2 + 5 + 2;

const LOSSY: u8 = 0;
const LATEST: u8 = 1;
const RELIABLE: u8 = 2;

/// A small message from one agent to everybody; it may be lost, come twice or out of order.
///
/// On the wire an array of these fields in this order, to which later versions may append. With a seal it is an array of
/// exactly four, `[hops, key, signature, body]`: the body is the array that its origin made, as a binary.
///
/// ```
/// use bytes::Bytes;
/// use swarm_proto::{
///     AgentId, Delivery, Epoch, Observation, Sequence, TopicName, UnixMicros, decode_observation, encode_observation,
/// };
///
/// let observation = Observation {
///     origin: AgentId::from_key_digest([1; 32]),
///     epoch: Epoch::new(1_700_000_000_000),
///     sequence: Sequence::FIRST,
///     topic: TopicName::try_from("rover.position")?,
///     sent_at: UnixMicros::new(1_700_000_000_250_000),
///     hops: 0,
///     payload: Bytes::from_static(b"here"),
///     delivery: Delivery::Lossy,
///     expires_ms: None,
///     seal: None,
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
    pub topic: TopicName,
    /// When it was made, by the clock of its origin.
    pub sent_at: UnixMicros,
    /// How often it was passed on: 0 straight from its origin.
    pub hops: u8,
    /// Its content, in an encoding that publisher and subscribers of the topic agree on. Bounded by the datagram; 1 MiB
    /// if it is reliable.
    pub payload: Bytes,
    /// How it travels.
    pub delivery: Delivery,
    /// After how many milliseconds of waiting, at each end by its own clock, it is not worth delivering any more. `None`
    /// means never, as for all that are reliable.
    pub expires_ms: Option<NonZeroU32>,
    /// Its origin's signature, if it has one. All above but the hops is then what that is over.
    pub seal: Option<Arc<Seal>>,
}

impl Observation {
    /// The same, as its origin sends it with a signature; `sign` is given the message. Whoever gets it may pass it on.
    #[must_use]
    pub fn sealed(self, swarm: &SwarmName, key: PublicKey, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Self {
        let plain = Self { hops: 0, seal: None, ..self };
        let seal = Seal::new(swarm, key, encode_observation(&plain), sign);
        Self { seal: Some(Arc::new(seal)), ..plain }
    }
}

/// Encodes an observation for [`DatagramBuilder::try_push`](crate::DatagramBuilder::try_push), which refuses one that
/// is too long, or for a [`FeedFrame`](crate::FeedFrame). A payload must be shorter than 4 GiB. Of one with a seal it
/// writes what was sealed, and the hops.
#[must_use]
pub fn encode_observation(observation: &Observation) -> Bytes {
    if let Some(seal) = &observation.seal {
        return seal.encode(observation.hops);
    }
    let (topic, key) = (observation.topic.as_str(), key_of(&observation.delivery));
    let length = ENVELOPE_BYTES + topic.len() + observation.payload.len() + key.len();
    let mut out = BytesMut::with_capacity(length);
    put_array(&mut out, 7 + further_elements(observation));
    put_binary(&mut out, observation.origin.as_bytes());
    put_uint(&mut out, observation.epoch.get());
    put_uint(&mut out, observation.sequence.get());
    put_text(&mut out, topic);
    put_uint(&mut out, observation.sent_at.get());
    put_uint(&mut out, u64::from(observation.hops));
    put_binary(&mut out, &observation.payload);
    put_further(&mut out, observation);
    out.freeze()
}

/// What goes without saying is not said: that it is lossy and never expires.
fn further_elements(observation: &Observation) -> u8 {
    match (&observation.delivery, observation.expires_ms) {
        (Delivery::Lossy, None) => 0,
        (Delivery::Reliable, _) => 1,
        _ => 3,
    }
}

fn put_further(out: &mut BytesMut, observation: &Observation) {
    let expires_ms = observation.expires_ms.map_or(0, NonZeroU32::get);
    let class = match &observation.delivery {
        Delivery::Lossy if expires_ms == 0 => return,
        Delivery::Lossy => LOSSY,
        Delivery::Latest { .. } => LATEST,
        Delivery::Reliable => return put_uint(out, u64::from(RELIABLE)),
    };
    put_uint(out, u64::from(class));
    put_text(out, key_of(&observation.delivery));
    put_uint(out, u64::from(expires_ms));
}

fn key_of(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Latest { key } => key.as_str(),
        Delivery::Lossy | Delivery::Reliable => "",
    }
}

/// Decodes one observation that fills `bytes`; its payload shares their memory.
///
/// # Errors
/// A [`DecodeError`] if the bytes are unsound, are not an observation, or more than one.
pub fn decode_observation(bytes: &Bytes) -> Result<Observation, DecodeError> {
    check(bytes, &GuardLimits::default())?;
    read_guarded(bytes, bytes, None)
}

/// Reads the observation at the start of `content`, which lies within `bytes`, and returns what follows it. If it is
/// about `known`, it shares that name.
pub(crate) fn read_observation<'a>(
    content: &'a [u8],
    bytes: &Bytes,
    known: Option<&TopicName>,
) -> Result<(Observation, &'a [u8]), DecodeError> {
    let length = scan_one(content, &GuardLimits::default())?;
    let (array, rest) = content.split_at_checked(length).unwrap_or((content, &[]));
    Ok((read_guarded(array, bytes, known)?, rest))
}

fn read_guarded(array: &[u8], bytes: &Bytes, known: Option<&TopicName>) -> Result<Observation, DecodeError> {
    match read_flat(array, bytes, known) {
        Some(observation) => Ok(observation),
        None => read_otherwise(array, bytes, known),
    }
}

/// Reads what is not plain and in the forms that nodes write.
fn read_otherwise(
    array: &[u8],
    bytes: &Bytes,
    known: Option<&TopicName>,
) -> Result<Observation, DecodeError> {
    let reader = ArrayReader::begin(array)?;
    if reader.left() == usize::from(seal::ELEMENTS) {
        read_sealed(reader, bytes, known)
    } else {
        read_any(reader, bytes)
    }
}

fn read_sealed(
    reader: ArrayReader<'_>,
    bytes: &Bytes,
    known: Option<&TopicName>,
) -> Result<Observation, DecodeError> {
    let (seal, body, hops) = Seal::read(reader, bytes)?;
    check(body, &GuardLimits::default())?;
    let plain = match read_flat(body, bytes, known) {
        Some(plain) => plain,
        None => read_any(ArrayReader::begin(body)?, bytes)?,
    };
    if plain.hops > 0 {
        return Err(DecodeError::Malformed(format!("a sealed body with {} hops, not 0", plain.hops)));
    }
    Ok(Observation { hops, seal: Some(Arc::new(seal)), ..plain })
}

/// Reads a plain observation in the forms that nodes write. `None` says nothing: it may be one nevertheless.
fn read_flat(array: &[u8], bytes: &Bytes, known: Option<&TopicName>) -> Option<Observation> {
    let mut reader = FlatReader::begin(array)?;
    let mut observation = Observation {
        origin: AgentId::from_bytes(reader.binary()?.try_into().ok()?).ok()?,
        epoch: Epoch::new(reader.uint()?),
        sequence: Sequence::new(reader.uint()?),
        topic: known_topic(reader.text()?, known)?,
        sent_at: UnixMicros::new(reader.uint()?),
        hops: reader.uint()?.try_into().ok()?,
        payload: bytes.slice_ref(reader.binary()?),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    };
    if !reader.is_at_end() {
        (observation.delivery, observation.expires_ms) = read_flat_further(&mut reader)?;
    }
    Some(observation)
}

fn known_topic(name: &str, known: Option<&TopicName>) -> Option<TopicName> {
    match known {
        Some(known) if known.as_str() == name => Some(known.clone()),
        _ => TopicName::try_from(name).ok(),
    }
}

fn read_flat_further(reader: &mut FlatReader<'_>) -> Option<(Delivery, Option<NonZeroU32>)> {
    let class = u8::try_from(reader.uint()?).ok()?;
    if class == RELIABLE {
        return Some((Delivery::Reliable, None));
    }
    let key = Key::read(reader.text()?).ok()?;
    let expires_ms = NonZeroU32::new(reader.uint()?.try_into().ok()?);
    match class {
        LOSSY => Some((Delivery::Lossy, expires_ms)),
        LATEST => Some((Delivery::Latest { key }, expires_ms)),
        _ => None,
    }
}

/// Reads a plain observation in whatever form, or finds what is wrong with it.
fn read_any(mut reader: ArrayReader<'_>, bytes: &Bytes) -> Result<Observation, DecodeError> {
    let mut observation = Observation {
        origin: reader.next("origin")?,
        epoch: reader.next("epoch")?,
        sequence: reader.next("sequence")?,
        topic: read_topic(&reader.next::<Text<'_>>("topic")?.0)?,
        sent_at: reader.next("time of origin")?,
        hops: reader.next("hops")?,
        payload: bytes.slice_ref(reader.next::<Binary<'_>>("payload")?.0),
        delivery: Delivery::Lossy,
        expires_ms: None,
        seal: None,
    };
    if !reader.is_at_end() {
        read_further(&mut reader, &mut observation)?;
    }
    Ok(observation)
}

fn read_further(reader: &mut ArrayReader<'_>, observation: &mut Observation) -> Result<(), DecodeError> {
    let class: u64 = reader.next("class")?;
    match u8::try_from(class) {
        Ok(RELIABLE) => observation.delivery = Delivery::Reliable,
        Ok(class @ (LOSSY | LATEST)) => {
            let key = Key::read(&reader.next::<Text<'_>>("key")?.0)?;
            observation.expires_ms = NonZeroU32::new(reader.next("expiry")?);
            if class == LATEST {
                observation.delivery = Delivery::Latest { key };
            }
        }
        _ => return Err(DecodeError::UnknownKind(class)),
    }
    Ok(())
}

fn read_topic(name: &str) -> Result<TopicName, DecodeError> {
    TopicName::try_from(name).map_err(|error| DecodeError::Malformed(error.to_string()))
}

#[cfg(test)]
mod agreement;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn observation() -> Observation {
        Observation {
            origin: AgentId::from_key_digest([1; 32]),
            epoch: Epoch::new(u64::MAX),
            sequence: Sequence::new(u64::MAX),
            topic: TopicName::try_from("t").unwrap(),
            sent_at: UnixMicros::new(u64::MAX),
            hops: u8::MAX,
            payload: Bytes::from_static(b"payload"),
            delivery: Delivery::Lossy,
            expires_ms: None,
            seal: None,
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
        later[0] = 0x9b;
        later.extend_from_slice(b"\x00\xa0\x00\xc4\x03sig");

        assert_eq!(decode_observation(&later.into()), Ok(observation()));
    }

    #[test]
    fn how_it_travels_comes_through_and_what_goes_without_saying_takes_no_bytes() {
        let key = Key::try_from("arm-2").unwrap();
        let expires_ms = NonZeroU32::new(250);
        for (delivery, expires_ms, further) in [
            (Delivery::Lossy, None, 0),
            (Delivery::Lossy, expires_ms, 4),
            (Delivery::Latest { key: Key::default() }, None, 3),
            (Delivery::Latest { key }, expires_ms, 9),
            (Delivery::Reliable, None, 1),
        ] {
            let sent = Observation { delivery, expires_ms, ..observation() };

            let encoded = encode_observation(&sent);

            assert_eq!(encoded.len(), encode_observation(&observation()).len() + further);
            assert_eq!(decode_observation(&encoded), Ok(sent));
        }
    }

    #[test]
    fn a_class_that_nobody_defined_is_refused() {
        let mut unknown = encode_observation(&observation()).to_vec();
        unknown[0] = 0x9a;
        unknown.extend_from_slice(b"\x07\xa0\x00");

        assert_eq!(decode_observation(&unknown.into()), Err(DecodeError::UnknownKind(7)));
    }

    #[test]
    fn the_largest_envelope_is_allocated_at_once() {
        let topic = "t".repeat(63) + "." + &"t".repeat(64 - 1);
        let largest = Observation {
            topic: TopicName::try_from(topic.as_str()).unwrap(),
            payload: vec![0; 70_000].into(),
            delivery: Delivery::Latest { key: Key::try_from("k".repeat(64).as_str()).unwrap() },
            expires_ms: NonZeroU32::new(u32::MAX),
            ..observation()
        };

        assert_eq!(encode_observation(&largest).len(), ENVELOPE_BYTES + topic.len() + 70_000 + 64);
    }

    #[test]
    fn a_payload_is_a_binary_and_nothing_else() {
        let mut encoded = encode_observation(&observation()).to_vec();
        let header = encoded.len() - 9;
        encoded.splice(header..header + 2, [0xa7]);

        assert!(matches!(decode_observation(&encoded.into()), Err(DecodeError::Malformed(_))));
    }
}
