//! Swarm side by side with what one would otherwise connect agents with: same machine, same run, in turns, each run in
//! a process of its own. It measures and asserts nothing.
//!
//! ```text
//! just bench
//! just bench field --only w1 --contenders quinn,swarm --rounds 9 --json figures.json
//! ```

mod arguments;
mod clock;
mod contender;
mod hearing;
mod link;
mod locked;
mod payload;
mod report;
mod seen;
mod single;
mod speaking;
mod spread;
mod stage;
mod usage;
mod workload;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::arguments::Arguments;
use self::contender::{Contender, Problem};
use self::report::{Part, Report};
use self::single::Settings;
use self::stage::Stage;
use self::workload::Workload;

/// The first round warms up the machine; it is short and does not count.
const WARM_UP_SECONDS: f64 = 1.0;

fn main() -> Result<(), Problem> {
    let arguments = Arguments::parse();
    let (workloads, contenders) = chosen(&arguments)?;
    if arguments.single {
        // For whoever leaves the choice to the process, in which another contender has brought a second one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let workload = workloads.into_iter().next().ok_or("no workload")?;
        let contender = contenders.into_iter().next().ok_or("no contender")?;
        let duration = Duration::from_secs_f64(arguments.seconds);
        let stage = Stage { contender, duration, seed: arguments.seed };
        let figures = single::here(workload, stage, arguments.workers).map_err(|problem| problem.to_string());
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let parts = runtime.block_on(take_turns(&arguments, &workloads, &contenders))?;
    let report = Report { arguments: &arguments, contenders: &contenders, parts };
    if let Some(path) = &arguments.json {
        fs::write(path, format!("{:#}\n", report::json(&report)))?;
    }
    match &arguments.markdown {
        Some(path) => fs::write(path, report::markdown(&report))?,
        None => print!("{}", report::markdown(&report)),
    }
    Ok(())
}

type Chosen = (Vec<Arc<dyn Workload>>, Vec<Arc<dyn Contender>>);

fn chosen(arguments: &Arguments) -> Result<Chosen, Problem> {
    let (mut workloads, mut contenders) = (workload::all(), contender::all());
    for name in &arguments.contenders {
        if !contenders.iter().any(|contender| contender.name() == name) {
            let names: Vec<_> = contenders.iter().map(|contender| contender.name()).collect();
            return Err(format!("there is no contender {name:?}, but {}", names.join(", ")).into());
        }
    }
    let wanted = |wanted: &[String], fits: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|wanted| fits(wanted))
    };
    contenders.retain(|contender| wanted(&arguments.contenders, &|name| contender.name() == name));
    workloads.retain(|workload| wanted(&arguments.only, &|start| workload.name().starts_with(start)));
    if workloads.is_empty() {
        return Err("no workload has such a name".into());
    }
    Ok((workloads, contenders))
}

/// One contender after the other, round by round, until all had their turns or the program is told to end.
async fn take_turns(
    arguments: &Arguments,
    workloads: &[Arc<dyn Workload>],
    contenders: &[Arc<dyn Contender>],
) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    for workload in workloads {
        parts.push(Part::new(Arc::clone(workload)));
        let Some(part) = parts.last_mut() else { continue };
        for round in 0..=arguments.rounds {
            for contender in contenders {
                if !workload.suits(&**contender) || !contender.joins(workload.name()) {
                    continue;
                }
                let seconds = if round == 0 { WARM_UP_SECONDS } else { arguments.seconds };
                let seed = arguments.seed.wrapping_add(round as u64);
                let settings = Settings { seconds, seed, workers: arguments.workers };
                let figures = tokio::select! {
                    figures = single::elsewhere(&**workload, contender, settings) => figures,
                    _ = interrupted.recv() => return Ok(parts),
                    _ = terminated.recv() => return Ok(parts),
                };
                eprintln!("{}, round {round}: {}: {figures:?}", workload.name(), contender.name());
                if round > 0 {
                    part.add(contender.name(), figures);
                }
            }
        }
    }
    Ok(parts)
}
