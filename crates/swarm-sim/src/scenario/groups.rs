//! Reads `[groups.NAME]`: who takes part.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Agents, ClockError, Group, MOST_AGENTS, Members, NodeSettings, Start, node,
    problem::Findings,
    reader::{TableReader, did_you_mean, report_unknown_name, shortened, table_of},
    rogues,
};
use crate::{Registry, nearest::nearest, registry::Kind};

/// The groups as far as they could be read. Names are known even of groups that are wrong, so that one mistake does
/// not make others elsewhere.
pub(super) struct Groups {
    names: Vec<String>,
    groups: Vec<Option<Group>>,
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

    /// Whether the first member of all is a rogue.
    pub(super) fn begin_with_rogues(&self) -> bool {
        self.groups.first().and_then(Option::as_ref).is_some_and(|group| group.members.are_rogues())
    }
}

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    everybody: &NodeSettings,
    registry: &Registry,
    findings: &mut Findings,
) -> Groups {
    let mut read = Groups { names: Vec::new(), groups: Vec::new() };
    let value = document.raw("groups");
    let Some(table) = value.and_then(|value| value.get_ref().as_table()) else {
        let span = value.map_or(0..0, Spanned::span);
        findings.report(
            span,
            "a scenario needs agents",
            "expected a table [groups.NAME] for each group of them",
        );
        return read;
    };
    for (name, value) in in_file_order(table) {
        read.names.push(name.get_ref().to_string());
        read.groups.push(read_group(name, value, everybody, registry, findings));
    }
    if table.is_empty() {
        let span = value.map_or(0..0, Spanned::span);
        findings.report(
            span,
            "a scenario needs agents",
            "expected a table [groups.NAME] for each group of them",
        );
    }
    limit_agents(&read, value.map_or(0..0, Spanned::span), findings);
    read
}

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

/// The parser sorts tables by name; the file has its own order, and ports and reports follow that.
fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn read_group(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    everybody: &NodeSettings,
    registry: &Registry,
    findings: &mut Findings,
) -> Option<Group> {
    let what = format!("[groups.{}]", shortened(name.get_ref()));
    let name = fitting_name(name, findings);
    let mut table = table_of(value, &what, findings)?;
    let rogue = table.optional::<String>("rogue", findings);
    let agent = match &rogue {
        Some(_) => table.optional::<String>("agent", findings),
        None => table.required::<String>("agent", findings),
    };
    let one = Spanned::new(0..0, 1);
    // Beyond that many the total is reported too; this bound only keeps sums from overflowing.
    let most = u64::try_from(MOST_AGENTS).unwrap_or(u64::MAX);
    let has_count = table.raw("count").is_some();
    let count = table.whole("count", 1..=most, findings).or((!has_count).then_some(one));
    let starts = table.optional::<bool>("start", findings).is_none_or(Spanned::into_inner);
    let node_at = table.raw("node").map(Spanned::span);
    let node = node::read(&mut table, &format!("{what}.node"), everybody, findings);
    let params = table.raw("params");
    let at = table.at();
    let understood = table.finish(findings);
    let place = params.map_or(at.clone(), Spanned::span);
    let members = match (agent, rogue) {
        (agent, Some(rogue)) => {
            let misplaced = [("agent", agent.map(|agent| agent.span())), ("node", node_at)];
            refuse_beside_rogue(misplaced, findings)?;
            Members::Rogues(rogues::read(&rogue, params, at, findings)?)
        }
        (agent, None) => {
            let agent = agent?;
            let kind = known_kind(&agent, registry, findings)?;
            let params = understood_params(&agent, kind, params, at, findings)?;
            Members::Agents(Agents { kind: agent.into_inner(), params })
        }
    };
    // A key that is not known may be a misspelt `count`: then nothing should be concluded from its default.
    if !understood {
        return None;
    }
    let count = usize::try_from(count?.into_inner()).ok()?;
    let start = if starts { Start::AtOnce } else { Start::Never };
    let clock = ClockError::default();
    Some(Group { name: name?, count, members, node, zone: None, start, clock, place })
}

/// Keys that mean nothing to a rogue, which is neither an agent nor has a node. `None` if there were any.
fn refuse_beside_rogue(written: [(&str, Option<Range<usize>>); 2], findings: &mut Findings) -> Option<()> {
    let mut misplaced = written.into_iter().filter_map(|(key, at)| Some((key, at?))).peekable();
    let none = misplaced.peek().is_none().then_some(());
    for (key, at) in misplaced {
        let message = format!("`{key}` means nothing beside `rogue`");
        findings.report(at, message, "expected either a group of agents or one of rogues");
    }
    none
}

fn fitting_name(name: &Spanned<std::borrow::Cow<'_, str>>, findings: &mut Findings) -> Option<String> {
    let text = name.get_ref();
    let fits = (1..=32).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if !fits {
        let message = format!("a group cannot be called `{}`", shortened(text));
        let label = "expected 1 to 32 of the characters a-z, 0-9, - and _";
        findings.report(name.span(), message, label);
    }
    fits.then(|| text.to_string())
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

fn understood_params(
    agent: &Spanned<String>,
    kind: &Kind,
    params: Option<&Spanned<DeValue<'_>>>,
    group_at: Range<usize>,
    findings: &mut Findings,
) -> Option<toml::Table> {
    let empty = Spanned::new(group_at, DeValue::Table(DeTable::new()));
    let params = params.unwrap_or(&empty);
    if let Err(error) = kind.check(params.clone()) {
        report_params(agent.get_ref(), &error, params.span(), findings);
        return None;
    }
    let deserializer = toml::de::ValueDeserializer::from(params.clone());
    match serde::Deserialize::deserialize(deserializer) {
        Ok(table) => Some(table),
        Err(error) => {
            report_params(agent.get_ref(), &error, params.span(), findings);
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

fn limit_agents(groups: &Groups, span: Range<usize>, findings: &mut Findings) {
    let agents = groups.members();
    if agents > MOST_AGENTS {
        let message = format!("{agents} agents are too many for real sockets on one machine");
        findings.report(span, message, format!("expected at most {MOST_AGENTS} in all groups together"));
    }
}
