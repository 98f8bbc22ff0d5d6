//! A scenario: who takes part, how they are connected, what happens when, and what must hold.
//!
//! [`Scenario::parse`] is a pure function of the text of a file and of what is registered. It starts nothing, opens
//! nothing and never panics; a scenario that it returns is wholly valid. Running one is `runner`'s business.

mod checks;
mod groups;
mod mesh;
mod node;
mod problem;
mod reader;
mod rogues;
mod schema;
mod settings;
mod timeline;

use std::{ops::Range, time::Duration};

use swarm_adversary::{Attack, Plan};
use swarm_core::{Capability, Lane};
use toml::de::DeTable;

pub use node::NodeSettings;
pub use problem::{Problem, ScenarioErrors, Warning};
pub(crate) use rogues::RogueParams;
pub use schema::json_schema;

use self::{problem::Findings, reader::TableReader};
use crate::{Registry, check::Check, topology::Topology};

/// The version of the scenario format that this runner reads.
pub const SCHEMA: u64 = 1;

/// Most agents of one scenario, as each has a UDP port and a full mesh of real connections grows with their square.
pub const MOST_AGENTS: usize = 512;

/// A wholly valid scenario.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// [scenario]
/// name = "two of a kind"
/// duration = "5s"
/// [groups.sitter]
/// agent = "idle"
/// count = 2
/// "#;
/// let scenario = Scenario::parse("two.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.agents(), 2);
/// assert_eq!(scenario.seed, 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scenario {
    /// What the scenario is called.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How long the swarm runs before anything counts.
    pub warmup: Duration,
    /// How long it is measured.
    pub duration: Duration,
    /// The longest the whole run may take, wall clock, from the first agent to the last.
    pub timeout: Duration,
    /// What carries the bytes.
    pub network: Network,
    /// What every random choice of the run is derived from.
    pub seed: u64,
    /// The UDP ports of the agents.
    pub ports: Ports,
    /// Who is connected to whom.
    pub topology: Topology,
    /// The agents, and rogues if there are any, in groups of a kind, in the order of the file.
    pub groups: Vec<Group>,
    /// What happens when, in the order of time.
    pub timeline: Vec<Event>,
    /// What must hold, in the order of the file.
    pub checks: Vec<Check>,
    /// What is probably not meant so, in the order of the file. It does not keep the scenario from running.
    pub warnings: Vec<Warning>,
}

/// What carries the bytes of a run.
///
/// ```
/// assert_eq!(swarm_sim::Network::WebTransport.to_string(), "webtransport");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// WebTransport over real UDP sockets on the loopback address, in real time.
    WebTransport,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WebTransport => f.write_str("webtransport"),
        }
    }
}

/// Which UDP ports the agents listen on.
///
/// ```
/// use swarm_sim::Ports;
///
/// let ports = Ports { first: 4400, place: None };
/// assert_eq!(ports.of_member(2), 4402);
/// assert_eq!(Ports { first: 0, place: None }.of_member(2), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// The port of the first agent; the others follow, in the order of the groups. 0 stands for any free ones.
    pub first: u16,
    /// Where the file says so, for complaints about ports that are in use.
    pub place: Option<Range<usize>>,
}

impl Ports {
    /// The port of the agent of that number in the whole swarm, from 0; 0 stands for any free port.
    #[must_use]
    pub fn of_member(&self, number: usize) -> u16 {
        match self.first {
            0 => 0,
            first => first.saturating_add(u16::try_from(number).unwrap_or(u16::MAX)),
        }
    }
}

/// Agents of one kind with the same params, or rogues.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = "schema = 1\nscenario = { name = 'x', duration = '1s' }\ngroups.sitter = { agent = 'idle' }";
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert!(scenario.groups[0].starts);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// What the rest of the file calls it.
    pub name: String,
    /// How many, at least one.
    pub count: usize,
    /// What they are.
    pub members: Members,
    /// Knobs of their nodes: those of the group, and those of everybody where it has none.
    pub node: NodeSettings,
    /// Whether they run from the beginning. If not, an event of the timeline starts them.
    pub starts: bool,
    /// Where the file has the params or, without any, the group, for complaints about agents that cannot be made.
    pub place: Range<usize>,
}

/// What the members of a group are.
///
/// ```
/// use swarm_sim::{Members, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "1s" }
/// groups.sitter = { agent = "idle" }
/// groups.thief = { rogue = "stolen-id" }
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert!(matches!(&scenario.groups[0].members, Members::Agents(agents) if agents.kind == "idle"));
/// assert_eq!(scenario.groups[1].members.to_string(), "stolen-id");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Members {
    /// Nodes with an agent each.
    Agents(Agents),
    /// Bad peers.
    Rogues(Rogues),
}

impl Members {
    /// Whether they are bad peers.
    #[must_use]
    pub const fn are_rogues(&self) -> bool {
        matches!(self, Self::Rogues(_))
    }
}

impl std::fmt::Display for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agents(agents) => f.write_str(&agents.kind),
            Self::Rogues(rogues) => rogues.attack.fmt(f),
        }
    }
}

