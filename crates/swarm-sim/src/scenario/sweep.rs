//! Reads `[sweep]`: which values of its params a scenario is worth running with, and makes the points of it.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use toml::{Spanned, de::DeValue};

use super::{
    params::{Kind, Params, as_text},
    problem::Findings,
    reader::{TableReader, in_file_order, mismatch, report_unknown_name, table_of},
    values::Number,
};
use crate::{quantity::show_count, seed::derive};

/// Most runs of one sweep, repetitions not counted.
const MOST_POINTS: usize = 10_000;

/// Which values of its params a scenario is worth running with.
///
/// ```
/// use swarm_sim::{Registry, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "x", duration = "1s" }
/// params = { sitters = 2, loss = 0.0 }
/// sweep = { axes = { sitters = [2, 4], loss = [0.0, 0.1] } }
/// groups.sitter = { agent = "idle", count = "${sitters}" }
/// network.default = { loss = "${loss}" }
/// "#;
/// let scenario = Scenario::parse("x.toml", text, &Registry::new()).unwrap();
/// let points = scenario.sweep.unwrap().points(1);
/// assert_eq!(points.len(), 4);
/// assert_eq!(points[1], [("sitters".into(), "2".into()), ("loss".into(), "0.1".into())]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sweep {
    /// Which combinations of the values.
    pub design: Design,
    /// The params with their values, in the order of the file.
    pub axes: Vec<(String, Axis)>,
    /// How many combinations, where the design is one of chance.
    pub samples: usize,
}

/// Which combinations of values a sweep runs.
///
/// ```
/// assert_eq!(swarm_sim::Design::default().to_string(), "grid");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Design {
    /// Each with each.
    #[default]
    Grid,
    /// The first of all, the second of all, and so on.
    Zip,
    /// Each drawn on its own.
    Random,
    /// Each drawn so that all parts of its range come up equally often (McKay, Beckman, Conover 1979).
    Lhs,
}

