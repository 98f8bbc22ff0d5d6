//! Reads `[groups.NAME]`: who takes part.

use std::{ops::Range, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    Agents, Group, MOST_AGENTS, Members, Network, NodeSettings, Target, node,
    problem::Findings,
    reader::{
        TableReader, did_you_mean, fitting_word, in_file_order, report_unknown_name, shortened, table_of,
    },
    rogues, start,
    understanding::understood_params,
};
use crate::{Registry, quantity::show_count, registry::Kind};

/// What groups are checked against.
pub(super) struct Surroundings<'s> {
    /// Knobs of the nodes of everybody.
    pub(super) everybody: &'s NodeSettings,
    pub(super) registry: &'s Registry,
    /// What carries the bytes, if that is known.
    pub(super) network: Option<Network>,
    /// How long warm-up and duration are together, if that is known.
    pub(super) lasts: Option<Duration>,
}

impl Surroundings<'_> {
    fn most_agents(&self) -> usize {
        self.network.map_or(MOST_AGENTS, Network::most_agents)
    }
}

/// The groups as far as they could be read. Names are known even of groups that are wrong, so that one mistake does
/// not make others elsewhere.
pub(super) struct Groups {
    names: Vec<String>,
    groups: Vec<Option<Group>>,
    zones: Vec<String>,
}

impl Groups {
    /// All names in the order of the file.
    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The group of that name, if it is there and right.
    pub(super) fn get(&self, name: &str) -> Option<&Group> {
        self.groups.iter().flatten().find(|group| group.name == name)
    }

    /// How many members the groups have that are right.
    pub(super) fn members(&self) -> usize {
        self.groups.iter().flatten().map(|group| group.count).sum()
    }

    /// How many members come before those of this group, and whether all counts are known.
    pub(super) fn first_member(&self, name: &str) -> Option<usize> {
        let before = self.names.iter().take_while(|known| *known != name).count();
        let groups: Option<Vec<_>> = self.groups.iter().take(before).map(Option::as_ref).collect();
        Some(groups?.iter().map(|group| group.count).sum())
    }

    /// Whether every group is right, so that totals mean something.
    pub(super) fn is_complete(&self) -> bool {
        self.groups.iter().all(Option::is_some)
    }

    /// The groups, if all of them are right.
    pub(super) fn complete(self) -> Option<Vec<Group>> {
        self.groups.into_iter().collect()
    }

    /// Reports a name that is no group's. `None` if it is none.
    pub(super) fn known(&self, name: &Spanned<String>, findings: &mut Findings) -> Option<String> {
        if self.names.contains(name.get_ref()) {
            return Some(name.get_ref().clone());
        }
        report_unknown_name("group", name, &self.names(), findings);
        None
    }

    /// As [`known`](Self::known), for what rogues do not do. `None` if it is a group of theirs.
    pub(super) fn of_agents(&self, name: &Spanned<String>, findings: &mut Findings) -> Option<String> {
        let known = self.known(name, findings)?;
        if self.get(&known).is_some_and(|group| group.members.are_rogues()) {
            let message = format!("`{known}` is a group of rogues");
            findings.report(name.span(), message, "expected a group of agents");
            return None;
        }
        Some(known)
    }

    /// How many members a target means; `None` as long as not all groups are right.
    pub(super) fn count(&self, target: &Target) -> Option<usize> {
        let means = |group: &Group| match target {
            // It is known to be one of them.
            Target::Member(name, _) => usize::from(*name == group.name),
            target if target.means(group, 0) => group.count,
            _ => 0,
        };
        self.groups.iter().map(|group| group.as_ref().map(means)).sum()
    }

