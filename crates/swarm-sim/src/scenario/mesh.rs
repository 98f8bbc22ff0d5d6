//! Reads `[mesh]`: who is connected to whom.

use std::ops::Range;

use toml::{Spanned, de::DeValue};

use super::{
    files::Files,
    groups::Groups,
    problem::Findings,
    reader::{TableReader, report_unknown_name, table_of},
    values::{Number, Share},
};
use crate::topology::{Topology, TopologyError, edges};

/// Every shape with the keys that belong to it.
const TOPOLOGIES: [(&str, &[&str]); 11] = [
    ("full", &[]),
    ("ring", &[]),
    ("star", &["hub"]),
    ("tree", &["fanout"]),
    ("grid", &["width", "wrap"]),
    ("random", &["degree"]),
    ("small-world", &["degree", "rewire"]),
    ("scale-free", &["links"]),
    ("partial-view", &["options"]),
    ("geometric", &["radius"]),
    ("file", &["file"]),
];

/// The names of all shapes.
pub(super) fn names() -> [&'static str; 11] {
    TOPOLOGIES.map(|(name, _)| name)
}

pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    groups: &Groups,
    files: &Files<'_>,
    findings: &mut Findings,
) -> Option<Topology> {
    let Some(mut table) = document.table("mesh", "[mesh]", findings) else { return Some(Topology::Full) };
    let name = table.optional::<String>("topology", findings);
    let name = name.unwrap_or_else(|| Spanned::new(table.at(), "full".to_owned()));
    let mut keys = Keys::read(&mut table, findings);
    table.finish(findings);
    let Some((_, own)) = TOPOLOGIES.iter().find(|(known, _)| known == name.get_ref()) else {
        report_unknown_name("topology", &name, &names(), findings);
        return None;
    };
    let misplaced = keys.refuse_all_but(own, name.get_ref(), findings);
    let shape = keys.shape(&name, groups, files, findings);
    misplaced?;
    let (topology, at) = shape?;
    if !groups.is_complete() {
        return Some(topology);
    }
    match topology.check(groups.members()) {
        Ok(()) => Some(topology),
        Err(TopologyError { message, expected }) => {
            findings.report(at, message, expected);
            None
        }
    }
}

/// A shape, and what of it to complain about if there is no such mesh of so many agents.
type Shape = (Topology, Range<usize>);

/// Every key of `[mesh]` but the name of the shape.
struct Keys<'t, 'i> {
    hub: Option<Spanned<String>>,
    fanout: Option<Spanned<u64>>,
    width: Option<Spanned<u64>>,
    wrap: Option<Spanned<bool>>,
    degree: Option<Spanned<u64>>,
    rewire: Option<Spanned<Share>>,
    links: Option<Spanned<u64>>,
    radius: Option<Spanned<Number>>,
    file: Option<Spanned<String>>,
    /// The same as they stand in the file.
    written: Vec<(&'static str, &'t Spanned<DeValue<'i>>)>,
}

impl<'t, 'i> Keys<'t, 'i> {
    fn read(table: &mut TableReader<'t, 'i>, findings: &mut Findings) -> Self {
        const MOST: u64 = u16::MAX as u64;
        let names =
            ["hub", "fanout", "width", "wrap", "degree", "rewire", "links", "radius", "file", "options"];
        Self {
            hub: table.optional("hub", findings),
            fanout: table.whole("fanout", 1..=MOST, findings),
            width: table.whole("width", 1..=MOST, findings),
            wrap: table.optional("wrap", findings),
            degree: table.whole("degree", 1..=MOST, findings),
            rewire: table.optional("rewire", findings),
            links: table.whole("links", 1..=MOST, findings),
            radius: table.optional("radius", findings),
            file: table.optional("file", findings),
            written: names.into_iter().filter_map(|name| Some((name, table.raw(name)?))).collect(),
        }
    }

    /// Reports keys that only another shape has a use for. `None` if there are any.
    fn refuse_all_but(&self, own: &[&str], shape: &str, findings: &mut Findings) -> Option<()> {
        let mut is_good = true;
        for (key, value) in self.written.iter().filter(|(key, _)| !own.contains(key)) {
            let others = TOPOLOGIES.iter().filter(|(_, keys)| keys.contains(key));
            let others: Vec<_> = others.map(|(name, _)| format!("\"{name}\"")).collect();
            let message = format!("`{key}` means nothing to the topology `{shape}`");
            findings.report(
                value.span(),
                message,
                format!("expected only with topology = {}", others.join(" or ")),
            );
            is_good = false;
        }
        is_good.then_some(())
    }

    fn is_written(&self, key: &str) -> bool {
        self.written.iter().any(|(written, _)| *written == key)
    }