/// What agents of a group are made of.
///
/// See [`Members`] for an example.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Agents {
    /// Their kind, which is registered.
    pub kind: String,
    /// What each of them is made of; understood by the kind.
    pub params: toml::Table,
}

/// What rogues of a group do, each to all agents that the topology connects it to, or to everybody if there are none.
///
/// See [`Members`] for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rogues {
    /// Their attack.
    pub attack: Attack,
    /// How much of it each does to each.
    pub plan: Plan,
}

/// Something that happens at its time.
///
/// ```
/// use swarm_sim::{Action, Pick, Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "2s" }
/// groups.sitter = { agent = "idle", count = 3 }
/// timeline.events = [{ at = "1s", do = "stop", target = "sitter", pick = 2 }]
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// assert_eq!(scenario.timeline[0].action, Action::Stop { target: "sitter".into(), pick: Pick::Some(2) });
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When, from the end of the warm-up.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What happens at an event of the timeline.
///
/// See [`Event`] for an example.
///
/// ```
/// use swarm_sim::{Action, Pick};
///
/// let action = Action::Start { target: "rover".into(), pick: Pick::All };
/// assert_eq!(action.to_string(), "start all of rover");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Agents ask others.
    Ask(Ask),
    /// Running agents leave the swarm.
    Stop {
        /// The group that they belong to.
        target: String,
        /// How many of the running ones.
        pick: Pick,
    },
    /// Agents that do not run join the swarm.
    Start {
        /// The group that they belong to.
        target: String,
        /// How many of those that do not run.
        pick: Pick,
    },
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
        }
    }
}

/// How many members of a group an event concerns.
///
/// ```
/// assert_eq!(swarm_sim::Pick::Some(3).of(2), 2);
/// assert_eq!(swarm_sim::Pick::All.of(7), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// All that there are.
    All,
    /// So many, chosen by the seed; all if there are fewer.
    Some(usize),
}

impl Pick {
    /// How many that is, of so many candidates.
    #[must_use]
    pub fn of(self, candidates: usize) -> usize {
        match self {
            Self::All => candidates,
            Self::Some(wanted) => wanted.min(candidates),
        }
    }
}

impl std::fmt::Display for Pick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Some(wanted) => write!(f, "{wanted}"),
        }
    }
}

/// A series of requests from the members of one group to those of another, each taking turns.
///
/// See [`Scenario`] for how to come by one.
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

impl Scenario {
    /// Reads a scenario file. `file` is what complaints call it; nothing of that name is opened.
    ///
    /// # Errors
    /// Everything that is wrong with the file, as far as it can be found in one go, each with its place.
    pub fn parse(file: &str, text: &str, registry: &Registry) -> Result<Self, ScenarioErrors> {
        let mut findings = Findings::new(file, text);
        let (document, syntax_errors) = DeTable::parse_recoverable(text);
        for error in &syntax_errors {
            findings.report(error.span().unwrap_or(0..0), "this is not TOML", error.message());
        }
        // What a broken text seems to say is not worth complaining about.
        if !syntax_errors.is_empty() {
            return findings.conclude(None);
        }
        let reader = TableReader::new(document.get_ref(), 0..0, "a scenario file");
        let scenario = read_document(reader, registry, &mut findings);
        findings.conclude(scenario)
    }

    /// How many agents there are in all groups together, rogues not counted.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.groups.iter().filter(|group| !group.members.are_rogues()).map(|group| group.count).sum()
    }

    /// How many members all groups have together: agents and rogues.
    #[must_use]
    pub fn members(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// The number of the group of that name.
    #[must_use]
    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }
}

/// Every section is read, whatever is wrong with the others.
fn read_document(
    mut document: TableReader<'_, '_>,
    registry: &Registry,
    findings: &mut Findings,
) -> Option<Scenario> {
    settings::read_schema_version(&mut document, findings);
    let about = settings::read_scenario(&mut document, findings);
    let run = settings::read_run(&mut document, findings);
    let everybody = node::read(&mut document, "[node]", &NodeSettings::default(), findings);
    let groups = groups::read(&mut document, &everybody, registry, findings);
    let ports = run.as_ref().and_then(|run| settings::fitting_ports(run, groups.members(), findings));
    let topology = mesh::read(&mut document, &groups, findings);
    let duration = about.as_ref().map(|about| about.duration);
    let timeline = timeline::read(&mut document, &groups, registry, duration, findings);
    let checks = checks::read(&mut document, &groups, findings);
    document.finish(findings);
    let (about, run) = (about?, run?);
    Some(Scenario {
        name: about.name,
        description: about.description,
        tags: about.tags,
        warmup: about.warmup,
        duration: about.duration,
        timeout: about.timeout,
        network: run.network,
        seed: run.seed,
        ports: ports?,
        topology: topology?,
        groups: groups.complete()?,
        timeline,
        checks,
        warnings: findings.take_warnings(),
    })
}

#[cfg(test)]
mod tests;
