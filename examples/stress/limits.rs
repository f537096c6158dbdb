//! Whether the operating system lets this process open that many sockets.

/// Files that the process needs beside its sockets: standard streams, poller, signals, resolver.
const OTHER_FILES: usize = 16;

/// Refuses more connections than the limit on open files (`ulimit -n`) allows.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn check_open_files(connections: usize) -> Result<(), String> {
    // Elsewhere than on Linux the limit shows as a failed handshake, "Too many open files".
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let needed = connections + OTHER_FILES;
    match soft_limit(&limits) {
        Some(limit) if limit < needed => Err(format!(
            "{connections} connections need {needed} open files, and the limit is {limit}: \
             raise it with `ulimit -n {needed}`, or ask for fewer"
        )),
        _ => Ok(()),
    }
}

/// The soft limit in the text of proc(5) `limits`; `None` where there is none or it is unlimited.
fn soft_limit(limits: &str) -> Option<usize> {
    let values = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number_of_its_line() {
        let head = "Limit                     Soft Limit           Hard Limit           Units\n";
        let line = "Max open files            1024                 20000                files\n";
        assert_eq!(soft_limit(&format!("{head}{line}")), Some(1024));
        assert_eq!(soft_limit(&line.replace("1024", "unlimited")), None);
        assert_eq!(soft_limit(head), None);
    }
}
