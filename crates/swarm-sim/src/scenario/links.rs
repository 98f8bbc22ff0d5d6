//! What the links between agents are like, as `[network]` says it.

use swarm_network::Conditions;
use toml::{Spanned, de::DeValue};

use super::{
    Group, Target,
    groups::Groups,
    problem::Findings,
    reader::{TableReader, in_file_order, mismatch, shortened, table_of},
    shape::{LEAST_MTU, read_keys},
};

/// What the links of a scenario are like without faults.
///
/// ```
/// assert!(swarm_sim::Links::default().between.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Links {
    /// Every link that nothing else is said of.
    pub default: Conditions,
    /// Links between some and others; of several that fit, the last counts.
    pub between: Vec<LinksBetween>,
}

impl Links {
    /// What the link from one member to another is like, each with its group and its number in there.
    #[must_use]
    pub(super) fn of(&self, from: (&Group, usize), to: (&Group, usize)) -> &Conditions {
        let fits = |links: &&LinksBetween| links.from.means(from.0, from.1) && links.to.means(to.0, to.1);
        self.between.iter().rev().find(fits).map_or(&self.default, |links| &links.conditions)
    }
}

/// What the links from some to others are like.
///
/// ```
/// use swarm_sim::{LinksBetween, Target};
///
/// let uplink = LinksBetween {
///     from: Target::Zone("edge".into()),
///     to: Target::Zone("core".into()),
///     conditions: Default::default(),
/// };
/// assert_ne!(uplink.from, uplink.to);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinksBetween {
    /// Who sends.
    pub from: Target,
    /// Who receives.
    pub to: Target,
    /// What that way is like.
    pub conditions: Conditions,
}

/// Reads `[network]`. `None` if there is a part of it that cannot be understood.
pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Links> {
    let Some(mut table) = document.table("network", "[network]", findings) else {
        return Some(Links::default());
    };
    let default = table.raw("default").map(|value| read_conditions(value, &Conditions::default(), findings));
    let between = table.raw("links");
    table.finish(findings);
    let default = default.unwrap_or_else(|| Some(Conditions::default()));
    // Links are read even if it is not known what they are like otherwise, for the sake of their own mistakes.
    let base = default.clone().unwrap_or_default();
    let between = between.map_or(Some(Vec::new()), |links| read_links(links, &base, groups, findings));
    Some(Links { default: default?, between: between? })
}

fn read_conditions(
    value: &Spanned<DeValue<'_>>,
    base: &Conditions,
    findings: &mut Findings,
) -> Option<Conditions> {
    let mut table = table_of(value, "a link", findings)?;
    let shape = read_keys(&mut table, LEAST_MTU, findings);
    if !table.finish(findings) {
        return None;
    }
    Some(shape?.conditions(base))
}

fn read_links(
    links: &Spanned<DeValue<'_>>,
    base: &Conditions,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Vec<LinksBetween>> {
    let Some(table) = links.get_ref().as_table() else {
        mismatch(links, "`links`", "a table of links: { \"FROM->TO\" = { … }, … }", findings);
        return None;
    };
    let mut read = Some(Vec::new());
    for (name, value) in in_file_order(table) {
        let ends = read_ends(&Spanned::new(name.span(), name.get_ref().to_string()), groups, findings);
        let conditions = read_conditions(value, base, findings);
        let (Some((from, to, both_ways)), Some(conditions)) = (ends, conditions) else {
            read = None;
            continue;
        };
        let Some(read) = &mut read else { continue };
        if both_ways {
            read.push(LinksBetween { from: to.clone(), to: from.clone(), conditions: conditions.clone() });
        }
        read.push(LinksBetween { from, to, conditions });
    }
    read
}

/// `FROM->TO` or `A<->B`, and whether it is both ways.
fn read_ends(
    name: &Spanned<String>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<(Target, Target, bool)> {
    let both = name.get_ref().split_once("<->");
    let Some((from, to)) = both.or_else(|| name.get_ref().split_once("->")) else {
        let message = format!("`{}` is not a link", shortened(name.get_ref()));
        findings.report(name.span(), message, "expected \"FROM->TO\" or \"A<->B\", with zones or groups");
        return None;
    };
    let end = |word: &str| Spanned::new(name.span(), word.trim().to_owned());
    let from = groups.link_end(&end(from), findings);
    let to = groups.link_end(&end(to), findings);
    Some((from?, to?, both.is_some()))
}
