//! A run under way: one loop that waits, and one plain function for each thing that it waits for.

use std::{collections::BTreeMap, mem, ops::ControlFlow, sync::Arc, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use swarm_network::Traffic;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::{Instant, Interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    RunOptions,
    agenda::{Agenda, Due},
    faults::Faults,
    judge::Judge,
    ledger::Ledger,
    needs_record, starts,
};
use crate::{
    Registry, Scenario,
    check::{Check, CheckKind, CheckOutcome},
    clock::RunClock,
    cluster::Cluster,
    event::{Phase, Progress, RunEvent},
    memory::resident_bytes,
    record::RunRecord,
    seed::derive,
    stopwatch::Stopwatch,
    summary::{End, RunSummary, total},
    tally::{Figures, Tally, World},
    watch::{Moment, Watch},
};

/// Longest pause between the close of the window and the end of the nodes, for what is still under way.
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

/// How often it is looked whether anything is still under way.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// How long the network may take to end once all nodes have.
const CARRIER_GRACE: Duration = Duration::from_secs(1);

/// How long tasks of nodes that have stopped may take to end, in virtual time.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often progress is told and checks are looked at.
const TICK: Duration = Duration::from_millis(250);

/// How many samples a record has, unless they would be too close together or too far apart.
const SAMPLES: u32 = 120;
const SHORTEST_SAMPLE: Duration = Duration::from_millis(100);
const LONGEST_SAMPLE: Duration = Duration::from_secs(10);

/// Most different notices of one run. More would bury the others.
const MOST_NOTICES: usize = 20;

/// Notices on their way to the runner; what does not fit would not be shown either.
const NOTICE_QUEUE: usize = 256;

/// Most notices that are made at the end of a run, on top of those.
const MOST_REMARKS: usize = 30;

/// Passes events on and remembers what was noticed.
pub(super) struct Teller<F> {
    on_event: F,
    notices: Vec<String>,
}

impl<F: FnMut(&RunEvent)> Teller<F> {
    pub(super) fn new(on_event: F) -> Self {
        Self { on_event, notices: Vec::new() }
    }

    pub(super) fn tell(&mut self, event: &RunEvent) {
        (self.on_event)(event);
    }

    /// Tells the same only once, and not without end.
    pub(super) fn notice(&mut self, notice: String) {
        if self.notices.len() < MOST_NOTICES && !self.notices.contains(&notice) {
            self.tell(&RunEvent::Noticed(notice.clone()));
            self.notices.push(notice);
        }
    }
}

/// What a run under way begins with.
pub(super) struct Props<'r, F> {
    pub(super) scenario: Scenario,
    pub(super) registry: &'r Registry,
    pub(super) options: RunOptions,
    /// The end of the warm-up.
    pub(super) begin: Instant,
    /// Cancelled when the timeout has passed.
    pub(super) late: CancellationToken,
    /// That of the run as a whole first.
    pub(super) tallies: Vec<Arc<Tally>>,
    pub(super) watch: Arc<Watch>,
    pub(super) cluster: Cluster,
    pub(super) teller: Teller<F>,
    pub(super) carrier: JoinSet<()>,
    pub(super) clock: RunClock,
    pub(super) stopwatch: Stopwatch,
    pub(super) memory_before: Option<u64>,
    /// Those of the tallies, from the end of the warm-up.
    pub(super) windows: Vec<(Duration, Duration)>,
}

/// A run under way.
pub(super) struct Stage<'r, F> {
    pub(super) scenario: Scenario,
    pub(super) registry: &'r Registry,
    pub(super) tallies: Vec<Arc<Tally>>,
    pub(super) watch: Arc<Watch>,
    pub(super) cluster: Cluster,
    pub(super) teller: Teller<F>,
    pub(super) agenda: Agenda,
    pub(super) faults: Faults,
    /// What is left to chance while the run goes on.
    pub(super) rng: StdRng,
    pub(super) clock: RunClock,
    pub(super) begin: Instant,
    /// Nothing more is asked.
    pub(super) closing: CancellationToken,
    pub(super) asks: JoinSet<()>,
    /// What became of the questions, by event that asks.
    pub(super) ledgers: Vec<Arc<Ledger>>,
    pub(super) notice_sender: mpsc::Sender<String>,
    connections: usize,
    options: RunOptions,
    late: CancellationToken,
    notice_receiver: mpsc::Receiver<String>,
    ticker: Interval,
    sampler: Interval,
    /// What the network does by itself.
    carrier: JoinSet<()>,
    stopwatch: Stopwatch,
    judge: Judge,
    windows: Vec<(Duration, Duration)>,
    memory_before: Option<u64>,
}

