//! Where chats are kept: in memory, or in a Postgres database that several servers may share.

use std::str::FromStr;

use chat_core::Chat;
use chat_store_memory::MemoryStore;
use chat_store_postgres::PgStore;
use sqlx::{Connection, PgConnection};

use crate::data::Data;

/// Which of several servers that start at once prepares the database: who holds this lock.
const PREPARING: i64 = 0x6368_6174;

/// What `--store` says.
#[derive(Clone)]
pub(crate) enum StoreUrl {
    Memory,
    Postgres(String),
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "memory" => Ok(Self::Memory),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            // Not the text itself: it may hold a password.
            _ => Err("takes memory or postgres://…".to_owned()),
        }
    }
}

impl StoreUrl {
    /// Its name, without what a URL may hold in secret.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Opens the store, makes the chat on it and loads the data that is not there yet.
    pub(crate) async fn open(
        &self,
        data: &Data,
        chat: impl FnOnce(Opened) -> Chat,
    ) -> Result<Chat, Box<dyn std::error::Error>> {
        match self {
            Self::Memory => {
                let store = MemoryStore::new();
                let chat = chat(Opened::Memory(store.clone()));
                data.load(&chat, &store).await?;
                Ok(chat)
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                sqlx::query("select pg_advisory_lock($1)")
                    .bind(PREPARING)
                    .execute(&mut connection)
                    .await?;
                let store = PgStore::connect(url).await?;
                store.migrate().await?;
                let chat = chat(Opened::Postgres(Box::new(store.clone())));
                data.load(&chat, &store).await?;
                connection.close().await?;
                Ok(chat)
            }
        }
    }
}

/// A store that was opened.
pub(crate) enum Opened {
    Memory(MemoryStore),
    Postgres(Box<PgStore>),
}
