//! Assistance next to what it is made of: the same requests over nodes, over raw quinn and over raw wtransport, in turns
//! within one process, so that whatever else the machine does hits all alike. It measures and asserts nothing.
//!
//! ```text
//! just bench assist
//! just bench assist --only seq --rounds 9
//! ```

#![expect(clippy::indexing_slicing, reason = "a benchmark may fail")]

#[path = "assist/arguments.rs"]
mod arguments;
#[path = "assist/contender.rs"]
mod contender;
#[path = "assist/figures.rs"]
mod figures;
#[path = "assist/measure.rs"]
mod measure;
#[path = "assist/quic.rs"]
mod quic;
#[path = "assist/raw.rs"]
mod raw;
#[path = "assist/swarm.rs"]
mod swarm;
#[path = "assist/web_transport.rs"]
mod web_transport;

use std::sync::Arc;

use clap::Parser;

use self::arguments::{Arguments, Part};
use self::contender::{Contender, Problem};
use self::figures::Table;
use self::measure::{Concurrent, Loaded, Measure, Sequential};

/// The node's default: more at once are told that it is busy.
const AT_ONCE: usize = 64;

fn main() -> Result<(), Problem> {
    let arguments = Arguments::parse();
    let workers = arguments.workers.max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    // On a worker like everything it measures, rather than on a third thread.
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn_on(run(arguments), runtime.handle());
    runtime.block_on(async { tasks.join_next().await.unwrap_or(Ok(Ok(())))? })
}

async fn run(arguments: Arguments) -> Result<(), Problem> {
    let (quinn, wtransport) = (quic::Quinn::start().await?, web_transport::WebTransport::start().await?);
    let (swarm, observed) = swarm::Swarm::start().await?;
    let swarm = Arc::new(swarm);
    // The first one is what the others are compared with.
    let mut all: Vec<Arc<dyn Contender>> =
        vec![Arc::new(quinn), Arc::new(wtransport), Arc::clone(&swarm) as Arc<dyn Contender>];
    all.retain(|contender| arguments.compares(contender.name()));
    let (rounds, requests) = (arguments.rounds, arguments.requests);

    if arguments.measures(Part::Seq) {
        let heading = format!("one request of 256 B after another, {requests} in each of {rounds} rounds");
        let measure = Sequential { requests };
        say(&take_turns(&all, rounds, &measure).await?.table(&heading));
    }
    if arguments.measures(Part::Concurrent) {
        let heading = format!("{AT_ONCE} requests of 256 B in flight, {requests} in each of {rounds} rounds");
        let measure = Concurrent { requests, at_once: AT_ONCE };
        say(&take_turns(&all, rounds, &measure).await?.table(&heading));
    }
    if arguments.measures(Part::Bulk) {
        for direction in [measure::Direction::Upload, measure::Direction::Download] {
            let heading =
                format!("small requests beside {} MB {direction}, {rounds} rounds", arguments.megabytes);
            let bytes = arguments.megabytes * 1_000_000;
            let measure = Loaded { direction, bytes, observed: Arc::clone(&observed) };
            say(&take_turns(&all, rounds, &measure).await?.table(&heading));
        }
    }
    swarm.refused()
}

/// One contender after the other, round by round. The first round warms up and does not count.
async fn take_turns(
    contenders: &[Arc<dyn Contender>],
    rounds: usize,
    measure: &dyn Measure,
) -> Result<Table, Problem> {
    let mut table = Table::new(measure.columns());
    for round in 0..=rounds {
        for contender in contenders {
            let figures = measure.round(contender).await?;
            if round > 0 {
                table.add(contender.name(), figures);
            }
        }
    }
    Ok(table)
}

#[expect(clippy::print_stdout, reason = "what the benchmark is for")]
fn say(text: &str) {
    println!("{text}");
}
