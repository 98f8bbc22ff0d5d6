//! Records of runs that never were, for the tests of reports: a swarm that is cut in two, loses agents and recovers.

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::{
    GroupSample, Happening, LifeState, RecordedCheck, RecordedConnection, RecordedGroup, RecordedLife,
    RecordedMember, RecordedRequest, RunRecord, Runner, Sample,
};

/// What kind of swarm.
pub(crate) struct Sketch {
    pub(crate) agents: usize,
    /// How many peers each has; from `agents` on everybody has everybody.
    pub(crate) degree: usize,
    pub(crate) groups: usize,
    pub(crate) samples: usize,
    pub(crate) requests: usize,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { agents: 24, degree: 4, groups: 3, samples: 60, requests: 200 }
    }
}

const NAMES: [&str; 6] = ["camera", "text", "reasoner", "sensor", "relay", "planner"];
const SECOND: u64 = 1_000_000;

/// A run of that swarm: the last third of its members is cut off from 20 s to 35 s, a tenth crashes at 42 s.
pub(crate) fn swarm(sketch: Sketch) -> RunRecord {
    let mut rng = StdRng::seed_from_u64(7);
    let mut record = RunRecord {
        format: 1,
        runner: Runner {
            version: "0.1.0".into(),
            command: "swarm-sim run scenarios/partition-heal.toml --seed 42".into(),
        },
        scenario_text: "# Proves that a swarm heals.\nschema = 1\n".into(),
        scenario_file: "scenarios/partition-heal.toml".into(),
        name: "partition-heal".into(),
        description: Some("Cameras, texts and reasoners go on while a third of them is cut off.".into()),
        network: "model".into(),
        seed: 42,
        warmup_us: 5 * SECOND,
        end_us: 65 * SECOND,
        end: "complete".into(),
        real_seconds: 0.412,
        digest: Some("6f1c2a9be0d44a17".into()),
        ..RunRecord::default()
    };
    record.groups = (0..sketch.groups).map(group).collect();
    record.members = (0..sketch.agents).map(|number| member(number, &sketch)).collect();
    record.lives = (0..sketch.agents).map(|member| life(member, 0, LifeState::Up)).collect();
    let cut: Vec<usize> = (0..sketch.agents).filter(|member| is_cut(*member, sketch.agents)).collect();
    let crashed: Vec<usize> = (0..sketch.agents).step_by(10).collect();
    for (a, b) in pairs(&sketch, &mut rng) {
        record.connections.extend(connection(a, b, sketch.agents, &crashed, &mut rng));
    }
    for member in &crashed {
        record.lives.push(life(*member, 42 * SECOND, LifeState::Crashed));
        record.lives.push(life(*member, 50 * SECOND, LifeState::Up));
    }
    if let Some(last) = sketch.agents.checked_sub(2) {
        record.lives.push(life(last, 54 * SECOND, LifeState::Paused));
        record.lives.push(life(last, 60 * SECOND, LifeState::Up));
    }
    record.happenings = happenings(cut, crashed, sketch.agents);
    record.samples = (1..=sketch.samples).map(|number| sample(number, &sketch, &record, &mut rng)).collect();
    record.requests = (0..sketch.requests).map(|number| request(number, &sketch, &mut rng)).collect();
    record.checks = checks();
    record.notices = vec!["event 3: only 2 of camera are there to be picked".into()];
    record
}

fn group(number: usize) -> RecordedGroup {
    let name = NAMES[number % NAMES.len()];
    RecordedGroup {
        name: name.into(),
        kind: format!("{name}-service"),
        rogues: false,
        zone: Some(if number.is_multiple_of(2) { "edge" } else { "core" }.into()),
    }
}

fn member(number: usize, sketch: &Sketch) -> RecordedMember {
    let group = number * sketch.groups / sketch.agents;
    let name = format!("{}[{}]", NAMES[group % NAMES.len()], number - group * sketch.agents / sketch.groups);
    RecordedMember { name, group, agent: format!("ag_{number:052}") }
}

fn is_cut(member: usize, agents: usize) -> bool {
    member >= agents - agents / 3
}

fn life(member: usize, at_us: u64, state: LifeState) -> RecordedLife {
    RecordedLife { member, at_us, state }
}

/// A ring in which each has the next few, and some a far one instead.
fn pairs(sketch: &Sketch, rng: &mut StdRng) -> Vec<(usize, usize)> {
    let agents = sketch.agents;
    if sketch.degree >= agents {
        return (0..agents).flat_map(|a| (a + 1..agents).map(move |b| (a, b))).collect();
    }
    let mut pairs = Vec::new();
    for a in 0..agents {
        for step in 1..=sketch.degree / 2 {
            let far = step > 1 && rng.random_bool(0.15);
            let b = if far { rng.random_range(0..agents) } else { (a + step) % agents };
            if a != b {
                pairs.push((a, b));
            }
        }
    }
    pairs
}

fn connection(
    a: usize,
    b: usize,
    agents: usize,
    crashed: &[usize],
    rng: &mut StdRng,
) -> Vec<RecordedConnection> {
    let mut wobble = |base: u64, by: u64| base * SECOND + rng.random_range(0..by * SECOND);
    let mut gaps = Vec::new();
    if is_cut(a, agents) != is_cut(b, agents) {
        gaps.push((wobble(23, 2), wobble(36, 3)));
    }
    if crashed.contains(&a) || crashed.contains(&b) {
        gaps.push((wobble(42, 1), wobble(50, 2)));
    }
    let mut from_us = wobble(0, 1);
    let mut lives = Vec::new();
    for (until, again) in gaps {
        lives.push(RecordedConnection { a, b, from_us, until_us: Some(until) });
        from_us = again;
    }
    lives.push(RecordedConnection { a, b, from_us, until_us: None });
    lives
}