/// What the loop waits for.
enum Signal {
    Interrupted,
    TimeUp,
    Due(Due),
    Changed(Result<(), String>),
    AskEnded(Result<(), JoinError>),
    Noticed(String),
    Sample,
    Tick,
}

impl<'r, F: FnMut(&RunEvent)> Stage<'r, F> {
    pub(super) fn new(props: Props<'r, F>) -> Self {
        let Props { scenario, options, begin, clock, .. } = props;
        let (notice_sender, notice_receiver) = mpsc::channel(NOTICE_QUEUE);
        let length = options.until.map_or(scenario.duration, |until| until.min(scenario.duration));
        let sample = ((scenario.warmup + scenario.duration) / SAMPLES).clamp(SHORTEST_SAMPLE, LONGEST_SAMPLE);
        let mut agenda = Agenda::new(&scenario, begin, length);
        starts::put_down(&mut agenda, &scenario, begin);
        Self {
            agenda,
            begin,
            connections: props.cluster.connections(),
            faults: Faults::default(),
            rng: StdRng::seed_from_u64(derive(scenario.seed, "timeline", 0)),
            registry: props.registry,
            tallies: props.tallies,
            watch: props.watch,
            cluster: props.cluster,
            teller: props.teller,
            carrier: props.carrier,
            stopwatch: props.stopwatch,
            judge: Judge::new(&scenario),
            windows: props.windows,
            memory_before: props.memory_before,
            late: props.late,
            closing: CancellationToken::new(),
            asks: JoinSet::new(),
            ledgers: Vec::new(),
            notice_sender,
            notice_receiver,
            ticker: tokio::time::interval(TICK),
            sampler: tokio::time::interval_at(Instant::now() + sample, sample),
            scenario,
            options,
            clock,
        }
    }

    /// Lets everything happen that is due, until the run ends.
    pub(super) async fn play(mut self) -> RunSummary {
        let end = loop {
            let signal = self.next_signal().await;
            if let ControlFlow::Break(end) = self.handle(signal) {
                break end;
            }
        };
        self.finish(end).await
    }

    async fn next_signal(&mut self) -> Signal {
        tokio::select! {
            biased;
            () = self.options.stop.cancelled() => Signal::Interrupted,
            () = self.late.cancelled() => Signal::TimeUp,
            due = self.agenda.next() => Signal::Due(due),
            Some(change) = self.cluster.changed() => Signal::Changed(change),
            Some(ended) = self.asks.join_next() => Signal::AskEnded(ended),
            Some(notice) = self.notice_receiver.recv() => Signal::Noticed(notice),
            _ = self.sampler.tick() => Signal::Sample,
            _ = self.ticker.tick() => Signal::Tick,
        }
    }

    fn handle(&mut self, signal: Signal) -> ControlFlow<End> {
        match signal {
            Signal::Interrupted => {
                self.teller.tell(&RunEvent::Interrupted);
                return ControlFlow::Break(End::Interrupted);
            }
            Signal::TimeUp => return ControlFlow::Break(End::TimedOut),
            Signal::Due(Due::Close) => return ControlFlow::Break(End::Complete),
            Signal::Due(due) => self.handle_due(due),
            Signal::Changed(Err(complaint)) | Signal::Noticed(complaint) => self.teller.notice(complaint),
            Signal::Changed(Ok(())) => {}
            // A judge or a source of questions that panics is a defect of whoever registered it.
            Signal::AskEnded(Err(error)) => self.teller.notice(format!("asking broke down: {error}")),
            Signal::AskEnded(Ok(())) => {}
            Signal::Sample => self.sample(),
            Signal::Tick => {
                self.tell_progress();
                return self.look();
            }
        }
        ControlFlow::Continue(())
    }

    /// Does what is due.
    pub(super) fn handle_due(&mut self, due: Due) {
        match due {
            Due::Begin => self.teller.tell(&RunEvent::Measuring),
            Due::Event(number) => self.happen(number),
            Due::Heal(fault) => self.heal(fault),
            Due::Flap(fault) => self.flap(fault),
            Due::Churn(fault) => self.churn(fault),
            Due::Launch(member) => self.launch(member),
            Due::Stop(member) => self.stop(member),
            // It ends the loop.
            Due::Close => {}
        }
    }

    fn sample(&mut self) {
        let Some(mut recorder) = self.watch.recorder() else { return };
        recorder.sample(self.clock.elapsed(), &self.moment());
    }

