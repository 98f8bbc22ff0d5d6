//! What the command line says when something does not work.

use std::{fmt, ops::Range, path::Path, sync::Arc};

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan};

use super::{complain, error_paint};
use crate::{
    Overrides, RECORD_FORMAT, Registry, RunError, RunRecord, Scenario, Warning, files_beside, report,
};

/// A scenario with the text that it was read from.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    /// What its file is called.
    pub(super) file: String,
    pub(super) text: String,
    /// What was otherwise than in the file.
    pub(super) overrides: Overrides,
    pub(super) source: Arc<NamedSource<String>>,
}

/// Reads a scenario file. Says what is wrong with it, if anything is.
pub(super) fn load(file: &Path, registry: &Registry, overrides: &Overrides) -> Option<Loaded> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => parse(name, text, registry, overrides),
        Err(error) => {
            say(&Failure::plain(format!("failed to read the scenario {name}: {error}")));
            None
        }
    }
}

/// Reads the text of a scenario file of that name. Says what is wrong with it, if anything is.
pub(super) fn parse(
    file: String,
    text: String,
    registry: &Registry,
    overrides: &Overrides,
) -> Option<Loaded> {
    let parsed = {
        let files = files_beside(Path::new(&file));
        Scenario::parse_with_files(&file, &text, registry, overrides, &files)
    };
    match parsed {
        Ok(scenario) => {
            let source = Arc::new(NamedSource::new(&file, text.clone()).with_language("TOML"));
            scenario.warnings.iter().for_each(|warning| say(&Failure::warning(warning, &source)));
            Some(Loaded { scenario, file, text, overrides: overrides.clone(), source })
        }
        Err(errors) => {
            errors.problems().iter().for_each(|problem| say(problem));
            let many = errors.problems().len();
            let things = if many == 1 { "1 thing is" } else { &format!("{many} things are") };
            complain(&format!("{things} wrong with {file}; nothing was started\n"));
            None
        }
    }
}

/// Reads a record. What is wrong with it is the failure.
pub(super) fn load_record(file: &Path) -> Result<RunRecord, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::plain(format!("failed to read the record {name}: {error}")))?;
    let record: RunRecord = serde_json::from_str(&text).map_err(|error| {
        Failure::plain(format!("{name} is no record of a run: {error}"))
            .with_help("`run FILE --record RECORD` writes one")
    })?;
    if record.format != RECORD_FORMAT {
        let (theirs, ours) = (record.format, RECORD_FORMAT);
        let message = format!("{name} is a record of format {theirs}, and this program reads {ours}");
        return Err(Failure::plain(message).with_help("read it with the version that wrote it"));
    }
    Ok(record)
}

/// Why a run came to nothing, in a sentence.
pub(super) fn complaint(error: &RunError, source: &Arc<NamedSource<String>>) -> String {
    format!("failed to run {}: {error}", source.name())
}

/// Says why a run came to nothing, with the place in the file where there is one.
pub(super) fn run_failed(error: &RunError, source: &Arc<NamedSource<String>>) {
    let mut failure = Failure::plain(complaint(error, source));
    match error {
        RunError::Port { place, .. } => {
            failure.help =
                Some("end what uses the port, name another first_port, or 0 for any free ones".to_owned());
            failure.place = place.clone().map(|span| Place::new(source, span, "the ports begin here"));
        }
        RunError::Build { place, .. } => {
            failure.place = Some(Place::new(source, place.clone(), "what it is made of"));
        }
        _ => {}
    }
    say(&failure);
}

/// A blank line follows, so that several of them can be told apart.
pub(super) fn say(diagnostic: &dyn Diagnostic) {
    complain(&(report::render(diagnostic, error_paint()) + "\n"));
}

/// Something that went wrong, said in a sentence.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    severity: Severity,
    help: Option<String>,
    place: Option<Place>,
}

/// Where in a file, and what is there.
#[derive(Debug)]
struct Place {
    source: Arc<NamedSource<String>>,
    span: Range<usize>,
    label: String,
}

impl Place {
    fn new(source: &Arc<NamedSource<String>>, span: Range<usize>, label: &str) -> Self {
        Self { source: source.clone(), span, label: label.to_owned() }
    }
}

impl Failure {
    pub(super) fn plain(message: String) -> Self {
        Self { message, severity: Severity::Error, help: None, place: None }
    }

    /// With a line on what to do.
    pub(super) fn with_help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }

    /// Something that is only worth knowing.
    pub(super) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    fn warning(warning: &Warning, source: &Arc<NamedSource<String>>) -> Self {
        let place = Place::new(source, warning.place.clone(), &warning.expected);
        let message = warning.message.clone();
        Self { message, severity: Severity::Warning, help: None, place: Some(place) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &*place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let label =
            LabeledSpan::new_with_span(Some(place.label.clone()), SourceSpan::from(place.span.clone()));
        Some(Box::new(std::iter::once(label)))
    }
}
