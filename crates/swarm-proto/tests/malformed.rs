//! What a peer may not send, byte by byte, and the error that answers it.

#![cfg(test)]

use std::fmt::Debug;

use swarm_proto::{
    ControlFrame, DecodeError, Frame, GuardError, GuardLimits, Hello, ReplyFrame, RequestFrame, check,
};

#[path = "malformed/observations.rs"]
mod observations;

const NO_PATTERN: &str = "the topic pattern \"**.a\" is not valid at byte 0: '*' is not allowed; use lower-case \
                          ASCII letters, digits and '-' (between dots also '_')";

/// Bytes as hex with spaces, what is wrong with them, and the answer.
type Case = (&'static str, &'static str, DecodeError);

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap() as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {hex}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn refuses<T: Debug>(cases: Vec<Case>, decode: impl Fn(&[u8]) -> Result<T, DecodeError>) {
    for (hex, wrong, expected) in cases {
        match decode(&unhex(hex)) {
            Err(error) => assert_eq!(error, expected, "{wrong}: {hex}"),
            Ok(value) => panic!("{wrong}: {hex} was decoded as {value:?}"),
        }
    }
}

fn malformed(message: &str) -> DecodeError {
    DecodeError::Malformed(message.to_owned())
}

fn truncated(offset: usize) -> DecodeError {
    DecodeError::Guard(GuardError::Truncated { offset })
}

fn beyond_end(offset: usize, declared: u64, left: usize) -> DecodeError {
    DecodeError::Guard(GuardError::LengthBeyondEnd { offset, declared, left })
}

#[test]
fn the_guard_refuses_what_is_not_one_sound_value() {
    let guarded = |bytes: &[u8]| Ok(check(bytes, &GuardLimits::default())?);
    let cases = vec![
        ("", "nothing at all", truncated(0)),
        ("cd 01", "half a uint 16", truncated(0)),
        ("cb 00 00 00 00", "half a float 64", truncated(0)),
        ("da 00", "half the length of a string", truncated(0)),
        ("dd 00 00", "half the length of an array", truncated(0)),
        ("92 01", "an array that lacks an element", beyond_end(0, 2, 1)),
        ("92 cd 01", "an element that is cut short", truncated(1)),
        ("92 cd 01 02", "an element that took the place of the next", truncated(4)),
        ("a5 61 62", "a string longer than the input", beyond_end(0, 5, 2)),
        ("c6 ff ff ff ff", "a binary of 4 GiB", beyond_end(0, 0xffff_ffff, 0)),
        ("dd ff ff ff ff 01", "an array of 4 Gi elements", beyond_end(0, 0xffff_ffff, 1)),
        ("df ff ff ff ff 01", "a map of 4 Gi entries", beyond_end(0, 0x1_ffff_fffe, 1)),
        ("91 dd 7f ff ff ff", "the same one level down", beyond_end(1, 0x7fff_ffff, 0)),
        ("c1", "the reserved byte", GuardError::Reserved { offset: 0 }.into()),
        ("92 01 c1", "the reserved byte in an array", GuardError::Reserved { offset: 2 }.into()),
        ("d4 01 00", "a fixext 1", GuardError::Extension { offset: 0 }.into()),
        ("d8 01", "a fixext 16", GuardError::Extension { offset: 0 }.into()),
        ("91 c7 00 01", "an ext 8 in an array", GuardError::Extension { offset: 1 }.into()),
        ("c9 00 00 00 00 01", "an ext 32", GuardError::Extension { offset: 0 }.into()),
        ("a2 c3 28", "a string that is not UTF-8", GuardError::InvalidUtf8 { offset: 1 }.into()),
        ("a3 ed a0 80", "a surrogate in a string", GuardError::InvalidUtf8 { offset: 1 }.into()),
        ("a2 c0 80", "an overlong NUL in a string", GuardError::InvalidUtf8 { offset: 1 }.into()),
        ("01 02", "two values", GuardError::TrailingBytes { offset: 1, left: 1 }.into()),
        ("90 c1", "bytes behind the end", GuardError::TrailingBytes { offset: 1, left: 1 }.into()),
        (
            "91 91 91 91 91 91 91 91 91 91 91 91 91 91 91 91 91 c0",
            "17 levels",
            GuardError::TooDeep { offset: 16, max: 16 }.into(),
        ),
    ];
    refuses(cases, guarded);
}

