//! What may stand on the command line.

use clap::{Parser, ValueEnum};

/// Assistance next to raw quinn and raw wtransport.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// How often each contender is measured.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How many requests a round has.
    #[arg(long, default_value_t = 5_000)]
    pub(crate) requests: usize,
    /// The size of the transfer that small requests are measured beside.
    #[arg(long, default_value_t = 200)]
    pub(crate) megabytes: usize,
    /// Threads that run both ends. With one, the times are work alone, without waking other threads.
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: usize,
    /// Measure this part only.
    #[arg(long)]
    only: Option<Part>,
    /// Measure this contender only, as a profiler wants it: quinn, wtransport or swarm.
    #[arg(long, value_name = "CONTENDER")]
    alone: Option<String>,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One request after another.
    Seq,
    /// Many at once.
    Concurrent,
    /// Small ones beside a large one.
    Bulk,
}

impl Arguments {
    pub(crate) fn measures(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    pub(crate) fn compares(&self, contender: &str) -> bool {
        self.alone.as_ref().is_none_or(|alone| contender.ends_with(alone.as_str()))
    }
}