    fn shape(
        &mut self,
        name: &Spanned<String>,
        groups: &Groups,
        files: &Files<'_>,
        findings: &mut Findings,
    ) -> Option<Shape> {
        let at = name.span();
        match name.get_ref().as_str() {
            "full" => Some((Topology::Full, at)),
            "ring" => Some((Topology::Ring, at)),
            "star" => star(self.hub.take(), at, groups, findings),
            "tree" => {
                let fanout =
                    self.number("fanout", self.fanout.clone(), "the children of each", &at, findings)?;
                Some((Topology::Tree { fanout: fanout.0 }, fanout.1))
            }
            "grid" => {
                let width =
                    self.number("width", self.width.clone(), "how many stand in a row", &at, findings)?;
                let wrap = self.wrap.as_ref().is_some_and(|wrap| *wrap.get_ref());
                Some((Topology::Grid { width: width.0, wrap }, width.1))
            }
            "random" => {
                let degree =
                    self.number("degree", self.degree.clone(), "the peers of each agent", &at, findings)?;
                Some((Topology::Random { degree: degree.0 }, degree.1))
            }
            "small-world" => {
                let degree =
                    self.number("degree", self.degree.clone(), "the peers of each agent", &at, findings);
                if !self.is_written("rewire") {
                    lacks("rewire", "the share of connections that lead elsewhere", at, findings);
                }
                let rewire = self.rewire.as_ref()?.get_ref().0;
                let (degree, at) = degree?;
                Some((Topology::SmallWorld { degree, rewire }, at))
            }
            "scale-free" => {
                let links =
                    self.number("links", self.links.clone(), "the links of each newcomer", &at, findings)?;
                Some((Topology::ScaleFree { links: links.0 }, links.1))
            }
            "partial-view" => self.partial_view(at, findings),
            "geometric" => self.geometric(at, findings),
            _ => self.listed(at, groups, files, findings),
        }
    }

    /// A number that the shape needs, with its place.
    fn number(
        &self,
        key: &str,
        number: Option<Spanned<u64>>,
        what: &str,
        name_at: &Range<usize>,
        findings: &mut Findings,
    ) -> Option<(usize, Range<usize>)> {
        if !self.is_written(key) {
            lacks(key, what, name_at.clone(), findings);
        }
        let number = number?;
        Some((usize::try_from(*number.get_ref()).ok()?, number.span()))
    }

    /// Nodes keep the peers that they are given: there is no overlay yet that would exchange them.
    fn partial_view(&self, at: Range<usize>, findings: &mut Findings) -> Option<Shape> {
        let options = self.written.iter().find(|(key, _)| *key == "options").map(|(_, options)| *options);
        let Some(options) = options else {
            findings.report(at, "[mesh] lacks `options`", "expected options = { active = … }");
            return None;
        };
        let mut table = table_of(options, "`options`", findings)?;
        if table.raw("active").is_none() {
            let message = "`options` lacks `active`";
            findings.report(options.span(), message, "expected the peers of each agent under `active`");
        }
        let active = table.whole("active", 1..=u64::from(u16::MAX), findings);
        let mut is_good = true;
        for key in ["passive", "shuffle", "seeds"] {
            if let Some(value) = table.raw(key) {
                let message =
                    format!("`{key}` is not supported yet: nodes keep the peers that they begin with");
                findings.report(value.span(), message, "expected `active` alone");
                is_good = false;
            }
        }
        let active = active.filter(|_| table.finish(findings) && is_good)?;
        Some((Topology::Random { degree: usize::try_from(*active.get_ref()).ok()? }, active.span()))
    }

    fn geometric(&self, at: Range<usize>, findings: &mut Findings) -> Option<Shape> {
        if !self.is_written("radius") {
            lacks("radius", "how far agents hear one another, in sides of the square", at, findings);
        }
        let radius = self.radius.as_ref()?;
        let Number(far) = *radius.get_ref();
        if far <= 0.0 || far > 2.0 {
            let label = "expected a number above 0, and at most 2: the square has sides of length 1";
            findings.report(radius.span(), format!("`radius` cannot be {far}"), label);
            return None;
        }
        Some((Topology::Geometric { radius: far }, radius.span()))
    }

    fn listed(
        &self,
        at: Range<usize>,
        groups: &Groups,
        files: &Files<'_>,
        findings: &mut Findings,
    ) -> Option<Shape> {
        if !self.is_written("file") {
            lacks("file", "the name of a list of edges", at, findings);
        }
        let file = self.file.as_ref()?;
        let name = file.get_ref();
        let text = match files(name) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("failed to read `{name}`: {error}");
                findings.report(file.span(), message, "expected a list of edges beside the scenario");
                return None;
            }
        };
        // Its names mean nothing as long as groups are wrong.
        if !groups.is_complete() {
            return None;
        }
        match edges::read(&text, groups.members(), |word| groups.member(word)) {
            Ok(pairs) => Some((Topology::Listed { pairs: pairs.into() }, file.span())),
            Err(complaints) => {
                let label = "expected two members in each line, by number or as in rover[3]";
                let report =
                    |complaint| findings.report(file.span(), format!("`{name}`: {complaint}"), label);
                complaints.into_iter().for_each(report);
                None
            }
        }
    }
}

fn lacks(key: &str, what: &str, at: Range<usize>, findings: &mut Findings) {
    findings.report(at, format!("[mesh] lacks `{key}`"), format!("expected {what} under `{key}`"));
}

fn star(
    hub: Option<Spanned<String>>,
    at: Range<usize>,
    groups: &Groups,
    findings: &mut Findings,
) -> Option<Shape> {
    let Some(hub) = hub else {
        if groups.begin_with_rogues() {
            let message = "the first group is one of rogues, and the others need somebody in their middle";
            findings.report(at, message, "expected a group of agents under `hub`");
            return None;
        }
        return Some((Topology::Star { hub: 0 }, at));
    };
    let group = groups.of_agents(&hub, findings)?;
    Some((Topology::Star { hub: groups.first_member(&group)? }, hub.span()))
}
