//! A table in Markdown.

use std::time::Duration;

use swarm_adversary::{Attack, Outcome};

/// What one attack came to.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) attack: Attack,
    pub(crate) outcome: Outcome,
    /// The longest that it took to cut an attempt off, if any was.
    pub(crate) cut_off: Option<Duration>,
    /// What the victim had in memory at most above what it had before, in KiB.
    pub(crate) memory_kib: u64,
    /// How much more of a core the victim used, in percent.
    pub(crate) core: f64,
    /// Median over the rounds, in microseconds.
    pub(crate) p99_alone: u64,
    /// The same, of the ratio of each round.
    pub(crate) ratio: f64,
    /// Of what the honest said while they were alone, and beside the attack.
    pub(crate) lost: (u64, u64),
}

pub(crate) const HEAD: &str = "\
| attack | acts | let in | cut off within | memory | of a core | honest p99 alone | beside it | lost |
|---|---:|---:|---:|---:|---:|---:|---:|---:|";

impl Row {
    pub(crate) fn line(&self) -> String {
        let Self { attack, outcome, cut_off, memory_kib, core, p99_alone, ratio, lost } = self;
        let cut_off = match cut_off {
            Some(longest) if longest.as_millis() < 1000 => format!("{} ms", longest.as_millis()),
            Some(longest) => format!("{:.1} s", longest.as_secs_f64()),
            None => "borne".to_owned(),
        };
        let (memory, p99) = (*memory_kib as f64 / 1024.0, *p99_alone as f64 / 1000.0);
        format!(
            "| `{attack}` | {} | {} of {} | {cut_off} | {memory:.1} MiB | {core:.0} % | {p99:.1} ms | × {ratio:.2} | {} |",
            outcome.acts,
            outcome.admitted,
            outcome.attempts,
            if lost.0 > 0 { format!("{} ({} alone)", lost.1, lost.0) } else { lost.1.to_string() },
        )
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
