//! Keeps what reports draw: connections over time, samples of the figures, requests.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_core::{AgentId, Ending, RequestId, TraceEvent};

use crate::check::{Aggregate, CheckOutcome};
use crate::record::{
    GroupSample, Happening, LifeState, RECORD_FORMAT, RecordedCheck, RecordedConnection, RecordedGroup,
    RecordedLife, RecordedMember, RecordedRequest, RunRecord, Runner, Sample,
};
use crate::scenario::{Group, Scenario};
use crate::summary::RunSummary;
use crate::tally::Durations;

/// How many requests are kept.
const MOST_REQUESTS: usize = 10_000;

/// Most changes of connections and lives that are kept, each: enough for thousands of agents that come and go.
const MOST_CHANGES: usize = 200_000;

/// What is kept of a run while it runs.
pub(crate) struct Recorder {
    /// By member.
    pub(crate) agents: Vec<Option<AgentId>>,
    pub(crate) connections: Vec<RecordedConnection>,
    /// Where the open ones are among them.
    open: BTreeMap<(usize, usize), usize>,
    pub(crate) lives: Vec<RecordedLife>,
    pub(crate) happenings: Vec<Happening>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) requests: Vec<RecordedRequest>,
    asked: BTreeMap<RequestId, usize>,
    intervals: Vec<Interval>,
    /// What the network had carried and lost at the last sample.
    packets: (u64, u64),
}

/// What happened to one group since the last sample.
#[derive(Default)]
struct Interval {
    sample: GroupSample,
    latency: Durations,
    answers: Durations,
}

/// How the swarm is at the moment of a sample.
pub(crate) struct Moment {
    pub(crate) agents: usize,
    pub(crate) connections: usize,
    pub(crate) components: usize,
    /// Packets that the network has carried so far.
    pub(crate) packets: u64,
    /// Packets that it has lost so far.
    pub(crate) packets_lost: u64,
}

impl Recorder {
    pub(crate) fn new(members: usize, groups: usize) -> Self {
        Self {
            agents: vec![None; members],
            connections: Vec::new(),
            open: BTreeMap::new(),
            lives: Vec::new(),
            happenings: Vec::new(),
            samples: Vec::new(),
            requests: Vec::new(),
            asked: BTreeMap::new(),
            intervals: (0..groups).map(|_| Interval::default()).collect(),
            packets: (0, 0),
        }
    }

    /// Says who a member is.
    pub(crate) fn named(&mut self, member: usize, agent: AgentId) {
        if let Some(entry) = self.agents.get_mut(member) {
            *entry = Some(agent);
        }
    }

    /// A member is doing otherwise.
    pub(crate) fn lives(&mut self, at: Duration, member: usize, state: LifeState) {
        if self.lives.len() < MOST_CHANGES {
            self.lives.push(RecordedLife { member, at_us: micros(at), state });
        }
    }

    /// The timeline does something. Gives its number, to say later when it ended.
    pub(crate) fn happens(&mut self, happening: Happening) -> usize {
        self.happenings.push(happening);
        self.happenings.len() - 1
    }

    /// What the timeline did is over.
    pub(crate) fn is_over(&mut self, happening: usize, at: Duration) {
        if let Some(happening) = self.happenings.get_mut(happening) {
            happening.until_us = Some(micros(at));
        }
    }

    /// Two are connected, or not any more.
    pub(crate) fn connected(&mut self, at: Duration, a: usize, b: usize, are_connected: bool) {
        let (a, b) = (a.min(b), a.max(b));
        if are_connected {
            if self.connections.len() < MOST_CHANGES {
                self.open.insert((a, b), self.connections.len());
                self.connections.push(RecordedConnection { a, b, from_us: micros(at), until_us: None });
            }
        } else if let Some(connection) =
            self.open.remove(&(a, b)).and_then(|number| self.connections.get_mut(number))
        {
            connection.until_us = Some(micros(at));
        }
    }

    /// A node told something.
    pub(crate) fn hear(
        &mut self,
        at: Duration,
        member: usize,
        group: usize,
        event: &TraceEvent,
        member_of: impl Fn(AgentId) -> Option<usize>,
    ) {
        let Some(interval) = self.intervals.get_mut(group) else { return };
        match event {
            TraceEvent::ObservationSent { handed, dropped, .. } => {
                interval.sample.sent += 1;
                interval.sample.copies += (handed + dropped) as u64;
            }
            TraceEvent::ObservationPassedOn { handed, .. } => interval.sample.copies += *handed as u64,
            TraceEvent::ObservationDelivered { latency, .. } => {
                interval.sample.delivered += 1;
                interval.latency.record(*latency);
            }
            TraceEvent::RequestSent { id, to, capability, .. } => {
                interval.sample.asked += 1;
                if self.requests.len() < MOST_REQUESTS {
                    self.asked.insert(*id, self.requests.len());
                    self.requests.push(RecordedRequest {
                        from: member,
                        to: member_of(*to),
                        capability: capability.to_string(),
                        at_us: micros(at),
                        ..RecordedRequest::default()
                    });
                }
            }
            TraceEvent::RequestEnded { id, ending, first_chunk, elapsed, .. } => {
                match ending {
                    Ending::Completed => {
                        interval.sample.answered += 1;
                        interval.answers.record(*elapsed);
                    }
                    _ => interval.sample.failed += 1,
                }
                if let Some(request) = self.asked.remove(id).and_then(|number| self.requests.get_mut(number))
                {
                    request.until_us = Some(micros(at));
                    request.first_chunk_us =
                        first_chunk.map(|after| request.at_us.saturating_add(micros(after)));
                    request.ending = Some(ending.to_string());
                }
            }
            _ => {}
        }
    }

