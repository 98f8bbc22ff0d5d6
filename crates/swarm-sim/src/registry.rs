//! Which kinds of agents, which sources of questions and which checks in Rust a scenario may name.
//!
//! Whoever builds a program around the runner registers constructors by name; the runner itself knows no agent but the
//! one that does nothing. A registry makes agents, it never starts them.

mod custom;
mod kind;
mod question;

use std::{collections::BTreeMap, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use swarm_core::{Agent, BoxedAgent};

pub use custom::CheckInput;
pub(crate) use custom::CustomCheck;
pub(crate) use kind::{Kind, Seat};
pub use question::Question;
pub(crate) use question::{QuestionSource, Questions};

/// Why an agent could not be made of its params. Any error will do; it is shown with the group it concerns.
pub type BuildError = Box<dyn std::error::Error + Send + Sync>;

/// What an agent is made of.
///
/// ```
/// use swarm_sim::{NoParams, Setup};
///
/// fn name_of(setup: Setup<'_, NoParams>) -> String {
///     format!("{}-{}", setup.group, setup.index)
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setup<'g, P> {
    /// The `params` of its group in the scenario.
    pub params: P,
    /// Which member of its group it is, from 0.
    pub index: usize,
    /// The name of its group.
    pub group: &'g str,
    /// A seed of its own, derived from that of the run; the same in every life of the same member.
    pub seed: u64,
}

/// Params of a kind of agent that has none.
///
/// ```
/// assert_eq!(swarm_sim::NoParams {}, swarm_sim::NoParams::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct NoParams {}

/// The kinds of agents, sources of questions and checks in Rust that scenarios may name.
///
/// ```
/// use swarm_core::Agent;
/// use swarm_sim::{NoParams, Registry, Setup};
///
/// struct Parrot;
/// impl Agent for Parrot {}
///
/// let registry = Registry::new()
///     .agent("parrot", "repeats what it hears", |_: Setup<'_, NoParams>| Ok(Parrot));
/// assert_eq!(registry.kinds().collect::<Vec<_>>(), ["idle", "parrot"]);
/// ```
#[derive(Clone)]
pub struct Registry {
    kinds: BTreeMap<String, Arc<Kind>>,
    sources: BTreeMap<String, Arc<QuestionSource>>,
    checks: BTreeMap<String, Arc<CustomCheck>>,
}

impl Registry {
    /// A registry with the one kind that is always there: `idle`, an agent that does nothing and may be asked from.
    #[must_use]
    pub fn new() -> Self {
        let empty = Self { kinds: BTreeMap::new(), sources: BTreeMap::new(), checks: BTreeMap::new() };
        empty.agent("idle", "does nothing; to ask from", |_: Setup<'_, NoParams>| Ok(Idle))
    }

    /// Registers a kind of agent. A kind of the same name that was there before is replaced.
    ///
    /// `P` is what the `params` of a group are read as. Let it deny unknown fields, so that a misspelt one is an error
    /// with its place in the file; its doc comments become the documentation that `swarm-sim list` prints.
    ///
    /// `build` is called for the first member of each group once more than there are agents, by `check` and before
    /// anything starts: an error or a panic is reported with the place of the group. So let it make the agent and
    /// nothing that others notice; what an agent does begins with `on_start`.
    #[must_use]
    pub fn agent<P, A>(
        mut self,
        kind: impl Into<String>,
        summary: impl Into<String>,
        build: impl Fn(Setup<'_, P>) -> Result<A, BuildError> + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema,
        A: Agent,
    {
        let kind_of_agent = Kind::new(summary.into(), move |setup| build(setup).map(BoxedAgent::new));
        self.kinds.insert(kind.into(), Arc::new(kind_of_agent));
        self
    }

    /// Registers a source of questions: given a seed it asks, and judges the answers. A source of the same name that
    /// was there before is replaced.
    ///
    /// ```
    /// use swarm_sim::{Question, Registry};
    ///
    /// let registry = Registry::new().questions("doubles", "asks for twice a number", |seed| {
    ///     (seed..).map(|n| {
    ///         let twice = (n * 2).to_string();
    ///         Question::new(n.to_string(), move |answer| answer.iter().any(|chunk| chunk.payload == twice.as_bytes()))
    ///     })
    /// });
    /// assert_eq!(registry.question_sources().collect::<Vec<_>>(), ["doubles"]);
    /// ```
    #[must_use]
    pub fn questions<I>(
        mut self,
        name: impl Into<String>,
        summary: impl Into<String>,
        ask: impl Fn(u64) -> I + Send + Sync + 'static,
    ) -> Self
    where
        I: Iterator<Item = Question> + Send + 'static,
    {
        self.sources.insert(name.into(), Arc::new(QuestionSource::new(summary.into(), ask)));
        self
    }

    /// Registers a check in Rust, which a scenario names with `custom`. It is asked once, at the end of a run, and says what
    /// is wrong, if anything is. A check of the same name that was there before is replaced.
    ///
    /// `P` is what the `params` of the check in the scenario are read as, just as with [`agent`](Self::agent).
    ///
    /// ```
    /// use swarm_sim::{CheckInput, NoParams, Registry};
    ///
    /// let registry = Registry::new().check("all-up", "somebody runs", |input: &CheckInput<'_, NoParams>| {
    ///     if input.record.members.is_empty() { Err("nobody was there".to_owned()) } else { Ok(()) }
    /// });
    /// assert_eq!(registry.checks().collect::<Vec<_>>(), ["all-up"]);
    /// ```
    #[must_use]
    pub fn check<P>(
        mut self,
        name: impl Into<String>,
        summary: impl Into<String>,
        judge: impl Fn(&CheckInput<'_, P>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema,
    {
        self.checks.insert(name.into(), Arc::new(CustomCheck::new(summary.into(), judge)));
        self
    }

    /// The names of the kinds of agents, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// The names of the sources of questions, sorted.
    pub fn question_sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The names of the checks in Rust, sorted.
    pub fn checks(&self) -> impl Iterator<Item = &str> {
        self.checks.keys().map(String::as_str)
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Arc<Kind>> {
        self.kinds.get(name)
    }

    pub(crate) fn source(&self, name: &str) -> Option<&Arc<QuestionSource>> {
        self.sources.get(name)
    }

    pub(crate) fn custom_check(&self, name: &str) -> Option<&Arc<CustomCheck>> {
        self.checks.get(name)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds().collect();
        let sources: Vec<_> = self.question_sources().collect();
        let checks: Vec<_> = self.checks().collect();
        let mut debug = f.debug_struct("Registry");
        debug.field("kinds", &kinds).field("question_sources", &sources).field("checks", &checks).finish()
    }
}

/// An agent that does nothing.
struct Idle;

impl Agent for Idle {}
