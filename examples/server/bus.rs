//! How servers on one store reach each other's sockets.

use std::sync::Arc;

use chat_bus_nats::NatsBus;
use chat_core::host::{Bus, NoBus};
use chat_store_postgres::PgBus;

use crate::store::StoreUrl;

/// What `--bus` says.
#[derive(Clone)]
pub(crate) enum BusUrl {
    Local,
    Postgres(String),
    Nats(String),
}

impl BusUrl {
    /// Reads the option; the store's own bus where it is not given.
    pub(crate) fn parse(text: Option<&str>, store: &StoreUrl) -> Result<Self, &'static str> {
        match (text, store) {
            (Some("local"), _) | (None, StoreUrl::Memory) => Ok(Self::Local),
            (Some("postgres") | None, StoreUrl::Postgres(url)) => Ok(Self::Postgres(url.clone())),
            (Some("postgres"), StoreUrl::Memory) => Err("postgres needs a store on Postgres"),
            (Some(url), _)
                if url.starts_with("postgres://") || url.starts_with("postgresql://") =>
            {
                Ok(Self::Postgres(url.to_owned()))
            }
            (Some(url), _) if url.starts_with("nats://") || url.starts_with("tls://") => {
                Ok(Self::Nats(url.to_owned()))
            }
            // Not the text itself: it may hold a password.
            _ => Err("takes local, postgres, postgres://… or nats://…"),
        }
    }

    /// Its name, without what a URL may hold in secret.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Postgres(_) => "postgres",
            Self::Nats(_) => "nats",
        }
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn Bus>, Box<dyn std::error::Error>> {
        Ok(match self {
            Self::Local => Arc::new(NoBus),
            Self::Postgres(url) => Arc::new(PgBus::connect(url)?),
            Self::Nats(url) => Arc::new(NatsBus::connect(url).await?),
        })
    }
}
