//! The bytes in front of a stream. Their reader is nobody's business but its transport's, so it is compiled in here from
//! where it is, and not made public.

use crate::measure::measured;

#[path = "../../crates/swarm-core/src/transport/webtransport/preamble.rs"]
#[expect(dead_code, reason = "a fuzz target reads what streams begin with, and not what they go on with")]
mod reader;

/// It asks for as much as is missing, takes no more, and allocates nothing.
pub(crate) fn preamble(input: &[u8]) {
    let ((), allocated) = measured(|| read(input));
    assert_eq!(allocated, 0, "reading a preamble allocates nothing");
}

fn read(input: &[u8]) {
    let (mut reader, mut rest) = (reader::PreambleReader::new(), input);
    while reader.missing() > 0 {
        assert!(reader.missing() <= 8);
        let Some((read, left)) = rest.split_at_checked(reader.missing()) else { return };
        rest = left;
        if let Err(reader::WrongPreamble) = read.iter().try_for_each(|byte| reader.push(*byte)) {
            return;
        }
    }
    // Two integers of at most 8 bytes each.
    assert!((2..=16).contains(&(input.len() - rest.len())));
    if let Some(read) = input.strip_prefix(reader::PREAMBLE) {
        assert_eq!(read, rest);
    }
}
