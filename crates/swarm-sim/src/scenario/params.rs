//! Reads `[params]`, and puts their values in the place of `${name}` everywhere else.
//!
//! This happens before anything else is read: a value keeps its place in the file, whatever comes to stand there.

use std::{borrow::Cow, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Network,
    problem::Findings,
    reader::{fitting_word, in_file_order, report_unknown_name, shortened},
};

/// The longest text that is a param, in bytes: it may stand in many places.
const LONGEST_TEXT: usize = 256;

/// What somebody wants to be otherwise than in the file of a scenario.
///
/// ```
/// use swarm_sim::{Overrides, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "as many as you like", duration = "1s" }
/// params = { sitters = 2 }
/// groups.sitter = { agent = "idle", count = "${sitters}" }
/// "#;
/// let mut overrides = Overrides::default();
/// overrides.set = vec![("sitters".into(), "5".into())];
/// let scenario = Scenario::parse_with("x.toml", text, &Registry::new(), &overrides).unwrap();
/// assert_eq!(scenario.agents(), 5);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overrides {
    /// What carries the bytes.
    pub network: Option<Network>,
    /// What every random choice is derived from.
    pub seed: Option<u64>,
    /// Values of params, by name.
    pub set: Vec<(String, String)>,
}

/// The params of a scenario with the values that they have in this run.
pub(super) struct Params<'v> {
    values: Vec<(String, DeValue<'v>)>,
}

/// What the value of a param is. It is the same in the file, on the command line and in a sweep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Switch,
}

impl Kind {
    /// `None` for what a param cannot be.
    pub(super) const fn of(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::String(_) => Some(Self::Text),
            DeValue::Integer(_) | DeValue::Float(_) => Some(Self::Number),
            DeValue::Boolean(_) => Some(Self::Switch),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }

    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "expected a text, as in [params]",
            Self::Number => "expected a number, as in [params]",
            Self::Switch => "expected true or false, as in [params]",
        }
    }

    /// What a text of the command line stands for.
    fn read(self, text: &str) -> Option<DeValue<'_>> {
        let value = match self {
            Self::Text => DeValue::String(Cow::Borrowed(text)),
            Self::Number | Self::Switch => DeValue::parse(text.trim()).ok()?.into_inner(),
        };
        (Self::of(&value) == Some(self)).then_some(value)
    }
}

/// A value as a text that [`Kind::read`] reads back.
pub(super) fn as_text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        other => other.type_str().to_owned(),
    }
}

/// The values of the file, and over them those of the command line.
pub(super) fn read<'v>(
    document: &DeTable<'v>,
    overrides: &'v Overrides,
    findings: &mut Findings,
) -> Params<'v> {
    let section = document.get("params");
    let at = section.map_or(0..0, Spanned::span);
    let mut params = Params { values: Vec::new() };
    match section.map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => {
            for (name, value) in in_file_order(table) {
                params.values.extend(read_param(name, value, findings));
            }
        }
        Some(_) => findings.report(at.clone(), "[params] is no table", "expected a value for each name"),
        None => {}
    }
    for (name, text) in &overrides.set {
        params.set(name, text, &at, findings);
    }
    findings.set_params(params.as_text());
    params
}

fn read_param<'v>(
    name: &Spanned<Cow<'v, str>>,
    value: &Spanned<DeValue<'v>>,
    findings: &mut Findings,
) -> Option<(String, DeValue<'v>)> {
    let known = fitting_word("a param", name, findings)?;
    if Kind::of(value.get_ref()).is_none() {
        let message = format!("the param `{known}` cannot be a whole {}", value.get_ref().type_str());
        findings.report(value.span(), message, "expected a text, a number, true or false");
    }
    if value.get_ref().as_str().is_some_and(|text| text.len() > LONGEST_TEXT) {
        let message = format!("the param `{known}` is too long");
        findings.report(value.span(), message, format!("expected at most {LONGEST_TEXT} bytes"));
        return None;
    }
    if value.get_ref().as_str().is_some_and(|text| text.contains("${")) {
        findings.report(value.span(), "a param is not made of others", "expected a value of its own");
    }
    Some((known, value.get_ref().clone()))
}

