//! Observations, alone, in datagrams and in feeds.

use bytes::Bytes;
use swarm_proto::{
    DecodeError, FeedFrame, FeedPosition, Frame, GuardError, Observation, decode_datagram, decode_observation,
};

use crate::{beyond_end, malformed, refuses, truncated, unhex};

#[test]
fn observations_that_are_none_are_refused() {
    let id = "c410 00000000000080008000000000000000";
    let cases: Vec<(String, &str, DecodeError)> = vec![
        ("80".into(), "a map", DecodeError::NotAnArray { marker: 0x80 }),
        ("90".into(), "no element", DecodeError::Missing { what: "origin" }),
        (format!("96 {id} 01 01 a174 01 00"), "no payload", DecodeError::Missing { what: "payload" }),
        (
            format!("97 {id} 01 01 a174 01 00 c400 00"),
            "a byte behind the end",
            GuardError::TrailingBytes { offset: 27, left: 1 }.into(),
        ),
        (
            "97 c40f 000000000000800080000000000000 01 01 a174 01 00 c400".into(),
            "an origin of 15 bytes",
            malformed("origin: an id takes 16 bytes, not 15"),
        ),
        (
            "97 c410 00000000000040008000000000000000 01 01 a174 01 00 c400".into(),
            "an origin of version 4",
            malformed("origin: an id is a UUID of version 8, not 4"),
        ),
        (
            "97 c410 00000000000080000000000000000000 01 01 a174 01 00 c400".into(),
            "an origin of another variant",
            malformed("origin: an id is a UUID of the variant of RFC 9562; this one has another"),
        ),
        (
            "97 b0 61616161616161616161616161616161 01 01 a174 01 00 c400".into(),
            "an origin that is a string",
            malformed("origin: invalid type: string \"aaaaaaaaaaaaaaaa\", expected a binary"),
        ),
        (
            format!("97 {id} ff 01 a174 01 00 c400"),
            "a negative epoch",
            malformed("epoch: invalid value: integer `-1`, expected u64"),
        ),
        (
            format!("97 {id} 01 01 a0 01 00 c400"),
            "an empty topic",
            malformed("the topic \"\" is not valid at byte 0: it is empty"),
        ),
        (
            format!("97 {id} 01 01 c40174 01 00 c400"),
            "a topic that is a binary",
            malformed("topic: invalid type: byte array, expected a string"),
        ),
        (
            format!("97 {id} 01 01 a174 01 cd0100 c400"),
            "256 hops",
            malformed("hops: invalid value: integer `256`, expected u8"),
        ),
        (
            format!("97 {id} 01 01 a174 01 00 a0"),
            "a payload that is a string",
            malformed("payload: invalid type: string \"\", expected a binary"),
        ),
        (
            format!("97 {id} 01 01 a174 01 00 90"),
            "a payload that is an array",
            malformed("payload: invalid type: sequence, expected a binary"),
        ),
    ];
    for (hex, wrong, expected) in cases {
        assert_eq!(decode_observation(&unhex(&hex).into()), Err(expected), "{wrong}: {hex}");
    }
}

#[test]
fn ways_to_travel_that_are_none_are_refused() {
    let cases = vec![
        ("98 c0", "a class that is nil", malformed("class: invalid type: unit value, expected u64")),
        ("98 ff", "a negative class", malformed("class: invalid value: integer `-1`, expected u64")),
        ("98 00", "a lossy observation without a key", DecodeError::Missing { what: "key" }),
        ("98 01", "a latest observation without a key", DecodeError::Missing { what: "key" }),
        ("99 01 a0", "a latest observation without an expiry", DecodeError::Missing { what: "expiry" }),
        ("98 03", "a class that nobody defined", DecodeError::UnknownKind(3)),
        ("9a 03 a0 00", "one with key and expiry", DecodeError::UnknownKind(3)),
        ("9a cd 0102 a0 00", "one whose low byte is that of reliable", DecodeError::UnknownKind(0x102)),
        ("9a 01 c0 00", "a key that is nil", malformed("key: invalid type: unit value, expected a string")),
        (
            "9a 01 c4 01 61 00",
            "a key that is a binary",
            malformed("key: invalid type: byte array, expected a string"),
        ),
        ("9a 01 a0 ff", "a negative expiry", malformed("expiry: invalid value: integer `-1`, expected u32")),
        (
            "9a 00 a0 cf 0000000100000000",
            "an expiry of 33 bits",
            malformed("expiry: invalid value: integer `4294967296`, expected u32"),
        ),
        (
            "9a 01 a0 ca 42200000",
            "an expiry that is a float",
            malformed("expiry: invalid type: floating point `40.0`, expected u32"),
        ),
        ("9a 01 a1 ff 00", "a key that is not UTF-8", GuardError::InvalidUtf8 { offset: 29 }.into()),
    ];
    refuses(cases, |bytes| travelling(&bytes[..1], &bytes[1..]));
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let key = |length| [b"\x01\xd9".as_slice(), &[length], &vec![b'x'; length.into()], b"\0"].concat();

    assert!(travelling(b"\x9a", &key(64)).is_ok());
    assert_eq!(
        travelling(b"\x9a", &key(65)),
        Err(DecodeError::LimitExceeded { what: "bytes of an observation's key", max: 64 })
    );
}

