//! A scenario: who takes part, how they are connected, what happens when, and what must hold.
//!
//! [`Scenario::parse`] is a pure function of the text of a file and of what is registered. It starts nothing, opens
//! nothing and never panics; a scenario that it returns is wholly valid. Running one is `runner`'s business.

mod checks;
mod fault;
mod groups;
mod links;
mod mesh;
mod node;
mod problem;
mod reader;
mod rogues;
mod schema;
mod settings;
mod target;
mod timeline;

use std::{ops::Range, time::Duration};

use swarm_adversary::{Attack, Plan};
use swarm_core::{Capability, Lane};
use toml::de::DeTable;

pub use fault::{Fault, Rate, Way};
pub use links::{Links, LinksBetween};
pub use node::NodeSettings;
pub use problem::{Problem, ScenarioErrors, Warning};
pub(crate) use rogues::RogueParams;
pub use schema::json_schema;
pub use target::{Pick, Target};

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
    /// What the links are like.
    pub links: Links,
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
    /// WebTransport over sockets in memory, in virtual time: the whole QUIC stack, packet for packet.
    Quic,
    /// Messages and streams in memory, in virtual time: without QUIC, for thousands of agents.
    Model,
}

impl Network {
    /// Whether time is virtual on it, so that the same seed gives the same run.
    #[must_use]
    pub const fn is_virtual(self) -> bool {
        matches!(self, Self::Quic | Self::Model)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WebTransport => f.write_str("webtransport"),
            Self::Quic => f.write_str("quic"),
            Self::Model => f.write_str("model"),
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
/// assert_eq!(scenario.groups[0].start, swarm_sim::Start::AtOnce);
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
    /// Where they are, for links and faults between zones.
    pub zone: Option<String>,
    /// When they start.
    pub start: Start,
    /// How far their clocks are off.
    pub clock: ClockError,
    /// Where the file has the params or, without any, the group, for complaints about agents that cannot be made.
    pub place: Range<usize>,
}

/// When the members of a group start. Times count from the beginning of the warm-up.
///
/// ```
/// assert_eq!(swarm_sim::Start::default(), swarm_sim::Start::AtOnce);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Start {
    /// Before anything else: they are connected when the warm-up begins.
    #[default]
    AtOnce,
    /// When an event of the timeline starts them.
    Never,
    /// All of them then: `at(3s)`.
    At(Duration),
    /// One after the other, evenly, within this time: `spread(10s)`.
    Spread(Duration),
    /// So many in a second, evenly: `rate(50/s)`.
    Rate(f64),
    /// So many in a second on average, at random: `poisson(20/s)`.
    Poisson(f64),
}

/// How far the clocks of a group are off the true time.
///
/// ```
/// assert_eq!(swarm_sim::ClockError::default().drift_ppm, 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ClockError {
    /// How far at most, either way; each member's clock is off by its own amount, which the seed decides.
    pub skew: Duration,
    /// How many millionths faster they are at most, or slower; again each its own.
    pub drift_ppm: f64,
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

    /// The numbers of all members that a target means, from 0 in the whole swarm, rogues included.
    #[must_use]
    pub fn members_of(&self, target: &Target) -> Vec<usize> {
        let mut first = 0_usize;
        let mut members = Vec::new();
        for group in &self.groups {
            let all = first..first.saturating_add(group.count);
            first = all.end;
            match target {
                Target::Everybody => members.extend(all),
                Target::Group(name) if *name == group.name => members.extend(all),
                Target::Zone(zone) if group.zone.as_ref() == Some(zone) => members.extend(all),
                Target::Member(name, number) if *name == group.name => {
                    members.extend(all.start.checked_add(*number).filter(|member| all.contains(member)));
                }
                Target::Group(_) | Target::Zone(_) | Target::Member(..) => {}
            }
        }
        members
    }

    /// What the link from one member to another is like without faults.
    #[must_use]
    pub fn conditions(&self, _from: usize, _to: usize) -> swarm_network::Conditions {
        self.links.default.clone()
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
        links: Links::default(),
        groups: groups.complete()?,
        timeline,
        checks,
        warnings: findings.take_warnings(),
    })
}

#[cfg(test)]
mod tests;