#[test]
fn a_flood_of_small_elements_is_refused() {
    let bytes = [b"\xdd\0\0\x40\x01".as_slice(), &[0xc0; 0x4001]].concat();

    assert_eq!(
        check(&bytes, &GuardLimits::default()),
        Err(GuardError::TooManyNodes { offset: 0, max: 0x4000 })
    );
}

#[test]
fn hellos_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", truncated(0)),
        ("80", "no field", malformed("missing field `versions`")),
        ("90", "an array", malformed("invalid type: sequence, expected a map with named fields")),
        (
            "81 a8 76657273696f6e73 92 01 01",
            "versions as an array",
            malformed("invalid type: sequence, expected a map with named fields"),
        ),
        ("82 a5 65706f6368 01 a5 65706f6368 02", "the epoch twice", malformed("duplicate field `epoch`")),
        (
            "81 a5 737761726d a1 41",
            "a swarm in upper case",
            malformed(
                "the swarm name \"A\" is not valid at byte 0: 'A' is not allowed; use lower-case ASCII letters, \
                 digits and '-' (between dots also '_')",
            ),
        ),
        (
            "81 ad 737562736372697074696f6e73 a1 61",
            "a pattern alone",
            malformed("invalid type: string \"a\", expected a sequence"),
        ),
        (
            "81 ad 737562736372697074696f6e73 c0",
            "subscriptions that are nil",
            malformed("invalid type: unit value, expected a sequence"),
        ),
        ("81 ad 737562736372697074696f6e73 91 a4 2a2a2e61", "a pattern that is none", malformed(NO_PATTERN)),
        (
            "81 ac 6361706162696c6974696573 91 a1 61",
            "a capability that is no map",
            malformed("invalid type: string \"a\", expected a map with named fields"),
        ),
        (
            "81 ac 6361706162696c6974696573 91 80",
            "an advertisement without a capability",
            malformed("missing field `capability`"),
        ),
        (
            "81 ac 6361706162696c6974696573 91 81 aa 61747472696275746573 90",
            "attributes that are an array",
            malformed("invalid type: sequence, expected a map of strings"),
        ),
        (
            "81 ac 6361706162696c6974696573 91 81 aa 61747472696275746573 81 a1 61 01",
            "an attribute that is a number",
            malformed("invalid type: integer `1`, expected a string"),
        ),
        (
            "81 ac 6361706162696c6974696573 91 81 aa 61747472696275746573 82 a1 61 a0 a1 61 a0",
            "an attribute twice",
            malformed("the key \"a\" comes twice"),
        ),
        (
            "81 ac 6361706162696c6974696573 91 81 aa 6361706162696c697479 a3 614030",
            "a capability of version 0",
            malformed(
                "the capability \"a@0\" is not valid at byte 2: a version is a number from 1 to 65535 without \
                 leading zeros",
            ),
        ),
    ];
    refuses(cases, Hello::decode);
}

