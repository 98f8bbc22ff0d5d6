//! One run: one contender, one workload, in a process and a runtime of its own, so that nothing is left of the last one.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::time::timeout;

use crate::contender::{Contender, Problem};
use crate::stage::Stage;
use crate::workload::{Figures, Workload};

/// What the tables name if a run takes longer.
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs it here.
pub fn here(workload: Arc<dyn Workload>, stage: Stage, workers: usize) -> Result<Figures, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    // On a worker like everything that it measures, rather than on a third thread.
    let run = runtime.spawn(async move { workload.run(&stage).await });
    let figures = runtime.block_on(run);
    runtime.shutdown_background();
    figures?
}

/// Runs it in a process of its own.
pub async fn elsewhere(
    workload: &dyn Workload,
    contender: &Arc<dyn Contender>,
    settings: Settings,
) -> Result<Figures, Problem> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--single").args(["--only", workload.name(), "--contenders", contender.name()]);
    command.args(["--seconds", &settings.seconds.to_string(), "--seed", &settings.seed.to_string()]);
    command.args(["--workers", &settings.workers.to_string()]);
    // With whatever it starts it is a group, which ends as one.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
    let child = command.spawn()?;
    let _group = Group(Pid::from_raw(child.id().ok_or("it ended at once")?.try_into()?));
    let output = timeout(DEADLINE, child.wait_with_output()).await;
    let output = output.map_err(|_| format!("not done within {DEADLINE:?}"))??;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let figures: Result<Figures, String> =
        serde_json::from_str(said.lines().last().ok_or("it said nothing")?)?;
    Ok(figures?)
}

/// The processes of a run. They end with it, however it ends.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Nothing is left of it if all went well.
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// What all runs of a round have in common.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Of what is measured.
    pub seconds: f64,
    /// For what is left to chance.
    pub seed: u64,
    /// Threads of the runtime.
    pub workers: usize,
}
