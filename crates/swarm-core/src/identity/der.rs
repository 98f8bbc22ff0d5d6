//! Looks over DER (X.690) from strangers before a parser of certificates builds anything from it: what such a parser
//! allocates for an element is far more than the few bytes that an element takes. It allocates nothing itself.

use x509_parser::asn1_rs::{Any, FromDer};

/// Most elements of a certificate, over all levels; what strings of octets hold inside does not count. Ours have 32.
const MAX_ELEMENTS: usize = 96;

/// Deepest nesting. In ours it is 5.
const MAX_DEPTH: usize = 12;

/// Whether `bytes` are one element or several, sound, and no more than a certificate needs.
pub(super) fn is_modest(bytes: &[u8]) -> bool {
    elements(bytes, MAX_DEPTH, MAX_ELEMENTS).is_some()
}

/// How many elements are left when these are counted; `None` when there are too many, too deep or not sound.
fn elements(mut bytes: &[u8], depth: usize, mut left: usize) -> Option<usize> {
    while !bytes.is_empty() {
        left = left.checked_sub(1)?;
        let (rest, element) = Any::from_der(bytes).ok()?;
        if element.header.is_constructed() {
            left = elements(element.data, depth.checked_sub(1)?, left)?;
        }
        bytes = rest;
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_elements_is_bounded_over_all_levels() {
        let sequence = |content: &[u8]| [&[0x30, content.len() as u8], content].concat();

        assert!(is_modest(&sequence(&b"\x05\0".repeat(47)).repeat(2)));
        assert!(!is_modest(&sequence(&b"\x05\0".repeat(47)).repeat(3)));
    }

    #[test]
    fn the_depth_is_bounded() {
        let nested = |depth| {
            (0..depth).fold(b"\x05\0".to_vec(), |inner, _| [&[0x30, inner.len() as u8], &inner[..]].concat())
        };

        assert!(is_modest(&nested(12)));
        assert!(!is_modest(&nested(13)));
    }

    #[test]
    fn an_element_that_ends_behind_the_one_around_it_is_not_sound() {
        assert!(is_modest(b"\x30\x03\x04\x01a"));
        assert!(!is_modest(b"\x30\x03\x04\x02abc"));
    }
}
