//! What a page needs of a record, in columns, as numbers repeat less than names.

use serde::Serialize;

use super::layout;
use crate::{GroupSample, Happening, LifeState, RecordedGroup, RunRecord, Sample};

/// The data of a page. Its scripts read it; nothing else does.
#[derive(Serialize)]
pub(super) struct View<'r> {
    warmup_us: u64,
    end_us: u64,
    groups: &'r [RecordedGroup],
    members: Members<'r>,
    /// Two members, from when and till when; till the end is `null`. In the order of time.
    connections: Vec<(usize, usize, u64, Option<u64>)>,
    /// Who, when, and how it does from then on, in the order of time.
    lives: Vec<(usize, u64, LifeState)>,
    happenings: &'r [Happening],
    samples: Columns,
    checks: Vec<CheckWindow<'r>>,
    /// Who asked whom, when, till when, and whether it was answered.
    requests: Vec<(usize, usize, u64, u64, bool)>,
}

#[derive(Serialize)]
struct Members<'r> {
    names: Vec<&'r str>,
    agents: Vec<&'r str>,
    groups: Vec<usize>,
    by_links: Vec<layout::Place>,
    by_groups: Vec<layout::Place>,
    side: i32,
}

#[derive(Serialize)]
struct Columns {
    at_us: Vec<u64>,
    agents: Vec<usize>,
    connections: Vec<usize>,
    components: Vec<usize>,
    packets: Vec<u64>,
    packets_lost: Vec<u64>,
    groups: Vec<GroupColumns>,
}

#[derive(Serialize, Default)]
struct GroupColumns {
    sent: Vec<u64>,
    copies: Vec<u64>,
    copies_delivered: Vec<u64>,
    delivered: Vec<u64>,
    latency_p50_us: Vec<Option<u64>>,
    latency_p99_us: Vec<Option<u64>>,
    asked: Vec<u64>,
    answered: Vec<u64>,
    failed: Vec<u64>,
    answer_p50_us: Vec<Option<u64>>,
    answer_p99_us: Vec<Option<u64>>,
}

/// A check that looked at a part of the run.
#[derive(Serialize)]
struct CheckWindow<'r> {
    name: &'r str,
    verdict: &'r str,
    from_us: u64,
    until_us: u64,
}

impl<'r> View<'r> {
    pub(super) fn of(record: &'r RunRecord) -> Self {
        let mut connections: Vec<_> =
            record.connections.iter().map(|link| (link.a, link.b, link.from_us, link.until_us)).collect();
        connections.sort_by_key(|(a, b, from, _)| (*from, *a, *b));
        let mut lives: Vec<_> =
            record.lives.iter().map(|life| (life.member, life.at_us, life.state)).collect();
        // Stable: of several at the same moment the last one counts.
        lives.sort_by_key(|(_, at, _)| *at);
        let windowed =
            record.checks.iter().filter(|check| check.from_us.is_some() || check.until_us.is_some());
        let requests = record.requests.iter().filter_map(|request| {
            let until = request.until_us.unwrap_or(record.end_us);
            Some((
                request.from,
                request.to?,
                request.at_us,
                until,
                request.ending.as_deref() == Some("completed"),
            ))
        });
        Self {
            warmup_us: record.warmup_us,
            end_us: record.end_us,
            groups: &record.groups,
            members: Members::of(record),
            connections,
            lives,
            happenings: &record.happenings,
            samples: Columns::of(&record.samples, record.groups.len()),
            checks: windowed
                .map(|check| CheckWindow {
                    name: &check.name,
                    verdict: &check.verdict,
                    from_us: check.from_us.unwrap_or(record.warmup_us),
                    until_us: check.until_us.unwrap_or(record.end_us),
                })
                .collect(),
            requests: requests.collect(),
        }
    }
}

impl<'r> Members<'r> {
    fn of(record: &'r RunRecord) -> Self {
        Self {
            names: record.members.iter().map(|member| member.name.as_str()).collect(),
            agents: record.members.iter().map(|member| member.agent.as_str()).collect(),
            groups: record.members.iter().map(|member| member.group).collect(),
            by_links: layout::by_links(record),
            by_groups: layout::by_groups(record),
            side: layout::SIDE,
        }
    }
}

impl Columns {
    fn of(samples: &[Sample], groups: usize) -> Self {
        fn column<T>(samples: &[Sample], of: impl Fn(&Sample) -> T) -> Vec<T> {
            samples.iter().map(of).collect()
        }
        Self {
            at_us: column(samples, |sample| sample.at_us),
            agents: column(samples, |sample| sample.agents),
            connections: column(samples, |sample| sample.connections),
            components: column(samples, |sample| sample.components),
            packets: column(samples, |sample| sample.packets),
            packets_lost: column(samples, |sample| sample.packets_lost),
            groups: (0..groups).map(|group| GroupColumns::of(samples, group)).collect(),
        }
    }
}

impl GroupColumns {
    fn of(samples: &[Sample], group: usize) -> Self {
        let mut columns = Self::default();
        for sample in samples {
            columns.push(sample.groups.get(group).copied().unwrap_or_default());
        }
        columns
    }

    fn push(&mut self, sample: GroupSample) {
        self.sent.push(sample.sent);
        self.copies.push(sample.copies);
        self.copies_delivered.push(sample.copies_delivered);
        self.delivered.push(sample.delivered);
        self.latency_p50_us.push(sample.latency_p50_us);
        self.latency_p99_us.push(sample.latency_p99_us);
        self.asked.push(sample.asked);
        self.answered.push(sample.answered);
        self.failed.push(sample.failed);
        self.answer_p50_us.push(sample.answer_p50_us);
        self.answer_p99_us.push(sample.answer_p99_us);
    }
}
