//! The limits of an assistance's frames, from both sides.

use std::collections::BTreeMap;

use super::head::{IDEMPOTENCY_KEY, METADATA};
use super::reply::QUALITY;
use super::*;
use crate::{GuardError, RequestId};

fn head(entries: usize, value: &str) -> RequestHead {
    RequestHead {
        metadata: (0..entries).map(|number| (format!("k{number:02}"), value.to_owned())).collect(),
        ..RequestHead::new(RequestId::from_random([7; 16]), "vision.classify@2".parse().unwrap())
    }
}

fn framed<T: Serialize>(kind: u8, value: &T) -> Vec<u8> {
    [vec![0x92, kind], to_vec(value).unwrap()].concat()
}

#[test]
fn a_head_has_32_metadata_entries_at_most() {
    let full = RequestFrame::Head(head(32, "v"));

    assert_eq!(RequestFrame::decode(&full.encode().unwrap()), Ok(full));
    assert_eq!(
        RequestFrame::Head(head(33, "v")).encode(),
        Err(EncodeError::LimitExceeded { what: METADATA, max: 32 })
    );
    assert_eq!(
        RequestFrame::decode(&framed(REQUEST_HEAD, &head(33, "v"))),
        Err(DecodeError::LimitExceeded { what: METADATA, max: 32 })
    );
}

#[test]
fn an_idempotency_key_takes_128_bytes_at_most() {
    let with_key = |len| RequestHead { idempotency_key: Some("k".repeat(len)), ..head(0, "") };
    let longest = RequestFrame::Head(with_key(128));

    assert_eq!(RequestFrame::decode(&longest.encode().unwrap()), Ok(longest));
    assert_eq!(
        RequestFrame::Head(with_key(129)).encode(),
        Err(EncodeError::LimitExceeded { what: IDEMPOTENCY_KEY, max: 128 })
    );
    assert_eq!(
        RequestFrame::decode(&framed(REQUEST_HEAD, &with_key(129))),
        Err(DecodeError::LimitExceeded { what: IDEMPOTENCY_KEY, max: 128 })
    );
}

#[test]
fn a_head_says_nothing_of_what_is_as_ever() {
    let plain = RequestHead::new(RequestId::from_random([7; 16]), "a".parse().unwrap());
    let bytes = RequestFrame::Head(plain).encode().unwrap();

    assert!(bytes.starts_with(b"\x92\x10\x82\xa2id\xc4\x10"), "{bytes:x?}");
    assert!(bytes.ends_with(b"\xaacapability\xa1a"), "{bytes:x?}");
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_trace_without_notes_has_no_state_on_the_wire() {
    let trace = TraceContext::parse(PARENT);
    let bytes = RequestFrame::Head(RequestHead { trace, ..head(0, "") }).encode().unwrap();

    assert!(bytes.ends_with(PARENT.as_bytes()), "{bytes:x?}");
}

#[test]
fn what_a_head_says_of_its_trace_is_never_an_error() {
    let read = |parent: Option<&str>, state: Option<&str>| {
        let (id, capability) = (RequestId::from_random([7; 16]), "a".to_owned());
        let head = RawHead { id, capability, traceparent: parent, tracestate: state };
        match RequestFrame::decode(&framed(REQUEST_HEAD, &head)) {
            Ok(RequestFrame::Head(head)) => head.trace,
            other => panic!("{other:?}"),
        }
    };
    let trace = TraceContext::parse(PARENT).unwrap();

    assert_eq!(read(Some(PARENT), None), Some(trace.clone()));
    assert_eq!(read(Some(PARENT), Some("a=1")), Some(trace.clone().with_state("a=1")));
    assert_eq!(read(Some(PARENT), Some(&"x".repeat(513))), Some(trace));
    assert_eq!(read(Some("00-0-0-00"), Some("a=1")), None);
    assert_eq!(read(None, Some("a=1")), None);
}

#[derive(Serialize)]
struct RawHead<'a> {
    id: RequestId,
    capability: String,
    traceparent: Option<&'a str>,
    tracestate: Option<&'a str>,
}

