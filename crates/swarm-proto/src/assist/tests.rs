//! The limits of an assistance's frames, from both sides.

use std::collections::BTreeMap;

use super::head::METADATA;

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
