//! What is wrong with a scenario file, and where in it.
//!
//! Problems are collected, not thrown: a reader of the file reports as many as it can find. Nothing here decides what
//! is wrong; it only remembers it with its place.

use std::{fmt, ops::Range, sync::Arc};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use toml::Spanned;

use super::{params::mentioned, reader::shortened};

/// One thing that is wrong with a scenario file.
///
/// It is a [`miette::Diagnostic`] of its own: it knows the file, underlines the text in question, says what was
/// expected there and, where a name is nearly right, which one was probably meant.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let errors = Scenario::parse("old.toml", "schema = 2", &Registry::new()).unwrap_err();
/// let last = errors.problems().last().unwrap();
/// assert_eq!((last.file(), last.line(), last.column()), ("old.toml", 1, 10));
/// ```
#[derive(Debug, Clone)]
pub struct Problem {
    source: Arc<NamedSource<String>>,
    span: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
}

impl Problem {
    /// What is wrong, without its place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What was expected where the problem is.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.label
    }

    /// What to do about it, where there is something to say; names the nearest valid name.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The name of the file, as the parser was given it.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The bytes of the file that are wrong.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Line of the first wrong byte, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.before().matches('\n').count().saturating_add(1)
    }

    /// Column of the first wrong character, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let line = self.before().rsplit('\n').next().unwrap_or_default();
        line.chars().count().saturating_add(1)
    }

    fn before(&self) -> &str {
        self.source.inner().get(..self.span.start).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), SourceSpan::from(self.span.clone()));
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything that is wrong with a scenario file, in the order of the file. Never empty.
///
/// Its text has one line per problem, with file, line and column; [`miette`] renders each of
/// [`problems`](Self::problems) with the text underlined.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let errors = Scenario::parse("a.toml", "schema = 1\n[grops.x]", &Registry::new()).unwrap_err();
/// assert!(errors.to_string().contains("a.toml:2:2: unknown key `grops`"));
/// ```
#[derive(Debug, Clone)]
pub struct ScenarioErrors {
    problems: Vec<Problem>,
}

impl ScenarioErrors {
    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{}:{}: {problem}", problem.file(), problem.line(), problem.column())?;
            write!(f, " ({})", problem.label)?;
            if let Some(help) = &problem.help {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioErrors {}

impl Diagnostic for ScenarioErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Something in a scenario that is probably not meant so.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "2s" }
/// groups.sitter = { agent = "idle", count = 2 }
/// timeline.events = [
///   { at = "1s", do = "ask", from = "sitter", to = "sitter", capability = "hello.greet", count = 30, every = "100ms" },
/// ]
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert_eq!(&text[scenario.warnings[0].place.clone()], "30");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// What is strange.
    pub message: String,
    /// What would be usual there.
    pub expected: String,
    /// Where, in bytes of the file.
    pub place: Range<usize>,
}

/// Collects the problems of one file while it is read.
#[derive(Debug)]
pub(crate) struct Findings {
    source: Arc<NamedSource<String>>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    /// Names and values of the params, for complaints about what came to stand in their places.
    params: Vec<(String, String)>,
    /// Places of which enough was said.
    ignored: Vec<Range<usize>>,
}

impl Findings {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let source = NamedSource::new(file, text.to_owned()).with_language("TOML");
        Self {
            source: Arc::new(source),
            problems: Vec::new(),
            warnings: Vec::new(),
            params: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// Lets complaints about values with `${name}` say what the params are.
    pub(super) fn set_params(&mut self, params: Vec<(String, String)>) {
        self.params = params;
    }

    /// What somebody meant to write there is not known, so what else is wrong with it means nothing.
    pub(super) fn ignore_from_now_on(&mut self, span: Range<usize>) {
        self.ignored.push(span);
    }

    /// Where a part of a text value stands in the file. A text with escapes or params is underlined as a whole, since its
    /// parts stand elsewhere than its length says.
    pub(super) fn part_of(&self, written: &Spanned<String>, part: Range<usize>) -> Range<usize> {
        let whole = written.span();
        let begin = whole.start.saturating_add(1);
        let inner = begin..whole.end.saturating_sub(1);
        if self.text().get(inner) != Some(written.get_ref()) {
            return whole;
        }
        // A part may begin at the closing quote, where something is missing.
        let start = begin.saturating_add(part.start).min(whole.end.saturating_sub(1));
        start..begin.saturating_add(part.end).clamp(start, whole.end)
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> &str {
        self.source.inner()
    }

    /// Remembers one problem: what is wrong at `span` and what was expected there.
    pub(crate) fn report(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.push(span, message.into(), label.into(), None);
    }

    /// Remembers something that is probably not meant so.
    pub(crate) fn warn(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let place = within(&span, self.text());
        self.warnings.push(Warning { message: message.into(), expected: expected.into(), place });
    }

    /// The warnings so far, in the order of the file.
    pub(crate) fn take_warnings(&mut self) -> Vec<Warning> {
        self.warnings.sort_by_key(|warning| warning.place.start);
        std::mem::take(&mut self.warnings)
    }

    /// As [`report`](Self::report), with a line on what to do.
    pub(crate) fn report_with_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(span, message.into(), label.into(), Some(help.into()));
    }

    fn push(&mut self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        let span = within(&span, self.text());
        if self.ignored.iter().any(|ignored| ignored.start <= span.start && span.end <= ignored.end) {
            return;
        }
        let help = help.or_else(|| self.values_at(&span));
        self.problems.push(Problem { source: self.source.clone(), span, message, label, help });
    }

    /// What the params are that a text value of the file is made of, in a sentence.
    fn values_at(&self, span: &Range<usize>) -> Option<String> {
        let written = self.text().get(span.clone()).filter(|text| text.starts_with(['"', '\'']))?;
        let value = |name: &str| self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let told =
            mentioned(written).filter_map(|name| Some(format!("${{{name}}} is {}", shortened(value(name)?))));
        let told = told.collect::<Vec<_>>().join(", ");
        (!told.is_empty()).then_some(told)
    }

    /// The value, unless something was wrong.
    pub(crate) fn conclude<T>(mut self, value: Option<T>) -> Result<T, ScenarioErrors> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                if self.problems.is_empty() {
                    self.report(0..0, "the file cannot be understood", "expected a scenario");
                }
                self.problems.sort_by_key(|problem| problem.span.start);
                Err(ScenarioErrors { problems: self.problems })
            }
        }
    }
}

/// The span cut to what is there: a parser may point behind the end of the text.
fn within(span: &Range<usize>, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start)).min(text.len());
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let mut findings = Findings::new("x.toml", "a = 1\né = 2\n");
        findings.report(9..10, "wrong", "right");
        let errors = findings.conclude::<()>(None).unwrap_err();
        let problem = errors.problems().first().unwrap();
        assert_eq!((problem.line(), problem.column()), (2, 3));
        assert_eq!(errors.to_string(), "x.toml:2:3: wrong (right)");
    }

    #[test]
    fn a_span_behind_the_end_is_cut() {
        let mut findings = Findings::new("x.toml", "é");
        findings.report(1..99, "wrong", "right");
        let errors = findings.conclude::<()>(None).unwrap_err();
        assert_eq!(errors.problems().first().unwrap().span(), 0..2);
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let mut findings = Findings::new("x.toml", "abc");
        findings.report(2..3, "second", "");
        findings.report(0..1, "first", "");
        let errors = findings.conclude(Some(())).unwrap_err();
        assert_eq!(errors.problems().iter().map(Problem::message).collect::<Vec<_>>(), ["first", "second"]);
    }
}
