//! A scenario: who takes part, how they are connected, what happens when, and what must hold.
//!
//! [`Scenario::parse`] is a pure function of the text of a file and of what is registered. It starts nothing, opens
//! nothing and never panics; a scenario that it returns is wholly valid. Running one is `runner`'s business.

mod checks;
mod event;
mod fault;
mod files;
mod group;
mod groups;
mod links;
mod mesh;
mod network;
mod node;
mod output;
mod params;
mod problem;
mod reader;
mod rogues;
mod schedule;
mod schema;
mod settings;
mod shape;
mod start;
mod sweep;
mod target;
mod timeline;
mod understanding;
mod values;

use std::{ops::Range, time::Duration};

use swarm_network::Conditions;
use toml::de::DeTable;

pub use event::{Action, Ask, Content, Event};
pub use fault::{Fault, Rate, Way};
pub use files::files_beside;
pub use group::{Agents, ClockError, Group, Members, Rogues, Start};
pub use links::{Links, LinksBetween};
pub use network::{Network, UnknownNetwork};
pub use node::NodeSettings;
pub use output::{Artifact, Output};
pub use params::Overrides;
pub use problem::{Problem, ScenarioErrors, Warning};
pub(crate) use rogues::RogueParams;
pub use schema::json_schema;
pub use sweep::{Axis, Design, Sweep};
pub use target::{Pick, Target};

use self::{files::Files, params::Params, problem::Findings, reader::TableReader};
use crate::{Registry, check::Check, topology::Topology};

/// The version of the scenario format that this runner reads.
pub const SCHEMA: u64 = 1;

/// Most members of one scenario, agents and rogues together, on any network; [`Network::most_agents`] says how many each
/// takes.
pub const MOST_AGENTS: usize = 20_000;

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
    /// How many times it is run, each time with the next seed.
    pub repetitions: u32,
    /// Its params with the values that they have in this run, as text, in the order of the file.
    pub params: Vec<(String, String)>,
    /// Which values of its params are worth comparing.
    pub sweep: Option<Sweep>,
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
    /// What a run leaves behind.
    pub output: Output,
    /// What is probably not meant so, in the order of the file. It does not keep the scenario from running.
    pub warnings: Vec<Warning>,
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

impl Scenario {
    /// Reads a scenario file. `file` is what complaints call it; nothing of that name is opened.
    ///
    /// # Errors
    /// Everything that is wrong with the file, as far as it can be found in one go, each with its place.
    pub fn parse(file: &str, text: &str, registry: &Registry) -> Result<Self, ScenarioErrors> {
        Self::parse_with(file, text, registry, &Overrides::default())
    }

