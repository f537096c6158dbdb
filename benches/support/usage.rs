//! What this process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use super::Error;

/// The processor time of all threads, in user and system mode. Of threads that still run, so it is
/// to be compared only while none ends.
///
/// # Errors
/// Where there is no proc(5) with `schedstat`.
pub(crate) fn cpu_time() -> Result<Duration, Error> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let line = fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = line.split_whitespace().next().ok_or("schedstat is empty")?;
        nanos += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The processor time of this process, and of all that are called `postgres` on this machine.
///
/// # Errors
/// As for [`cpu_time`].
pub(crate) fn cpu_time_with_postgres() -> Result<Duration, Error> {
    let mut nanos = 0;
    for process in fs::read_dir("/proc")? {
        let path = process?.path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "postgres") {
            let line = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            nanos += line.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(cpu_time()? + Duration::from_nanos(nanos))
}

/// The memory that is resident, in KiB. What the kernel holds for sockets comes on top.
///
/// # Errors
/// Where there is no proc(5).
pub(crate) fn resident_kib() -> Result<f64, Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("there is no VmRSS")?;
    Ok(kib.parse()?)
}