fn happenings(cut: Vec<usize>, crashed: Vec<usize>, agents: usize) -> Vec<Happening> {
    let fault = |kind: &str, from: u64, until: Option<u64>, text: &str, members: Vec<usize>| Happening {
        from_us: from * SECOND,
        until_us: until.map(|until| until * SECOND),
        kind: kind.into(),
        text: text.into(),
        label: None,
        members,
        is_fault: true,
    };
    let mut partition = fault("partition", 20, Some(35), "cut 33% of everybody off", cut);
    partition.label = Some("split".into());
    let asked = Happening {
        is_fault: false,
        ..fault("ask", 6, Some(64), "reasoner asks camera for image.next, 500 times", Vec::new())
    };
    vec![
        asked,
        fault("shape", 12, Some(17), "links of all of sensor change: loss 10%, latency +100ms", vec![0, 1]),
        partition,
        fault("crash", 42, None, "crash 10% of everybody", crashed),
        fault("pause", 54, Some(60), "pause 1 of sensor", vec![agents.saturating_sub(2)]),
    ]
}

/// How bad things are at a time, from 0 to 1.
fn trouble(at_us: u64) -> f64 {
    let second = at_us / SECOND;
    match second {
        20..=23 => 1.0,
        24..=37 => 0.35,
        42..=46 => 0.6,
        12..=17 => 0.25,
        _ => 0.0,
    }
}

fn sample(number: usize, sketch: &Sketch, record: &RunRecord, rng: &mut StdRng) -> Sample {
    let at_us = record.end_us * number as u64 / sketch.samples as u64;
    let connections = record.connections.iter();
    let there =
        |link: &&RecordedConnection| link.from_us <= at_us && link.until_us.is_none_or(|until| until > at_us);
    let crashed = (42..50).contains(&(at_us / SECOND));
    let agents = if crashed { sketch.agents - sketch.agents.div_ceil(10) } else { sketch.agents };
    let bad = trouble(at_us);
    let packets = 4_000 + rng.random_range(0..400);
    Sample {
        at_us,
        agents,
        connections: connections.filter(there).count(),
        components: if (25..36).contains(&(at_us / SECOND)) { 2 } else { 1 },
        packets_lost: (packets as f64 * (0.01 + 0.3 * bad)) as u64,
        packets,
        groups: (0..sketch.groups).map(|group| group_sample(group, sketch, bad, rng)).collect(),
    }
}

fn group_sample(group: usize, sketch: &Sketch, bad: f64, rng: &mut StdRng) -> GroupSample {
    let sent = (10 * sketch.agents / sketch.groups) as u64 + rng.random_range(0..5);
    let copies = sent * sketch.degree.min(sketch.agents) as u64;
    let p50 = 8_000.0 * (1.0 + group as f64) * (1.0 + bad * 2.0) * rng.random_range(0.9..1.1);
    let asks = group == 2;
    let asked = if asks { 12 } else { 0 };
    let failed = (f64::from(asked) * bad * 0.5) as u64;
    GroupSample {
        sent,
        copies,
        copies_delivered: (copies as f64 * (1.0 - bad * 0.3)) as u64,
        delivered: (copies as f64 * (1.0 - bad * 0.3)) as u64,
        latency_p50_us: Some(p50 as u64),
        latency_p99_us: Some((p50 * (2.0 + bad * 12.0)) as u64),
        asked: asked as u64,
        answered: asked as u64 - failed,
        failed,
        answer_p50_us: asks.then_some((p50 * 3.0) as u64),
        answer_p99_us: asks.then_some((p50 * 9.0) as u64),
    }
}

fn request(number: usize, sketch: &Sketch, rng: &mut StdRng) -> RecordedRequest {
    let at_us = 6 * SECOND + number as u64 * 58 * SECOND / sketch.requests.max(1) as u64;
    let asker = rng.random_range(sketch.agents / 2..sketch.agents);
    let lost = rng.random_bool(0.4 * trouble(at_us));
    RecordedRequest {
        from: asker,
        to: Some(rng.random_range(0..sketch.agents.div_ceil(3))),
        capability: "image.next".into(),
        at_us,
        first_chunk_us: (!lost).then_some(at_us + 60_000),
        until_us: Some(at_us + if lost { 2 * SECOND } else { 180_000 }),
        ending: Some(if lost { "deadline_exceeded" } else { "completed" }.into()),
    }
}

fn checks() -> Vec<RecordedCheck> {
    let check = |name: &str, condition: &str, measured: &str, verdict: &str, window: Option<(u64, u64)>| {
        RecordedCheck {
            name: name.into(),
            condition: condition.into(),
            measured: measured.into(),
            verdict: verdict.into(),
            from_us: window.map(|(from, _)| from * SECOND),
            until_us: window.map(|(_, until)| until * SECOND),
        }
    };
    vec![
        check("answers in time", "request.latency{group=reasoner} p99 < 800ms", "412 ms", "pass", None),
        check("heard while whole", "observation.delivery_ratio >= 99%", "99.7 %", "pass", Some((6, 20))),
        check(
            "mesh merges after the split",
            "eventually overlay.components == 1",
            "after 1.2 s",
            "pass",
            Some((35, 40)),
        ),
        check("answered while split", "request.answered_ratio >= 95%", "88.1 %", "fail", Some((20, 35))),
        check("nobody lags", "observation.dropped.agent_lagged == 0", "3", "warn", None),
    ]
}
