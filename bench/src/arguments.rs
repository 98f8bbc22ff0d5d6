//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures swarm next to what one would otherwise connect agents with: same machine, same run, in turns.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Workloads to run, by the beginning of their names (w1, w1-flat, w3); all by default.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Contenders that take part; all by default. Ratios are to the first one.
    #[arg(long, value_delimiter = ',')]
    pub contenders: Vec<String>,
    /// Rounds that count; one before them warms up.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// How long a run is measured, in seconds.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Where all figures go as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Where the tables go as Markdown; to the standard output by default.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
    /// Threads of the runtime in each run.
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// One run of one contender, whose figures go to the standard output: what the program starts for each.
    #[arg(long)]
    pub single: bool,
    /// Decides what an emulated link loses.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}