    /// How the swarm is now.
    fn moment(&self) -> Moment {
        let traffic = self.traffic().unwrap_or_default();
        let (roster, overlay) = (self.cluster.roster(), self.watch.overlay());
        Moment {
            agents: roster.count(),
            connections: overlay.connections().len(),
            components: overlay.components(|member| roster.get(member).is_some()),
            packets: traffic.packets,
            packets_lost: traffic.lost.values().sum(),
        }
    }

    /// What is known of the swarm as a whole.
    fn world(&self) -> World {
        let moment = self.moment();
        let sent = moment.packets.saturating_add(moment.packets_lost);
        let memory = resident_bytes().zip(self.memory_before).map(|(now, before)| now.saturating_sub(before));
        let agents = u64::try_from(moment.agents).unwrap_or(u64::MAX).max(1);
        World {
            components: moment.components,
            connections: moment.connections,
            converged: self.cluster.converged(&self.watch.overlay()),
            #[expect(clippy::cast_precision_loss, reason = "packets of a run stay far below 2^53")]
            packets_lost: (sent > 0).then(|| moment.packets_lost as f64 / sent as f64),
            bytes: self.traffic().map(|traffic| traffic.bytes),
            memory_per_agent: memory.map(|memory| memory / agents),
            tasks_left: None,
        }
    }

    fn traffic(&self) -> Option<Traffic> {
        self.cluster.launcher().venue().fabric().map(|fabric| fabric.traffic())
    }

    /// Holds those checks against the run that can be told before its end.
    fn look(&mut self) -> ControlFlow<End> {
        let Some(at) = Instant::now().checked_duration_since(self.begin) else {
            return ControlFlow::Continue(());
        };
        let mut judge = mem::take(&mut self.judge);
        let hopeless = judge.look(at, |check| self.measure(check));
        self.judge = judge;
        match hopeless {
            None => ControlFlow::Continue(()),
            Some(check) => {
                self.teller.notice(format!("`{check}` cannot hold any more, so the run ends"));
                ControlFlow::Break(End::Hopeless)
            }
        }
    }

    /// What a check measures now.
    fn measure(&self, check: &Check) -> Option<f64> {
        if !check.metric.is_of_groups() {
            return self.world().value(&check.metric);
        }
        CheckOutcome::of(check, &self.figures_for(check)?).measured
    }

    /// What was counted so far of whom and when a check looks at.
    fn figures_for(&self, check: &Check) -> Option<Figures> {
        let part = check
            .windows(&self.scenario)
            .and_then(|part| self.windows.iter().position(|window| *window == part));
        let mut groups = self.tallies.get(part.unwrap_or(0))?.read();
        match check.group.as_deref().and_then(|name| self.scenario.group_index(name)) {
            Some(group) if group < groups.len() => Some(groups.swap_remove(group)),
            _ => Some(total(&groups)),
        }
    }

    /// How those checks came out that are about a part of the run, or that only a look while it ran can tell.
    fn judged(&self) -> BTreeMap<usize, CheckOutcome> {
        let mut judged: BTreeMap<_, _> = self.judge.outcomes().collect();
        for (number, check) in self.scenario.checks.iter().enumerate() {
            let is_about_a_part = check.windows(&self.scenario).is_some() && check.metric.is_of_groups();
            if check.kind == CheckKind::AtEnd
                && is_about_a_part
                && let Some(figures) = self.figures_for(check)
            {
                judged.insert(number, CheckOutcome::of(check, &figures));
            }
        }
        judged
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
        let Some(tally) = self.tallies.first().filter(|_| !length.is_zero()) else { return };
        let counts = tally.counts();
        let agents = self.cluster.roster().count();
        self.teller.tell(&RunEvent::Progress(Progress {
            phase,
            elapsed: elapsed.min(length),
            length,
            real: self.stopwatch.elapsed(),
            is_virtual: self.scenario.network.is_virtual(),
            agents,
            sent: counts.sent,
            delivered: counts.delivered,
            asked: counts.asked,
            answered: counts.answered,
        }));
    }

    /// Lets what is under way end, stops everybody, and puts the figures together.
    async fn finish(mut self, end: End) -> RunSummary {
        let since_warm = self.begin.elapsed();
        let (measured, warm) =
            (since_warm.min(self.scenario.duration), self.clock.elapsed().saturating_sub(since_warm));
        self.tallies.iter().for_each(|tally| tally.window().cut(tally.now()));
        self.closing.cancel();
        // Time that does not pass is not worth waiting for: everybody ends with the runtime.
        let time_passes = !(end == End::TimedOut && self.scenario.network.is_virtual());
        if time_passes {
            self.drain().await;
        }
        self.asks.shutdown().await;
        self.teller.tell(&RunEvent::Stopping);
        self.sample();
        let (mut world, over, traffic) = (self.world(), self.clock.elapsed(), self.traffic());
        let judged = self.judged();
        if time_passes {
            world.tasks_left = self.stop_everybody().await;
        }
        if let Some(traffic) = &traffic {
            self.watch.note(&format!("network {traffic:?}"));
        }
        let mut summary = self.sum_up(end, world, judged);
        summary.measured = measured;
        if let Some(recorder) = self.watch.recorder() {
            if needs_record(&summary.scenario) {
                let record = recorder.finish(&summary, warm, over);
                ask_customs(&mut summary, self.registry, &record);
            }
            summary.record = self.options.record.then(|| recorder.finish(&summary, warm, over));
        }
        summary
    }

