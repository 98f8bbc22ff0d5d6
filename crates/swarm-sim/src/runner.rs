//! Runs a scenario: starts the swarm, lets things happen when they are due, and holds the checks against what was
//! counted.
//!
//! The runner tells what happens through [`RunEvent`]s and knows nothing of reports. Its loop waits in one place, and
//! each thing that it waits for becomes one signal that one plain function handles.

mod agenda;
mod asker;
mod error;
mod ledger;

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng, seq::IndexedRandom};
use swarm_core::UnixMicros;
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::{Instant, Interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    agenda::{Agenda, Due},
    asker::{Asker, Source},
    ledger::Ledger,
};
pub use error::RunError;

use crate::{
    Registry, Scenario,
    cluster::{Cluster, Launcher, RunClock},
    event::{Phase, Progress, RunEvent},
    scenario::{Action, Ask, Content, Pick, Target},
    seed::derive,
    summary::{End, RunSummary},
    tally::Tally,
};

/// From setting the window to its beginning, on top of the warm-up: what happens at its very beginning must find it set,
/// or it would be delivered without ever having been sent.
const LEAD: Duration = Duration::from_millis(1);

/// Longest pause between the close of the window and the end of the nodes, for what is still under way.
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

/// How often it is looked whether anything is still under way.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// How often progress is told.
const TICK: Duration = Duration::from_millis(250);

/// Most different notices of one run. More would bury the others.
const MOST_NOTICES: usize = 20;

/// Notices on their way to the runner; what does not fit would not be shown either.
const NOTICE_QUEUE: usize = 256;

/// Most notices that are made at the end of a run, on top of those.
const MOST_REMARKS: usize = 30;

/// How a scenario is run.
///
/// ```
/// use swarm_sim::RunOptions;
///
/// let options = RunOptions::default();
/// let stop = options.stop.clone();
/// // Later, from anywhere: end the run and report on what there is.
/// stop.cancel();
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Ends the run early and cleanly when it is cancelled; the checks are evaluated all the same.
    pub stop: CancellationToken,
    /// What the agents run on, instead of the current runtime. With one of their own, agents that block its threads
    /// cannot keep the run from ending and reporting; whoever made it ends it with `shutdown_background`.
    pub agents_on: Option<Handle>,
}

/// Runs a scenario on the current tokio runtime and tells what happens.
///
/// The registry must be the one that the scenario was parsed with. Before anything starts one agent of each group is
/// made and dropped again, to see that it can be. Dropping the future ends all nodes at once. It waits at most three
/// seconds for nodes to stop; agents that block all threads of the current runtime block the run too, unless they have
/// a runtime of their own ([`RunOptions::agents_on`]).
///
/// ```
/// use swarm_sim::{Registry, RunOptions, Scenario};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let text = r#"
/// schema = 1
/// scenario = { name = "a quiet moment", duration = "50ms" }
/// groups.sitter = { agent = "idle", count = 2 }
/// "#;
/// let registry = Registry::new();
/// let scenario = Scenario::parse("quiet.toml", text, &registry).unwrap();
/// let summary = swarm_sim::run(scenario, &registry, RunOptions::default(), |_| {}).await.unwrap();
/// assert!(summary.passed());
/// assert_eq!(summary.connections, 1);
/// # });
/// ```
///
/// # Errors
/// When the swarm could not be started and connected. From then on a run always ends with a summary.
pub async fn run(
    scenario: Scenario,
    registry: &Registry,
    options: RunOptions,
    on_event: impl FnMut(&RunEvent),
) -> Result<RunSummary, RunError> {
    let deadline = Instant::now() + scenario.timeout;
    let clock = RunClock::start();
    let agents_on = options.agents_on.unwrap_or_else(Handle::current);
    let tally = Tally::new(scenario.groups.len(), Arc::new(clock.clone()));
    let launcher = Launcher::new(&scenario, registry, &tally, &clock, agents_on)?;
    let mut teller = Teller { on_event, notices: Vec::new() };
    let cluster = start(launcher, &options.stop, deadline, &mut teller).await?;
    let until_begin = scenario.warmup + LEAD;
    let begin = Instant::now() + until_begin;
    tally.window().set(after(tally.now(), until_begin), scenario.duration);
    let (notice_sender, notice_receiver) = mpsc::channel(NOTICE_QUEUE);
    let mut stage = Stage {
        agenda: Agenda::new(&scenario, begin, deadline),
        begin,
        connections: cluster.connections(),
        scenario,
        registry,
        tally,
        cluster,
        teller,
        stop: options.stop,
        closing: CancellationToken::new(),
        asks: JoinSet::new(),
        ledgers: Vec::new(),
        notice_sender,
        notice_receiver,
        ticker: tokio::time::interval(TICK),
    };
    let end = stage.play().await;
    Ok(stage.finish(end).await)
}

