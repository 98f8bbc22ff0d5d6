//! What a run takes of the machine.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::{SysconfVar, sysconf};

use crate::contender::{Mesh, Problem};

/// User and system time of this process so far: all nodes and the harness.
pub fn own_cpu() -> Result<Duration, Problem> {
    let own = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(duration(own.user_time()) + duration(own.system_time()))
}

/// That of this process and of the mesh's helpers.
pub fn cpu(mesh: &dyn Mesh) -> Result<Duration, Problem> {
    let mut used = own_cpu()?;
    for process in mesh.processes() {
        used += cpu_of(process)?;
    }
    Ok(used)
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or_default())
}

fn cpu_of(process: u32) -> Result<Duration, Problem> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = cpu_ticks(&stat).ok_or("/proc/<pid>/stat has another form")?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.ok_or("the system names no tick")?;
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Of proc(5): the 14th and 15th field. The second is a name in parentheses that may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// What this process and the mesh's helpers hold in memory, in bytes.
pub fn resident(processes: &[u32]) -> Result<u64, Problem> {
    let mut bytes = resident_of("self")?;
    for process in processes {
        bytes += resident_of(&process.to_string())?;
    }
    Ok(bytes)
}

fn resident_of(process: &str) -> Result<u64, Problem> {
    let statm = fs::read_to_string(format!("/proc/{process}/statm"))?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("/proc/<pid>/statm has another form")?.parse()?;
    let page = sysconf(SysconfVar::PAGE_SIZE)?.ok_or("the system names no page size")?;
    Ok(pages * u64::try_from(page)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_a_process_are_found_behind_any_name() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 5";

        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("17 (a) S"), None);
    }
}
