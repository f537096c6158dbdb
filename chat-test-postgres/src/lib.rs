//! A throw-away Postgres for tests: one cluster for each test program, in a temporary directory,
//! reached over a Unix socket, gone when the program ends in whatever way.
//!
//! `DATABASE_URL` names a server that is there already, to be used instead, but not by the tests that
//! stop and start a server of their own ([`Cluster`]). Where neither it nor the server's binaries are
//! to be had, a test fails and says what to install; none is left out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What runs beside the server: it waits for its input to end, as it does when the test program
/// ends or drops the cluster, then stops the server and takes the directory away.
const KEEPER: &str =
    r#"read -r _; "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1; rm -rf "$2""#;

/// A server of its own for who has to stop and start it.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    home: PathBuf,
    owner: Option<(u32, u32)>,
    keeper: Child,
    settings: &'static str,
}

/// A test loses nothing by a crash of the machine, and waits for no disk.
const HASTY: &str = "-c fsync=off -c full_page_writes=off";

/// The URL of a database that the whole test program shares.
///
/// # Panics
/// Where there is no Postgres to be had.
pub fn url() -> String {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    std::env::var("DATABASE_URL").unwrap_or_else(|_| SHARED.get_or_init(Cluster::start).url())
}

/// A name for a schema that no other test uses.
pub fn fresh_schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("chat_test_{}_{number}", std::process::id())
}

impl Cluster {
    /// Makes a cluster and starts it. It does not wait for the disk.
    ///
    /// # Panics
    /// Where the server's binaries are missing or it does not start.
    pub fn start() -> Self {
        Self::start_with(HASTY)
    }

    /// The same with the settings that a server comes with, for measuring.
    ///
    /// # Panics
    /// As [`Cluster::start`].
    pub fn durable() -> Self {
        Self::start_with("-c max_wal_size=4GB")
    }

    /// A program of the server's, such as `pgbench`, that finds this cluster by itself.
    pub fn program(&self, name: &str) -> Command {
        let mut command = as_user(&self.binaries.join(name), self.owner);
        command.env("PGHOST", &self.home).env("PGUSER", "chat").env("PGDATABASE", "postgres");
        command
    }

    fn start_with(settings: &'static str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let binaries = binaries();
        let owner = unprivileged();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home =
            std::env::temp_dir().join(format!("chat-postgres-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a temporary directory can be made");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("it is ours");
        if let Some((user, group)) = owner {
            chown(&home, Some(user), Some(group)).expect("root may give it away");
        }
        let keeper = as_user(Path::new("sh"), owner)
            .args(["-c", KEEPER, "keeper"])
            .args([&binaries, &home])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let cluster = Self { binaries, home, owner, keeper, settings };
        let data = cluster.data();
        let made = ["-D", &data, "-U", "chat", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
        cluster.run("initdb", &made);
        cluster.resume();
        cluster
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://chat@localhost/postgres?host={}", self.home.display())
    }

    /// Stops the server as a crash does: every connection breaks.
    pub fn crash(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
    }

    /// Kills the server with SIGKILL, so that it can save nothing, and starts it again as soon as
    /// it lets itself be started.
    ///
    /// # Panics
    /// Where it does not run, or does not start again within a minute.
    pub fn kill_and_resume(&self) {
        let file = fs::read_to_string(self.home.join("data/postmaster.pid")).expect("it runs");
        let pid = file.lines().next().expect("the number of its process");
        let killed = Command::new("kill").args(["-KILL", pid]).status().expect("kill is there");
        assert!(killed.success());
        // Its children end when they notice, and nothing starts before.
        let patience = Instant::now() + Duration::from_mins(1);
        while !self.try_run("pg_ctl", &self.starting()).0 {
            assert!(Instant::now() < patience, "the server does not start again");
            sleep(Duration::from_millis(100));
        }
    }

    /// Starts the server that was stopped.
    pub fn resume(&self) {
        self.run("pg_ctl", &self.starting());
    }

    /// Starts the server anew as a standby, which follows nobody and takes no writes.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn demote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "fast", "stop"]);
        fs::write(self.home.join("data/standby.signal"), "").expect("the directory is there");
        self.resume();
    }

    /// Makes a server of a standby.
    ///
    /// # Panics
    /// Where it is none.
    pub fn promote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "promote"]);
    }

    fn starting(&self) -> [String; 6] {
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c max_connections=200 \
             {}",
            self.home.display(),
            self.settings
        );
        ["-D".into(), self.data(), "-o".into(), options, "-w".into(), "start".into()]
    }

    fn data(&self) -> String {
        self.home.join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[impl AsRef<OsStr>]) {
        let (done, said) = self.try_run(program, arguments);
        assert!(done, "{program} failed: {said}");
    }

    /// Whether it worked, and what it said.
    fn try_run(&self, program: &str, arguments: &[impl AsRef<OsStr>]) -> (bool, String) {
        // The server outlives `pg_ctl` and would keep a pipe open, so its words go to a file.
        let path = self.home.join(format!("{program}.log"));
        let log = fs::File::create(&path).expect("the directory is there");
        let errors = log.try_clone().expect("a file can be shared");
        let status = as_user(&self.binaries.join(program), self.owner)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .status()
            .expect("the program was found");
        (status.success(), fs::read_to_string(&path).unwrap_or_default())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn as_user(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    // Not where a test may have begun: another user might not be allowed there.
    command.current_dir("/");
    command
}

/// Whom the server runs as: Postgres refuses to run as root.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let named = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
    Some(named("postgres").or_else(|| named("nobody")).expect("root can become somebody else"))
}

/// The newest server binaries on this machine.
fn binaries() -> PathBuf {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = packaged.map(|entry| entry.path().join("bin")).collect();
    versions.sort_by_key(|path| {
        let version = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = versions.into_iter().chain(std::env::split_paths(&path));
    let complete = |path: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|program| path.join(program).is_file())
    };
    let Some(found) = all.into_iter().find(complete) else {
        panic!(
            "this test needs a PostgreSQL server of its own, whatever DATABASE_URL names: install \
             the Debian package `postgresql`"
        );
    };
    found
}
