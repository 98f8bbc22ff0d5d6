//! Streams that are cut into frames. Who cuts them is nobody's business but the node's, so it is compiled in here from
//! where it is, and not made public.

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use self::cutter::Cutter;
use crate::measure::bounded;

#[path = "../../crates/swarm-core/src/node/framing/cutter.rs"]
mod cutter;

/// The first byte says how many come at once, the others come.
pub(crate) fn framing(input: &[u8]) {
    let Some((at_once, stream)) = input.split_first() else { return };
    let cut = bounded(input, || cut(stream.chunks(usize::from(*at_once).max(1))));
    assert!(plain(stream).eq(cut.iter().map(|frame| frame.as_ref())), "the frames are those of the stream");
}

fn cut<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<BytesMut> {
    let mut cutter = Cutter { max_frame_bytes: 1 << 20 };
    let (mut source, mut frames) = (BytesMut::new(), Vec::new());
    for part in parts {
        source.extend_from_slice(part);
        loop {
            match cutter.decode(&mut source) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return frames,
            }
        }
    }
    frames
}

/// The frames of a stream that is there as a whole.
fn plain(mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = stream.split_first_chunk::<4>()?;
        let frame = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        stream = rest.get(frame.len()..)?;
        Some(frame)
    })
}
