//! What servers are doing: sockets, rooms, rates, what was caught up, node by node.
//!
//! ```sh
//! cargo run --example monitor -- http://127.0.0.1:8080 http://127.0.0.1:8081
//! ```

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use lexopt::prelude::*;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const HELP: &str = "\
Watches chat servers by their /metrics.

Usage: cargo run --example monitor -- [options] [URL]…

  URL                  a server                     [http://127.0.0.1:8080]
  --interval SECONDS   between two looks            [2]
  --once               looks twice and ends
  --json               a JSON object for each look
  --help               this text

Ends with 1 where a server cannot be reached, 2 where this cannot be understood.
";

type Error = Box<dyn std::error::Error>;

struct Args {
    urls: Vec<String>,
    interval: Duration,
    once: bool,
    json: bool,
}

/// The figures of a node, by name without labels.
type Figures = BTreeMap<String, f64>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("monitor: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match watch(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monitor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut args =
        Args { urls: Vec::new(), interval: Duration::from_secs(2), once: false, json: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("interval") => {
                args.interval = parser.value()?.parse_with(|text| {
                    let seconds = text.parse().map_err(|_| "no number of seconds")?;
                    Duration::try_from_secs_f64(seconds).map_err(|_| "no number of seconds")
                })?;
            }
            Long("once") => args.once = true,
            Long("json") => args.json = true,
            Short('h') | Long("help") => return Ok(None),
            Value(url) => args.urls.push(url.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    if args.urls.is_empty() {
        args.urls.push("http://127.0.0.1:8080".to_owned());
    }
    Ok(Some(args))
}

async fn watch(args: &Args) -> Result<(), Error> {
    let mut before = look(&args.urls).await?;
    let mut at = Instant::now();
    loop {
        sleep(args.interval).await;
        let now = look(&args.urls).await?;
        let seconds = at.elapsed().as_secs_f64();
        at = Instant::now();
        if args.json {
            let nodes = args.urls.iter().zip(now.iter().zip(&before));
            let node = |(url, (now, before))| (String::clone(url), row(now, before, seconds));
            let nodes: serde_json::Map<_, _> = nodes
                .map(node)
                .map(|(url, row)| {
                    (url, row.into_iter().map(|(name, value)| (name, json!(value))).collect())
                })
                .collect();
            println!("{}", serde_json::Value::Object(nodes));
        } else {
            show(args, &now, &before, seconds);
        }
        if args.once {
            return Ok(());
        }
        before = now;
    }
}

/// What is shown of a node: counts as they are, and rates a second.
fn row(now: &Figures, before: &Figures, seconds: f64) -> Vec<(String, f64)> {
    let count = |name: &str| now.get(name).copied().unwrap_or(0.0);
    let rate = |name: &str| (count(name) - before.get(name).copied().unwrap_or(0.0)) / seconds;
    [
        ("sockets", count("chat_sockets")),
        ("rooms", count("chat_rooms")),
        ("requests_per_second", rate("chat_requests_total")),
        ("messages_per_second", rate("chat_messages_total")),
        ("deliveries_per_second", rate("chat_deliveries_total")),
        ("queued", count("chat_queued_deliveries")),
        ("longest_queue", count("chat_longest_queue")),
        ("lag", count("chat_lag_changes")),
        ("catch_ups_per_second", rate("chat_catch_ups_total")),
        ("closes_per_second", rate("chat_closes_total")),
        ("failed_sweeps", count("chat_failed_sweeps_total")),
        ("bus_available", count("chat_bus_available")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn show(args: &Args, now: &[Figures], before: &[Figures], seconds: f64) {
    if std::io::stdout().is_terminal() && !args.once {
        // Over what was shown before.
        print!("\x1b[2J\x1b[H");
    }
    println!(
        "{:<28} {:>8} {:>8} {:>10} {:>10} {:>12} {:>7} {:>7} {:>5} {:>11} {:>8} {:>6} {:>5}",
        "node",
        "sockets",
        "rooms",
        "requests/s",
        "messages/s",
        "deliveries/s",
        "queued",
        "longest",
        "lag",
        "catch-ups/s",
        "closes/s",
        "failed",
        "bus"
    );
    for (url, (now, before)) in args.urls.iter().zip(now.iter().zip(before)) {
        let row = row(now, before, seconds);
        let [
            sockets,
            rooms,
            requests,
            messages,
            deliveries,
            queued,
            longest,
            lag,
            catch_ups,
            closes,
            failed,
            bus,
        ] = row.iter().map(|(_, value)| *value).collect::<Vec<_>>()[..]
        else {
            continue;
        };
        let bus = if bus > 0.0 { "ok" } else { "away" };
        println!(
            "{url:<28} {sockets:>8.0} {rooms:>8.0} {requests:>10.1} {messages:>10.1} \
             {deliveries:>12.1} {queued:>7.0} {longest:>7.0} {lag:>5.0} {catch_ups:>11.1} \
             {closes:>8.1} {failed:>6.0} {bus:>5}"
        );
    }
}

async fn look(urls: &[String]) -> Result<Vec<Figures>, Error> {
    let mut all = Vec::with_capacity(urls.len());
    for url in urls {
        let answer = timeout(PATIENCE, metrics(url)).await;
        let text = answer.map_err(|_| format!("{url} does not answer"))?;
        all.push(figures(&text.map_err(|error| format!("{url}: {error}"))?));
    }
    Ok(all)
}

async fn metrics(url: &str) -> Result<String, Error> {
    let host = url.strip_prefix("http://").ok_or("a server's URL begins with http://")?;
    let host = host.trim_end_matches('/');
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::get("/metrics").header("host", host).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(format!("answers {}", answer.status()).into());
    }
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().into())?)
}

/// The sums of what Prometheus' text says, over all labels.
fn figures(text: &str) -> Figures {
    let mut figures = Figures::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name.split('{').next().unwrap_or(name);
        *figures.entry(name.to_owned()).or_default() += value.parse().unwrap_or(0.0);
    }
    figures
}
