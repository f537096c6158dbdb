//! The [`Store`](chat_core::store::Store) of the chat library on PostgreSQL 14 or newer.

mod batch;
mod connection;
mod error;
mod lane;
mod locked;
mod messages;
mod migrations;
mod receipts;
mod rooms;
mod rows;
mod search;
mod sessions;
mod sql;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::connection::Database;
use crate::lane::Lanes;

pub use error::ConnectError;

/// The schema that holds the tables unless the host names another one.
pub const SCHEMA: &str = "chat";

/// The store on PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgStore {
    database: Database,
    lanes: Arc<Lanes>,
}

impl PgStore {
    /// A store in the database of a pool, in the schema [`SCHEMA`].
    ///
    /// It opens connections of its own to the same database, because they are set up otherwise
    /// than the host's: their search path is the schema, and their statements end in time.
    /// Nothing is asked of the database yet. Must be called inside a tokio runtime.
    pub fn new(pool: &PgPool) -> Self {
        Self::with_options((*pool.connect_options()).clone(), SCHEMA.to_owned())
    }

    /// The same in a schema of another name.
    ///
    /// # Errors
    /// [`ConnectError::Schema`] where the name is not made of lower case letters, digits and `_`,
    /// at most 63 of them, beginning with a letter.
    pub fn new_in(pool: &PgPool, schema: &str) -> Result<Self, ConnectError> {
        let schema = connection::checked(schema)?;
        Ok(Self::with_options((*pool.connect_options()).clone(), schema))
    }

    /// A store in the database of a URL, in the schema [`SCHEMA`]; for hosts without sqlx or with
    /// another version of it.
    ///
    /// # Errors
    /// [`ConnectError::Url`] where the URL is none, [`ConnectError::Database`] where the database
    /// cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_in(url, SCHEMA).await
    }

    /// The same in a schema of another name.
    ///
    /// # Errors
    /// As for [`PgStore::connect`] and [`PgStore::new_in`].
    pub async fn connect_in(url: &str, schema: &str) -> Result<Self, ConnectError> {
        let schema = connection::checked(schema)?;
        let options: PgConnectOptions = url.parse().map_err(ConnectError::Url)?;
        let store = Self::with_options(options, schema);
        store.database.reach().await.map_err(ConnectError::Database)?;
        Ok(store)
    }

    /// Brings the tables up to date, in the store's own schema with a migrations table of its own.
    /// Does nothing where they are. Nothing else ever calls it.
    ///
    /// # Errors
    /// [`ConnectError::Migrate`].
    pub async fn migrate(&self) -> Result<(), ConnectError> {
        migrations::run(&self.database).await
    }

    fn with_options(options: PgConnectOptions, schema: String) -> Self {
        let database = Database::new(options, schema);
        let lanes = Arc::new(Lanes::new(&database));
        Self { database, lanes }
    }
}
