//! Makes a scenario that fails smaller while it still fails: fewer agents, fewer events, a shorter time.
//!
//! A [`Shrinker`] proposes smaller scenarios and is told whether each still fails. It runs nothing and reads no clock; what
//! "fails" means, and that a proposal may be no valid scenario at all, is the business of whoever asks it.
//!
//! The way is delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002): large parts
//! first, then smaller ones, over and over until nothing can be taken away any more.

mod document;
mod passes;

use std::collections::BTreeSet;

use thiserror::Error;

pub(crate) use self::document::Document;
use self::passes::Passes;

/// Looks for the smallest scenario that still fails.
///
/// ```
/// use swarm_sim::Shrinker;
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "too many", duration = "30s" }
/// groups.rover = { agent = "rover", count = 40 }
/// checks.list = [{ name = "quick", metric = "request.latency", check = "p99 < 1s" }]
/// "#;
/// let mut shrinker = Shrinker::new(text, &["quick".into()]).unwrap();
/// while let Some(candidate) = shrinker.propose() {
///     // Run the candidate here. In this example three rovers are too many.
///     let rovers = |few: &str| candidate.text.contains(&format!("count = {few}}}")) || candidate.text.contains(&format!("count = {few} }}"));
///     shrinker.tell(!rovers("1") && !rovers("2"));
/// }
/// assert_eq!(shrinker.size().agents, 3);
/// ```
#[derive(Debug)]
pub struct Shrinker {
    best: Document,
    passes: Passes,
    proposed: Option<Document>,
    /// Texts that were proposed before. Nothing is run twice.
    tried: BTreeSet<String>,
}

/// A smaller scenario, which may fail as the larger one did or not.
///
/// See [`Shrinker`] for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text of its file.
    pub text: String,
    /// What is less, in a few words: `without event 3`.
    pub change: String,
    /// How large it is.
    pub size: ScenarioSize,
}

/// How large a scenario is.
///
/// ```
/// let size = swarm_sim::ScenarioSize { agents: 8, events: 1, micros: 2_500_000 };
/// assert_eq!(size.to_string(), "8 agents, 1 event, 2.50 s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScenarioSize {
    /// Agents and rogues of all groups.
    pub agents: usize,
    /// Events of its timeline.
    pub events: usize,
    /// Warm-up and duration together, in microseconds.
    pub micros: u64,
}

impl std::fmt::Display for ScenarioSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let time = crate::quantity::show_micros(self.micros as f64);
        write!(f, "{}, {}, {time}", counted(self.agents, "agent"), counted(self.events, "event"))
    }
}

/// Why a scenario cannot be shrunk.
///
/// ```
/// assert!(swarm_sim::Shrinker::new("not TOML", &[]).is_err());
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// The text is not TOML; a scenario that could be run is.
    #[error("the scenario is not TOML: {0}")]
    Syntax(#[from] toml_edit::TomlError),
}

impl Shrinker {
    /// Begins with a scenario that fails, and the names of the checks that must still fail: the others are of no
    /// interest any more. Without names all checks are kept.
    ///
    /// # Errors
    /// When the text is not TOML.
    pub fn new(text: &str, checks: &[String]) -> Result<Self, ShrinkError> {
        let best = Document::parse(text)?;
        let tried = BTreeSet::from([best.text()]);
        Ok(Self { passes: Passes::new(checks.to_vec()), best, proposed: None, tried })
    }

    /// The next scenario to try; `None` when nothing can be taken away any more. Whoever asks again without having
    /// [told](Self::tell) how the last one came out has told that it did not fail.
    pub fn propose(&mut self) -> Option<Candidate> {
        if self.proposed.is_some() {
            self.tell(false);
        }
        loop {
            let (document, change) = self.passes.next(&self.best)?;
            if self.tried.insert(document.text()) {
                let candidate = Candidate { text: document.text(), change, size: document.size() };
                self.proposed = Some(document);
                return Some(candidate);
            }
            self.passes.tell(false);
        }
    }

    /// Says whether what was proposed last still fails. What could not be run does not.
    pub fn tell(&mut self, still_fails: bool) {
        let Some(proposed) = self.proposed.take() else { return };
        if still_fails {
            self.best = proposed;
        }
        self.passes.tell(still_fails);
    }

    /// The smallest scenario so far that fails.
    #[must_use]
    pub fn best(&self) -> String {
        self.best.text()
    }

    /// How large that is.
    #[must_use]
    pub fn size(&self) -> ScenarioSize {
        self.best.size()
    }
}

#[cfg(test)]
mod tests;