#[test]
fn a_resume_takes_as_many_bytes_as_a_head() {
    let bytes = framed(REQUEST_RESUME, &BTreeMap::from([("later", "x".repeat(MAX_HEAD_BYTES))]));

    let (len, max) = (bytes.len(), MAX_HEAD_BYTES);
    assert_eq!(RequestFrame::decode(&bytes), Err(DecodeError::TooLarge { len, max }));
}

#[test]
fn a_head_takes_16_kib_at_most() {
    let large = head(32, &"v".repeat(512));
    let bytes = framed(REQUEST_HEAD, &large);

    let (len, max) = (bytes.len(), MAX_HEAD_BYTES);
    assert_eq!(RequestFrame::Head(large).encode(), Err(EncodeError::TooLarge { len, max }));
    assert_eq!(RequestFrame::decode(&bytes), Err(DecodeError::TooLarge { len, max }));
}

#[test]
fn the_largest_chunk_fits_into_a_frame() {
    let largest = RequestFrame::Chunk(Chunk::new("l".repeat(64), vec![1; MAX_CHUNK_BYTES]));

    assert_eq!(RequestFrame::decode(&largest.encode().unwrap()), Ok(largest));
}

#[test]
fn a_larger_payload_is_refused_on_both_sides() {
    let over = ReplyFrame::Chunk(Chunk::new("", vec![1; MAX_CHUNK_BYTES + 1]));
    let bytes = [b"\x93\x20\xa0\xc6\x00\x01\x00\x01".as_slice(), &[1; MAX_CHUNK_BYTES + 1]].concat();

    assert_eq!(over.encode(), Err(EncodeError::LimitExceeded { what: PAYLOAD, max: MAX_CHUNK_BYTES }));
    assert_eq!(
        ReplyFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: PAYLOAD, max: MAX_CHUNK_BYTES })
    );
}

#[test]
fn the_largest_artefact_fits_into_a_frame() {
    let payload = vec![1; MAX_CHUNK_BYTES];
    let largest = ReplyFrame::Artefact(Artefact::new("n".repeat(64), u32::MAX, 100, payload));

    assert_eq!(ReplyFrame::decode(&largest.encode().unwrap()), Ok(largest));
}

#[test]
fn an_artefact_keeps_its_limits_on_both_sides() {
    for (artefact, what, max) in [
        (Artefact::new("n".repeat(65), 1, 50, vec![]), "bytes of an artefact's name", 64),
        (Artefact::new("", 1, 101, vec![]), QUALITY, 100),
        (Artefact::new("", 1, 50, vec![1; 65_537]), "bytes of an artefact's payload", 65_536),
    ] {
        let mut bytes = begin_frame(REPLY_ARTEFACT, 4);
        put_text(&mut bytes, &artefact.name);
        put_uint(&mut bytes, artefact.revision.into());
        put_uint(&mut bytes, artefact.quality.into());
        put_binary(&mut bytes, &artefact.payload);

        assert_eq!(ReplyFrame::decode(&bytes), Err(DecodeError::LimitExceeded { what, max }));
        assert_eq!(ReplyFrame::Artefact(artefact).encode(), Err(EncodeError::LimitExceeded { what, max }));
    }
}

#[test]
fn a_limit_that_is_exceeded_reads_as_a_sentence() {
    let refused = ReplyFrame::Artefact(Artefact::new("", 1, 101, vec![])).encode().unwrap_err();

    assert_eq!(
        refused.to_string(),
        "the percent of an artefact's quality exceed the limit of 100; give less"
    );
}

#[test]
fn only_a_later_revision_of_the_same_artefact_replaces_one() {
    let artefact = |name, revision| Artefact::new(name, revision, 50, vec![]);

    assert!(artefact("a", 2).replaces(&artefact("a", 1)));
    assert!(!artefact("a", 1).replaces(&artefact("a", 1)));
    assert!(!artefact("a", 1).replaces(&artefact("a", 2)));
    assert!(!artefact("b", 2).replaces(&artefact("a", 1)));
}

