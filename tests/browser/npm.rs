//! What comes from the npm registry, as its lock file says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/npm");
    if !folder.join("node_modules").exists() {
        run_in(&folder, &["ci", "--no-audit", "--no-fund"]);
    }
    folder
});

/// The folder, with everything in it.
pub(crate) fn folder() -> &'static Path {
    &FOLDER
}

/// What a command of npm prints.
pub(crate) fn run(arguments: &[&str]) -> String {
    run_in(folder(), arguments)
}

fn run_in(folder: &Path, arguments: &[&str]) -> String {
    let run = Command::new("npm").args(arguments).current_dir(folder).output();
    let output = run.unwrap_or_else(|_| panic!("these tests need Node.js with npm"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