/// Decodes an observation with this header, and with these elements behind its payload.
fn travelling(header: &[u8], further: &[u8]) -> Result<Observation, DecodeError> {
    let plain = unhex("c410 00000000000080008000000000000000 01 01 a174 01 00 c400");
    decode_observation(&[header, &plain, further].concat().into())
}

#[test]
fn seals_that_are_none_are_refused() {
    let (key, signature) = (format!("c420 {}", "11".repeat(32)), format!("c440 {}", "22".repeat(64)));
    let plain = "c410 00000000000080008000000000000000 01 01 a174 01";
    let cases: Vec<(String, &str, DecodeError)> = vec![
        (
            format!("94 cd0100 {key} {signature} c400"),
            "256 hops",
            malformed("hops: invalid value: integer `256`, expected u8"),
        ),
        (
            format!("94 00 c41f {} {signature} c400", "11".repeat(31)),
            "a key of 31 bytes",
            malformed("key: invalid length 31, expected a public key of 32 bytes"),
        ),
        (
            format!("94 00 {key} c43f {} c400", "22".repeat(63)),
            "a signature of 63 bytes",
            malformed("signature of 63 bytes, not 64"),
        ),
        (
            format!("94 00 {key} {signature} a0"),
            "a body that is a string",
            malformed("body: invalid type: string \"\", expected a binary"),
        ),
        (format!("94 00 {key} {signature} c400"), "an empty body", truncated(0)),
        (
            format!("94 00 {key} {signature} c40190"),
            "a body without an element",
            DecodeError::Missing { what: "origin" },
        ),
        (
            format!("94 00 {key} {signature} c41b 97 {plain} 01 c400"),
            "a body that was passed on",
            malformed("a sealed body with 1 hops, not 0"),
        ),
        (
            format!("94 00 {key} {signature} c41c 97 {plain} 00 c400 00"),
            "a byte behind the body",
            GuardError::TrailingBytes { offset: 27, left: 1 }.into(),
        ),
        (
            format!("94 00 {key} {signature} c469 94 00 {key} {signature} c40190"),
            "a seal around a seal",
            malformed("origin: invalid type: integer `0`, expected a binary"),
        ),
        (
            format!("95 00 {key} {signature} c400 00"),
            "five elements, which are neither",
            malformed("origin: invalid type: integer `0`, expected a binary"),
        ),
    ];
    for (hex, wrong, expected) in cases {
        assert_eq!(decode_observation(&unhex(&hex).into()), Err(expected), "{wrong}: {hex}");
    }
}

#[test]
fn a_sealed_observation_travels_as_the_one_inside_does() {
    let seal = format!("c420 {} c440 {}", "11".repeat(32), "22".repeat(64));
    let body = "98 c410 00000000000080008000000000000000 01 01 a174 01 00 c400 02";
    let sealed = unhex(&format!("94 00 {seal} c41c {body}"));
    let datagram = Bytes::from([&[0x11], &sealed[..]].concat());

    assert!(decode_observation(&sealed.into()).is_ok());
    assert_eq!(decode_datagram(&datagram), Err(malformed("a reliable observation in a datagram")));
}

