//! Reads one table of a scenario file key by key, and complains with the place about all that does not fit.
//!
//! A reader never stops at the first problem: what cannot be read is reported and absent. Keys that nobody asked for
//! are unknown, so the reading code itself is the list of known keys.

use std::{borrow::Cow, ops::Range, time::Duration};

use swarm_core::Capability;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Findings;
use crate::{nearest::nearest, quantity};

/// One table of the file.
pub(crate) struct TableReader<'t, 'i> {
    table: &'t DeTable<'i>,
    at: Range<usize>,
    /// What the table is, as complaints call it: `[run]`, `an event`.
    what: String,
    known: Vec<&'static str>,
}

impl<'t, 'i> TableReader<'t, 'i> {
    pub(crate) fn new(table: &'t DeTable<'i>, at: Range<usize>, what: impl Into<String>) -> Self {
        Self { table, at, what: what.into(), known: Vec::new() }
    }

    /// Where the table begins in the file.
    pub(crate) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// A value that may be absent; one that does not fit is reported and absent.
    pub(crate) fn optional<T: FromValue>(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<Spanned<T>> {
        let value = self.raw(key)?;
        read(value, &format!("`{key}`"), findings)
    }

    /// A value that must be there.
    pub(crate) fn required<T: FromValue>(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<Spanned<T>> {
        if self.raw(key).is_none() {
            let message = format!("{} lacks `{key}`", self.what);
            findings.report(self.at(), message, format!("expected {} under `{key}`", T::EXPECTED));
        }
        self.optional(key, findings)
    }

    /// A whole number within bounds, both included.
    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
        findings: &mut Findings,
    ) -> Option<Spanned<u64>> {
        let number = self.optional::<i128>(key, findings)?;
        let fitting = u64::try_from(*number.get_ref()).ok().filter(|number| bounds.contains(number));
        if fitting.is_none() {
            let message = format!("`{key}` cannot be {}", number.get_ref());
            let (least, most) = (bounds.start(), bounds.end());
            let label = match *most {
                u64::MAX => format!("expected a whole number, at least {least}"),
                most => format!("expected a whole number from {least} to {most}"),
            };
            findings.report(number.span(), message, label);
        }
        fitting.map(|value| Spanned::new(number.span(), value))
    }

    /// The value as it stands in the file.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// What complaints call the table.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// A value that may be absent, without its place.
    pub(crate) fn value<T: FromValue>(&mut self, key: &'static str, findings: &mut Findings) -> Option<T> {
        self.optional(key, findings).map(Spanned::into_inner)
    }

    /// A table below this one, with its own reader.
    pub(crate) fn table(
        &mut self,
        key: &'static str,
        what: &str,
        findings: &mut Findings,
    ) -> Option<TableReader<'t, 'i>> {
        let value = self.raw(key)?;
        table_of(value, what, findings)
    }

    /// The tables in an array below this one.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        what: &str,
        findings: &mut Findings,
    ) -> Vec<TableReader<'t, 'i>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            mismatch(value, &format!("`{key}`"), "an array of tables: [ { … }, … ]", findings);
            return Vec::new();
        };
        array.iter().filter_map(|entry| table_of(entry, what, findings)).collect()
    }

    /// The texts in an array below this one, each with its place.
    pub(crate) fn texts(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Spanned<String>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let what = format!("`{key}`");
        let Some(array) = value.get_ref().as_array() else {
            mismatch(value, &what, Vec::<String>::EXPECTED, findings);
            return Vec::new();
        };
        array.iter().filter_map(|entry| read(entry, &format!("one of {what}"), findings)).collect()
    }

    /// Ends the reading: whatever was not asked for is unknown. Says whether there was nothing of the kind.
    pub(crate) fn finish(mut self, findings: &mut Findings) -> bool {
        self.known.sort_unstable();
        self.known.dedup();
        let unknown = self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref()));
        unknown.map(|key| self.report_unknown(key.get_ref(), key.span(), findings)).count() == 0
    }

    fn report_unknown(&self, key: &str, span: Range<usize>, findings: &mut Findings) {
        let message = format!("unknown key `{key}` in {}", self.what);
        let label = format!("expected one of: {}", self.known.join(", "));
        match nearest(key, self.known.iter().copied()) {
            Some(meant) => findings.report_with_help(span, message, label, did_you_mean(meant)),
            None => findings.report(span, message, label),
        }
    }
}

/// `value` as a table of its own.
pub(crate) fn table_of<'t, 'i>(
    value: &'t Spanned<DeValue<'i>>,
    what: &str,
    findings: &mut Findings,
) -> Option<TableReader<'t, 'i>> {
    match value.get_ref().as_table() {
        Some(table) => Some(TableReader::new(table, value.span(), what)),
        None => {
            mismatch(value, what, "a table", findings);
            None
        }
    }
}

