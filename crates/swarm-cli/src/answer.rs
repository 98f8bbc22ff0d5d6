//! What a command has to say, for people and for programs.

use serde::Serialize;
use serde_json::Value;

use crate::Status;

/// What a command has to say.
pub(crate) struct Answer {
    /// For people: lines, the last one ended.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: Value,
    /// What was made and is to be handed on, if it went into no file.
    pub(crate) token: Option<String>,
    pub(crate) status: Status,
}

impl Answer {
    /// All went well.
    pub(crate) fn new(sheet: &Sheet, facts: &impl Serialize) -> Self {
        // Facts are structs with names for keys: nothing in them cannot be written.
        let json = serde_json::to_value(facts).unwrap_or_default();
        Self { text: sheet.render(), json, token: None, status: Status::Good }
    }
}

/// A title, what belongs to it, and what to do next.
pub(crate) struct Sheet {
    title: String,
    rows: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Sheet {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn row(&mut self, label: &str, value: impl ToString) {
        self.rows.push((label.to_owned(), value.to_string()));
    }

    /// A line after an empty one.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn render(&self) -> String {
        let width = self.rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        let rows = self.rows.iter().map(|(label, value)| format!("  {label:width$}  {value}\n"));
        let notes = self.notes.iter().map(|note| format!("{note}\n"));
        let gap = if self.notes.is_empty() { "" } else { "\n" };
        let title = format!("{}\n", self.title);
        std::iter::once(title).chain(rows).chain([gap.to_owned()]).chain(notes).collect()
    }
}