    /// The number of a member in the whole swarm, by that number or by its group, as in `rover[3]`.
    pub(super) fn member(&self, word: &str) -> Result<usize, String> {
        let nobody = || format!("`{}` is nobody", shortened(word));
        let members = self.members();
        let number = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
            Some((group, index)) => {
                let index: usize = index.parse().map_err(|_| nobody())?;
                let count = self.get(group).ok_or_else(nobody)?.count;
                let first = self.first_member(group).filter(|_| index < count).ok_or_else(nobody)?;
                first.saturating_add(index)
            }
            None => word.parse().map_err(|_| nobody())?,
        };
        if number < members { Ok(number) } else { Err(nobody()) }
    }

    /// Whom a text means: `*`, a group, `zone:NAME` or one member, as in `rover[3]`. Reports one that means nobody.
    pub(super) fn target(&self, written: &Spanned<String>, findings: &mut Findings) -> Option<Target> {
        let text = written.get_ref().as_str();
        if text == "*" {
            return Some(Target::Everybody);
        }
        if let Some(zone) = text.strip_prefix("zone:") {
            return self.zone(&Spanned::new(written.span(), zone.to_owned()), findings);
        }
        if let Some((group, index)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            let group = self.known(&Spanned::new(written.span(), group.to_owned()), findings)?;
            return self.member_of(group, index, written.span(), findings);
        }
        if self.zones.iter().any(|zone| zone == text) && !self.names.iter().any(|name| name == text) {
            let message = format!("unknown group `{text}`, but there is a zone of that name");
            let label = format!("expected one of: {}", self.names.join(", "));
            findings.report_with_help(written.span(), message, label, did_you_mean(&format!("zone:{text}")));
            return None;
        }
        self.known(written, findings).map(Target::Group)
    }

    /// As [`target`](Self::target), but the name of a zone alone will do where no group has it.
    pub(super) fn link_end(&self, written: &Spanned<String>, findings: &mut Findings) -> Option<Target> {
        let text = written.get_ref();
        if self.zones.contains(text) && !self.names.contains(text) {
            return Some(Target::Zone(text.clone()));
        }
        self.target(written, findings)
    }

    fn zone(&self, zone: &Spanned<String>, findings: &mut Findings) -> Option<Target> {
        if self.zones.contains(zone.get_ref()) {
            return Some(Target::Zone(zone.get_ref().clone()));
        }
        let known: Vec<_> = self.zones.iter().map(String::as_str).collect();
        report_unknown_name("zone", zone, &known, findings);
        None
    }

    fn member_of(
        &self,
        group: String,
        index: &str,
        span: Range<usize>,
        findings: &mut Findings,
    ) -> Option<Target> {
        // Of a group that is wrong nobody knows how many there are.
        let last = self.get(&group).map_or(MOST_AGENTS, |group| group.count.saturating_sub(1));
        match index.parse() {
            Ok(index) if index <= last => Some(Target::Member(group, index)),
            _ => {
                let message = format!("`{group}[{}]` is nobody", shortened(index));
                let label = format!("expected a number from 0 to {last} between the brackets");
                findings.report(span, message, label);
                None
            }
        }
    }

    /// Whether the first member of all is a rogue.
    pub(super) fn begin_with_rogues(&self) -> bool {
        self.groups.first().and_then(Option::as_ref).is_some_and(|group| group.members.are_rogues())
    }
}

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Groups {
    let mut read = Groups { names: Vec::new(), groups: Vec::new(), zones: Vec::new() };
    let value = document.raw("groups");
    let table = value.and_then(|value| value.get_ref().as_table()).filter(|table| !table.is_empty());
    let span = value.map_or(0..0, Spanned::span);
    let Some(table) = table else {
        let label = "expected a table [groups.NAME] for each group of them";
        findings.report(span, "a scenario needs agents", label);
        return read;
    };
    for (name, value) in in_file_order(table) {
        read.names.push(name.get_ref().to_string());
        // A zone is one even if its group is wrong otherwise.
        read.zones
            .extend(value.get_ref().get("zone").and_then(|zone| zone.get_ref().as_str()).map(str::to_owned));
        read.groups.push(read_group(name, value, around, findings));
    }
    read.zones.sort();
    read.zones.dedup();
    limit_agents(&read, around, span, findings);
    read
}