impl<'v> Params<'v> {
    /// What the value of a param is; `None` if there is no such param.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.get(name).and_then(Kind::of)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.values.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn as_text(&self) -> Vec<(String, String)> {
        self.values.iter().map(|(name, value)| (name.clone(), as_text(value))).collect()
    }

    fn get(&self, name: &str) -> Option<&DeValue<'v>> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Complaints about the command line have no place in the file but that of all params.
    fn set(&mut self, name: &str, text: &'v str, at: &Range<usize>, findings: &mut Findings) {
        let Some(kind) = self.get(name).map(Kind::of) else {
            let name = Spanned::new(at.clone(), name.to_owned());
            report_unknown_name("param on the command line", &name, &self.names(), findings);
            return;
        };
        // One that is wrong in the file was reported.
        let Some(kind) = kind else { return };
        match (
            kind.read(text).filter(|_| text.len() <= LONGEST_TEXT),
            self.values.iter_mut().find(|(known, _)| known == name),
        ) {
            (Some(read), Some((_, value))) => *value = read,
            _ => {
                let message = format!("`{name}` cannot be set to {}", shortened(text));
                findings.report(at.clone(), message, kind.expected());
            }
        }
    }

    /// Puts the values in the place of `${name}` in all texts of the document but the params themselves.
    pub(super) fn substitute(&self, document: &mut DeTable<'v>, findings: &mut Findings) {
        let others = document.iter_mut().filter(|(key, _)| key.get_ref() != "params");
        others.for_each(|(_, value)| self.substitute_in(value, findings));
    }

    fn substitute_in(&self, value: &mut Spanned<DeValue<'v>>, findings: &mut Findings) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => {
                let written = Spanned::new(span.clone(), text.to_string());
                match self.filled_in(&written, findings) {
                    Some(filled) => *value.get_mut() = filled,
                    None => findings.ignore_from_now_on(span),
                }
            }
            DeValue::Array(array) => array.iter_mut().for_each(|value| self.substitute_in(value, findings)),
            DeValue::Table(table) => {
                table.iter_mut().for_each(|(_, value)| self.substitute_in(value, findings))
            }
            _ => {}
        }
    }

    /// A text that is one `${name}` and nothing else becomes the value itself.
    fn filled_in(&self, written: &Spanned<String>, findings: &mut Findings) -> Option<DeValue<'v>> {
        let text = written.get_ref();
        let mut filled = String::new();
        let mut is_good = true;
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name, at) => match self.get(name) {
                    Some(value) if at == (2..text.len().saturating_sub(1)) => return Some(value.clone()),
                    Some(value) => filled.push_str(&as_text(value)),
                    None => {
                        let name = Spanned::new(findings.part_of(written, at), name.to_owned());
                        report_unknown_name("param", &name, &self.names(), findings);
                        is_good = false;
                    }
                },
                Piece::Open(at) => {
                    let expected = "expected ${name}, or $${ for these two characters themselves";
                    findings.report(findings.part_of(written, at), "`${` is never closed", expected);
                    is_good = false;
                }
            }
        }
        is_good.then_some(DeValue::String(Cow::Owned(filled)))
    }
}

/// A part of a text, and where in it a name stands.
enum Piece<'t> {
    Text(&'t str),
    Name(&'t str, Range<usize>),
    Open(Range<usize>),
}

/// `$${` stands for `${` itself.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let begin = text.len().saturating_sub(behind.len());
        if let Some(before) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(before), Piece::Text("${")]);
            rest = behind;
            continue;
        }
        pieces.push(Piece::Text(before));
        let Some((name, behind)) = behind.split_once('}') else {
            pieces.push(Piece::Open(begin.saturating_sub(2)..begin));
            return pieces;
        };
        pieces.push(Piece::Name(name, begin..begin.saturating_add(name.len())));
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The names of all params in a piece of a file.
pub(super) fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name, _) => Some(name),
        Piece::Text(_) | Piece::Open(_) => None,
    })
}