#[test]
fn a_note_of_progress_is_cut_and_its_percentage_bounded_when_it_is_sent() {
    let note = Progress { text: format!("a{}", "é".repeat(200)), percent: Some(250) };
    let sent = ReplyFrame::Progress(note).encode().unwrap();

    assert!(sent.ends_with(b"\xa7percent\x64"), "{sent:x?}");
    let text = format!("a{}", "é".repeat(127));
    assert_eq!(ReplyFrame::decode(&sent), Ok(ReplyFrame::Progress(Progress { text, percent: Some(100) })));
}

#[test]
fn a_received_note_is_bounded_too() {
    let note = |text: &str| framed(REPLY_PROGRESS, &BTreeMap::from([("text", text)]));
    let text = "x".repeat(256);

    assert_eq!(
        ReplyFrame::decode(&note(&text)),
        Ok(ReplyFrame::Progress(Progress { text: text.clone(), percent: None }))
    );
    assert_eq!(
        ReplyFrame::decode(&note(&"x".repeat(257))),
        Err(DecodeError::LimitExceeded { what: "bytes of a progress note", max: 256 })
    );
    assert_eq!(
        ReplyFrame::decode(b"\x92\x22\x81\xa7percent\xcc\xff"),
        Ok(ReplyFrame::Progress(Progress { text: String::new(), percent: Some(100) }))
    );
}

#[test]
fn a_value_that_is_too_long_is_no_chunk() {
    let text = "x".repeat(MAX_CHUNK_BYTES);

    assert_eq!(
        Chunk::encode("text", &text),
        Err(EncodeError::LimitExceeded { what: PAYLOAD, max: MAX_CHUNK_BYTES })
    );
}

#[test]
fn a_chunk_is_decoded_behind_the_guard() {
    let bomb = Chunk::new("image_feature", b"\xdd\xff\xff\xff\xff".as_slice());

    assert_eq!(
        bomb.decode::<Vec<u8>>(),
        Err(DecodeError::Guard(GuardError::LengthBeyondEnd { offset: 0, declared: 0xffff_ffff, left: 0 }))
    );
}

#[test]
fn requests_and_replies_do_not_read_each_other() {
    let request = RequestFrame::Chunk(Chunk::new("", "")).encode().unwrap();
    let reply = ReplyFrame::Chunk(Chunk::new("", "")).encode().unwrap();

    assert_eq!(ReplyFrame::decode(&request), Err(DecodeError::UnknownKind(17)));
    assert_eq!(RequestFrame::decode(&reply), Err(DecodeError::UnknownKind(32)));
}

#[test]
fn an_unknown_outcome_is_a_failure_that_names_it() {
    assert_eq!(
        ReplyFrame::decode(b"\x92\x21\x81\xa7outcome\xa8postpone"),
        Ok(ReplyFrame::End(Outcome::Failed {
            error: "the outcome \"postpone\" is not known here".to_owned()
        }))
    );
}

#[test]
fn what_an_outcome_leaves_out_is_empty() {
    assert_eq!(
        ReplyFrame::decode(b"\x92\x21\x81\xa7outcome\xa4busy"),
        Ok(ReplyFrame::End(Outcome::Busy { retry_after_ms: 0 }))
    );
    assert_eq!(
        ReplyFrame::decode(b"\x92\x21\x81\xa7outcome\xa8declined"),
        Ok(ReplyFrame::End(Outcome::Declined { reason: String::new() }))
    );
}

#[test]
fn the_text_of_an_outcome_is_cut_when_it_is_sent() {
    let failed = ReplyFrame::End(Outcome::Failed { error: "x".repeat(2_000) });

    assert_eq!(
        ReplyFrame::decode(&failed.encode().unwrap()),
        Ok(ReplyFrame::End(Outcome::Failed { error: "x".repeat(1_024) }))
    );
}

#[test]
fn a_received_text_that_is_too_long_is_refused() {
    let text = "x".repeat(1_025);
    let bytes = framed(REPLY_END, &BTreeMap::from([("error", text.as_str()), ("outcome", "failed")]));

    assert_eq!(
        ReplyFrame::decode(&bytes),
        Err(DecodeError::LimitExceeded { what: "bytes of an outcome's text", max: 1_024 })
    );
}
