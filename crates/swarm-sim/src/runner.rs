//! Runs a scenario: starts the swarm, lets things happen when they are due, and holds the checks against what was
//! counted.
//!
//! The runner tells what happens through [`RunEvent`]s and knows nothing of reports. Its loop (`stage`) waits in one place,
//! and each thing that it waits for becomes one signal that one plain function handles. What the timeline does is in `acts`,
//! how it is undone in `faults`.

mod acts;
mod agenda;
mod asker;
mod error;
mod faults;
mod judge;
mod ledger;
mod options;
mod stage;
mod starts;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use swarm_core::UnixMicros;
use tokio::{runtime::Handle, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use self::stage::{Stage, Teller};
pub use error::RunError;
pub use options::{LogTo, RunOptions};

use crate::{
    Registry, Scenario,
    check::{Check, CheckKind},
    clock::RunClock,
    cluster::{Cluster, Launcher, Surroundings},
    event::RunEvent,
    memory::resident_bytes,
    metric::Metric,
    stopwatch::Stopwatch,
    summary::RunSummary,
    tally::Tally,
    venue::{Venue, real_runtimes, virtual_runtime},
    watch::{EventLog, Invariants, Recorder, Watch},
    watchdog::Watchdog,
};

/// From setting the window to its beginning, on top of the warm-up: what happens at its very beginning must find it set,
/// or it would be delivered without ever having been sent.
const LEAD: Duration = Duration::from_millis(1);

/// Runs a scenario and tells what happens. It makes the runtimes that it needs, so it must not be called on one.
///
/// The registry must be the one that the scenario was parsed with. Before anything starts one agent of each group is
/// made and dropped again, to see that it can be. It waits at most three seconds for nodes to stop; in real time agents that
/// block their threads do not hold it up. In virtual time they do: when such a run does not end within 20 s after its
/// timeout, the process is aborted, with a message that says how to get the same run again.
///
/// ```
/// use swarm_sim::{Registry, RunOptions, Scenario};
///
/// let text = r#"
/// schema = 1
/// scenario = { name = "a quiet moment", duration = "10s" }
/// run.network = "model"
/// groups.sitter = { agent = "idle", count = 2 }
/// "#;
/// let registry = Registry::new();
/// let scenario = Scenario::parse("quiet.toml", text, &registry).unwrap();
/// let summary = swarm_sim::run(scenario, &registry, RunOptions::default(), |_| {}).unwrap();
/// assert!(summary.passed());
/// assert_eq!(summary.connections, 1);
/// ```
///
/// # Errors
/// When the swarm could not be started and connected. From then on a run always ends with a summary.
pub fn run(
    scenario: Scenario,
    registry: &Registry,
    options: RunOptions,
    on_event: impl FnMut(&RunEvent),
) -> Result<RunSummary, RunError> {
    if scenario.network.is_virtual() {
        let runtime = virtual_runtime(scenario.seed).map_err(RunError::Runtime)?;
        let late = CancellationToken::new();
        let _watchdog = Watchdog::guard(scenario.timeout, late.clone(), hangs(&scenario));
        // Outside of the runtime it would begin in real time.
        let clock = {
            let _on = runtime.enter();
            RunClock::virtual_time()
        };
        let on = Handle::clone(runtime.handle());
        return runtime.block_on(play(scenario, registry, options, on_event, Place { clock, on, late }));
    }
    let (own, of_agents) = real_runtimes().map_err(RunError::Runtime)?;
    let (on, timeout) = (of_agents.handle().clone(), scenario.timeout);
    let played = own.block_on(async {
        let late = CancellationToken::new();
        let clock = RunClock::of_machine();
        let play = play(scenario, registry, options, on_event, Place { clock, on, late: late.clone() });
        let bark = async {
            tokio::time::sleep(timeout).await;
            late.cancel();
            std::future::pending().await
        };
        tokio::select! {
            biased;
            played = play => played,
            () = bark => Err(RunError::TimedOut(timeout)),
        }
    });
    // Waiting for an agent that blocks its thread might take for ever.
    of_agents.shutdown_background();
    played
}

/// What is left when a run in virtual time neither goes on nor ends.
fn hangs(scenario: &Scenario) -> impl FnOnce() + Send + 'static {
    let (name, seed, network) = (scenario.name.clone(), scenario.seed, scenario.network);
    move || {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "the run of {name:?} on the network {network} with seed {seed} hangs: an agent blocks its thread, or \
             tasks wake one another without end"
        );
        std::process::abort();
    }
}

/// When and where a run takes place.
struct Place {
    clock: RunClock,
    /// What the agents run on.
    on: Handle,
    /// Cancelled when the timeout has passed.
    late: CancellationToken,
}