/// Starts the cluster, unless somebody stops the run or its time is up before it is there.
async fn start<F: FnMut(&RunEvent)>(
    launcher: Launcher,
    stop: &CancellationToken,
    deadline: Instant,
    teller: &mut Teller<F>,
) -> Result<Cluster, RunError> {
    let begun = Instant::now();
    let (agents, timeout) = (launcher.scenario().agents(), launcher.scenario().timeout);
    teller.tell(&RunEvent::Starting { agents });
    let cluster = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(RunError::Interrupted),
        () = tokio::time::sleep_until(deadline) => return Err(RunError::TimedOut(timeout)),
        cluster = Cluster::start(launcher) => cluster?,
    };
    teller.tell(&RunEvent::Connected { connections: cluster.connections(), took: begun.elapsed() });
    Ok(cluster)
}

fn after(moment: UnixMicros, pause: Duration) -> UnixMicros {
    let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    UnixMicros::new(moment.get().saturating_add(pause))
}

/// Passes events on and remembers what was noticed.
struct Teller<F> {
    on_event: F,
    notices: Vec<String>,
}

impl<F: FnMut(&RunEvent)> Teller<F> {
    fn tell(&mut self, event: &RunEvent) {
        (self.on_event)(event);
    }

    /// Tells the same only once, and not without end.
    fn notice(&mut self, notice: String) {
        if self.notices.len() < MOST_NOTICES && !self.notices.contains(&notice) {
            self.tell(&RunEvent::Noticed(notice.clone()));
            self.notices.push(notice);
        }
    }
}

/// A run under way.
struct Stage<'r, F> {
    scenario: Scenario,
    registry: &'r Registry,
    tally: Arc<Tally>,
    cluster: Cluster,
    teller: Teller<F>,
    agenda: Agenda,
    /// The end of the warm-up.
    begin: Instant,
    connections: usize,
    stop: CancellationToken,
    /// Nothing more is asked.
    closing: CancellationToken,
    asks: JoinSet<()>,
    /// What became of the questions, by event that asks.
    ledgers: Vec<Arc<Ledger>>,
    notice_sender: mpsc::Sender<String>,
    notice_receiver: mpsc::Receiver<String>,
    ticker: Interval,
}

/// What the loop waits for.
enum Signal {
    Interrupted,
    Due(Due),
    Changed(Result<(), String>),
    AskEnded(Result<(), JoinError>),
    Noticed(String),
    Tick,
}