    /// Somebody has heard an observation of a group.
    pub(crate) fn heard_of(&mut self, origin_group: usize) {
        if let Some(interval) = self.intervals.get_mut(origin_group) {
            interval.sample.copies_delivered += 1;
        }
    }

    /// An interval is over.
    pub(crate) fn sample(&mut self, at: Duration, moment: &Moment) {
        let groups = self.intervals.iter_mut().map(|interval| std::mem::take(interval).read()).collect();
        let (packets, packets_lost) = self.packets;
        self.packets = (moment.packets, moment.packets_lost);
        self.samples.push(Sample {
            at_us: micros(at),
            agents: moment.agents,
            connections: moment.connections,
            components: moment.components,
            packets: moment.packets.saturating_sub(packets),
            packets_lost: moment.packets_lost.saturating_sub(packets_lost),
            groups,
        });
    }
}

impl Recorder {
    /// Puts the record of a run together, whose warm-up ended at the one time and which was over at the other. What its file
    /// was called and said is for whoever read it to add.
    pub(crate) fn finish(&self, summary: &RunSummary, warm: Duration, over: Duration) -> RunRecord {
        let scenario = &summary.scenario;
        RunRecord {
            format: RECORD_FORMAT,
            runner: Runner {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                command: format!("swarm-sim run --network {} --seed {}", scenario.network, scenario.seed),
            },
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            network: scenario.network.to_string(),
            seed: scenario.seed,
            warmup_us: micros(warm),
            end_us: micros(over),
            end: summary.end.to_string(),
            real_seconds: summary.real.as_secs_f64(),
            digest: summary.digest.clone().filter(|_| scenario.network.is_virtual()),
            groups: scenario.groups.iter().map(RecordedGroup::of).collect(),
            members: self.members(scenario),
            connections: self.connections.clone(),
            lives: self.lives.clone(),
            happenings: self.happenings.clone(),
            samples: self.samples.clone(),
            checks: summary.checks.iter().map(|outcome| recorded_check(outcome, scenario, warm)).collect(),
            summary: serde_json::from_str(&crate::report::json(summary)).unwrap_or_default(),
            requests: self.requests.clone(),
            notices: summary.notices.clone(),
            ..RunRecord::default()
        }
    }

    fn members(&self, scenario: &Scenario) -> Vec<RecordedMember> {
        let groups = scenario.groups.iter().enumerate();
        let members =
            groups.flat_map(|(number, group)| (0..group.count).map(move |index| (number, group, index)));
        members
            .zip(&self.agents)
            .map(|((group, of, index), agent)| RecordedMember {
                name: format!("{}[{index}]", of.name),
                group,
                agent: agent.map(|agent| agent.to_string()).unwrap_or_default(),
            })
            .collect()
    }
}

impl RecordedGroup {
    fn of(group: &Group) -> Self {
        Self {
            name: group.name.clone(),
            kind: group.members.to_string(),
            rogues: group.members.are_rogues(),
            zone: group.zone.clone(),
        }
    }
}

fn recorded_check(outcome: &CheckOutcome, scenario: &Scenario, warm: Duration) -> RecordedCheck {
    let part = outcome.check.windows(scenario);
    RecordedCheck {
        name: outcome.check.name.clone(),
        condition: outcome.check.to_string(),
        measured: outcome.measured_text(),
        verdict: outcome.verdict.to_string(),
        from_us: part.map(|(from, _)| micros(warm + from)),
        until_us: part.map(|(_, until)| micros(warm + until)),
    }
}

impl Interval {
    fn read(self) -> GroupSample {
        let whole = |durations: &Durations, aggregate| durations.micros(aggregate).map(whole_micros);
        GroupSample {
            latency_p50_us: whole(&self.latency, Aggregate::P50),
            latency_p99_us: whole(&self.latency, Aggregate::P99),
            answer_p50_us: whole(&self.answers, Aggregate::P50),
            answer_p99_us: whole(&self.answers, Aggregate::P99),
            ..self.sample
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a histogram of microseconds holds whole numbers from zero to an hour"
)]
fn whole_micros(micros: f64) -> u64 {
    micros as u64
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