async fn play(
    scenario: Scenario,
    registry: &Registry,
    options: RunOptions,
    on_event: impl FnMut(&RunEvent),
    place: Place,
) -> Result<RunSummary, RunError> {
    let (stopwatch, memory_before) = (Stopwatch::start(), resident_bytes());
    let (clock, timeout) = (place.clock, scenario.timeout);
    let tallies = tallies(&scenario, &clock);
    let Some(tally) = tallies.first().cloned() else { return Err(RunError::Interrupted) };
    let watch = watch(&scenario, &clock, tallies.clone(), &options)?;
    let (venue, carrier) = {
        // Real sockets belong to the runtime that they are made on.
        let _on = place.on.enter();
        Venue::of(&scenario)
    };
    let venue = Arc::new(venue);
    let carrier = carry(carrier, &place.on);
    let runtime = place.on;
    let around =
        Surroundings { venue, watch: watch.clone(), tally: tally.clone(), clock: clock.clone(), runtime };
    let launcher = Launcher::new(&scenario, registry, around)?;
    let mut teller = Teller::new(on_event);
    let cluster = start(launcher, &options.stop, (&place.late, timeout), &mut teller).await?;
    let until_begin = scenario.warmup + LEAD;
    let begin = Instant::now() + until_begin;
    let (begins_at, windows) = (after(clock.micros(), until_begin), windows(&scenario));
    for (tally, (from, until)) in tallies.iter().zip(&windows) {
        let (begin, length) = (after(begins_at, *from), until.saturating_sub(*from));
        if *until < scenario.duration {
            tally.window().set_part(begin, length);
        } else {
            tally.window().set(begin, length);
        }
    }
    let stage = Stage::new(stage::Props {
        scenario,
        registry,
        options,
        begin,
        late: place.late,
        tallies,
        watch,
        cluster,
        teller,
        carrier,
        clock,
        stopwatch,
        memory_before,
        windows,
    });
    Ok(stage.play().await)
}

/// Starts the cluster, unless somebody stops the run or its time is up before it is there.
async fn start<F: FnMut(&RunEvent)>(
    launcher: Launcher,
    stop: &CancellationToken,
    (late, timeout): (&CancellationToken, Duration),
    teller: &mut Teller<F>,
) -> Result<Cluster, RunError> {
    let begun = Instant::now();
    let agents = launcher.scenario().agents();
    teller.tell(&RunEvent::Starting { agents });
    let cluster = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(RunError::Interrupted),
        () = late.cancelled() => return Err(RunError::TimedOut(timeout)),
        cluster = Cluster::start(launcher) => cluster?,
    };
    teller.tell(&RunEvent::Connected { connections: cluster.connections(), took: begun.elapsed() });
    Ok(cluster)
}

/// What a network does by itself ends with the set.
fn carry(carrier: BoxFuture<'static, ()>, on: &Handle) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(carrier, on);
    tasks
}

/// When what counts, from the end of the warm-up: the run as a whole first, then each part that a check looks at.
fn windows(scenario: &Scenario) -> Vec<(Duration, Duration)> {
    let mut windows = vec![(Duration::ZERO, scenario.duration)];
    for window in scenario.checks.iter().filter_map(|check| check.windows(scenario)) {
        if !windows.contains(&window) {
            windows.push(window);
        }
    }
    windows
}

/// One tally for each of the [windows](windows()).
fn tallies(scenario: &Scenario, clock: &RunClock) -> Vec<Arc<Tally>> {
    let tally = |_| Tally::new(scenario.groups.len(), Arc::new(clock.clone()));
    windows(scenario).into_iter().map(tally).collect()
}

/// Whether a check asks for what must hold of every run.
fn asks_for_invariants(scenario: &Scenario) -> bool {
    let asks = |check: &Check| {
        use Metric::{ObservationDuplicated, ObservationStranger, RequestDoubled, RequestLost};
        matches!(check.metric, ObservationDuplicated | ObservationStranger | RequestDoubled | RequestLost)
    };
    scenario.checks.iter().any(asks)
}

/// Whether a check in Rust wants to see a record.
fn needs_record(scenario: &Scenario) -> bool {
    scenario.checks.iter().any(|check| matches!(check.kind, CheckKind::Custom { .. }))
}

fn watch(
    scenario: &Scenario,
    clock: &RunClock,
    tallies: Vec<Arc<Tally>>,
    options: &RunOptions,
) -> Result<Arc<Watch>, RunError> {
    let groups = scenario.groups.iter().enumerate();
    let groups: Vec<_> = groups.flat_map(|(number, group)| (0..group.count).map(move |_| number)).collect();
    let records = options.record || needs_record(scenario);
    let recorder = records.then(|| Recorder::new(groups.len(), scenario.groups.len()));
    let log = match &options.log {
        LogTo::Nowhere => None,
        LogTo::Hash => Some(EventLog::new(None)),
        LogTo::File(path) => {
            let file = std::fs::File::create(path);
            let file = file.map_err(|source| RunError::EventLog { path: path.clone(), source })?;
            Some(EventLog::new(Some(Box::new(std::io::BufWriter::new(file)))))
        }
    };
    let invariants = asks_for_invariants(scenario).then(|| Invariants::new(scenario.groups.len()));
    Ok(Watch::new(clock.clone(), groups, tallies, recorder, log, invariants))
}

fn after(moment: UnixMicros, pause: Duration) -> UnixMicros {
    let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    UnixMicros::new(moment.get().saturating_add(pause))
}
