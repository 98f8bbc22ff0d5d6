//! How much memory the process has, where the system tells.

/// Bytes of memory that the process has now; `None` where it cannot be told.
pub(crate) fn resident_bytes() -> Option<u64> {
    // Linux, proc_pid_status(5): `VmRSS:      1234 kB`.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
