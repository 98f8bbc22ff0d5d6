//! What became of the questions of one event of the timeline, for whoever asks why.
//!
//! It keeps one example of each kind, not all: the figures have the numbers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use swarm_core::{AssistError, Chunk};

use crate::{scenario::Ask, summary::End, tally::NOT_SENT};

/// How much of a payload is shown, in characters of text or bytes.
const MOST_SHOWN: usize = 60;

/// The book of one event. Those who ask write into it; at the end of the run it is read.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Who asks whom for what.
    what: String,
    /// How many questions there should be.
    count: u64,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    asked: u64,
    ended: u64,
    /// The questions ended before all was asked, which is a notice of its own.
    is_exhausted: bool,
    /// How many requests ended so, and why the first of them did.
    failures: BTreeMap<&'static str, (u64, String)>,
    wrong: u64,
    wrong_example: Option<String>,
}

impl Ledger {
    pub(super) fn new(ask: &Ask) -> Self {
        let what = format!("{} to {}, {}", ask.from, ask.to, ask.capability);
        Self { what, count: ask.count, entries: Mutex::default() }
    }

    pub(super) fn asked(&self) {
        self.entries().asked += 1;
    }

    /// There was nobody to ask or to be asked, or no room for one more.
    pub(super) fn skipped(&self) {
        self.entries().ended += 1;
    }

    /// Whoever asked gave up, as the scenario has it.
    pub(super) fn given_up(&self) {
        self.entries().ended += 1;
    }

    pub(super) fn exhausted(&self) {
        self.entries().is_exhausted = true;
    }

    pub(super) fn completed(&self) {
        self.entries().ended += 1;
    }

    pub(super) fn failed(&self, error: &AssistError) {
        self.ended_as(ending(error), error);
    }

    /// The node refused a request before it counted as sent.
    pub(super) fn not_sent(&self, error: &AssistError) {
        self.ended_as(NOT_SENT, error);
    }

    fn ended_as(&self, ending: &'static str, error: &AssistError) {
        let mut entries = self.entries();
        entries.ended += 1;
        entries.failures.entry(ending).or_insert_with(|| (0, error.to_string())).0 += 1;
    }

    /// An answer was wrong; without the answer when it was too long to be judged.
    pub(super) fn wrong(&self, question: &Bytes, answer: Option<&[Chunk]>) {
        let mut entries = self.entries();
        entries.wrong += 1;
        if entries.wrong_example.is_none() {
            entries.wrong_example = Some(format!("to {} came {}", shown(question), shown_answer(answer)));
        }
    }

    /// What is worth knowing at the end of the run, one line each.
    pub(super) fn remarks(&self, end: End) -> Vec<String> {
        let (what, entries) = (&self.what, self.entries());
        let mut remarks = Vec::new();
        // Whoever interrupts a run knows that it was cut short.
        if entries.asked < self.count && !entries.is_exhausted && end != End::Interrupted {
            let (asked, count) = (entries.asked, self.count);
            remarks.push(format!("{what}: asked {asked} of {count}, then the run ended"));
        }
        for (ending, (count, reason)) in &entries.failures {
            remarks.push(format!("{what}: {count} ended as {ending}, the first because: {reason}"));
        }
        let open = entries.asked.saturating_sub(entries.ended);
        if open > 0 {
            remarks.push(format!("{what}: {open} without an answer yet at the end of the run, given up"));
        }
        if let Some(example) = &entries.wrong_example {
            remarks.push(format!("{what}: {} answered wrongly, such as: {example}", entries.wrong));
        }
        remarks
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Counting cannot leave entries half changed, so a poisoned lock is as good as any.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names under which the figures count these endings.
fn ending(error: &AssistError) -> &'static str {
    match error {
        AssistError::NoSuchCapability => "no_such_capability",
        AssistError::Declined { .. } => "declined",
        AssistError::Failed { .. } => "failed",
        AssistError::Busy { .. } => "busy",
        AssistError::DeadlineExceeded => "deadline_exceeded",
        AssistError::Idle => "idle",
        AssistError::HopLimit => "hop_limit",
        AssistError::Gap { .. } => "gap",
        AssistError::PeerLost => "peer_lost",
        AssistError::Cancelled => "cancelled",
        AssistError::ShutDown => "shut_down",
        _ => "malformed",
    }
}

fn shown_answer(answer: Option<&[Chunk]>) -> String {
    match answer {
        None => "an answer too long to be judged".to_owned(),
        Some([]) => "an answer without chunks".to_owned(),
        Some([only]) => shown(&only.payload),
        Some(chunks) => {
            let joined: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.payload.iter().copied()).collect();
            if as_text(&joined).is_some() {
                return format!("{} in {} chunks", shown(&joined), chunks.len());
            }
            // The last ones conclude, the first ones are often provisional.
            let last = chunks.last().map(|chunk| shown(&chunk.payload)).unwrap_or_default();
            format!("{} chunks, the last one {last}", chunks.len())
        }
    }
}

fn as_text(payload: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok();
    text.filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

/// A payload as text if it is one, otherwise in hexadecimal digits.
fn shown(payload: &[u8]) -> String {
    match as_text(payload) {
        Some(text) => {
            let short: String = text.chars().take(MOST_SHOWN).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("{short:?}{more}")
        }
        None => {
            let hex: String = payload.iter().take(MOST_SHOWN / 2).map(|byte| format!("{byte:02x}")).collect();
            let more = if payload.len() > MOST_SHOWN / 2 { "…" } else { "" };
            format!("0x{hex}{more} ({} bytes)", payload.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_shown_as_text_or_hexadecimal_and_shortened() {
        assert_eq!(shown(b"where?"), "\"where?\"");
        assert_eq!(shown(&[0xff, 0x00]), "0xff00 (2 bytes)");
        assert_eq!(shown("é".repeat(61).as_bytes()), format!("{:?}…", "é".repeat(60)));
        let chunks = ["Hello", " Ada"].map(|word| Chunk::new("word", word));
        assert_eq!(shown_answer(Some(&chunks)), "\"Hello Ada\" in 2 chunks");
        assert_eq!(shown(&[0; 31]), format!("0x{}… (31 bytes)", "00".repeat(30)));
    }

    #[test]
    fn endings_are_called_as_the_figures_call_them() {
        let called = |error| ending(&error);
        assert_eq!(called(AssistError::HopLimit), swarm_core::Ending::HopLimit.to_string());
        assert_eq!(called(AssistError::Idle), swarm_core::Ending::Idle.to_string());
        assert_eq!(called(AssistError::Gap { from: 1, to: 2 }), swarm_core::Ending::Gap.to_string());
    }
}