fn read_group(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<Group> {
    let what = format!("[groups.{}]", shortened(name.get_ref()));
    let name = fitting_word("a group", name, findings);
    let mut table = table_of(value, &what, findings)?;
    let rogue = table.optional::<String>("rogue", findings);
    let agent = match &rogue {
        Some(_) => table.optional::<String>("agent", findings),
        None => table.required::<String>("agent", findings),
    };
    let one = Spanned::new(0..0, 1);
    // Beyond that many the total is reported too; this bound only keeps sums from overflowing.
    let most = u64::try_from(around.most_agents()).unwrap_or(u64::MAX);
    let has_count = table.raw("count").is_some();
    let count = table.whole("count", 1..=most, findings).or((!has_count).then_some(one));
    let zone = table.optional::<String>("zone", findings);
    let zone = zone.map(|zone| fitting_word("a zone", &zone, findings));
    let start = start::read(&mut table, around.lasts, findings);
    let clock_at = table.raw("clock").map(Spanned::span);
    let clock = start::read_clock(&mut table, &what, findings);
    let node_at = table.raw("node").map(Spanned::span);
    let node = node::read(&mut table, &format!("{what}.node"), around.everybody, findings);
    let params = table.raw("params");
    let at = table.at();
    let understood = table.finish(findings);
    let place = params.map_or(at.clone(), Spanned::span);
    let members = match (agent, rogue) {
        (agent, Some(rogue)) => {
            let misplaced =
                [("agent", agent.map(|agent| agent.span())), ("node", node_at), ("clock", clock_at)];
            refuse_beside_rogue(misplaced, findings)?;
            refuse_rogues_in_memory(&rogue, around.network, findings)?;
            Members::Rogues(rogues::read(&rogue, params, at, findings)?)
        }
        (agent, None) => {
            let agent = agent?;
            let kind = known_kind(&agent, around.registry, findings)?;
            let check = |params: Spanned<DeValue<'_>>| kind.check(params);
            let params = understood_params(agent.get_ref(), check, params, at, findings)?;
            Members::Agents(Agents { kind: agent.into_inner(), params })
        }
    };
    // A key that is not known may be a misspelt `count`: then nothing should be concluded from its default.
    if !understood {
        return None;
    }
    let count = usize::try_from(count?.into_inner()).ok()?;
    let zone = match zone {
        Some(zone) => Some(zone?),
        None => None,
    };
    Some(Group { name: name?, count, members, node, zone, start: start?, clock: clock?, place })
}

/// Rogues speak to sockets, not to what stands for them in memory.
fn refuse_rogues_in_memory(
    rogue: &Spanned<String>,
    network: Option<Network>,
    findings: &mut Findings,
) -> Option<()> {
    match network {
        Some(network) if network.is_virtual() => {
            let message = format!("there are no rogues on the network `{network}`");
            findings.report(rogue.span(), message, "rogues need the network webtransport");
            None
        }
        _ => Some(()),
    }
}

/// Keys that mean nothing to a rogue, which is neither an agent nor has a node. `None` if there were any.
fn refuse_beside_rogue(written: [(&str, Option<Range<usize>>); 3], findings: &mut Findings) -> Option<()> {
    let mut misplaced = written.into_iter().filter_map(|(key, at)| Some((key, at?))).peekable();
    let none = misplaced.peek().is_none().then_some(());
    for (key, at) in misplaced {
        let message = format!("`{key}` means nothing beside `rogue`");
        findings.report(at, message, "expected either a group of agents or one of rogues");
    }
    none
}

fn known_kind<'r>(
    agent: &Spanned<String>,
    registry: &'r Registry,
    findings: &mut Findings,
) -> Option<&'r Kind> {
    let kind = registry.kind(agent.get_ref());
    if kind.is_none() {
        let known: Vec<_> = registry.kinds().collect();
        report_unknown_name("agent kind", agent, &known, findings);
    }
    kind.map(|kind| &**kind)
}

fn limit_agents(groups: &Groups, around: &Surroundings<'_>, span: Range<usize>, findings: &mut Findings) {
    let (agents, most) = (groups.members(), around.most_agents());
    if agents <= most {
        return;
    }
    let message = match around.network {
        Some(Network::WebTransport) => {
            format!("{agents} agents are too many for real sockets on one machine")
        }
        Some(network) => format!("{agents} agents are too many for the network `{network}`"),
        None => format!("{agents} agents are too many for any network"),
    };
    let label = format!("expected at most {most} in all groups together");
    let model = Network::Model.most_agents();
    if agents <= model {
        let help = format!("use the network model, which takes {}", show_count(model as u64));
        findings.report_with_help(span, message, label, help);
    } else {
        findings.report(span, message, label);
    }
}
