//! What happened in a run, in enough detail to draw it: the source of every report but the summary of a terminal.
//!
//! A record is data: it is written as JSON next to the reports and read back by `report` and `replay`. Its size is bounded
//! by agents, connections, faults and samples, not by what agents said.

use serde::{Deserialize, Serialize};

/// The version of the format of records that this crate writes and reads.
pub const RECORD_FORMAT: u32 = 1;

/// A run, as it is kept.
///
/// ```
/// use swarm_sim::RunRecord;
///
/// fn slowest(record: &RunRecord) -> Option<u64> {
///     record.samples.iter().filter_map(|sample| sample.groups.iter().filter_map(|group| group.latency_p99_us).max()).max()
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The version of this format.
    pub format: u32,
    /// What ran it.
    pub runner: Runner,
    /// The whole text of the scenario file, and what it was called.
    pub scenario_text: String,
    /// See `scenario_text`.
    pub scenario_file: String,
    /// What the scenario is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `model`, `quic` or `webtransport`.
    pub network: String,
    /// The seed of the run.
    pub seed: u64,
    /// Params that were set on the command line, as text.
    pub set: Vec<(String, String)>,
    /// When the warm-up ended. Every time in a record counts from the start of the run, in microseconds: connecting comes
    /// before the warm-up.
    pub warmup_us: u64,
    /// When the run was over.
    pub end_us: u64,
    /// `complete`, `interrupted`, `timed out` or `hopeless`.
    pub end: String,
    /// Seconds of real time that it took.
    pub real_seconds: f64,
    /// A hash over everything that happened, where that repeats.
    pub digest: Option<String>,
    /// The groups in the order of the file.
    pub groups: Vec<RecordedGroup>,
    /// All agents and rogues; the others name them by their place here.
    pub members: Vec<RecordedMember>,
    /// When two were connected, and when they were not any more.
    pub connections: Vec<RecordedConnection>,
    /// When members came, went, crashed, paused.
    pub lives: Vec<RecordedLife>,
    /// What the timeline did, faults above all.
    pub happenings: Vec<Happening>,
    /// Figures, one for each interval of the run, the warm-up included.
    pub samples: Vec<Sample>,
    /// How the checks came out.
    pub checks: Vec<RecordedCheck>,
    /// The whole summary, as `--json` writes it.
    pub summary: serde_json::Value,
    /// Requests, the first 10,000.
    pub requests: Vec<RecordedRequest>,
    /// What was not as the scenario has it.
    pub notices: Vec<String>,
}

/// See [`RunRecord::runner`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Runner {
    /// Of this crate.
    pub version: String,
    /// The command that gives the same run again.
    pub command: String,
}

/// A group of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedGroup {
    /// Its name.
    pub name: String,
    /// The kind of its agents, or of its attack.
    pub kind: String,
    /// Whether they are rogues.
    pub rogues: bool,
    /// Where they are.
    pub zone: Option<String>,
}

/// An agent or a rogue of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedMember {
    /// `rover[3]`.
    pub name: String,
    /// Its place among the groups.
    pub group: usize,
    /// Its id, as text.
    pub agent: String,
}

/// Two members were connected for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedConnection {
    /// One of them.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// From when.
    pub from_us: u64,
    /// Till when; to the end of the run if absent.
    pub until_us: Option<u64>,
}

/// A member is doing otherwise from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedLife {
    /// Who.
    pub member: usize,
    /// When.
    pub at_us: u64,
    /// What it does.
    pub state: LifeState,
}

/// How a member is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// It runs.
    Up,
    /// It left in order, or has not come yet.
    Left,
    /// It ended without a word.
    Crashed,
    /// It is held up.
    Paused,
}

/// Something that the timeline did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Happening {
    /// When.
    pub from_us: u64,
    /// Till when, if it lasted.
    pub until_us: Option<u64>,
    /// The word after `do` in the file.
    pub kind: String,
    /// What, in a few words.
    pub text: String,
    /// Its label.
    pub label: Option<String>,
    /// Whom it concerned.
    pub members: Vec<usize>,
    /// Whether something went wrong by it, rather than was asked.
    pub is_fault: bool,
}

/// The figures of one interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// Its end.
    pub at_us: u64,
    /// How many agents ran.
    pub agents: usize,
    /// How many pairs were connected.
    pub connections: usize,
    /// Into how many parts the swarm had fallen, of those that ran.
    pub components: usize,
    /// Packets of the network that were lost, by reason.
    pub packets_lost: u64,
    /// Packets of the network that got through.
    pub packets: u64,
    /// By group, in their order.
    pub groups: Vec<GroupSample>,
}

/// The figures of one interval and group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupSample {
    /// Observations that its agents broadcast.
    pub sent: u64,
    /// Copies of them that went to a peer or were meant to.
    pub copies: u64,
    /// Copies of them that were delivered, to whichever group.
    pub copies_delivered: u64,
    /// Copies of anybody's that were delivered to it.
    pub delivered: u64,
    /// Half of those took at most so long.
    pub latency_p50_us: Option<u64>,
    /// And 99 % of them.
    pub latency_p99_us: Option<u64>,
    /// Requests that its agents sent.
    pub asked: u64,
    /// Requests of its agents that were answered.
    pub answered: u64,
    /// Requests of its agents that ended otherwise.
    pub failed: u64,
    /// Half of the answers took at most so long.
    pub answer_p50_us: Option<u64>,
    /// And 99 % of them.
    pub answer_p99_us: Option<u64>,
}

/// How a check came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedCheck {
    /// Its name.
    pub name: String,
    /// What must hold.
    pub condition: String,
    /// What was measured.
    pub measured: String,
    /// `pass`, `warn` or `fail`.
    pub verdict: String,
    /// From when it looked, if not at all of the run.
    pub from_us: Option<u64>,
    /// Till when.
    pub until_us: Option<u64>,
}

/// A request of a record, as one bar of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Who asked.
    pub from: usize,
    /// Who was asked.
    pub to: Option<usize>,
    /// What for.
    pub capability: String,
    /// When it was sent.
    pub at_us: u64,
    /// When the first chunk came.
    pub first_chunk_us: Option<u64>,
    /// When it ended.
    pub until_us: Option<u64>,
    /// How it ended.
    pub ending: Option<String>,
}