impl Design {
    const ALL: [(&'static str, Self); 4] =
        [("grid", Self::Grid), ("zip", Self::Zip), ("random", Self::Random), ("lhs", Self::Lhs)];

    /// All names, as a scenario has them.
    pub(super) fn names() -> [&'static str; 4] {
        Self::ALL.map(|(name, _)| name)
    }

    const fn is_of_chance(self) -> bool {
        matches!(self, Self::Random | Self::Lhs)
    }
}

impl std::fmt::Display for Design {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::ALL.iter().find(|(_, design)| design == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

/// The values of one param.
///
/// ```
/// use swarm_sim::Axis;
///
/// assert_ne!(Axis::Values(vec!["0".into()]), Axis::Range { from: 0.0, to: 1.0, whole: true });
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Axis {
    /// These.
    Values(Vec<String>),
    /// All numbers between the two, which are included.
    Range {
        /// The least.
        from: f64,
        /// The most.
        to: f64,
        /// Only whole ones.
        whole: bool,
    },
}

impl Axis {
    /// The value at that share of the way, from 0 to less than 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an axis has few values, and the share is less than 1"
    )]
    fn at(&self, share: f64) -> String {
        match self {
            Self::Values(values) => {
                values.get((share * values.len() as f64) as usize).cloned().unwrap_or_default()
            }
            Self::Range { from, to, whole: true } => {
                (from + (to - from + 1.0) * share).floor().min(*to).to_string()
            }
            Self::Range { from, to, whole: false } => format!("{:?}", from + (to - from) * share),
        }
    }

    fn values(&self) -> &[String] {
        match self {
            Self::Values(values) => values,
            Self::Range { .. } => &[],
        }
    }
}

impl Sweep {
    /// The values that the params have in each run: what [`Overrides::set`](crate::Overrides::set) takes. Same seed, same
    /// points; the seed means nothing to designs that leave nothing to chance.
    #[must_use]
    pub fn points(&self, seed: u64) -> Vec<Vec<(String, String)>> {
        let mut rng = StdRng::seed_from_u64(derive(seed, "sweep", 0));
        match self.design {
            Design::Grid => self.grid(),
            Design::Zip => {
                (0..self.shortest()).map(|at| self.point(|axis| axis.values().get(at).cloned())).collect()
            }
            Design::Random => {
                (0..self.samples).map(|_| self.point(|axis| Some(axis.at(rng.random())))).collect()
            }
            Design::Lhs => self.latin_hypercube(&mut rng),
        }
    }

    fn shortest(&self) -> usize {
        self.axes.iter().map(|(_, axis)| axis.values().len()).min().unwrap_or_default()
    }

    fn point(&self, mut value: impl FnMut(&Axis) -> Option<String>) -> Vec<(String, String)> {
        self.axes.iter().filter_map(|(name, axis)| Some((name.clone(), value(axis)?))).collect()
    }

    /// The last axis changes fastest.
    fn grid(&self) -> Vec<Vec<(String, String)>> {
        self.axes.iter().fold(vec![Vec::new()], |points, (name, axis)| {
            let with = |point: &Vec<(String, String)>, value: &String| {
                point.iter().cloned().chain([(name.clone(), value.clone())]).collect()
            };
            points
                .iter()
                .flat_map(|point| axis.values().iter().map(move |value| with(point, value)))
                .collect()
        })
    }

    /// Of each axis every `samples`-th part of its range once, in an order of its own.
    #[expect(clippy::cast_precision_loss, reason = "there are at most ten thousand samples")]
    fn latin_hypercube(&self, rng: &mut StdRng) -> Vec<Vec<(String, String)>> {
        let mut columns = Vec::with_capacity(self.axes.len());
        for (name, axis) in &self.axes {
            let mut parts: Vec<usize> = (0..self.samples).collect();
            parts.shuffle(rng);
            let share = |part: usize, within: f64| (part as f64 + within) / self.samples as f64;
            let column: Vec<_> =
                parts.into_iter().map(|part| (name.clone(), axis.at(share(part, rng.random())))).collect();
            columns.push(column);
        }
        (0..self.samples)
            .map(|at| columns.iter().filter_map(|column| column.get(at).cloned()).collect())
            .collect()
    }
}

/// `None` if there is one that cannot be understood, `Some(None)` if there is none.
pub(super) fn read(
    document: &mut TableReader<'_, '_>,
    params: &Params<'_>,
    findings: &mut Findings,
) -> Option<Option<Sweep>> {
    let Some(mut table) = document.table("sweep", "[sweep]", findings) else { return Some(None) };
    let at = table.at();
    let design = table.optional::<String>("design", findings);
    let samples = table.whole("samples", 1..=MOST_POINTS as u64, findings);
    let has_axes = table.raw("axes");
    table.finish(findings);
    let design = design.map_or(Some(Design::default()), |design| known_design(&design, findings))?;
    let Some(axes_value) = has_axes else {
        findings.report(
            at,
            "[sweep] lacks `axes`",
            "expected params with an array of values each under `axes`",
        );
        return None;
    };
    let axes = read_axes(axes_value, design, params, findings)?;
    let samples_at = samples.as_ref().map(Spanned::span);
    let samples = samples.and_then(|samples| usize::try_from(samples.into_inner()).ok());
    let samples = match (design.is_of_chance(), samples, samples_at) {
        (true, Some(samples), _) => samples,
        (true, None, _) => {
            let message = format!("the design `{design}` lacks `samples`");
            findings.report(at, message, "expected how many points there are under `samples`");
            return None;
        }
        (false, None, _) => 0,
        (false, _, at) => {
            let message = format!("`samples` means nothing to the design `{design}`");
            findings.report(
                at.unwrap_or_default(),
                message,
                "expected only with design = \"random\" or \"lhs\"",
            );
            return None;
        }
    };
    let sweep = Sweep { design, axes, samples };
    fits(&sweep, axes_value, findings).then_some(Some(sweep))
}

fn known_design(design: &Spanned<String>, findings: &mut Findings) -> Option<Design> {
    let known = Design::ALL.iter().find(|(name, _)| name == design.get_ref()).map(|(_, design)| *design);
    if known.is_none() {
        report_unknown_name("design", design, &Design::names(), findings);
    }
    known
}

/// Whether there are not too many points, and as many values of one axis as of another where that is needed.
fn fits(sweep: &Sweep, axes: &Spanned<DeValue<'_>>, findings: &mut Findings) -> bool {
    let lengths = || sweep.axes.iter().map(|(_, axis)| axis.values().len());
    let points = lengths().fold(1_usize, usize::saturating_mul);
    if sweep.design == Design::Zip && lengths().any(|length| length != sweep.shortest()) {
        let expected = format!("expected {} for each, as for the shortest", sweep.shortest());
        findings.report(axes.span(), "the axes have different numbers of values", expected);
        return false;
    }
    if sweep.design == Design::Grid && points > MOST_POINTS {
        let message = format!("a grid of {} points is too large", show_count(points as u64));
        let expected = format!("expected at most {}", show_count(MOST_POINTS as u64));
        findings.report_with_help(axes.span(), message, expected, "draw some of them: design = \"lhs\"");
        return false;
    }
    true
}

fn read_axes(
    axes: &Spanned<DeValue<'_>>,
    design: Design,
    params: &Params<'_>,
    findings: &mut Findings,
) -> Option<Vec<(String, Axis)>> {
    let Some(table) = axes.get_ref().as_table().filter(|table| !table.is_empty()) else {
        mismatch(axes, "`axes`", "a table of params with an array of values each", findings);
        return None;
    };
    let mut read = Vec::new();
    let mut is_good = true;
    for (name, value) in in_file_order(table) {
        let name = Spanned::new(name.span(), name.get_ref().to_string());
        let axis = match params.kind(name.get_ref()) {
            Some(kind) => read_axis(&name, value, kind, design, findings),
            None => {
                report_unknown_name("param", &name, &params.names(), findings);
                None
            }
        };
        is_good &= axis.is_some();
        read.extend(axis.map(|axis| (name.into_inner(), axis)));
    }
    is_good.then_some(read)
}

fn read_axis(
    name: &Spanned<String>,
    value: &Spanned<DeValue<'_>>,
    kind: Kind,
    design: Design,
    findings: &mut Findings,
) -> Option<Axis> {
    let what = format!("`{}`", name.get_ref());
    if value.get_ref().is_table() {
        return read_range(value, &what, kind, design, findings);
    }
    let Some(values) = value.get_ref().as_array().filter(|values| !values.is_empty()) else {
        mismatch(value, &what, "an array of values", findings);
        return None;
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        if Kind::of(value.get_ref()) != Some(kind) {
            mismatch(value, &what, kind.expected().trim_start_matches("expected "), findings);
            return None;
        }
        texts.push(as_text(value.get_ref()));
    }
    Some(Axis::Values(texts))
}

/// `{ from = 0.0, to = 0.1 }`.
fn read_range(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    kind: Kind,
    design: Design,
    findings: &mut Findings,
) -> Option<Axis> {
    let mut table = table_of(value, what, findings)?;
    let is_whole =
        |value: Option<&Spanned<DeValue<'_>>>| value.is_some_and(|value| value.get_ref().is_integer());
    let whole = is_whole(table.raw("from")) && is_whole(table.raw("to"));
    let from = table.required::<Number>("from", findings);
    let to = table.required::<Number>("to", findings);
    table.finish(findings);
    let (Number(from), to) = (from?.into_inner(), to?);
    if !design.is_of_chance() {
        let message = format!("a range means nothing to the design `{design}`");
        findings.report(value.span(), message, "expected an array of values");
        return None;
    }
    if kind != Kind::Number {
        findings.report(value.span(), format!("{what} is no number"), kind.expected());
        return None;
    }
    if to.get_ref().0 < from {
        findings.report(to.span(), "the range ends before it begins", format!("expected at least {from}"));
        return None;
    }
    Some(Axis::Range { from, to: to.get_ref().0, whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(design: Design, axes: &[(&str, Axis)], samples: usize) -> Sweep {
        let axes = axes.iter().map(|(name, axis)| ((*name).to_owned(), axis.clone())).collect();
        Sweep { design, axes, samples }
    }

    fn values(values: &[&str]) -> Axis {
        Axis::Values(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn written(points: &[Vec<(String, String)>]) -> Vec<String> {
        let point = |point: &Vec<(String, String)>| {
            point.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        points.iter().map(point).collect()
    }

    #[test]
    fn a_grid_has_each_with_each_and_a_zip_the_first_of_all() {
        let axes = [("a", values(&["1", "2"])), ("b", values(&["x", "y"]))];
        let grid = sweep(Design::Grid, &axes, 0).points(1);
        assert_eq!(written(&grid), ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]);
        assert_eq!(written(&sweep(Design::Zip, &axes, 0).points(1)), ["a=1 b=x", "a=2 b=y"]);
    }

    #[test]
    fn a_latin_hypercube_meets_every_part_of_every_range_once() {
        let axes = [("a", Axis::Range { from: 0.0, to: 10.0, whole: false }), ("b", values(&["x", "y"]))];
        let points = sweep(Design::Lhs, &axes, 10).points(7);
        let mut parts: Vec<_> =
            points.iter().map(|point| point[0].1.parse::<f64>().unwrap().floor()).collect();
        parts.sort_by(f64::total_cmp);
        assert_eq!(parts, (0..10).map(f64::from).collect::<Vec<_>>());
        assert_eq!(points.iter().filter(|point| point[1].1 == "x").count(), 5);
    }

    #[test]
    fn what_is_drawn_follows_from_the_seed_and_stays_within_its_range() {
        let axes = [("a", Axis::Range { from: 1.0, to: 3.0, whole: true })];
        let random = sweep(Design::Random, &axes, 200);
        assert_eq!(random.points(1), random.points(1));
        assert_ne!(random.points(1), random.points(2));
        let mut drawn: Vec<_> = random.points(1).into_iter().map(|point| point[0].1.clone()).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn, ["1", "2", "3"]);
    }
}
