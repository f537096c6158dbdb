//! The command line and the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use chat_core::dialect::{self, Dialect};
use lexopt::prelude::*;

use crate::bus::BusUrl;
use crate::store::StoreUrl;

/// What the server was told.
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) dialect: &'static Dialect,
    pub(crate) adapter: Adapter,
    pub(crate) store: StoreUrl,
    pub(crate) bus: BusUrl,
    pub(crate) jwt_secret: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) files: Option<PathBuf>,
}

/// Which framework serves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Adapter {
    Axum,
    Warp,
}

/// What the command line asks for.
pub(crate) enum Parsed {
    Run(Args),
    Help(String),
}

impl Args {
    /// Reads the command line, and the environment for what it leaves open.
    pub(crate) fn parse() -> Result<Parsed, lexopt::Error> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut listen = set("CHAT_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".into());
        let mut dialect = set("CHAT_DIALECT").unwrap_or_else(|| dialect::TEAM.name.into());
        let mut adapter = set("CHAT_ADAPTER").unwrap_or_else(|| "axum".into());
        let mut store: std::ffi::OsString = set("DATABASE_URL").unwrap_or_else(|| "memory".into());
        let mut bus = set("CHAT_BUS");
        let mut jwt_secret = set("CHAT_JWT_SECRET");
        let mut data = set("CHAT_DATA");
        let mut files = set("CHAT_FILES");

        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("listen") => listen = parser.value()?,
                Long("dialect") => dialect = parser.value()?,
                Long("adapter") => adapter = parser.value()?,
                Long("store") => store = parser.value()?,
                Long("bus") => bus = Some(parser.value()?),
                Long("jwt-secret") => jwt_secret = Some(parser.value()?),
                Long("data") => data = Some(parser.value()?),
                Long("files") => files = Some(parser.value()?),
                Short('h') | Long("help") => return Ok(Parsed::Help(help())),
                _ => return Err(arg.unexpected()),
            }
        }
        let name = dialect.string()?;
        let dialect = Dialect::named(&name).ok_or_else(|| {
            format!("there is no dialect {name:?}; there are: {}", names().join(", "))
        })?;
        let store: StoreUrl =
            store.string()?.parse().map_err(|problem| format!("--store {problem}"))?;
        let bus = bus.map(ValueExt::string).transpose()?;
        let bus =
            BusUrl::parse(bus.as_deref(), &store).map_err(|problem| format!("--bus {problem}"))?;
        Ok(Parsed::Run(Self {
            listen: listen.parse_with(|text| {
                text.parse::<SocketAddr>().map_err(|error| format!("{error}: {text}"))
            })?,
            dialect,
            adapter: adapter.parse_with(Adapter::named)?,
            store,
            bus,
            jwt_secret: jwt_secret.map(ValueExt::string).transpose()?,
            data: data.map(PathBuf::from),
            files: files.map(PathBuf::from),
        }))
    }
}

impl Adapter {
    /// Its name, as the option has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Warp => "warp",
        }
    }

    fn named(name: &str) -> Result<Self, String> {
        match name {
            "axum" => Ok(Self::Axum),
            "warp" => Ok(Self::Warp),
            _ => Err(format!("there is no adapter {name:?}; there are: axum, warp")),
        }
    }
}

fn names() -> Vec<&'static str> {
    dialect::all().map(|dialect| dialect.name).collect()
}

fn help() -> String {
    format!(
        "\
The reference chat server.

Usage: cargo run --example server -- [options]

  --listen ADDR      address and port; port 0 picks a free one    [CHAT_LISTEN, 127.0.0.1:8080]
  --dialect NAME     the API served at the root: {}        [CHAT_DIALECT, {}]
                     (all are always served under /NAME/ too)
  --adapter NAME     what mounts it: axum or warp                 [CHAT_ADAPTER, axum]
  --store URL        where chats are kept: memory, postgres://…   [DATABASE_URL, memory]
  --bus URL          how servers on one store reach each other: local, postgres,
                     postgres://…, nats://…                       [CHAT_BUS, the store's own]
  --jwt-secret S     HS256 secret of the tokens                   [CHAT_JWT_SECRET, a random one]
  --data FILE        users and rooms as JSON                      [CHAT_DATA, demo data]
  --files DIR        where attachments are kept                   [CHAT_FILES, a temporary folder]
  --help             this text

On a loopback address the page at / lets everybody be anybody, unless both --data and --jwt-secret
are given. Logs go to standard error; RUST_LOG sets how much (info).
",
        names().join(", "),
        dialect::TEAM.name,
    )
}
