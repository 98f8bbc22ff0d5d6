//! Where a request belongs in a distributed trace, as the W3C recommendation *Trace Context* (level 1) writes it. Reads
//! and writes; whether anything is sampled or exported is decided elsewhere.

use std::fmt;

use crate::limits::MAX_TRACE_STATE_BYTES;

/// The part of a W3C `traceparent` with its `tracestate`: which trace a request belongs to, and which span made it.
///
/// ```
/// use swarm_proto::TraceContext;
///
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = TraceContext::parse(parent).unwrap();
/// assert!(trace.is_sampled());
/// assert_eq!(trace.to_string(), parent);
/// assert_eq!(trace.child([7; 8]).trace_id(), trace.trace_id());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
    state: String,
}

const VERSION: &str = "00";
const SAMPLED: u8 = 1;

impl TraceContext {
    /// A trace that begins here; `None` if an id is all zeros, which the recommendation forbids.
    #[must_use]
    pub fn new(trace_id: [u8; 16], parent_id: [u8; 8], sampled: bool) -> Option<Self> {
        let valid = trace_id != [0; 16] && parent_id != [0; 8];
        valid.then(|| Self { trace_id, parent_id, flags: u8::from(sampled), state: String::new() })
    }

    /// Reads a `traceparent`; `None` if it is not valid, on which the recommendation says to begin a new trace. Of a
    /// later version the four fields that are known are read.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut fields = traceparent.split('-');
        let (version, trace_id) = (fields.next()?, fields.next()?);
        let (parent_id, flags) = (fields.next()?, fields.next()?);
        let known = version == VERSION;
        let [version] = hex(version)?;
        if version == 0xff || (known && fields.next().is_some()) {
            return None;
        }
        let [flags] = hex(flags)?;
        let parsed = Self::new(hex(trace_id)?, hex(parent_id)?, false)?;
        // Flags of later versions are not passed on.
        Some(Self { flags: flags & SAMPLED, ..parsed })
    }

    /// With this `tracestate`, in which tracing systems keep notes of their own; it is not looked into, and one of more
    /// than 512 bytes is left out.
    #[must_use]
    pub fn with_state(mut self, state: impl Into<String>) -> Self {
        let state = state.into();
        self.state = if state.len() > MAX_TRACE_STATE_BYTES { String::new() } else { state };
        self
    }

    /// The same trace, one span further down. A span whose id is all zeros is none: then nothing changes.
    #[must_use]
    pub fn child(&self, span_id: [u8; 8]) -> Self {
        let parent_id = if span_id == [0; 8] { self.parent_id } else { span_id };
        Self { parent_id, ..self.clone() }
    }

    /// Which trace.
    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The span that made the request.
    #[must_use]
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent_id
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The notes of tracing systems, possibly none.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, parent_id) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(formatter, "{VERSION}-{trace_id:032x}-{parent_id:016x}-{:02x}", self.flags)
    }
}

/// Exactly `N` bytes in lower-case hexadecimal.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_not_valid_begins_a_new_trace() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0é-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("cc{}-what-else", &PARENT[2..]);

        assert_eq!(TraceContext::parse(&later), TraceContext::parse(PARENT));
    }

    #[test]
    fn of_the_flags_only_sampled_is_passed_on() {
        let with_flags = |flags: &str| TraceContext::parse(&format!("{}{flags}", &PARENT[..53])).unwrap();

        assert_eq!(with_flags("ff"), with_flags("01"));
        assert!(!with_flags("fe").is_sampled());
        assert!(with_flags("fe").to_string().ends_with("-00"));
    }

    #[test]
    fn a_child_keeps_the_trace_and_its_state() {
        let trace = TraceContext::parse(PARENT).unwrap().with_state("a=1");
        let child = trace.child([7; 8]);

        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
        assert_eq!(child.state(), "a=1");
        assert_eq!(trace.child([0; 8]), trace);
    }

    #[test]
    fn an_overlong_state_is_left_out() {
        let trace = TraceContext::parse(PARENT).unwrap();

        assert_eq!(trace.clone().with_state("a=1").state(), "a=1");
        assert_eq!(trace.with_state("x".repeat(513)).state(), "");
    }
}
