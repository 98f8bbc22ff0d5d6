//! Writes the few MessagePack forms that frames and observations are framed with, always the shortest. Cannot fail, and
//! never meets a value whose shape it does not know; those go through the codec.

use bytes::{BufMut, BytesMut};

/// Begins an array of at most 15 elements, which the caller writes next.
pub(crate) fn put_array(out: &mut BytesMut, elements: u8) {
    out.put_u8(0x90 | (elements & 0x0f));
}

pub(crate) fn put_uint(out: &mut BytesMut, number: u64) {
    match number {
        0..=0x7f => out.put_uint(number, 1),
        0x80..=0xff => put_marked(out, 0xcc, number, 1),
        0x100..=0xffff => put_marked(out, 0xcd, number, 2),
        0x1_0000..=0xffff_ffff => put_marked(out, 0xce, number, 4),
        _ => put_marked(out, 0xcf, number, 8),
    }
}

pub(crate) fn put_text(out: &mut BytesMut, text: &str) {
    let length = text.len() as u64;
    match length {
        0..=31 => out.put_uint(0xa0 | length, 1),
        32..=0xff => put_marked(out, 0xd9, length, 1),
        0x100..=0xffff => put_marked(out, 0xda, length, 2),
        _ => put_marked(out, 0xdb, length, 4),
    }
    out.put_slice(text.as_bytes());
}

/// Everything that is written is bounded by the length of a datagram or frame; the largest form is for completeness.
pub(crate) fn put_binary(out: &mut BytesMut, bytes: &[u8]) {
    let length = bytes.len() as u64;
    match length {
        0..=0xff => put_marked(out, 0xc4, length, 1),
        0x100..=0xffff => put_marked(out, 0xc5, length, 2),
        _ => put_marked(out, 0xc6, length, 4),
    }
    out.put_slice(bytes);
}

fn put_marked(out: &mut BytesMut, marker: u8, number: u64, bytes: usize) {
    out.put_u8(marker);
    out.put_uint(number, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_vec;

    fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut out = BytesMut::new();
        write(&mut out);
        out.to_vec()
    }

    #[test]
    fn numbers_take_the_form_that_the_codec_gives_them() {
        for bits in 0..64 {
            for number in [(1_u64 << bits) - 1, 1 << bits, u64::MAX] {
                assert_eq!(written(|out| put_uint(out, number)), to_vec(&number).unwrap(), "{number}");
            }
        }
    }

    #[test]
    fn texts_and_binaries_take_the_form_that_the_codec_gives_them() {
        for length in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
            let text = "x".repeat(length);
            let binary = bytes::Bytes::from(text.clone());

            assert_eq!(written(|out| put_text(out, &text)), to_vec(&text).unwrap(), "{length}");
            assert_eq!(written(|out| put_binary(out, &binary)), to_vec(&binary).unwrap(), "{length}");
        }
    }
}
