//! The load test of `api/messenger.md` ("Load test") as a real client: opens sockets, sends, and
//! checks that every message arrives on every socket once and in order. It shares no code with
//! the server's encoding. `cargo run --release --example stress -- --help` explains it.

use std::process::ExitCode;

use tokio::runtime;
use tokio::task::LocalSet;

use args::{Args, Command};

mod args;
mod check;
mod client;
mod limits;
mod load;
mod received;
mod report;
mod run;
mod wire;

/// Wrong usage, or no socket could be opened.
const CANNOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::parse(lexopt::Parser::from_env()) {
        Ok(Command::Run(args)) => args,
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&format!("{error}; see --help")),
    };
    match start(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => refuse(&sentence),
    }
}

/// Runs and reports; whether all was well.
fn start(args: &Args) -> Result<bool, String> {
    limits::check_open_files(args.connections)?;
    // One thread: cheaper than sharing state between two, and the server keeps the other core.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let report = LocalSet::new().block_on(&runtime, load::run(args))?;
    if args.json {
        println!("{}", serde_json::to_string(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{report}");
    }
    Ok(report.ok)
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("stress: {}", sentence.trim_end());
    ExitCode::from(CANNOT_RUN)
}