#[test]
fn control_frames_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("80", "a map", DecodeError::NotAnArray { marker: 0x80 }),
        ("90", "no kind", DecodeError::Missing { what: "kind" }),
        ("91 a0", "a kind that is a string", malformed("kind: wrong msgpack marker FixStr(0)")),
        ("91 00", "kind 0", DecodeError::UnknownKind(0)),
        ("92 10 80", "a request", DecodeError::UnknownKind(16)),
        ("91 cd 01 01", "a kind whose low byte is that of a hello", DecodeError::UnknownKind(257)),
        ("91 01", "a hello without a map", DecodeError::Missing { what: "hello" }),
        ("92 01 80", "a hello without a field", malformed("hello: missing field `versions`")),
        ("92 02 00", "a goodbye without a reason", DecodeError::Missing { what: "reason" }),
        ("93 02 ff a0", "a negative code", malformed("code: invalid value: integer `-1`, expected u32")),
        (
            "93 02 cf 0000000100000000 a0",
            "a code of 33 bits",
            malformed("code: invalid value: integer `4294967296`, expected u32"),
        ),
        (
            "92 03 91 90",
            "an introduction that is an array",
            malformed("introductions: invalid type: sequence, expected a map with named fields"),
        ),
        (
            "92 03 91 81 a7 61646472657373 a9 6c6f63616c686f7374",
            "an address without a port",
            malformed("introductions: \"localhost\" is not an address with a port"),
        ),
        ("91 04", "a load without a percentage", DecodeError::Missing { what: "percent" }),
        ("92 04 ff", "a negative load", malformed("percent: invalid value: integer `-1`, expected u16")),
        (
            "92 04 ce 00010000",
            "a load of 17 bits",
            malformed("percent: invalid value: integer `65536`, expected u16"),
        ),
        ("92 04 a1 35", "a load that is a string", malformed("percent: wrong msgpack marker FixStr(1)")),
        ("91 05", "a subscription without patterns", DecodeError::Missing { what: "subscriptions" }),
        (
            "92 05 a2 2a2a",
            "a pattern alone",
            malformed("subscriptions: invalid type: string \"**\", expected a sequence"),
        ),
        (
            "92 05 91 c4 01 61",
            "a pattern that is a binary",
            malformed("subscriptions: invalid type: byte array, expected a string"),
        ),
        (
            "92 05 92 a1 61 a4 2a2a2e61",
            "a second pattern with ** in front",
            malformed(&format!("subscriptions: {NO_PATTERN}")),
        ),
        ("92 02 00 00", "a byte behind the end", GuardError::TrailingBytes { offset: 3, left: 1 }.into()),
    ];
    refuses(cases, ControlFrame::decode);
}

#[test]
fn a_goodbye_whose_reason_is_too_long_is_refused() {
    let bytes = [b"\x93\x02\x00\xda\x01\x01".as_slice(), &[b'x'; 257]].concat();

    assert_eq!(
        ControlFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: "bytes of a goodbye's reason", max: 256 })
    );
}

#[test]
fn a_frame_with_257_introductions_is_refused() {
    let one = unhex(
        "82 a5 6167656e74 c410 00000000000080008000000000000000 a7 61646472657373 a9 312e312e312e313a31",
    );
    let bytes = [b"\x92\x03\xdc\x01\x01".as_slice(), &one.repeat(257)].concat();

    assert_eq!(
        ControlFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: "introductions of a frame", max: 256 })
    );
}

#[test]
fn a_65th_subscription_is_refused() {
    let over = DecodeError::LimitExceeded { what: "subscriptions of a node", max: 64 };
    let patterns = [b"\xdc\x00\x41".as_slice(), &b"\xa1a".repeat(65)].concat();
    let said = [
        &unhex("85 a8 76657273696f6e73 82 a3 6d696e 01 a3 6d6178 01 a5 6167656e74 c410 00000000000080008000000000000000"),
        b"\xa5swarm\xa5local\xa5epoch\x01\xadsubscriptions".as_slice(),
        &patterns,
    ]
    .concat();

    assert_eq!(Hello::decode(&said), Err(over.clone()));
    assert_eq!(ControlFrame::decode(&[b"\x92\x05", &patterns[..]].concat()), Err(over));
}

