//! Reads `[mesh]`: who is connected to whom.

use std::ops::Range;

use toml::Spanned;

use super::{
    groups::Groups,
    problem::Findings,
    reader::{TableReader, report_unknown_name},
};
use crate::topology::{Topology, TopologyError};

const TOPOLOGIES: [&str; 4] = ["full", "ring", "star", "random"];

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Topology> {
    let Some(mut table) = document.table("mesh", "[mesh]", findings) else { return Some(Topology::Full) };
    let at = table.at();
    let name = table.optional::<String>("topology", findings);
    let has_degree = table.raw("degree").is_some();
    let degree = table.whole("degree", 1..=u64::from(u16::MAX), findings);
    let hub = table.optional::<String>("hub", findings);
    table.finish(findings);
    let name = name.unwrap_or_else(|| Spanned::new(at.clone(), "full".to_owned()));
    match name.get_ref().as_str() {
        "star" => {}
        other => refuse("hub", hub.as_ref().map(Spanned::span), "star", other, findings),
    }
    match name.get_ref().as_str() {
        "random" => {}
        other => refuse("degree", degree.as_ref().map(Spanned::span), "random", other, findings),
    }
    match name.get_ref().as_str() {
        "full" => Some(Topology::Full),
        "ring" => Some(Topology::Ring),
        "star" => star(hub, name.span(), groups, findings),
        "random" => {
            if !has_degree {
                let message = "[mesh] lacks `degree`";
                findings.report(name.span(), message, "expected the peers of each agent under `degree`");
            }
            random(&degree?, groups, findings)
        }
        _ => {
            report_unknown_name("topology", &name, &TOPOLOGIES, findings);
            None
        }
    }
}

/// A key that only another topology has a use for.
fn refuse(
    key: &str,
    written_at: Option<Range<usize>>,
    topology: &str,
    actual: &str,
    findings: &mut Findings,
) {
    if let Some(span) = written_at
        && TOPOLOGIES.contains(&actual)
    {
        let message = format!("`{key}` means nothing to the topology `{actual}`");
        findings.report(span, message, format!("expected only with topology = \"{topology}\""));
    }
}

fn star(
    hub: Option<Spanned<String>>,
    at: Range<usize>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Topology> {
    let Some(hub) = hub else {
        if groups.begin_with_rogues() {
            let message = "the first group is one of rogues, and the others need somebody in their middle";
            findings.report(at, message, "expected a group of agents under `hub`");
            return None;
        }
        return Some(Topology::Star { hub: 0 });
    };
    let group = groups.of_agents(&hub, findings)?;
    Some(Topology::Star { hub: groups.first_member(&group)? })
}

fn random(degree: &Spanned<u64>, groups: &Groups, findings: &mut Findings) -> Option<Topology> {
    let topology = Topology::Random { degree: usize::try_from(*degree.get_ref()).ok()? };
    if !groups.is_complete() {
        return Some(topology);
    }
    match topology.check(groups.members()) {
        Ok(()) => Some(topology),
        Err(error) => {
            let TopologyError { message, expected } = error;
            findings.report(degree.span(), message, expected);
            None
        }
    }
}