/// The line that names what was probably meant.
pub(crate) fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}

/// Reports a name that is not known, with those that are and the nearest of them.
pub(crate) fn report_unknown_name(
    kind: &str,
    name: &Spanned<String>,
    known: &[&str],
    findings: &mut Findings,
) {
    let message = format!("unknown {kind} `{}`", name.get_ref());
    let label = match known {
        [] => format!("there is no {kind} here"),
        known => format!("expected one of: {}", known.join(", ")),
    };
    match nearest(name.get_ref(), known.iter().copied()) {
        Some(meant) => findings.report_with_help(name.span(), message, label, did_you_mean(meant)),
        None => findings.report(name.span(), message, label),
    }
}

/// The parser sorts tables by name; the file has its own order, and ports, links and reports follow that.
pub(crate) fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

pub(crate) type Entry<'t, 'i> = (&'t Spanned<Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

/// Reports a name of the file's own that other parts of it could not tell from something else.
pub(crate) fn fitting_word<S: AsRef<str>>(
    what: &str,
    name: &Spanned<S>,
    findings: &mut Findings,
) -> Option<String> {
    let text = name.get_ref().as_ref();
    let fits = (1..=32).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if !fits {
        let message = format!("{what} cannot be called `{}`", shortened(text));
        let label = "expected 1 to 32 of the characters a-z, 0-9, - and _";
        findings.report(name.span(), message, label);
    }
    fits.then(|| text.to_owned())
}

/// Reports a duration of nothing.
pub(crate) fn positive(key: &str, duration: &Spanned<Duration>, findings: &mut Findings) -> Option<Duration> {
    if duration.get_ref().is_zero() {
        findings.report(duration.span(), format!("`{key}` is zero"), "expected more than nothing");
        return None;
    }
    Some(*duration.get_ref())
}

/// Reports a text that names no capability.
pub(crate) fn known_capability(name: &Spanned<String>, findings: &mut Findings) -> Option<Capability> {
    match Capability::try_from(name.get_ref().as_str()) {
        Ok(capability) => Some(capability),
        Err(error) => {
            let label =
                "expected a dotted name with an optional version, such as hello.greet or hello.greet@2";
            findings.report(name.span(), error.to_string(), label);
            None
        }
    }
}

/// A type that a value of the file can be read as.
pub(crate) trait FromValue: Sized {
    /// What complaints say was expected.
    const EXPECTED: &'static str;

    /// The value, or `None` when it does not fit.
    fn from_value(value: &DeValue<'_>) -> Option<Self>;
}

impl FromValue for String {
    const EXPECTED: &'static str = "a text in quotes";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for i128 {
    const EXPECTED: &'static str = "a whole number";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let integer = value.as_integer()?;
        Self::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
}

impl FromValue for Duration {
    const EXPECTED: &'static str = "a duration with its unit, such as \"500ms\", \"10s\" or \"2m\"";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        quantity::parse_duration(value.as_str()?)
    }
}

impl FromValue for Vec<String> {
    const EXPECTED: &'static str = "an array of texts";

    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_array()?.iter().map(|entry| String::from_value(entry.get_ref())).collect()
    }
}

/// A value as what it is read as; one that does not fit is reported.
pub(crate) fn read<T: FromValue>(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    findings: &mut Findings,
) -> Option<Spanned<T>> {
    let read = T::from_value(value.get_ref());
    if read.is_none() {
        mismatch(value, what, T::EXPECTED, findings);
    }
    read.map(|read| Spanned::new(value.span(), read))
}

/// Reports a value that is not what it should be.
pub(crate) fn mismatch(value: &Spanned<DeValue<'_>>, what: &str, expected: &str, findings: &mut Findings) {
    let message = match value.get_ref() {
        DeValue::String(text) => format!("{what} cannot be \"{}\"", shortened(text)),
        DeValue::Integer(number) => format!("{what} cannot be {}", shortened(number.as_str())),
        DeValue::Float(number) => format!("{what} cannot be {}", shortened(number.as_str())),
        other => format!("{what} cannot be {}", with_article(other.type_str())),
    };
    findings.report(value.span(), message, format!("expected {expected}"));
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

/// A text fit to be quoted in a message of one line.
pub(crate) fn shortened(text: &str) -> String {
    const MOST_CHARACTERS: usize = 40;
    let mut short: String =
        text.chars().take(MOST_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        short.push('…');
    }
    short
}
