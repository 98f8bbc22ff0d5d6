//! Lets the honest talk alone and beside an attack, in turns.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use swarm_adversary::{Adversary, Attack, Outcome, Plan};
use tokio_util::sync::CancellationToken;

use crate::apart::{Apart, be_honest, be_victim, root};
use crate::table::{HEAD, Row, median};

/// What each attack costs a node, and what an honest peer of it notices.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// How often each attack is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// How long the honest talk alone, and then beside the attack, in each round; in milliseconds.
    #[arg(long, default_value_t = 4000)]
    millis: u64,
    /// Measure these attacks only.
    #[arg(long)]
    only: Vec<Attack>,
    /// What the other processes are told.
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Victim,
    Honest,
}

/// Whoever has not been cut off within the rounds is let go on for so long.
const MOST_PATIENCE: Duration = Duration::from_secs(20);

/// Whoever has gone on to the end of a round is to be counted in it.
const GRACE: Duration = Duration::from_millis(500);

pub(crate) async fn run(arguments: Arguments) {
    match arguments.role {
        Some(Role::Victim) => return be_victim().await,
        Some(Role::Honest) => return be_honest().await,
        None => {}
    }
    say(HEAD);
    let wanted = |attack: &&Attack| arguments.only.is_empty() || arguments.only.contains(attack);
    for attack in Attack::ALL.iter().filter(wanted) {
        say(&measure(*attack, &arguments).await.line());
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
}

async fn measure(attack: Attack, arguments: &Arguments) -> Row {
    let mut victim = Apart::with(&["--role", "victim"]);
    let at: SocketAddr = victim.answer().await.parse().unwrap();
    let mut honest = Apart::with(&["--role", "honest"]);
    honest.ask(&at.to_string()).await;
    let (talk, within) = (arguments.millis.to_string(), Duration::from_millis(arguments.millis));
    // What is allocated once is not of the attack.
    honest.ask(&talk).await;

    let idle = victim.resident_kib();
    victim.forget_peak();
    let mut outcome = Outcome::default();
    let (mut core, mut alone, mut ratios, mut lost) = (Vec::new(), Vec::new(), Vec::new(), (0, 0));
    for round in 0..arguments.rounds {
        let before = victim.cpu();
        let quiet = honest.ask(&talk).await;
        let between = victim.cpu();
        let (harmed, loud) =
            tokio::join!(assault(attack, round, at, within, within + GRACE), honest.ask(&talk));
        core.push(
            100.0 * ((victim.cpu() - between).as_secs_f64() - (between - before).as_secs_f64())
                / within.as_secs_f64(),
        );
        alone.push(quiet.get("p99") as f64);
        ratios.push(loud.get("p99") as f64 / quiet.get("p99") as f64);
        lost = (lost.0 + quiet.get("lost"), lost.1 + loud.get("lost"));
        outcome.merge(harmed);
    }
    let memory_kib = victim.peak_kib().saturating_sub(idle);
    let cut_off = match outcome.longest() {
        Some(longest) => Some(longest),
        None => assault(attack, arguments.rounds, at, MOST_PATIENCE, MOST_PATIENCE + within).await.longest(),
    };
    let (core, ratio) = (median(core), median(ratios));
    Row { attack, outcome, cut_off, memory_kib, core, p99_alone: median(alone) as u64, ratio, lost }
}

/// Each round has an adversary of its own: what a node remembers of one does not spare it the next.
async fn assault(
    attack: Attack,
    round: u64,
    at: SocketAddr,
    patience: Duration,
    within: Duration,
) -> Outcome {
    let plan = Plan { patience, within, ..Plan::of(attack) };
    let adversary = Adversary::member(attack, round, Arc::new(root()), vec![at]).unwrap().plan(plan);
    adversary.run(CancellationToken::new()).await
}