#[test]
fn datagrams_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("01", "version 0", DecodeError::Version { got: 0 }),
        ("21 90", "version 2", DecodeError::Version { got: 2 }),
        ("f0", "version 15, although padding", DecodeError::Version { got: 15 }),
        ("12", "kind 2", DecodeError::UnknownKind(2)),
        ("1f", "kind 15", DecodeError::UnknownKind(15)),
        ("11", "no observation", DecodeError::Empty),
        ("11 97", "an observation that ends with its header", beyond_end(0, 7, 0)),
        ("11 c1", "the reserved byte", GuardError::Reserved { offset: 0 }.into()),
        ("11 00", "a number", DecodeError::NotAnArray { marker: 0 }),
        (
            "11 98 c410 00000000000080008000000000000000 01 01 a174 01 00 c400 02",
            "a reliable observation",
            malformed("a reliable observation in a datagram"),
        ),
        (
            "11 9a c410 00000000000080008000000000000000 01 01 a174 01 00 c400 01 a0 00 \
             98 c410 00000000000080008000000000000000 01 01 a174 01 00 c400 02",
            "a reliable observation behind another",
            malformed("a reliable observation in a datagram"),
        ),
    ];
    refuses(cases, |bytes| decode_datagram(&Bytes::copy_from_slice(bytes)));
}

#[test]
fn feed_frames_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("80", "a map", DecodeError::NotAnArray { marker: 0x80 }),
        ("92 14 01", "the head of a feed", DecodeError::UnknownKind(20)),
        ("92 25 01", "a position", DecodeError::UnknownKind(37)),
        ("91 15", "no number", DecodeError::Missing { what: "number" }),
        (
            "93 15 ff c400",
            "a negative number",
            malformed("number: invalid value: integer `-1`, expected u64"),
        ),
        ("92 15 01", "no observation", DecodeError::Missing { what: "observation" }),
        (
            "93 15 01 a0",
            "an observation that is a string",
            malformed("observation: invalid type: string \"\", expected a binary"),
        ),
        (
            "93 15 01 98 c410 00000000000080008000000000000000 01 01 a174 01 00 c400 02",
            "an observation that is no binary",
            malformed("observation: invalid type: sequence, expected a binary"),
        ),
        ("93 15 01 c4 05 00", "a binary longer than the frame", beyond_end(3, 5, 1)),
        (
            "93 15 01 c400 00",
            "a byte behind the end",
            GuardError::TrailingBytes { offset: 5, left: 1 }.into(),
        ),
    ];
    refuses(cases, FeedFrame::decode);
}

#[test]
fn what_a_feed_does_not_carry_is_refused() {
    let cases = vec![
        ("93 15 01 c400", "nothing", truncated(0)),
        ("93 15 01 c401 90", "no observation", DecodeError::Missing { what: "origin" }),
        (
            "93 15 01 c41b 97 c410 00000000000080008000000000000000 01 01 a174 01 00 c400",
            "a lossy observation",
            malformed("a lossy observation in a feed"),
        ),
        (
            "93 15 01 c41e 9a c410 00000000000080008000000000000000 01 01 a174 01 00 c400 01 a0 00",
            "a latest observation",
            malformed("a latest observation in a feed"),
        ),
        (
            "93 15 01 c41d 98 c410 00000000000080008000000000000000 01 01 a174 01 00 c400 02 00",
            "a byte behind the observation",
            GuardError::TrailingBytes { offset: 28, left: 1 }.into(),
        ),
    ];
    refuses(cases, |bytes| FeedFrame::decode(bytes)?.observation());
}

#[test]
fn feed_positions_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("93 15 01 c400", "an observation", DecodeError::UnknownKind(21)),
        ("92 24 01", "the position of a reply", DecodeError::UnknownKind(36)),
        ("91 25", "no number", DecodeError::Missing { what: "number" }),
        ("92 25 ff", "a negative number", malformed("number: invalid value: integer `-1`, expected u64")),
        ("92 25 a0", "a number that is a string", malformed("number: wrong msgpack marker FixStr(0)")),
    ];
    refuses(cases, FeedPosition::decode);
}

#[test]
fn a_feed_frame_that_is_too_long_is_not_even_scanned() {
    let (max, bytes) = (1_049_600, vec![0xc1; 1_049_601]);

    assert_eq!(FeedFrame::decode(&bytes), Err(DecodeError::TooLarge { len: max + 1, max }));
}
