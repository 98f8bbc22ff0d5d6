//! A reply between the agent that makes it and the streams that carry it: what was not sent yet, and, if it is
//! resumable, what was sent last.

use std::collections::VecDeque;

use bytes::Bytes;
use swarm_proto::Outcome;

/// Replies of the agent that wait to be sent: enough to work while one is being sent.
const UNSENT: usize = 4;

/// What it costs to keep a frame beside its bytes: many small ones, like the words of a language model, would take a
/// multiple of what they say.
const KEPT_OVERHEAD: usize = 64;

/// An encoded chunk or artefact.
#[derive(Debug, Clone)]
struct Entry {
    frame: Bytes,
    /// Name and revision of an artefact.
    artefact: Option<(String, u32)>,
}

/// Where a stream is in the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    next: u64,
    /// The stream has to say where it begins.
    resumed: bool,
}

impl Cursor {
    /// Of the stream that the request came on.
    pub(crate) fn start() -> Self {
        Self { next: 0, resumed: false }
    }

    /// Of a stream that goes on at this number.
    pub(crate) fn resumed(from: u64) -> Self {
        Self { next: from, resumed: true }
    }
}

/// What a stream should send next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// The number of what follows.
    Position(u64),
    /// An encoded frame.
    Frame(Bytes),
    /// The last frame.
    End(Outcome),
    /// Nothing yet.
    Wait,
}

/// The reply of one request.
#[derive(Debug, Default)]
pub(crate) struct ReplyLog {
    unsent: VecDeque<Entry>,
    /// The last of what was sent, ending before `next`.
    sent: VecDeque<Bytes>,
    sent_bytes: usize,
    /// How many bytes of what was sent are kept; none if it is not resumable.
    keep_bytes: usize,
    /// The number of the first unsent chunk or artefact.
    next: u64,
    /// The latest note; an older one that was not sent is not worth sending.
    note: Option<Bytes>,
    outcome: Option<Outcome>,
}

impl ReplyLog {
    pub(crate) fn new(keep_bytes: usize) -> Self {
        Self { keep_bytes, ..Self::default() }
    }

    /// Takes an encoded chunk, if there is room for it.
    pub(crate) fn push(&mut self, frame: &Bytes) -> bool {
        self.push_entry(|| Entry { frame: frame.clone(), artefact: None })
    }

    /// Takes an encoded artefact: in place of an older revision that was not sent, or if there is room. One that is
    /// older than what waits is dropped, as if it had been replaced.
    pub(crate) fn push_artefact(&mut self, name: &str, revision: u32, frame: &Bytes) -> bool {
        let same = self.unsent.iter_mut().find_map(|entry| match &mut entry.artefact {
            Some((other, older)) if other == name => Some((older, &mut entry.frame)),
            _ => None,
        });
        if let Some((older, waiting)) = same {
            if revision >= *older {
                (*older, *waiting) = (revision, frame.clone());
            }
            return true;
        }
        self.push_entry(|| Entry { frame: frame.clone(), artefact: Some((name.to_owned(), revision)) })
    }

    /// Takes an encoded note, in place of one that was not sent.
    pub(crate) fn push_note(&mut self, frame: Bytes) {
        self.note = Some(frame);
    }

    /// The reply ends like this, after what was pushed. The first end stays.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    /// The reply ends like this at once: what was not sent is dropped.
    pub(crate) fn cut_off(&mut self, outcome: Outcome) {
        self.unsent.clear();
        self.note = None;
        self.outcome = Some(outcome);
    }

    /// How it ends, once that is known; some of what belongs before the end may still wait.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether so many chunks and artefacts were sent already.
    pub(crate) fn has_reached(&self, number: u64) -> bool {
        number <= self.next
    }

    /// Whether something waits for a stream.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Gives what the stream at this cursor sends next, and moves it on.
    pub(crate) fn take(&mut self, cursor: &mut Cursor) -> Next {
        let oldest = self.oldest_kept();
        // A stream that another one has overtaken may find less than it was to send.
        if std::mem::take(&mut cursor.resumed) || cursor.next < oldest {
            cursor.next = cursor.next.max(oldest);
            return Next::Position(cursor.next);
        }
        if let Some(frame) = self.kept(cursor.next) {
            cursor.next += 1;
            return Next::Frame(frame);
        }
        if let Some(note) = self.note.take() {
            return Next::Frame(note);
        }
        if let Some(entry) = self.unsent.pop_front() {
            self.next += 1;
            cursor.next = self.next;
            self.keep(&entry.frame);
            return Next::Frame(entry.frame);
        }
        self.outcome.clone().map_or(Next::Wait, Next::End)
    }

    fn push_entry(&mut self, entry: impl FnOnce() -> Entry) -> bool {
        let room = self.unsent.len() < UNSENT;
        if room {
            self.unsent.push_back(entry());
        }
        room
    }

    fn oldest_kept(&self) -> u64 {
        self.next - self.sent.len() as u64
    }

    /// Something that was sent before, on another stream.
    fn kept(&self, number: u64) -> Option<Bytes> {
        let index = number.checked_sub(self.oldest_kept())?;
        self.sent.get(usize::try_from(index).ok()?).cloned()
    }

    fn keep(&mut self, frame: &Bytes) {
        self.sent.push_back(frame.clone());
        self.sent_bytes += cost(frame);
        while self.sent_bytes > self.keep_bytes {
            let Some(oldest) = self.sent.pop_front() else { break };
            self.sent_bytes -= cost(&oldest);
        }
    }
}

fn cost(kept: &Bytes) -> usize {
    kept.len() + KEPT_OVERHEAD
}

#[cfg(test)]
mod tests;