#[test]
fn request_frames_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("92 01 80", "a hello", DecodeError::UnknownKind(1)),
        ("91 20", "a reply", DecodeError::UnknownKind(32)),
        ("91 10", "a head without a map", DecodeError::Missing { what: "head" }),
        ("92 10 80", "a head without a field", malformed("head: missing field `id`")),
        (
            "92 10 81 a8 6d65746164617461 82 a1 61 a0 a1 61 a0",
            "metadata with a key twice",
            malformed("head: the key \"a\" comes twice"),
        ),
        (
            "92 10 81 a8 6d65746164617461 81 a1 61 01",
            "metadata with a number",
            malformed("head: invalid type: integer `1`, expected a string"),
        ),
        (
            "92 10 81 ab 646561646c696e655f6d73 cf 0000000100000000",
            "a deadline of 50 days",
            malformed("head: invalid value: integer `4294967296`, expected u32"),
        ),
        (
            "92 10 81 a7 69646c655f6d73 ff",
            "a negative idle limit",
            malformed("head: invalid value: integer `-1`, expected u32"),
        ),
        (
            "92 10 81 a9 686f705f6c696d6974 cd 0100",
            "256 hops",
            malformed("head: invalid value: integer `256`, expected u8"),
        ),
        (
            "92 10 81 a4 6c616e65 01",
            "a lane that is a number",
            malformed("head: invalid type: integer `1`, expected a string"),
        ),
        (
            "92 10 81 a4 6c616e65 c4 04 62756c6b",
            "a lane that is a binary",
            malformed("head: invalid type: byte array, expected a string"),
        ),
        (
            "92 10 81 a4 6c616e65 c0",
            "a lane that is nil",
            malformed("head: invalid type: unit value, expected a string"),
        ),
        (
            "92 10 81 ab 7472616365706172656e74 01",
            "a traceparent that is a number",
            malformed("head: invalid type: integer `1`, expected a string"),
        ),
        (
            "92 10 81 a9 726573756d61626c65 01",
            "resumable as a number",
            malformed("head: invalid type: integer `1`, expected a boolean"),
        ),
        (
            "92 10 81 af 6964656d706f74656e63795f6b6579 c4 01 61",
            "an idempotency key that is a binary",
            malformed("head: invalid type: byte array, expected a string"),
        ),
        ("91 13", "a resume without a map", DecodeError::Missing { what: "resume" }),
        (
            "92 13 92 c0 00",
            "a resume that is an array",
            malformed("resume: invalid type: sequence, expected a map with named fields"),
        ),
        ("92 13 81 a4 66726f6d 00", "a resume without an id", malformed("resume: missing field `id`")),
        (
            "92 13 81 a2 6964 c410 00000000000080008000000000000000",
            "a resume without a number",
            malformed("resume: missing field `from`"),
        ),
        (
            "92 13 81 a4 66726f6d ff",
            "a resume from a negative number",
            malformed("resume: invalid value: integer `-1`, expected u64"),
        ),
        ("91 14", "a feed without a number", DecodeError::Missing { what: "feed" }),
        (
            "92 14 ff",
            "a feed of a negative number",
            malformed("feed: invalid value: integer `-1`, expected u64"),
        ),
        ("92 14 a0", "a feed whose number is a string", malformed("feed: wrong msgpack marker FixStr(0)")),
        ("93 15 01 c400", "an observation of a feed", DecodeError::UnknownKind(21)),
        ("91 11", "a chunk without a label", DecodeError::Missing { what: "label" }),
        ("92 11 a0", "a chunk without a payload", DecodeError::Missing { what: "payload" }),
        (
            "93 11 c0 c400",
            "a label that is nil",
            malformed("label: invalid type: unit value, expected a string"),
        ),
        (
            "93 11 a0 a0",
            "a payload that is a string",
            malformed("payload: invalid type: string \"\", expected a binary"),
        ),
        ("93 11 a0 c4 05 00", "a payload longer than the frame", beyond_end(3, 5, 1)),
    ];
    refuses(cases, RequestFrame::decode);
}

#[test]
fn a_chunk_whose_label_is_too_long_is_refused() {
    let bytes = [b"\x93\x11\xd9\x41".as_slice(), &[b'x'; 65], b"\xc4\0"].concat();

    assert_eq!(
        RequestFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: "bytes of a chunk's label", max: 64 })
    );
}

