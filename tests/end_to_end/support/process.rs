//! The reference server as its own process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// The binary of an example, built as this test was.
pub(crate) fn example(name: &str) -> PathBuf {
    static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("this test has a path");
        let folder = test.ancestors().nth(2).expect("it lies in target/…/deps");
        let release = folder.ends_with("release").then_some("--release");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked"])
            .args(["--example", "server", "--example", "check", "--example", "monitor"])
            .args(release)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("cargo").success(), "the examples do not build");
        folder.join("examples")
    });
    EXAMPLES.join(name)
}

/// A server that is stopped with the test.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) printed: String,
}

impl Running {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = server_command()
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let mut printed = String::new();
        let address = loop {
            let line = lines.next().expect("the line with the address").expect("text");
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.parse().expect("an address");
            }
            printed += &line;
            printed += "\n";
        };
        Self { child, address, printed }
    }

    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(killed.expect("kill").success());
    }

    /// Ends it as the loss of the machine would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        for _ in 0..3_000 {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server without what the environment of the tests says.
pub(crate) fn server_command() -> Command {
    let mut command = Command::new(example("server"));
    for name in ["CHAT_LISTEN", "CHAT_DIALECT", "CHAT_ADAPTER", "DATABASE_URL", "CHAT_BUS"] {
        command.env_remove(name);
    }
    for name in ["CHAT_JWT_SECRET", "CHAT_DATA", "CHAT_FILES", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}
