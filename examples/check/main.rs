//! Whether a server could run here: the store and the bus can be reached, the tables are up to
//! date, the clocks agree.
//!
//! ```sh
//! cargo run --example check -- --store postgres://localhost/app
//! ```

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_bus_nats::NatsBus;
use chat_core::host::Bus;
use chat_store_postgres::{PgBus, PgStore};
use lexopt::prelude::*;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep, timeout};

/// How long each thing may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the database's clock may be from this one.
const DRIFT: f64 = 2.0;

const HELP: &str = "\
Checks what a chat server needs.

Usage: cargo run --example check -- --store postgres://… [options]

  --store URL   the database                                   [DATABASE_URL]
  --bus URL     nats://…, another postgres://…, or postgres    [CHAT_BUS, postgres]
  --json        one JSON object
  --help        this text

Ends with 0 where all is well, 1 where something is not, 2 where this cannot be understood.
";

type Error = Box<dyn std::error::Error>;

struct Args {
    store: String,
    bus: String,
    json: bool,
}

/// What was looked at, and how it is.
struct Finding {
    what: &'static str,
    is_well: bool,
    says: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("check: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let findings = check(&args).await;
    if args.json {
        let all = findings.iter().map(|finding| {
            let found = json!({ "ok": finding.is_well, "detail": finding.says });
            (finding.what.to_owned(), found)
        });
        println!("{}", serde_json::Value::Object(all.collect()));
    } else {
        for Finding { what, is_well, says } in &findings {
            println!("{} {what:<11} {says}", if *is_well { "ok  " } else { "FAIL" });
        }
    }
    ExitCode::from(u8::from(findings.iter().any(|finding| !finding.is_well)))
}

fn parse() -> Result<Option<Args>, lexopt::Error> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (mut store, mut bus) = (set("DATABASE_URL"), set("CHAT_BUS"));
    let mut json = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("store") => store = Some(parser.value()?.string()?),
            Long("bus") => bus = Some(parser.value()?.string()?),
            Long("json") => json = true,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(arg.unexpected()),
        }
    }
    let is_postgres =
        |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
    // Not the text itself: it may hold a password.
    let store = store.filter(is_postgres).ok_or("--store takes postgres://…")?;
    let bus = bus.unwrap_or_else(|| "postgres".to_owned());
    let bus = if bus == "postgres" { store.clone() } else { bus };
    if !is_postgres(&bus) && !bus.starts_with("nats://") && !bus.starts_with("tls://") {
        return Err("--bus takes postgres, postgres://… or nats://…".into());
    }
    Ok(Some(Args { store, bus, json }))
}

async fn check(args: &Args) -> Vec<Finding> {
    vec![
        found("store", reach(&args.store)).await,
        found("migrations", migrations(&args.store)).await,
        found("clock", clock(&args.store)).await,
        found("bus", bus(&args.bus)).await,
    ]
}

async fn found(what: &'static str, look: impl Future<Output = Result<String, Error>>) -> Finding {
    let seen = timeout(PATIENCE, look).await;
    let seen = seen.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}").into()));
    match seen {
        Ok(says) => Finding { what, is_well: true, says },
        Err(error) => Finding { what, is_well: false, says: sentence(&*error) },
    }
}

/// An error with what led to it.
fn sentence(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    std::iter::once(error.to_string()).chain(causes).collect()
}

async fn reach(url: &str) -> Result<String, Error> {
    let start = Instant::now();
    let mut connection = PgConnection::connect(url).await?;
    let version: String =
        sqlx::query_scalar("show server_version").fetch_one(&mut connection).await?;
    Ok(format!("Postgres {version}, reached in {:.1} ms", start.elapsed().as_secs_f64() * 1e3))
}

async fn migrations(url: &str) -> Result<String, Error> {
    match PgStore::connect(url).await?.pending_migrations().await? {
        0 => Ok("the tables are up to date".to_owned()),
        pending => Err(format!("{pending} to be run: start a server, or call migrate()").into()),
    }
}

async fn clock(url: &str) -> Result<String, Error> {
    let mut connection = PgConnection::connect(url).await?;
    let before = seconds();
    let query = "select extract(epoch from clock_timestamp())::float8";
    let theirs: f64 = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
    let drift = theirs - f64::midpoint(before, seconds());
    if drift.abs() > DRIFT {
        return Err(format!("the database's clock is {drift:+.1} s from this one").into());
    }
    Ok(format!("{:+.0} ms between the database and here", drift * 1e3))
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Whether a node hears itself.
async fn bus(url: &str) -> Result<String, Error> {
    let start = Instant::now();
    let bus: Box<dyn Bus> = if url.starts_with("postgres") {
        Box::new(PgBus::connect(url)?)
    } else {
        Box::new(NatsBus::connect(url).await?)
    };
    while !bus.is_available() {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(format!("heard in {:.1} ms", start.elapsed().as_secs_f64() * 1e3))
}
