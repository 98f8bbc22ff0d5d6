//! Server-sent events, as far as streamed completions use them (WHATWG HTML, 9.2): bytes in, data out. No IO.

use bytes::BytesMut;
use tokio_util::codec::{Decoder, LinesCodec, LinesCodecError};

/// The longest event, and the longest line of one: many times a whole answer at once.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// Collects the bytes of an event stream and gives the data of its events. Types, ids and comments are skipped: the
/// protocol gives them no meaning.
#[derive(Debug)]
pub(crate) struct Events {
    bytes: BytesMut,
    lines: LinesCodec,
    data: String,
}

impl Events {
    pub(crate) fn new() -> Self {
        let lines = LinesCodec::new_with_max_length(MAX_EVENT_BYTES);
        Self { bytes: BytesMut::new(), lines, data: String::new() }
    }

    /// Takes what came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The data of the next event that is complete; `None` until more came.
    pub(crate) fn next_data(&mut self) -> Result<Option<String>, EventError> {
        while let Some(line) = self.lines.decode(&mut self.bytes).map_err(unreadable)? {
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Ok(Some(std::mem::take(&mut self.data)));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if self.data.len() + data.len() >= MAX_EVENT_BYTES {
                    return Err(EventError::TooLong { max: MAX_EVENT_BYTES });
                }
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        Ok(None)
    }
}

fn unreadable(error: LinesCodecError) -> EventError {
    match error {
        LinesCodecError::MaxLineLengthExceeded => EventError::TooLong { max: MAX_EVENT_BYTES },
        LinesCodecError::Io(_) => EventError::NotText,
    }
}

/// Why an event stream cannot be read. The endpoint, or something before it, does not speak the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    /// An event is longer than an answer can be.
    #[error("an event is longer than {max} bytes")]
    TooLong {
        /// The most that is taken, in bytes.
        max: usize,
    },
    /// An event is no text.
    #[error("an event is not text in UTF-8")]
    NotText,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &mut Events) -> Vec<String> {
        std::iter::from_fn(|| events.next_data().unwrap()).collect()
    }

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let stream =
            ": hello\r\nevent: x\r\ndata: {\"é\"}\r\n\r\nid: 7\n\ndata:a\ndata:  b\n\n\ndata: [DONE]\n\n"
                .as_bytes();
        for size in 1..=stream.len() {
            let mut events = Events::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(size) {
                events.push(piece);
                seen.extend(read(&mut events));
            }
            assert_eq!(seen, ["{\"é\"}", "a\n b", "[DONE]"], "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_is_not_complete_is_not_given() {
        let mut events = Events::new();
        events.push(b"data: half\n");
        assert_eq!(events.next_data(), Ok(None));
        events.push(b"\n");
        assert_eq!(events.next_data(), Ok(Some("half".to_owned())));
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_given_up() {
        let too_long = Err(EventError::TooLong { max: MAX_EVENT_BYTES });
        let mut line = Events::new();
        line.push(&vec![b'x'; MAX_EVENT_BYTES + 1]);
        assert_eq!(line.next_data(), too_long);

        let mut event = Events::new();
        let part = format!("data: {}\n", "x".repeat(MAX_EVENT_BYTES / 2));
        event.push(part.repeat(3).as_bytes());
        assert_eq!(event.next_data(), too_long);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let mut events = Events::new();
        events.push(b"data: \xff\n\n");
        assert_eq!(events.next_data(), Err(EventError::NotText));
    }
}
