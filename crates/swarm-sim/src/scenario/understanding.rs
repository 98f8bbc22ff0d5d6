//! Lets a kind of agent, or of check, say whether it understands its params, and puts what it says into words of the file.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{problem::Findings, reader::did_you_mean};
use crate::nearest::nearest;

/// The params as they are kept, if `check` understands them; none stand for an empty table.
pub(super) fn understood_params(
    kind: &str,
    check: impl FnOnce(Spanned<DeValue<'_>>) -> Result<(), toml::de::Error>,
    params: Option<&Spanned<DeValue<'_>>>,
    owner_at: Range<usize>,
    findings: &mut Findings,
) -> Option<toml::Table> {
    let empty = Spanned::new(owner_at, DeValue::Table(DeTable::new()));
    let params = params.unwrap_or(&empty);
    let understood = check(params.clone())
        .and_then(|()| serde::Deserialize::deserialize(toml::de::ValueDeserializer::from(params.clone())));
    match understood {
        Ok(table) => Some(table),
        Err(error) => {
            report_params(kind, &error, params.span(), findings);
            None
        }
    }
}

/// Puts serde's words into those of the file: its fields are keys here, and names that it lists are worth comparing.
pub(super) fn report_params(
    agent: &str,
    error: &toml::de::Error,
    params_at: Range<usize>,
    findings: &mut Findings,
) {
    let span = error.span().unwrap_or(params_at);
    let said =
        error.message().replace("unknown field", "unknown key").replace("missing field", "missing key");
    let (wrong, expected) = said.split_once(", expected ").unwrap_or((&said, ""));
    let expected = in_words_of_the_file(expected);
    let message = format!("params of `{agent}`: {}", wrong.lines().next().unwrap_or_default());
    let label = match (expected, wrong.strip_prefix("missing key ")) {
        ("", Some(key)) => format!("expected a value for {key}"),
        ("", None) => "not understood".to_owned(),
        (expected, _) => format!("expected {}", expected.lines().next().unwrap_or_default()),
    };
    let mut written = quoted(wrong);
    let meant = written.next().and_then(|written| nearest(written, quoted(expected)));
    match meant {
        Some(meant) => findings.report_with_help(span, message, label, did_you_mean(meant)),
        None => findings.report(span, message, label),
    }
}

/// What serde expects by the name of a Rust type, as TOML calls it.
fn in_words_of_the_file(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "a text in quotes",
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

/// The words between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
