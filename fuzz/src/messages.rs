//! Messages of the protocol.

use std::fmt::Debug;

use bytes::Bytes;
use serde::de::IgnoredAny;
use swarm_proto::{
    Datagram, DatagramBuilder, DecodeError, EncodeError, FeedFrame, Frame, GuardError, GuardLimits, Hello,
    Signed, Statement, check, decode_datagram, decode_observation, encode_observation, from_slice, padding,
    scan_one,
};

use crate::measure::{bounded, measured};

/// What the guard passes is one value that anybody can read, and it allocates nothing to find out.
pub(crate) fn guard(input: &[u8]) {
    let limits = GuardLimits::default();
    let (checked, allocated) = measured(|| check(input, &limits));
    assert_eq!(allocated, 0, "the guard allocates nothing");
    assert_eq!(checked.is_ok(), scan_one(input, &limits) == Ok(input.len()));
    let read = bounded(input, || from_slice::<IgnoredAny>(input));
    assert_eq!(checked.err(), read.err().map(guard_error), "what passes can be read, and nothing else can");
}

#[expect(clippy::panic, reason = "that is how a property fails")]
fn guard_error(error: DecodeError) -> GuardError {
    match error {
        DecodeError::Guard(error) => error,
        other => panic!("passed and not read: {other}"),
    }
}

/// One frame of one direction.
pub(crate) fn frame<F: Frame + Debug + PartialEq>(input: &[u8]) {
    if let Ok(frame) = bounded(input, || F::decode(input)) {
        same_again(&frame, F::encode, F::decode);
    }
}

/// A frame of a feed, with the observation in it.
pub(crate) fn feed(input: &[u8]) {
    let Ok(frame) = bounded(input, || FeedFrame::decode(input)) else { return };
    same_again(&frame, FeedFrame::encode, FeedFrame::decode);
    let Ok(observation) = bounded(input, || frame.observation()) else { return };
    let again = FeedFrame { number: frame.number, encoded: encode_observation(&observation) };
    assert_eq!(again.observation(), Ok(observation));
}

pub(crate) fn hello(input: &[u8]) {
    if let Ok(hello) = bounded(input, || Hello::decode(input)) {
        same_again(&hello, Hello::encode, Hello::decode);
    }
}

/// What is signed.
pub(crate) fn statement<T: Statement + Debug + PartialEq>(input: &[u8]) {
    if let Ok(statement) = bounded(input, || T::decode(input)) {
        same_again(&statement, T::encode, T::decode);
    }
}

/// A statement with its signature, whose message is in the bytes as they came.
pub(crate) fn signed<T: Statement + Debug + PartialEq>(input: &[u8]) {
    if let Ok(signed) = bounded(input, || Signed::<T>::decode(input)) {
        same_again(&signed, |signed| Ok(signed.encode()), Signed::decode);
        let message = signed.message();
        let stated = message.strip_prefix(T::DOMAIN).unwrap_or_default();
        assert!(input.windows(stated.len().max(1)).any(|window| window == stated));
    }
}

pub(crate) fn observation(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    if let Ok(observation) = bounded(input, || decode_observation(&bytes)) {
        assert_eq!(decode_observation(&encode_observation(&observation)), Ok(observation));
    }
}

pub(crate) fn datagram(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let Ok(datagram) = bounded(input, || decode_datagram(&bytes)) else { return };
    let encoded = match &datagram {
        Datagram::Padding => padding(),
        Datagram::Observations(observations) => {
            let mut builder = DatagramBuilder::new(usize::MAX);
            assert!(
                observations.iter().all(|observation| builder.try_push(&encode_observation(observation)))
            );
            builder.finish()
        }
    };
    assert_eq!(decode_datagram(&encoded), Ok(datagram));
}

/// What was read is read again from what it is written as. That may be longer, as it says what went without saying, and
/// then too long.
#[expect(clippy::panic, reason = "that is how a property fails")]
fn same_again<T: Debug + PartialEq>(
    value: &T,
    encode: impl Fn(&T) -> Result<Bytes, EncodeError>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    match encode(value) {
        Ok(bytes) => assert_eq!(decode(&bytes).as_ref(), Ok(value)),
        Err(EncodeError::TooLarge { .. }) => {}
        Err(error) => panic!("{value:?} was read and cannot be written: {error}"),
    }
}