#[test]
fn an_idempotency_key_that_is_too_long_is_refused() {
    let id = unhex("a2 6964 c410 00000000000080008000000000000000");
    let key = [b"\xafidempotency_key\xd9\x81".as_slice(), &[b'x'; 129]].concat();
    let head = [b"\x92\x10\x83", &id[..], b"\xaacapability\xa1a", &key].concat();

    assert_eq!(
        RequestFrame::decode(&head),
        Err(DecodeError::LimitExceeded { what: "bytes of an idempotency key", max: 128 })
    );
}

#[test]
fn a_note_of_progress_that_is_too_long_is_refused() {
    let bytes = [b"\x92\x22\x81\xa4text\xda\x01\x01".as_slice(), &[b'x'; 257]].concat();

    assert_eq!(
        ReplyFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: "bytes of a progress note", max: 256 })
    );
}

#[test]
fn reply_frames_that_are_none_are_refused() {
    let cases = vec![
        ("", "nothing at all", DecodeError::Empty),
        ("91 12", "the end of a request", DecodeError::UnknownKind(18)),
        ("91 21", "an end without an outcome", DecodeError::Missing { what: "outcome" }),
        ("92 21 80", "an outcome without a word", malformed("outcome: missing field `outcome`")),
        (
            "92 21 a9 636f6d706c65746564",
            "a word alone",
            malformed("outcome: invalid type: string \"completed\", expected a map with named fields"),
        ),
        (
            "92 21 81 a7 6f7574636f6d65 c4 04 62757379",
            "a word that is a binary",
            malformed("outcome: invalid type: byte array, expected a string"),
        ),
        (
            "92 21 82 a7 6f7574636f6d65 a4 62757379 ae 72657472795f61667465725f6d73 ff",
            "a negative pause",
            malformed("outcome: invalid value: integer `-1`, expected u32"),
        ),
        ("92 13 80", "a resume", DecodeError::UnknownKind(19)),
        ("92 25 00", "the position of a feed", DecodeError::UnknownKind(37)),
        ("91 22", "progress without a map", DecodeError::Missing { what: "progress" }),
        (
            "92 22 90",
            "progress that is an array",
            malformed("progress: invalid type: sequence, expected a map with named fields"),
        ),
        (
            "92 22 81 a7 70657263656e74 cd 0100",
            "256 percent",
            malformed("progress: invalid value: integer `256`, expected u8"),
        ),
        (
            "92 22 81 a7 70657263656e74 ca 42200000",
            "a percentage that is a float",
            malformed("progress: invalid type: floating point `40.0`, expected u8"),
        ),
        ("94 23 a0 01 32", "an artefact without a payload", DecodeError::Missing { what: "payload" }),
        (
            "95 23 a0 ff 32 c400",
            "a negative revision",
            malformed("revision: invalid value: integer `-1`, expected u32"),
        ),
        (
            "95 23 a0 cf 0000000100000000 32 c400",
            "a revision of 33 bits",
            malformed("revision: invalid value: integer `4294967296`, expected u32"),
        ),
        (
            "95 23 a0 01 65 c400",
            "a quality of 101 percent",
            DecodeError::LimitExceeded { what: "percent of an artefact's quality", max: 100 },
        ),
        (
            "95 23 a0 01 32 a0",
            "the payload of an artefact as a string",
            malformed("payload: invalid type: string \"\", expected a binary"),
        ),
        ("91 24", "a position without a number", DecodeError::Missing { what: "number" }),
        ("92 24 ff", "a negative position", malformed("number: invalid value: integer `-1`, expected u64")),
        (
            "93 20 a0 01",
            "a payload that is a number",
            malformed("payload: invalid type: integer `1`, expected a binary"),
        ),
    ];
    refuses(cases, ReplyFrame::decode);
}