    /// As [`parse`](Self::parse), with what somebody wants to be otherwise than in the file. What does not suit that is
    /// wrong just as if the file had said it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(
        file: &str,
        text: &str,
        registry: &Registry,
        overrides: &Overrides,
    ) -> Result<Self, ScenarioErrors> {
        Self::parse_with_files(file, text, registry, overrides, &files::none)
    }

    /// As [`parse_with`](Self::parse_with), for a scenario that may name other files: a list of edges. `files` gives the
    /// text of a file by its name in the scenario; [`files_beside`] does so for files in the folder of the scenario.
    ///
    /// ```
    /// use swarm_sim::{Overrides, Registry, Scenario};
    ///
    /// let text = r#"
    /// schema = 1
    /// scenario = { name = "a line", duration = "1s" }
    /// groups.sitter = { agent = "idle", count = 3 }
    /// mesh = { topology = "file", file = "line.txt" }
    /// "#;
    /// let files = |name: &str| Ok(String::from(if name == "line.txt" { "0 1\n1 2\n" } else { "" }));
    /// let scenario =
    ///     Scenario::parse_with_files("line.toml", text, &Registry::new(), &Overrides::default(), &files).unwrap();
    /// assert_eq!(scenario.topology.pairs(3, 1), [(0, 1), (1, 2)]);
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and what is wrong with those files, with the place where the scenario names them.
    pub fn parse_with_files(
        file: &str,
        text: &str,
        registry: &Registry,
        overrides: &Overrides,
        files: &Files<'_>,
    ) -> Result<Self, ScenarioErrors> {
        let mut findings = Findings::new(file, text);
        let (document, syntax_errors) = DeTable::parse_recoverable(text);
        for error in &syntax_errors {
            findings.report(error.span().unwrap_or(0..0), "this is not TOML", error.message());
        }
        // What a broken text seems to say is not worth complaining about.
        if !syntax_errors.is_empty() {
            return findings.conclude(None);
        }
        let mut document = document.into_inner();
        let params = params::read(&document, overrides, &mut findings);
        params.substitute(&mut document, &mut findings);
        let reader = TableReader::new(&document, 0..0, "a scenario file");
        let around = Around { registry, overrides, files, params: &params };
        let scenario = read_document(reader, &around, &mut findings);
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
            members.extend(
                all.enumerate().filter(|(index, _)| target.means(group, *index)).map(|(_, member)| member),
            );
        }
        members
    }

    /// What the link from one member to another is like without faults; the way back may be otherwise.
    #[must_use]
    pub fn conditions(&self, from: usize, to: usize) -> Conditions {
        let (Some(from), Some(to)) = (self.seat(from), self.seat(to)) else {
            return self.links.default.clone();
        };
        self.links.of(from, to).clone()
    }

    /// The number of the group of that name.
    #[must_use]
    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// The group of a member, and its number in there.
    fn seat(&self, member: usize) -> Option<(&Group, usize)> {
        let mut index = member;
        for group in &self.groups {
            match index.checked_sub(group.count) {
                Some(behind) => index = behind,
                None => return Some((group, index)),
            }
        }
        None
    }
}

/// What a file is read with.
struct Around<'a> {
    registry: &'a Registry,
    overrides: &'a Overrides,
    files: &'a Files<'a>,
    params: &'a Params<'a>,
}

/// Every section is read, whatever is wrong with the others.
fn read_document(
    mut document: TableReader<'_, '_>,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Option<Scenario> {
    // It was read before all others.
    document.raw("params");
    settings::read_schema_version(&mut document, findings);
    let about = settings::read_scenario(&mut document, findings);
    let run = settings::read_run(&mut document, around.overrides, findings);
    let network = run.as_ref().map(|run| run.network);
    let sweep = sweep::read(&mut document, around.params, findings);
    let everybody = node::read(&mut document, "[node]", &NodeSettings::default(), findings);
    let lasts = about.as_ref().map(|about| about.warmup.saturating_add(about.duration));
    let surroundings =
        groups::Surroundings { everybody: &everybody, registry: around.registry, network, lasts };
    let groups = groups::read(&mut document, &surroundings, findings);
    let ports = run.as_ref().and_then(|run| settings::fitting_ports(run, groups.members(), findings));
    let topology = mesh::read(&mut document, &groups, around.files, findings);
    let links = links::read(&mut document, &groups, findings);
    let duration = about.as_ref().map(|about| about.duration);
    let timeline = timeline::read(&mut document, &groups, around.registry, duration, findings);
    let checks = checks::read(&mut document, &groups, &timeline.labels, around.registry, findings);
    let output = output::read(&mut document, findings);
    document.finish(findings);
    let (about, run) = (about?, run?);
    let scenario = Scenario {
        name: about.name,
        description: about.description,
        tags: about.tags,
        warmup: about.warmup,
        duration: about.duration,
        timeout: about.timeout,
        network: run.network,
        seed: run.seed,
        repetitions: run.repetitions,
        params: around.params.as_text(),
        sweep: sweep?,
        ports: ports?,
        topology: topology?,
        links: links?,
        groups: groups.complete()?,
        timeline: timeline.events,
        checks: checks.iter().map(|(check, _)| check.clone()).collect(),
        output: output?,
        warnings: findings.take_warnings(),
    };
    checks::report_empty_windows(&scenario, &checks, findings);
    Some(scenario)
}

#[cfg(test)]
mod tests;
