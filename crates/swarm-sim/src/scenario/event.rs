//! What happens in a run, and when.

use std::time::Duration;

use swarm_core::{Capability, Lane};

use super::{Fault, Pick, Target};

/// Something that happens at its time.
///
/// ```
/// use swarm_sim::{Action, Pick, Registry, Scenario, Target};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "2s" }
/// groups.sitter = { agent = "idle", count = 3 }
/// timeline.events = [{ at = "1s", do = "stop", target = "sitter", pick = 2 }]
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.timeline[0].action, Action::Stop { target: Target::Group("sitter".into()), pick: Pick::Some(2) });
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When, from the end of the warm-up.
    pub at: Duration,
    /// For how long, if it lasts: faults without it last to the end of the run. Stops and starts are spread over it.
    pub lasts: Option<Duration>,
    /// What checks and `heal` call it.
    pub label: Option<String>,
    /// What.
    pub action: Action,
}

/// What happens at an event of the timeline.
///
/// See [`Event`] for an example.
///
/// ```
/// use swarm_sim::{Action, Pick, Target};
///
/// let action = Action::Start { target: Target::Group("rover".into()), pick: Pick::All };
/// assert_eq!(action.to_string(), "start all of rover");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Agents ask others.
    Ask(Ask),
    /// Running agents leave the swarm.
    Stop {
        /// Which.
        target: Target,
        /// How many of the running ones.
        pick: Pick,
    },
    /// Agents that do not run join the swarm.
    Start {
        /// Which.
        target: Target,
        /// How many of those that do not run.
        pick: Pick,
    },
    /// Something goes wrong.
    Fault(Fault),
    /// What went wrong ends before its time.
    Heal {
        /// The label of what ends; everything if absent.
        label: Option<String>,
    },
}

impl Action {
    /// What a file calls it, after `do`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ask(_) => "ask",
            Self::Stop { .. } => "stop",
            Self::Start { .. } => "start",
            Self::Fault(fault) => fault.kind(),
            Self::Heal { .. } => "heal",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ask(ask) => {
                write!(f, "{} asks {} for {}", ask.from, ask.to, ask.capability)?;
                if ask.count > 1 { write!(f, ", {} times", ask.count) } else { Ok(()) }
            }
            Self::Stop { target, pick } => write!(f, "stop {pick} of {target}"),
            Self::Start { target, pick } => write!(f, "start {pick} of {target}"),
            Self::Fault(fault) => fault.fmt(f),
            Self::Heal { label: Some(label) } => write!(f, "heal {label}"),
            Self::Heal { label: None } => f.write_str("heal everything"),
        }
    }
}

/// A series of requests from the members of one group to those of another, each taking turns.
///
/// See [`Scenario`](crate::Scenario) for how to come by one.
///
/// ```
/// use swarm_sim::{Action, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "2s" }
/// groups.sitter = { agent = "idle", count = 2 }
/// timeline.events = [{ at = "1s", do = "ask", from = "sitter", to = "sitter", capability = "hello.greet" }]
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// let Action::Ask(ask) = &scenario.timeline[0].action else { panic!() };
/// assert_eq!((ask.count, ask.in_flight), (1, 1));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ask {
    /// The group of those who ask.
    pub from: String,
    /// The group of those who are asked.
    pub to: String,
    /// What for.
    pub capability: Capability,
    /// What is said.
    pub content: Content,
    /// How many times, all members together.
    pub count: u64,
    /// From one question to the next; zero asks as soon as `in_flight` allows.
    pub every: Duration,
    /// Most questions without an answer yet; the next one waits, or in an open loop is not sent.
    pub in_flight: usize,
    /// Whether questions come when they are due, whatever became of the ones before.
    pub open_loop: bool,
    /// Longest time to the end of an answer.
    pub deadline: Duration,
    /// When whoever asks gives up, if it does.
    pub cancel_after: Option<Duration>,
    /// How urgent the requests are.
    pub lane: Lane,
}

/// What a series of requests says.
///
/// ```
/// use swarm_sim::Content;
///
/// let greeting = Content::Payload { payload: "you".into(), expect: Some("hello".into()) };
/// assert!(matches!(greeting, Content::Payload { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Questions of a registered source, which judges the answers too.
    Questions(String),
    /// The same text each time.
    Payload {
        /// The text.
        payload: String,
        /// What all chunks of the answer, joined, must contain to be right. Without it nothing is judged.
        expect: Option<String>,
    },
}