    /// Gives what is under way a moment to end.
    async fn drain(&mut self) {
        let open_requests = self.tallies.first().map_or(0, |tally| tally.counts().open);
        self.teller.tell(&RunEvent::Draining { open_requests });
        // Whoever waits here in vain has lost something, or asks a responder that is too slow.
        let _ = tokio::time::timeout(LONGEST_DRAIN, self.drained()).await;
    }

    /// Gives how many tasks went on all the same, where that can be told.
    async fn stop_everybody(&mut self) -> Option<usize> {
        for complaint in self.cluster.shut_down().await {
            self.teller.notice(complaint);
        }
        // On a runtime whose threads agents block, it never ends.
        let _ = tokio::time::timeout(CARRIER_GRACE, self.carrier.shutdown()).await;
        tasks_left(&self.scenario).await
    }

    /// Puts the figures together.
    fn sum_up(&mut self, end: End, world: World, judged: BTreeMap<usize, CheckOutcome>) -> RunSummary {
        while let Ok(notice) = self.notice_receiver.try_recv() {
            self.teller.notice(notice);
        }
        let remarks = self.tallies.first().map(|tally| remarks(&self.scenario, &self.ledgers, tally, end));
        let mut figures = self.tallies.first().map(|tally| tally.read()).unwrap_or_default();
        for (figures, broken) in figures.iter_mut().zip(self.watch.broken().unwrap_or_default()) {
            figures.broken = Some(broken);
        }
        let mut summary = RunSummary::new(self.scenario.clone(), end, figures, world, judged);
        summary.connections = self.connections;
        let unmeasured = summary.unmeasured();
        summary.notices = mem::take(&mut self.teller.notices);
        let remarks = remarks.into_iter().flatten().chain(unmeasured);
        summary.notices.extend(remarks.take(MOST_REMARKS));
        summary.real = self.stopwatch.elapsed();
        if let Some(mut log) = self.watch.log() {
            if let Some(error) = log.finish() {
                summary.notices.push(format!("the log could not be written to its end: {error}"));
            }
            let (digest, lines) = log.digest();
            summary.digest = Some(digest);
            summary.log_lines = lines;
        }
        summary
    }

    /// Every request has ended and every observation has arrived.
    async fn drained(&mut self) {
        while self.asks.join_next().await.is_some() {}
        loop {
            let counts = self.tallies.first().map(|tally| tally.counts()).unwrap_or_default();
            if counts.open == 0 && counts.copies_delivered >= counts.copies_sent {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }
}

/// How many tasks go on although everybody has stopped, in virtual time; in real time nobody knows how long to wait.
async fn tasks_left(scenario: &Scenario) -> Option<usize> {
    if !scenario.network.is_virtual() {
        return None;
    }
    tokio::time::sleep(LAST_WORDS).await;
    Some(tokio::runtime::Handle::current().metrics().num_alive_tasks())
}

/// Lets checks in Rust judge.
fn ask_customs(summary: &mut RunSummary, registry: &Registry, record: &RunRecord) {
    let outcomes = summary.checks.iter().map(|outcome| match &outcome.check.kind {
        CheckKind::Custom { name, params } => {
            let unknown = || Err(format!("no check `{name}` is registered"));
            let found = registry
                .custom_check(name)
                .map_or_else(unknown, |check| check.judge(record, summary, params));
            CheckOutcome::custom(&outcome.check, found)
        }
        _ => outcome.clone(),
    });
    summary.checks = outcomes.collect();
}

/// What is known only at the end: why requests were not answered, and what went wrong at agents.
fn remarks(scenario: &Scenario, ledgers: &[Arc<Ledger>], tally: &Tally, end: End) -> Vec<String> {
    let asked = ledgers.iter().flat_map(|ledger| ledger.remarks(end));
    let troubles = tally.troubles();
    let troubled = scenario.groups.iter().zip(&troubles);
    asked.chain(troubled.flat_map(|(group, trouble)| trouble.remarks(&group.name))).collect()
}
