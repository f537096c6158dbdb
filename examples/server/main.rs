//! The reference server: chat with demo users and nothing to set up.
//!
//! ```sh
//! cargo run --example server -- --help
//! ```

mod args;
mod banner;
mod bus;
mod data;
mod mount;
mod page;
mod serve;
mod store;
mod tokens;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chat_core::host::JwtAuthenticator;
use chat_core::{Chat, dialect};
use chat_runtime::{Drained, ObjectFiles, Server};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::args::{Adapter, Args, Parsed};
use self::banner::Banner;
use self::data::Data;
use self::page::Page;
use self::store::Opened;
use self::tokens::Tokens;

/// How long open sockets and requests have when the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse() {
        Ok(Parsed::Run(args)) => args,
        Ok(Parsed::Help(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("server: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .compact()
        .init();

    let metrics = PrometheusBuilder::new().install_recorder()?;

    let data = match &args.data {
        Some(path) => Data::read(path)?,
        None => Data::demo(),
    };
    // With users and a secret of one's own it may be no play, and the page hands out no tokens.
    let is_demo = args.data.is_none() || args.jwt_secret.is_none();
    let tokens = Tokens::new(args.jwt_secret);
    // Without a folder of the user's, one that goes with the server.
    let temporary = tempfile::tempdir()?;
    let folder = args.files.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = ObjectFiles::in_folder(folder)?;
    let sign_in = JwtAuthenticator::hs256(tokens.secret());
    let bus = args.bus.open().await?;
    let chat = |store| {
        let chat = match store {
            Opened::Memory(store) => Chat::builder(store, data.directory(), sign_in),
            Opened::Postgres(store) => Chat::builder(*store, data.directory(), sign_in),
        };
        chat.with_bus(bus).with_files(files).with_signing_key(tokens.secret()).build()
    };
    let chat = args.store.open(&data, chat).await?;
    let server = Server::start(chat);

    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("{}: {error}", args.listen))?;
    let address = listener.local_addr()?;
    let rooms = data.first_rooms(server.chat(), dialect::MESSENGER).await?;
    // Before anybody knows that it is there.
    let stop = told_to_stop()?;
    Banner {
        address,
        dialect: args.dialect,
        adapter: args.adapter,
        store: args.store.name(),
        bus: args.bus.name(),
        tokens: &tokens,
        data: &data,
        rooms,
    }
    .print()?;
    let is_open = is_demo && address.ip().is_loopback();
    let page = Arc::new(Page::new(&data, tokens, is_open, server.chat().clone(), metrics));
    let root = args.dialect;
    let open = match args.adapter {
        Adapter::Axum => serve::serve(listener, mount::axum(&server, root, page), stop).await,
        Adapter::Warp => {
            serve::serve(listener, warp::service(mount::warp(&server, root, page)), stop).await
        }
    };

    tracing::info!("draining");
    // Sockets are told at once, whatever requests are under way.
    let (drained, ()) = tokio::join!(server.drain(DRAIN), open.finish());
    if let Drained::Cut(open) = drained {
        tracing::warn!(open, "sockets or requests were cut off");
    }
    Ok(())
}

/// Ends when the process is told to stop, by SIGINT or SIGTERM, which it takes from now on.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
