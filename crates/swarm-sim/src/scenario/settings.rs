//! Reads `schema`, `[scenario]` and `[run]`.

use std::{ops::Range, time::Duration};

use toml::Spanned;

use super::{
    Network, Overrides, Ports, SCHEMA,
    problem::Findings,
    reader::{TableReader, positive, report_unknown_name},
};
use crate::quantity;

/// What a run may take beyond its warm-up and duration when the file does not say: to start, drain and stop.
const SLACK: Duration = Duration::from_mins(1);

/// Most runs of one scenario in a row.
const MOST_REPETITIONS: u64 = 10_000;

/// `[scenario]`.
pub(super) struct About {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
    pub(super) timeout: Duration,
}

/// `[run]`.
pub(super) struct Run {
    pub(super) network: Network,
    pub(super) seed: u64,
    pub(super) repetitions: u32,
    first_port: Option<Spanned<u64>>,
}

pub(super) fn read_schema_version(document: &mut TableReader<'_, '_>, findings: &mut Findings) {
    if let Some(version) = document.required::<i128>("schema", findings)
        && *version.get_ref() != i128::from(SCHEMA)
    {
        let message = format!("unknown schema {}", version.get_ref());
        findings.report(
            version.span(),
            message,
            format!("expected {SCHEMA}, the one that this runner reads"),
        );
    }
}

pub(super) fn read_scenario(document: &mut TableReader<'_, '_>, findings: &mut Findings) -> Option<About> {
    let Some(mut table) = document.table("scenario", "[scenario]", findings) else {
        let expected = "expected [scenario] with `name` and `duration`";
        findings.report(0..0, "a scenario file lacks [scenario]", expected);
        return None;
    };
    let name = table.required::<String>("name", findings);
    let description = table.optional::<String>("description", findings).map(Spanned::into_inner);
    let tags = table.optional::<Vec<String>>("tags", findings).map(Spanned::into_inner).unwrap_or_default();
    let warmup = table.optional::<Duration>("warmup", findings).map_or(Duration::ZERO, Spanned::into_inner);
    let duration = table.required::<Duration>("duration", findings);
    let timeout = table.optional::<Duration>("timeout", findings);
    table.finish(findings);
    let duration = positive("duration", &duration?, findings)?;
    let least = warmup.saturating_add(duration);
    Some(About {
        name: named(name?, findings)?,
        description,
        tags,
        warmup,
        duration,
        timeout: timeout_of(timeout, least, findings),
    })
}

pub(super) fn read_run(
    document: &mut TableReader<'_, '_>,
    overrides: &Overrides,
    findings: &mut Findings,
) -> Option<Run> {
    let mut run = Run { network: Network::WebTransport, seed: 1, repetitions: 1, first_port: None };
    // Without the table everything in it has its default; a table of another type was reported.
    let known = match document.table("run", "[run]", findings) {
        Some(table) => read_run_table(table, &mut run, findings),
        None => Some(()),
    };
    run.network = overrides.network.unwrap_or(run.network);
    run.seed = overrides.seed.unwrap_or(run.seed);
    known.map(|()| run)
}

/// `None` if it is not known what to run on.
fn read_run_table(mut table: TableReader<'_, '_>, run: &mut Run, findings: &mut Findings) -> Option<()> {
    let network = table.optional::<String>("network", findings);
    let seed = table.whole("seed", 0..=u64::MAX, findings);
    let repetitions = table.whole("repetitions", 1..=MOST_REPETITIONS, findings);
    run.first_port = table.whole("first_port", 0..=u64::from(u16::MAX), findings);
    table.finish(findings);
    run.seed = seed.map_or(run.seed, Spanned::into_inner);
    run.repetitions = repetitions.map_or(1, |many| u32::try_from(many.into_inner()).unwrap_or(u32::MAX));
    if let Some(network) = network {
        run.network = known_network(&network, findings)?;
    }
    Some(())
}

/// The ports, unless so many agents reach beyond the last one. Networks in memory have none.
pub(super) fn fitting_ports(run: &Run, agents: usize, findings: &mut Findings) -> Option<Ports> {
    let first = run.first_port.as_ref().filter(|_| run.network == Network::WebTransport);
    let Some(first) = first else { return Some(Ports { first: 0, place: None }) };
    let number = u16::try_from(*first.get_ref()).ok()?;
    let last = usize::from(number).saturating_add(agents.saturating_sub(1));
    if number != 0 && last > usize::from(u16::MAX) {
        let message = format!("{agents} agents from port {number} on need ports up to {last}");
        let label = format!("expected at most {}", usize::from(u16::MAX).saturating_sub(agents - 1));
        findings.report(first.span(), message, label);
        return None;
    }
    Some(Ports { first: number, place: Some(first.span()) })
}

fn known_network(network: &Spanned<String>, findings: &mut Findings) -> Option<Network> {
    let known = network.get_ref().parse().ok();
    if known.is_none() {
        let names = Network::ALL.map(|network| network.to_string());
        report_unknown_name("network", network, &names.each_ref().map(String::as_str), findings);
    }
    known
}

fn named(name: Spanned<String>, findings: &mut Findings) -> Option<String> {
    if name.get_ref().trim().is_empty() {
        findings.report(name.span(), "`name` is empty", "expected what the scenario is called");
        return None;
    }
    Some(name.into_inner())
}

fn timeout_of(timeout: Option<Spanned<Duration>>, least: Duration, findings: &mut Findings) -> Duration {
    let Some(timeout) = timeout else { return least.saturating_add(SLACK) };
    if *timeout.get_ref() <= least {
        let message = "`timeout` is not longer than warm-up and duration together".to_owned();
        report_short(timeout.span(), message, least, findings);
    }
    timeout.into_inner()
}

fn report_short(span: Range<usize>, message: String, least: Duration, findings: &mut Findings) {
    findings.report(span, message, format!("expected more than {}", quantity::show_duration(least)));
}