impl<F: FnMut(&RunEvent)> Stage<'_, F> {
    /// Lets everything happen that is due, until the run ends.
    async fn play(&mut self) -> End {
        loop {
            let signal = self.next_signal().await;
            if let ControlFlow::Break(end) = self.handle(signal) {
                return end;
            }
        }
    }

    async fn next_signal(&mut self) -> Signal {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Signal::Interrupted,
            due = self.agenda.next() => Signal::Due(due),
            Some(change) = self.cluster.changed() => Signal::Changed(change),
            Some(ended) = self.asks.join_next() => Signal::AskEnded(ended),
            Some(notice) = self.notice_receiver.recv() => Signal::Noticed(notice),
            _ = self.ticker.tick() => Signal::Tick,
        }
    }

    fn handle(&mut self, signal: Signal) -> ControlFlow<End> {
        match signal {
            Signal::Interrupted => {
                self.teller.tell(&RunEvent::Interrupted);
                return ControlFlow::Break(End::Interrupted);
            }
            Signal::Due(due) => return self.handle_due(due),
            Signal::Changed(Err(complaint)) | Signal::Noticed(complaint) => self.teller.notice(complaint),
            Signal::Changed(Ok(())) => {}
            // A judge or a source of questions that panics is a defect of whoever registered it.
            Signal::AskEnded(Err(error)) => self.teller.notice(format!("asking broke down: {error}")),
            Signal::AskEnded(Ok(())) => {}
            Signal::Tick => self.tell_progress(),
        }
        ControlFlow::Continue(())
    }

    fn handle_due(&mut self, due: Due) -> ControlFlow<End> {
        match due {
            Due::Begin => self.teller.tell(&RunEvent::Measuring),
            Due::Event(number, action) => self.happen(number, &action),
            Due::Close => return ControlFlow::Break(End::Complete),
            Due::TimeUp => return ControlFlow::Break(End::TimedOut),
        }
        ControlFlow::Continue(())
    }

    fn happen(&mut self, number: usize, action: &Action) {
        let at = self.begin.elapsed();
        self.teller.tell(&RunEvent::Happened { at, what: action.to_string() });
        match action {
            Action::Ask(ask) => self.ask(number, ask),
            Action::Stop { target, pick } => {
                for member in
                    self.pick(number, target, self.cluster.running(&self.scenario.members_of(target)), *pick)
                {
                    self.cluster.stop(member);
                }
            }
            Action::Start { target, pick } => {
                for member in
                    self.pick(number, target, self.cluster.stopped(&self.scenario.members_of(target)), *pick)
                {
                    self.cluster.launch(member);
                }
            }
            Action::Fault(_) | Action::Heal { .. } => {}
        }
    }

    /// Chooses by the seed of the event, so that other events do not change its choice.
    fn pick(&mut self, number: usize, target: &Target, candidates: Vec<usize>, pick: Pick) -> Vec<usize> {
        let wanted = pick.of(candidates.len());
        if wanted == 0 || matches!(pick, Pick::Some(more) if more > wanted) {
            self.teller.notice(format!("event {number}: only {wanted} of {target} are there to be picked"));
        }
        let mut rng = StdRng::seed_from_u64(derive(self.scenario.seed, "event", number as u64));
        let mut picked: Vec<_> = candidates.sample(&mut rng, wanted).copied().collect();
        picked.sort_unstable();
        picked
    }

    fn ask(&mut self, number: usize, ask: &Ask) {
        let Some(group) = self.scenario.group_index(&ask.from) else { return };
        let content = match &ask.content {
            Content::Questions(name) => {
                let Some(source) = self.registry.source(name) else {
                    self.teller.notice(format!("no source of questions `{name}` is registered"));
                    return;
                };
                Source::Questions(source.ask(derive(self.scenario.seed, "questions", number as u64)))
            }
            Content::Payload { payload, expect } => {
                Source::Payload { payload: Bytes::from(payload.clone()), expect: expect.clone() }
            }
        };
        let ledger = Arc::new(Ledger::new(ask));
        self.ledgers.push(ledger.clone());
        let asker = Asker {
            plan: ask.clone(),
            ledger,
            group,
            content,
            roster: self.cluster.roster().clone(),
            tally: self.tally.clone(),
            closing: self.closing.clone(),
            notices: self.notice_sender.clone(),
        };
        self.asks.spawn(asker.run());
    }

    fn tell_progress(&mut self) {
        let now = Instant::now();
        let (phase, elapsed, length) = match now.checked_duration_since(self.begin) {
            Some(elapsed) => (Phase::Measured, elapsed, self.scenario.duration),
            None => {
                let left = self.begin.saturating_duration_since(now);
                (Phase::Warmup, self.scenario.warmup.saturating_sub(left), self.scenario.warmup)
            }
        };
        if length.is_zero() {
            return;
        }
        let counts = self.tally.counts();
        let agents = self.cluster.roster().count();
        self.teller.tell(&RunEvent::Progress(Progress {
            phase,
            elapsed: elapsed.min(length),
            length,
            agents,
            sent: counts.sent,
            delivered: counts.delivered,
            asked: counts.asked,
            answered: counts.answered,
        }));
    }

    /// Lets what is under way end, stops everybody, and puts the figures together.
    async fn finish(mut self, end: End) -> RunSummary {
        let measured = self.begin.elapsed().min(self.scenario.duration);
        self.tally.window().cut(self.tally.now());
        self.closing.cancel();
        self.teller.tell(&RunEvent::Draining { open_requests: self.tally.counts().open });
        // Whoever waits here in vain has lost something, or asks a responder that is too slow.
        let _ = tokio::time::timeout(LONGEST_DRAIN, self.drained()).await;
        self.asks.shutdown().await;
        self.teller.tell(&RunEvent::Stopping);
        for complaint in self.cluster.shut_down().await {
            self.teller.notice(complaint);
        }
        while let Ok(notice) = self.notice_receiver.try_recv() {
            self.teller.notice(notice);
        }
        let remarks = remarks(&self.scenario, &self.ledgers, &self.tally, end);
        let mut summary = RunSummary::new(self.scenario, end, self.tally.read());
        summary.measured = measured;
        summary.connections = self.connections;
        let unmeasured = summary.unmeasured();
        summary.notices = self.teller.notices;
        summary.notices.extend(remarks.into_iter().chain(unmeasured).take(MOST_REMARKS));
        summary
    }

    /// Every request has ended and every observation has arrived.
    async fn drained(&mut self) {
        while self.asks.join_next().await.is_some() {}
        loop {
            let counts = self.tally.counts();
            if counts.open == 0 && counts.copies_delivered >= counts.copies_sent {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }
}

/// What is known only at the end: why requests were not answered, and what went wrong at agents.
fn remarks(scenario: &Scenario, ledgers: &[Arc<Ledger>], tally: &Tally, end: End) -> Vec<String> {
    let asked = ledgers.iter().flat_map(|ledger| ledger.remarks(end));
    let troubles = tally.troubles();
    let troubled = scenario.groups.iter().zip(&troubles);
    asked.chain(troubled.flat_map(|(group, trouble)| trouble.remarks(&group.name))).collect()
}
